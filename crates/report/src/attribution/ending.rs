//! The cause of a connection's end.
//!
//! Owns the table from typed reason to cause. Refuses to know whether anybody missed the connection.

use keepwarm_core::reason::{Again, CloseReason, PeerEnd, Retry, Stop};

use super::pattern::{Patterns, during, is_at_once};
use crate::cause::Cause;
use crate::history::History;
use crate::report::Life;

/// What ended a connection that might have gone on serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loss {
    pub(super) cause: Cause,
    /// By a rule of the server that no client can change.
    pub(super) is_forced: bool,
}

impl From<Cause> for Loss {
    fn from(cause: Cause) -> Self {
        let is_forced = cause.is_rule_of_the_server();
        Self { cause, is_forced }
    }
}

/// What ended this connection; none while it is open, or when its end was wanted.
pub(super) fn loss(history: &History, index: usize, patterns: &Patterns) -> Option<Loss> {
    let connection = &history.report.connections[index];
    let closed = history.lives[index].closed.as_ref()?;
    let at = connection.end.as_ref()?.at_us;
    let in_use = during(connection) == Some(Life::Exchange);
    if in_use && is_race(history, index) {
        return Some(Cause::StaleReuseRace.into());
    }
    let limits = history.limits_of(connection.source, connection.client);
    let cause = match closed.reason {
        CloseReason::AddressGone => Cause::AddressRotation,
        CloseReason::BodyNotRead { .. } => Cause::ClientBodyNotDrained,
        CloseReason::Cancelled => Cause::ClientCancels,
        CloseReason::CloseDelimited => by_proxy(history, index, Cause::ResponseWithoutLength),
        CloseReason::GoAway if patterns.is_restart(at) => Cause::ServerRestart,
        CloseReason::GoAway | CloseReason::PeerSaidClose => announced(history, index, patterns),
        CloseReason::HostFull { .. } | CloseReason::PoolFull { .. } => Cause::ClientIdleCapTooSmall,
        CloseReason::Http10 => by_proxy(history, index, Cause::Http10Only),
        // Its place is taken by one that speaks HTTP/1.1, for the calls that want it: nothing was lost.
        CloseReason::Http1Required | CloseReason::Misdirected => return None,
        CloseReason::IdleTooLong { limit, .. } => {
            let ours = limits.and_then(|limits| limits.idle_timeout);
            match ours {
                // Less than ours: what the server announced, less a margin.
                Some(ours) if limit < ours => Cause::ServerIdleTimeout,
                Some(_) | None => Cause::ClientIdleTimeoutShort,
            }
        }
        CloseReason::IoError { .. } if in_use => Cause::ServerBrokeProtocol,
        CloseReason::IoError { .. } if patterns.is_restart(at) => Cause::ServerRestart,
        CloseReason::IoError { .. } => Cause::ServerResetsIdle,
        CloseReason::NoContinue => Cause::ExpectationRefused,
        CloseReason::PeerBrokeProtocol(_) => Cause::ServerBrokeProtocol,
        CloseReason::PeerClosedIdle { .. } if patterns.is_restart(at) => Cause::ServerRestart,
        CloseReason::PeerClosedIdle { how, .. } => match how {
            PeerEnd::Reset => Cause::ServerResetsIdle,
            PeerEnd::GoAway if connection.protocol == "h2" && !idle_alike(patterns) => {
                announced(history, index, patterns)
            }
            PeerEnd::CloseNotify | PeerEnd::Fin | PeerEnd::GoAway | PeerEnd::RequestTimeout => {
                if history.lives[index].idle_us.is_some_and(is_at_once) {
                    announced(history, index, patterns)
                } else if patterns.backends.len() > 1 {
                    Cause::BackendsDiffer
                } else {
                    Cause::ServerIdleTimeout
                }
            }
        },
        CloseReason::PoolOff => Cause::ClientKeepAliveOff,
        CloseReason::RequestNotSent => Cause::RequestBodyRefused,
        CloseReason::RuntimeGone => Cause::ClientRuntimes,
        CloseReason::ShutDown | CloseReason::SwitchedProtocols => return None,
        CloseReason::StrayBytes { .. } => Cause::StrayBytes,
        CloseReason::TimedOut(_) => Cause::ClientTimeout,
        CloseReason::TooOld { .. } => Cause::ClientMaxLifetime,
        CloseReason::UsedUp { limit, .. } => {
            let ours = limits.and_then(|limits| limits.max_requests_per_connection);
            if ours == Some(limit) {
                Cause::ClientMaxLifetime
            } else {
                Cause::ServerMaxRequests
            }
        }
        CloseReason::WeSaidClose => Cause::ClientSaysClose,
    };
    Some(cause.into())
}

/// Whether the connection was lost under a request that came as the server closed it.
fn is_race(history: &History, index: usize) -> bool {
    let connection = &history.report.connections[index];
    let closed_under_it = matches!(
        history.lives[index].closed.map(|closed| closed.reason),
        Some(CloseReason::PeerClosedIdle { .. })
    );
    let last = connection.exchanges.last().copied();
    closed_under_it || last.is_some_and(|last| is_race_of(history, last))
}

/// Whether this exchange failed because the server closed the connection as the request was on its way.
pub(super) fn is_race_of(history: &History, exchange: usize) -> bool {
    let it = &history.report.exchanges[exchange];
    let unanswered = it.is_reuse() && it.received_bytes == 0;
    let closed = it.verdict.as_deref() == Some("peer-closed-idle");
    match history.retries[exchange] {
        Some(Retry::Again(Again::IdleCloseRace)) => true,
        Some(Retry::Again(
            Again::GoAway
            | Again::Http1Required
            | Again::Misdirected
            | Again::NothingWritten
            | Again::RefusedStream,
        )) => false,
        Some(Retry::Stop(Stop::Budget | Stop::NotReplayable | Stop::Policy)) => {
            unanswered && closed
        }
        Some(Retry::Stop(Stop::BytesReceived | Stop::FirstUse)) | None => false,
    }
}

/// Whether idle connections were closed after like times: then a farewell on an idle connection is that timeout.
fn idle_alike(patterns: &Patterns) -> bool {
    (patterns.idle_timeout).is_some_and(|timeout| timeout.samples >= 2)
}

/// An end that was announced: by what rule?
fn announced(history: &History, index: usize, patterns: &Patterns) -> Cause {
    let connection = &history.report.connections[index];
    let last = connection.exchanges.last();
    let status = last.and_then(|last| history.report.exchanges[*last].status);
    if status.is_some_and(|status| patterns.closing_statuses.contains(&status)) {
        Cause::ErrorStatusClose
    } else if patterns.never_kept {
        by_proxy(history, index, Cause::KeepAliveDisabled)
    } else if patterns.max_requests.is_some() {
        Cause::ServerMaxRequests
    } else if patterns.max_age_us.is_some() {
        Cause::ServerMaxAge
    } else if history.lives[index].closed.map(|it| it.reason) == Some(CloseReason::GoAway) {
        Cause::ServerGoAway
    } else {
        by_proxy(history, index, Cause::ServerSaysClose)
    }
}

/// What a proxy that forwards requests says of the connection it says of itself.
fn by_proxy(history: &History, index: usize, otherwise: Cause) -> Cause {
    let connection = &history.report.connections[index];
    let origin = &history.report.origins[connection.origin].name;
    if connection.via.is_some() && origin.starts_with("http://") {
        Cause::ProxyBreaksKeepAlive
    } else {
        otherwise
    }
}
