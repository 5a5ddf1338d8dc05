//! The sentences of findings: what was met, with the numbers of the case, and what to set.
//!
//! Owns the wording. Refuses to decide anything; sentences about single reasons are those of `keepwarm_core::reason`.

use std::collections::BTreeSet;
use std::fmt;

use crate::cause::Cause;
use crate::figures::duration;
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
    fn peak(&self) -> u64 {
        self.origin.map_or(0, |origin| origin.peak)
    }

    fn others(&self) -> String {
        let times = self.others.iter().map(|us| duration(*us));
        times.collect::<Vec<_>>().join(" and ")
    }

    fn statuses(&self) -> String {
        let statuses = self.statuses.into_iter().flatten().map(u16::to_string);
        statuses.collect::<Vec<_>>().join(", ")
    }
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
    let what = fill(special(cause, it).unwrap_or(sentence(cause)), it);
    let cost = match it.openings {
        0 => String::new(),
        openings => format!(
            ": {} opened for it, {} of handshakes",
            Count(openings, "connection"),
            duration(it.wasted_us)
        ),
    };
    format!("{what}{cost}.")
}

/// Where a number decides what there is to say.
fn special(cause: Cause, it: &Numbers<'_>) -> Option<&'static str> {
    if cause == Cause::IdleTimeoutOver120s && it.number == 0 {
        Some("idle_timeout is unlimited: most servers and what lies between close sooner")
    } else if cause == Cause::ServerMaxRequests && it.number == 0 {
        Some("{name} ends connections after the number of requests that it announces")
    } else if cause == Cause::StaleReuseRace && it.number == 0 {
        Some("{exchanges:request} to {name} met a close on the way and had to be sent again")
    } else {
        None
    }
}

/// Puts the numbers in: `{name}`, `{time}`, `{peak:call}` for a count with its noun.
fn fill(sentence: &str, it: &Numbers<'_>) -> String {
    let mut filled = String::with_capacity(sentence.len() + 64);
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (field, after) = after.split_once('}').unwrap_or((after, ""));
        let value = match field {
            "name" => it.name.to_owned(),
            "time" => duration(it.number),
            "others" => it.others(),
            "statuses" => it.statuses(),
            "exchanges:request" => Count(it.exchanges, "request").to_string(),
            "number:attempt" => Count(it.number, "attempt").to_string(),
            "number:connection" => Count(it.number, "connection").to_string(),
            "number:request" => Count(it.number, "request").to_string(),
            "peak" => it.peak().to_string(),
            "shortest" => duration(it.others.first().copied().unwrap_or(0)),
            "peak:call" => Count(it.peak(), "call").to_string(),
            unknown => format!("{{{unknown}}}"),
        };
        filled.push_str(&value);
        rest = after;
    }
    filled + rest
}

/// A sentence for each cause: a new cause does not compile without one.
macro_rules! sentences {
    ($($cause:ident: $sentence:literal,)*) => {
        fn sentence(cause: Cause) -> &'static str {
            match cause {
                $(Cause::$cause => $sentence,)*
            }
        }
    };
}

