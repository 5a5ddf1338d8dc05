//! The sentences of findings: what was met, with the numbers of the case, and what to set.
//!
//! Owns the wording. Refuses to decide anything; sentences about single reasons are those of `keepwarm_core::reason`.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use keepwarm_core::time::Human;

use crate::cause::Cause;
use crate::report::Origin;

/// The numbers a sentence is made with.
#[derive(Debug)]
pub(crate) struct Numbers<'a> {
    /// The origin's name; empty for what concerns the client as a whole.
    pub(crate) name: &'a str,
    pub(crate) origin: Option<&'a Origin>,
    /// Connections opened because of it.
    pub(crate) openings: u64,
    pub(crate) wasted_us: u64,
    /// Exchanges that failed or were sent again.
    pub(crate) exchanges: u64,
    /// What the cause has as its own: a time in microseconds, a limit, a count.
    pub(crate) number: u64,
    /// Idle times of several backends.
    pub(crate) others: &'a [u64],
    pub(crate) statuses: Option<&'a BTreeSet<u16>>,
}

impl Numbers<'_> {
    fn time(&self) -> Human {
        time(self.number)
    }

    fn peak(&self) -> u64 {
        self.origin.map_or(0, |origin| origin.peak)
    }

    fn others(&self) -> String {
        let times = self.others.iter().map(|us| time(*us).to_string());
        times.collect::<Vec<_>>().join(" and ")
    }

    fn statuses(&self) -> String {
        let statuses = self.statuses.into_iter().flatten().map(u16::to_string);
        statuses.collect::<Vec<_>>().join(", ")
    }
}

fn time(us: u64) -> Human {
    Human(Duration::from_micros(us))
}

/// `1 connection`, `2 connections`.
struct Count(u64, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, noun) = self;
        let plural = if *count == 1 { "" } else { "s" };
        write!(f, "{count} {noun}{plural}")
    }
}

/// What was met, in one sentence.
pub(crate) fn summary(cause: Cause, it: &Numbers<'_>) -> String {
    let name = it.name;
    let what = match cause {
        Cause::AddressRotation => {
            format!("The addresses of {name} change, and connections to those that left end")
        }
        Cause::BackendsDiffer => format!(
            "{name} closes idle connections after {}: there are several backends behind it",
            it.others()
        ),
        Cause::ClientBodyHeld => format!(
            "Responses of {name} were neither read to their end nor dropped, so their connections stayed taken"
        ),
        Cause::ClientBodyNotDrained => {
            format!("Bodies of {name}'s responses were not read to their end")
        }
        Cause::ClientCancels => format!("Calls to {name} were dropped half-way"),
        Cause::ClientIdleCapTooSmall => format!(
            "Up to {} at once went to {name}, and fewer idle connections than that may be kept",
            Count(it.peak(), "call")
        ),
        Cause::ClientIdleTimeoutShort => format!(
            "Our own idle_timeout ended connections to {name} after {} idle, and the next call came later",
            it.time()
        ),
        Cause::ClientKeepAliveOff => "Keep-alive is switched off in the client".to_owned(),
        Cause::ClientMaxConnsTooSmall => format!(
            "Up to {} at once went to {name}, where max_conns_per_host allows {}",
            Count(it.peak(), "call"),
            Count(it.number, "connection")
        ),
        Cause::ClientMaxLifetime => format!(
            "Our own max_lifetime or max_requests_per_connection ended connections to {name}"
        ),
        Cause::ClientPerRequest => format!(
            "Clients were built for a call or two each to {name}: each has a pool of its own, so nothing is shared"
        ),
        Cause::ClientRuntimes => format!(
            "Calls to {name} came from several runtimes, and a connection belongs to the one that opened it"
        ),
        Cause::ClientSaysClose => format!("Requests to {name} said Connection: close"),
        Cause::ClientTimeout => format!("A time limit of ours ended exchanges with {name}"),
        Cause::ConnectFails => format!(
            "{} to open a connection to {name} failed",
            Count(it.number, "attempt")
        ),
        Cause::ErrorStatusClose => format!(
            "{name} ends the connection with each answer of status {}",
            it.statuses()
        ),
        Cause::ExpectationRefused => format!(
            "{name} answered Expect: 100-continue with a final status, and the connection ended"
        ),
        Cause::Http10Only => format!("{name} answers HTTP/1.0 without keep-alive"),
        Cause::IdleTimeoutOver120s if it.number == 0 => {
            "idle_timeout is unlimited: most servers and what lies between close sooner".to_owned()
        }
        Cause::IdleTimeoutOver120s => format!(
            "idle_timeout is {}: most servers and what lies between close sooner",
            it.time()
        ),
        Cause::KeepAliveDisabled => {
            format!("{name} says Connection: close on every answer: keep-alive is off there")
        }
        Cause::OpenedUnused => format!(
            "{} to {name} never served a call",
            Count(it.number, "connection")
        ),
        Cause::ProxyBreaksKeepAlive => {
            format!("The proxy on the way to {name} ends the connection after each answer")
        }
        Cause::RequestBodyRefused => {
            format!("{name} answered before the request's body was sent, and the connection ended")
        }
        Cause::ResponseWithoutLength => format!(
            "{name} sends bodies without a length, so only the end of the connection ends them"
        ),
        Cause::ServerBrokeProtocol => {
            format!("{name} sent malformed answers or broke them off")
        }
        Cause::ServerGoAway => format!("{name} ended HTTP/2 connections by GOAWAY"),
        Cause::ServerIdleTimeout => format!(
            "{name} closes idle connections after {}, and the next call came later",
            it.time()
        ),
        Cause::ServerMaxAge => format!("{name} ends connections at the age of {}", it.time()),
        Cause::ServerMaxRequests if it.number > 0 => format!(
            "{name} ends connections after {}",
            Count(it.number, "request")
        ),
        Cause::ServerMaxRequests => {
            format!("{name} ends connections after the number of requests that it announces")
        }
        Cause::ServerResetsIdle => {
            format!("Idle connections to {name} were reset after {}", it.time())
        }
        Cause::ServerRestart => {
            format!("{name} ended many connections in one moment: a restart, a reload or a crash")
        }
        Cause::ServerSaysClose => {
            format!("{name} says Connection: close now and then, by no rule that shows here")
        }
        Cause::StaleReuseRace if it.number > 0 => format!(
            "{} to {name} failed on a reused connection that the server was just closing",
            Count(it.number, "request")
        ),
        Cause::StaleReuseRace => format!(
            "{} to {name} met a close on the way and had to be sent again",
            Count(it.exchanges, "request")
        ),
        Cause::StrayBytes => {
            format!("{name} sent bytes on idle connections that belong to no answer")
        }
        Cause::TlsNotResumed => format!(
            "New connections to {name} made full TLS handshakes although the server was met before"
        ),
        Cause::WriteAvoidsRace => format!(
            "Requests to {name} that cannot be repeated got new connections: the idle ones might close any moment"
        ),
    };
    let cost = match it.openings {
        0 => String::new(),
        openings => format!(
            ": {} opened for it, {} of handshakes",
            Count(openings, "connection"),
            time(it.wasted_us)
        ),
    };
    format!("{what}{cost}.")
}

