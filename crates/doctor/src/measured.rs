//! `Measured`: everything an examination saw, each thing with the numbers it rests on.
//!
//! Owns the values. Refuses to judge them: `crate::judge` does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::{HeaderMap, Version};
use keepwarm_core::reason::{CloseReason, Reuse};

use crate::ending::EndedBy;

/// What an examination saw. What is none was not measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The URL.
    pub url: String,
    /// The addresses of its name that can be connected to.
    pub addresses: Vec<SocketAddr>,
    /// Those that cannot, with what was said.
    pub dead_addresses: Vec<(SocketAddr, String)>,
    /// Whether the target is on this machine.
    pub is_loopback: bool,
    /// The first answer.
    pub pilot: Pilot,
    /// Whether a second request on one connection was answered.
    pub reuse: Option<bool>,
    /// One for each connection whose end was waited for.
    pub samples: Vec<Sample>,
    /// How many requests a connection serves.
    pub max_requests: Option<MaxRequests>,
    /// What `Keep-Alive` announced, after it was asked for.
    pub announced: Option<Announced>,
    /// HTTP/1.0.
    pub http10: Option<Http10>,
    /// By status (`404`) or method (`HEAD`): does the connection end with such an answer?
    pub error_close: BTreeMap<String, ErrorClose>,
    /// What ALPN agreed on when both were offered; none for plain HTTP.
    pub alpn: Option<String>,
    /// How long the examination took.
    pub took: Duration,
    /// Whether it was ended before it was over.
    pub interrupted: bool,
    /// What could not be asked, and why; sentences.
    pub notes: Vec<String>,
}

/// The first answer, to a plain GET.
#[derive(Clone, Debug)]
pub struct Pilot {
    /// Its status.
    pub status: u16,
    /// Its version.
    pub version: Version,
    /// Its fields.
    pub headers: HeaderMap,
    /// May the connection serve again, by what it says?
    pub reuse: Reuse,
    /// Bytes of its body.
    pub body: u64,
    /// A round trip: the shortest time that opening a connection took.
    pub round_trip: Duration,
}

impl Pilot {
    /// Whether this stands against reuse.
    pub(crate) fn is_closed_for(&self, slug: &str) -> bool {
        self.reuse
            .reasons()
            .iter()
            .any(|reason: &CloseReason| reason.slug() == slug)
    }

    /// A field's value as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What happened on a connection before its end was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Situation {
    /// One request.
    AfterOne,
    /// Ten requests.
    AfterTen,
    /// One request that said `Connection: keep-alive`.
    Asked,
    /// A request for what does not exist, and one for what does.
    AfterError,
    /// Nothing: it was only opened.
    ConnectOnly,
}

impl Situation {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::AfterError => "after-error",
            Self::AfterOne => "after-one",
            Self::AfterTen => "after-ten",
            Self::Asked => "asked",
            Self::ConnectOnly => "connect-only",
        }
    }

    /// Whether its end tells the idle timeout between requests.
    pub fn is_between_requests(self) -> bool {
        match self {
            Self::AfterOne | Self::AfterTen | Self::Asked => true,
            Self::AfterError | Self::ConnectOnly => false,
        }
    }
}

/// One connection that was left idle.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// What happened on it before.
    pub situation: Situation,
    /// Where it leads.
    pub address: SocketAddr,
    /// Since when it was idle.
    pub since: Instant,
    /// What became of it.
    pub life: Life,
}

impl Sample {
    /// When it ended, if its end tells the idle timeout between requests.
    pub(crate) fn idle_end(&self) -> Option<Duration> {
        match self.life {
            Life::Ended { after, .. } if self.situation.is_between_requests() => Some(after),
            Life::Ended { .. } | Life::Open(_) => None,
        }
    }
}

/// What became of a connection that was left idle. Times are from the last byte of its last answer (or its opening).
#[derive(Clone, Copy, Debug)]
pub enum Life {
    /// The server ended it.
    Ended {
        /// After so long.
        after: Duration,
        /// Not before.
        low: Duration,
        /// Not later.
        high: Duration,
        /// How.
        by: EndedBy,
        /// This process was held up, or the machine slept, by more than the tolerance.
        uncertain: bool,
    },
    /// It was open for so long when the examination ended.
    Open(Duration),
}

/// How many requests a connection serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaxRequests {
    /// Requests that were answered on each connection that the server ended.
    pub counts: Vec<u64>,
    /// Whether the last answers announced it with `Connection: close`.
    pub announced: bool,
    /// Requests answered on a connection that was still open; 0 when there is none.
    pub at_least: u64,
}

/// What `Keep-Alive` announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// `timeout`.
    pub timeout: Option<Duration>,
    /// `max`, in the first answer.
    pub max: Option<u64>,
    /// Only to a request that said `Connection: keep-alive`.
    pub only_when_asked: bool,
}

/// What HTTP/1.0 requests met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http10 {
    /// With `Connection: keep-alive`, a second request was answered.
    pub keep_alive: bool,
    /// The same without asking.
    pub unasked: bool,
}

/// What an answer of a kind does to its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorClose {
    /// No request was answered behind it.
    pub closes: bool,
    /// It said so.
    pub announced: bool,
}
