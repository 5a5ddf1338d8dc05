//! `Failures`: what a race that brought no connection met, address by address.
//!
//! Owns the error made of it. Refuses to know how the race went about it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use keepwarm_core::race::{Attempt, End, Race, Why};
use keepwarm_core::reason::Phase;
use keepwarm_core::time::Human;

use super::DialError;

/// Attempts that the message tells; there may be more than a hundred.
const TOLD: usize = 8;

/// One address that was tried in vain.
#[derive(Debug)]
pub struct FailedAttempt {
    /// The address.
    pub address: SocketAddr,
    /// How long it was tried.
    pub lasted: Duration,
    /// Why it failed; `TimedOut` when its share of `connect_timeout`, or the whole, was used up.
    pub error: io::Error,
}

/// The error inside a [`DialError`] after a race over several addresses, or when its time ran out.
#[derive(Debug)]
pub(super) struct Failures {
    pub(super) attempts: Vec<FailedAttempt>,
    /// `connect_timeout`, when that was over.
    pub(super) timeout: Option<Duration>,
    /// Addresses that were not tried.
    left_out: usize,
}

impl Failures {
    /// `connect_timeout` was over before a name had an address.
    pub(super) fn unresolved_in(limit: Duration) -> io::Error {
        Self {
            attempts: Vec::new(),
            timeout: Some(limit),
            left_out: 0,
        }
        .into_error()
    }

    fn into_error(self) -> io::Error {
        let kind = match (self.timeout, self.attempts.first()) {
            (None, Some(first)) => first.error.kind(),
            (Some(_), _) | (None, None) => io::ErrorKind::TimedOut,
        };
        io::Error::new(kind, self)
    }

    pub(super) fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(limit) = self.timeout {
            write!(f, "connect_timeout ({}) ran out", Human(limit))?;
        }
        for (index, attempt) in self.attempts.iter().take(TOLD).enumerate() {
            let before = match (index, self.timeout) {
                (0, None) => "",
                (0, Some(_)) => ": ",
                (1.., _) => "; ",
            };
            write!(f, "{before}{}: {}", attempt.address, attempt.error)?;
        }
        match self.attempts.len().saturating_sub(TOLD) + self.left_out {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for Failures {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let first = self.attempts.first()?;
        Some(&first.error)
    }
}

/// The error of a race that has failed. `host` is the name and port, for the message.
pub(super) fn describe(why: Why, race: Race<io::Error>, host: String) -> DialError {
    let (attempts, unresolved) = race.into_parts();
    let attempts: Vec<_> = attempts.into_iter().filter_map(failed).collect();
    let phase = if attempts.is_empty() {
        Phase::Dns
    } else {
        Phase::Connect
    };
    let (timeout, left_out) = match why {
        Why::AllFailed { left_out } => (None, left_out),
        Why::ConnectTimeout { limit } => (Some(limit), 0),
        Why::NoAddress { unwanted: 0 } => return no_address("the name has no address", host),
        Why::NoAddress { unwanted } => {
            let others = if unwanted == 1 { "other" } else { "others" };
            let only =
                format!("the name has no address of the wanted family ({unwanted} {others})");
            return no_address(&only, host);
        }
        Why::Unresolved => {
            let first = unresolved.into_iter().next().map(|one| one.error);
            let error = first.unwrap_or_else(|| io::Error::other("no answer"));
            return DialError {
                phase: Phase::Dns,
                error,
                target: host,
            };
        }
        // The shell ends a race that nobody wants by dropping it.
        Why::Cancelled => return no_address("nobody wants the connection any more", host),
    };
    let is_alone = timeout.is_none() && left_out == 0 && attempts.len() == 1;
    // With no more files to be had, no address can be tried: that is said without any of them.
    let out_of_files = attempts.iter().all(|it| is_out_of_files(&it.error)) && timeout.is_none();
    if is_alone || out_of_files {
        let first = attempts.into_iter().next();
        if let Some(FailedAttempt { address, error, .. }) = first {
            let target = address.to_string();
            return DialError {
                phase,
                error,
                target,
            };
        }
        return no_address("the name has no address", host);
    }
    let failures = Failures {
        attempts,
        timeout,
        left_out,
    };
    DialError {
        phase,
        error: failures.into_error(),
        target: host,
    }
}

fn no_address(why: &str, target: String) -> DialError {
    DialError {
        phase: Phase::Dns,
        error: io::Error::other(why),
        target,
    }
}

fn is_out_of_files(error: &io::Error) -> bool {
    const PROCESS: i32 = 24;
    const SYSTEM: i32 = 23;
    matches!(error.raw_os_error(), Some(PROCESS | SYSTEM))
}

fn failed(attempt: Attempt<io::Error>) -> Option<FailedAttempt> {
    let (ended, how) = attempt.ended?;
    let timed_out = |why: String| io::Error::new(io::ErrorKind::TimedOut, why);
    let error = match how {
        End::Cancelled | End::Connected => return None,
        End::ConnectTimeout { .. } => {
            let lasted = ended.saturating_duration_since(attempt.started);
            timed_out(format!("no answer in {}", Human(lasted)))
        }
        End::Failed(error) => error,
        End::ShareUsedUp { share } => timed_out(format!(
            "no answer in {}, its share of connect_timeout",
            Human(share)
        )),
    };
    Some(FailedAttempt {
        address: attempt.address,
        lasted: ended.saturating_duration_since(attempt.started),
        error,
    })
}