/// What to set in keepwarm, where the numbers of the case say how; else the page's own words serve.
pub(crate) fn advice(cause: Cause, it: &Numbers<'_>) -> Option<String> {
    match cause {
        Cause::ClientIdleCapTooSmall => Some(format!(
            "Set max_idle_per_host (and max_idle, over all origins) to {} or more: so many calls were under way at once.",
            it.peak()
        )),
        Cause::ServerIdleTimeout if it.number > 0 => Some(format!(
            "Raise the server's idle timeout above the gaps between calls, or accept the new connection; an idle_timeout \
             below {} at least makes it our own decision.",
            it.time()
        )),
        Cause::BackendsDiffer => Some(format!(
            "Give all backends one idle timeout; until then set idle_timeout below the shortest, {}.",
            time(it.others.first().copied().unwrap_or(0))
        )),
        Cause::ClientMaxConnsTooSmall => Some(format!(
            "Set max_conns_per_host to {} or more, if the server can take it; so many calls were under way at once.",
            it.peak()
        )),
        Cause::AddressRotation
        | Cause::ClientBodyHeld
        | Cause::ClientBodyNotDrained
        | Cause::ClientCancels
        | Cause::ClientIdleTimeoutShort
        | Cause::ClientKeepAliveOff
        | Cause::ClientMaxLifetime
        | Cause::ClientPerRequest
        | Cause::ClientRuntimes
        | Cause::ClientSaysClose
        | Cause::ClientTimeout
        | Cause::ConnectFails
        | Cause::ErrorStatusClose
        | Cause::ExpectationRefused
        | Cause::Http10Only
        | Cause::IdleTimeoutOver120s
        | Cause::KeepAliveDisabled
        | Cause::OpenedUnused
        | Cause::ProxyBreaksKeepAlive
        | Cause::RequestBodyRefused
        | Cause::ResponseWithoutLength
        | Cause::ServerBrokeProtocol
        | Cause::ServerGoAway
        | Cause::ServerIdleTimeout
        | Cause::ServerMaxAge
        | Cause::ServerMaxRequests
        | Cause::ServerResetsIdle
        | Cause::ServerRestart
        | Cause::ServerSaysClose
        | Cause::StaleReuseRace
        | Cause::StrayBytes
        | Cause::TlsNotResumed
        | Cause::WriteAvoidsRace => None,
    }
}
