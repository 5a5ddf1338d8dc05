//! `ConnectionInfo` and `Timings`: what an answer tells of its connection and its time.
//!
//! Owns the values a caller may read. Refuses to know how they came about.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keepwarm_core::event::{ConnectionId, Opening};
use keepwarm_core::origin::Origin;
use keepwarm_core::reason::Miss;
use keepwarm_core::time::Human;

use crate::conn::Facts;
pub use crate::conn::Protocol;
use crate::pool::Lease;
#[cfg(feature = "http2")]
use crate::pool::Seat;
use crate::tls::TlsInfo;

/// The connection that served a call.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// Its number within the client.
    pub id: ConnectionId,
    /// Whether it had served a request before.
    pub reused: bool,
    /// Requests on it so far, this one included.
    pub requests: u64,
    /// How long it had been idle; none when it was new.
    pub idle: Option<Duration>,
    /// Its age when the call took it.
    pub age: Duration,
    /// Why it was opened, when it was opened for this call.
    pub miss: Option<Miss>,
    /// The stream that carried the call; none in HTTP/1.
    stream: Option<u32>,
    /// What holds for the connection's whole life, shared by all its answers.
    facts: Arc<Facts>,
}

impl ConnectionInfo {
    pub(crate) fn of(lease: &Lease, taken: Instant) -> Self {
        let reused = lease.served_before();
        Self {
            id: lease.id(),
            reused,
            requests: lease.requests(),
            idle: if reused { lease.idle() } else { None },
            age: taken.saturating_duration_since(lease.opened()),
            miss: lease.miss(),
            stream: None,
            facts: Arc::clone(&lease.facts),
        }
    }

    #[cfg(feature = "http2")]
    pub(crate) fn of_seat(seat: &Seat, taken: Instant) -> Self {
        Self {
            id: seat.id(),
            reused: seat.served_before(),
            requests: seat.requests(),
            idle: seat.idle(),
            age: taken.saturating_duration_since(seat.opened()),
            miss: seat.miss(),
            stream: seat.stream(),
            facts: Arc::clone(seat.facts()),
        }
    }

    /// The HTTP/2 stream that carried the call; none in HTTP/1.
    pub fn stream(&self) -> Option<u32> {
        self.stream
    }

    /// Our address; none for a Unix socket.
    pub fn local(&self) -> Option<SocketAddr> {
        self.facts.local()
    }

    /// The server's address; none for a Unix socket.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.facts.remote()
    }

    /// What is spoken on it.
    pub fn protocol(&self) -> Protocol {
        self.facts.protocol()
    }

    /// The encryption below it; none for plain HTTP.
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.facts.tls()
    }

    /// The proxy on the way, as `http://host:port` and without credentials; none when there is none.
    pub fn via(&self) -> Option<&str> {
        self.facts.via().map(|via| &**via)
    }

    /// The origin it was opened for, when that is another than the one that was called: its certificate covers the
    /// names of both ([`Http2::coalesce`](crate::http2::Http2::coalesce)). None usually.
    pub fn coalesced_from(&self) -> Option<&Origin> {
        self.facts.coalesced_from()
    }

    /// How long the steps of opening took, when it was opened for this call.
    pub(super) fn took(&self) -> Option<Opening> {
        self.miss.map(|_| self.facts.took())
    }
}

impl fmt::Display for ConnectionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.id)?;
        match (self.reused, &self.miss) {
            (true, _) => write!(f, "reused ({} request", Ordinal(self.requests))?,
            (false, Some(miss)) => write!(f, "new ({miss}")?,
            (false, None) => f.write_str("new (opened ahead of need")?,
        }
        if let Some(idle) = self.idle {
            write!(f, ", idle {}", Human(idle))?;
        }
        write!(f, "), {}", self.protocol().slug())?;
        if let Some(tls) = self.tls() {
            write!(f, ", {}", tls.version)?;
        }
        if let Some(remote) = self.remote() {
            write!(f, ", {remote}")?;
        }
        if let Some(via) = self.via() {
            write!(f, ", via {via}")?;
        }
        if let Some(origin) = self.coalesced_from() {
            write!(f, ", opened for {origin}")?;
        }
        Ok(())
    }
}

struct Ordinal(u64);

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ending = match (self.0 % 10, self.0 % 100) {
            (_, 11..=13) => "th",
            (1, _) => "st",
            (2, _) => "nd",
            (3, _) => "rd",
            _ => "th",
        };
        write!(f, "{}{ending}", self.0)
    }
}

/// How long each phase of a call took. Phases that did not happen have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Waiting for a connection, the opening of one for this call not included.
    pub queue: Duration,
    /// Resolving the name, when a connection was opened for this call.
    pub dns: Option<Duration>,
    /// Opening the connection, when one was opened for this call.
    pub connect: Option<Duration>,
    /// The TLS handshake, when one was made for this call.
    pub tls: Option<Duration>,
    /// Writing the request.
    pub send: Duration,
    /// From the request being written to the response head.
    pub wait: Duration,
    /// Reading the body; none until it has ended.
    pub receive: Option<Duration>,
    /// The whole call; up to the head until the body has ended.
    pub total: Duration,
}

/// The moments of a call, as they are noted: nanoseconds after its start, 0 for what has not happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    started: Instant,
    acquired: u64,
    sent: u64,
    answered: u64,
    ended: u64,
}

impl Moments {
    pub(crate) fn new(started: Instant, acquired: Instant) -> Self {
        let mut moments = Self {
            started,
            acquired: 0,
            sent: 0,
            answered: 0,
            ended: 0,
        };
        // Found at once: the usual case, told without arithmetic.
        moments.acquired = if acquired == started {
            1
        } else {
            moments.after(acquired)
        };
        moments
    }

    fn after(&self, moment: Instant) -> u64 {
        let after = moment.saturating_duration_since(self.started).as_nanos();
        u64::try_from(after).unwrap_or(u64::MAX).max(1)
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    pub(crate) fn acquired(&self) -> Instant {
        self.started + Duration::from_nanos(self.acquired)
    }

    pub(crate) fn note_sent(&mut self, now: Instant) {
        self.sent = self.after(now);
    }

    pub(crate) fn note_answered(&mut self, now: Instant) {
        self.answered = self.after(now);
    }

    pub(crate) fn answered(&self) -> Instant {
        self.started + Duration::from_nanos(self.answered)
    }

    pub(crate) fn note_ended(&mut self, now: Instant) {
        self.ended = self.after(now);
    }

    /// The end came with the head.
    pub(crate) fn note_ended_with_head(&mut self) {
        self.ended = self.answered;
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.answered != 0
    }

    pub(crate) fn timings(&self, took: Option<Opening>) -> Timings {
        let nanos = Duration::from_nanos;
        let opening = took.map_or(Duration::ZERO, |took| {
            took.resolving + took.connecting + took.handshake.unwrap_or_default()
        });
        // An answer may come before the request is out: then it took no time to wait for.
        let sent = if self.sent == 0 {
            self.answered.max(self.acquired)
        } else {
            self.sent
        };
        Timings {
            queue: nanos(self.acquired).saturating_sub(opening),
            dns: took.map(|took| took.resolving),
            connect: took.map(|took| took.connecting),
            tls: took.and_then(|took| took.handshake),
            send: nanos(sent.saturating_sub(self.acquired)),
            wait: nanos(self.answered.saturating_sub(sent)),
            receive: (self.ended != 0).then(|| nanos(self.ended.saturating_sub(self.answered))),
            total: nanos(self.ended.max(self.answered)),
        }
    }
}