sentences! {
    AddressRotation: "The addresses of {name} change, and connections to those that left end",
    BackendsDiffer: "{name} closes idle connections after {others}: there are several backends behind it",
    ClientBodyHeld: "Responses of {name} were neither read to their end nor dropped, so their connections stayed taken",
    ClientBodyNotDrained: "Bodies of {name}'s responses were not read to their end",
    ClientCancels: "Calls to {name} were dropped half-way",
    ClientIdleCapTooSmall: "Up to {peak:call} at once went to {name}, and fewer idle connections than that may be kept",
    ClientIdleTimeoutShort: "Our own idle_timeout ended connections to {name} after {time} idle, \
        and the next call came later",
    ClientKeepAliveOff: "Keep-alive is switched off in the client",
    ClientMaxConnsTooSmall: "Up to {peak:call} at once went to {name}, \
        where max_conns_per_host allows {number:connection}",
    ClientMaxLifetime: "Our own max_lifetime or max_requests_per_connection ended connections to {name}",
    ClientPerRequest: "Clients were built for a call or two each to {name}: \
        each has a pool of its own, so nothing is shared",
    ClientRuntimes: "Calls to {name} came from several runtimes, and a connection belongs to the one that opened it",
    ClientSaysClose: "Requests to {name} said Connection: close",
    ClientTimeout: "A time limit of ours ended exchanges with {name}",
    ConnectFails: "{number:attempt} to open a connection to {name} failed",
    ErrorStatusClose: "{name} ends the connection with each answer of status {statuses}",
    ExpectationRefused: "{name} answered Expect: 100-continue with a final status, and the connection ended",
    Http10Only: "{name} answers HTTP/1.0 without keep-alive",
    IdleTimeoutOver120s: "idle_timeout is {time}: most servers and what lies between close sooner",
    KeepAliveDisabled: "{name} ends the connection after every answer: keep-alive is off there",
    OpenedUnused: "{number:connection} to {name} never served a call",
    ProxyBreaksKeepAlive: "The proxy on the way to {name} ends the connection after each answer",
    RequestBodyRefused: "{name} answered before the request's body was sent, and the connection ended",
    ResponseWithoutLength: "{name} sends bodies without a length, so only the end of the connection ends them",
    ServerBrokeProtocol: "{name} sent malformed answers or broke them off",
    ServerGoAway: "{name} ended HTTP/2 connections by GOAWAY",
    ServerIdleTimeout: "{name} closes idle connections after {time}, and the next call came later",
    ServerMaxAge: "{name} ends connections at the age of {time}",
    ServerMaxRequests: "{name} ends connections after {number:request}",
    ServerResetsIdle: "Idle connections to {name} were reset after {time}",
    ServerRestart: "{name} ended many connections in one moment: a restart, a reload or a crash",
    ServerSaysClose: "{name} ends connections after an answer now and then, by no rule that shows here",
    StaleReuseRace: "{number:request} to {name} failed on a reused connection that the server was just closing",
    StrayBytes: "{name} sent bytes on idle connections that belong to no answer",
    TlsNotResumed: "New connections to {name} made full TLS handshakes although the server was met before",
    WriteAvoidsRace: "Requests to {name} that cannot be repeated got new connections: \
        the idle ones might close any moment",
}

/// What to set in keepwarm, where the numbers of the case say how; else the page's own words serve.
pub(crate) fn advice(cause: Cause, it: &Numbers<'_>) -> Option<String> {
    let sentence = if cause == Cause::ClientIdleCapTooSmall {
        "Set max_idle_per_host (and max_idle, over all origins) to {peak} or more: \
         so many calls were under way at once."
    } else if cause == Cause::ServerIdleTimeout && it.number > 0 {
        "Raise the server's idle timeout above the gaps between calls, or accept the new connection; \
         an idle_timeout below {time} at least makes it our own decision."
    } else if cause == Cause::BackendsDiffer {
        "Give all backends one idle timeout; until then set idle_timeout below the shortest, {shortest}."
    } else if cause == Cause::ClientMaxConnsTooSmall {
        "Set max_conns_per_host to {peak} or more, if the server can take it; so many calls were under way at once."
    } else {
        return None;
    };
    Some(fill(sentence, it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_of_every_sentence_is_filled() {
        let numbers = Numbers {
            name: "http://a.test",
            origin: None,
            openings: 2,
            wasted_us: 1_500,
            exchanges: 1,
            number: 3,
            others: &[30_000, 120_000],
            statuses: None,
        };
        for cause in Cause::ALL {
            let said = summary(cause, &numbers);
            let advised = advice(cause, &numbers).unwrap_or_default();
            assert!(
                !(said.clone() + &advised).contains(['{', '}']),
                "{said} {advised}"
            );
            assert!(
                said.ends_with("2 connections opened for it, 1.5 ms of handshakes."),
                "{said}"
            );
        }
        let said = summary(Cause::BackendsDiffer, &numbers);
        assert!(said.contains("after 30 ms and 120 ms"), "{said}");
    }
}
