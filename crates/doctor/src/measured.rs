//! `Measured`: everything an examination saw, each thing with the numbers it rests on.
//!
//! Owns the values. Refuses to judge them: `crate::judge` does.

mod http2;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::{HeaderMap, Version};
use keepwarm_core::event::{TlsInfo, TlsVersion};
use keepwarm_core::reason::{CloseReason, Reuse};

use crate::ending::EndedBy;

pub(crate) use http2::{ENHANCE_YOUR_CALM, NO_ERROR, code_name};
pub use http2::{GoAway, Http2, Pings};

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
    /// Requests on connections that were idle for a while and had not ended.
    pub late_uses: Vec<LateUse>,
    /// How old a connection becomes that is asked now and then.
    pub ages: Ages,
    /// How many requests a connection serves.
    pub max_requests: Option<MaxRequests>,
    /// What `Keep-Alive` announced, after it was asked for.
    pub announced: Option<Announced>,
    /// HTTP/1.0.
    pub http10: Option<Http10>,
    /// By status (`404`) or method (`HEAD`): does the connection end with such an answer?
    pub error_close: BTreeMap<String, ErrorClose>,
    /// What becomes of request bodies that nobody wants; only when it was asked for.
    pub unread_body: Vec<UnreadBody>,
    /// What becomes of a second request that is sent with the first; only when it was asked for.
    pub pipelining: Option<Pipelining>,
    /// What half a connection does.
    pub half_close: HalfClose,
    /// What ALPN agreed on when both were offered; none for plain HTTP.
    pub alpn: Option<String>,
    /// TLS; none for plain HTTP.
    pub tls: Option<TlsSeen>,
    /// HTTP/2.
    pub http2: Http2,
    /// How long the examination took.
    pub took: Duration,
    /// Whether it was ended before it was over.
    pub interrupted: bool,
    /// What could not be asked, and why; sentences.
    pub notes: Vec<String>,
}

impl Measured {
    /// What is known after the first answer.
    pub(crate) fn of(url: String, pilot: Pilot) -> Self {
        Self {
            url,
            addresses: Vec::new(),
            dead_addresses: Vec::new(),
            is_loopback: false,
            pilot,
            reuse: None,
            samples: Vec::new(),
            late_uses: Vec::new(),
            ages: Ages::default(),
            max_requests: None,
            announced: None,
            http10: None,
            error_close: BTreeMap::new(),
            unread_body: Vec::new(),
            pipelining: None,
            half_close: HalfClose::default(),
            alpn: None,
            http2: Http2::default(),
            tls: None,
            took: Duration::ZERO,
            interrupted: false,
            notes: Vec::new(),
        }
    }

    /// Whether HTTP/2 was all that was spoken.
    pub fn is_http2_only(&self) -> bool {
        self.pilot.version == Version::HTTP_2
    }
}

/// What TLS agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSeen {
    /// The version.
    pub version: TlsVersion,
    /// What ALPN agreed on when HTTP/1.1 alone was offered.
    pub alpn: Option<String>,
    /// Whether a later handshake took up an earlier session.
    pub resumed: Option<bool>,
}

impl TlsSeen {
    pub(crate) fn of(info: &TlsInfo) -> Self {
        Self {
            version: info.version,
            alpn: info.alpn.clone(),
            resumed: None,
        }
    }
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

    /// Whether HTTP/3 is advertised (RFC 7838, RFC 9114 §3.1.1).
    pub fn advertises_h3(&self) -> bool {
        let services = self.header("alt-svc").unwrap_or_default().split(',');
        services
            .map(str::trim)
            .any(|service| service.starts_with("h3="))
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
    /// One request; TCP keepalive probes it since.
    Probed,
    /// A request for what does not exist, and one for what does.
    AfterError,
    /// Nothing: TCP was connected, and that is all.
    ConnectOnly,
    /// The TLS handshake, and nothing else.
    HandshakeOnly,
    /// HTTP/2: one request.
    Http2,
    /// HTTP/2: one request, and a PING now and then.
    Http2Ping,
    /// HTTP/2: nothing but SETTINGS.
    Http2ConnectOnly,
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
            Self::HandshakeOnly => "tls-only",
            Self::Probed => "after-one-probed",
            Self::Http2 => "h2",
            Self::Http2ConnectOnly => "h2-connect-only",
            Self::Http2Ping => "h2-ping",
        }
    }

    /// Whether its end tells the idle timeout between requests.
    pub fn is_between_requests(self) -> bool {
        match self {
            Self::AfterOne | Self::AfterTen | Self::Asked | Self::Http2 | Self::Probed => true,
            Self::AfterError
            | Self::ConnectOnly
            | Self::HandshakeOnly
            | Self::Http2ConnectOnly
            | Self::Http2Ping => false,
        }
    }

    /// Whether HTTP/2 was spoken.
    pub fn is_http2(self) -> bool {
        match self {
            Self::Http2 | Self::Http2ConnectOnly | Self::Http2Ping => true,
            Self::AfterError
            | Self::AfterOne
            | Self::AfterTen
            | Self::Asked
            | Self::ConnectOnly
            | Self::HandshakeOnly
            | Self::Probed => false,
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
            Life::Ended { .. } | Life::Lost(_) | Life::Open(_) => None,
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
    /// It was open for so long when the examination ended; a request, where one was made then, was answered.
    Open(Duration),
    /// It had not ended after so long, and was dead all the same: no answer came to a request, or only a reset.
    Lost(Duration),
}

/// A request on a connection that was idle for a while and had not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateUse {
    /// For how long.
    pub idle: Duration,
    /// Whether TCP keepalive probed it meanwhile.
    pub probed: bool,
    /// What the request met.
    pub outcome: LateOutcome,
}

/// What a request on such a connection met. The last two only when a fresh connection was answered at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateOutcome {
    /// An answer.
    Answered,
    /// A reset.
    Reset,
    /// Nothing.
    Silence,
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

/// How old connections become that are asked now and then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ages {
    /// Those that the server ended.
    pub ended: Vec<Age>,
    /// One was answered at this age.
    pub at_least: Option<Duration>,
}

/// The end of a connection that was asked now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// How old it was.
    pub after: Duration,
    /// Requests that were answered on it.
    pub requests: u64,
    /// How long it was idle just before.
    pub idle: Duration,
    /// Whether its last answer said so.
    pub announced: bool,
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

/// What became of a request body that nobody wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadBody {
    /// Its length.
    pub size: u64,
    /// Whether the head said `Expect: 100-continue`.
    pub expect: bool,
    /// The final status; none when it never came.
    pub status: Option<u16>,
    /// Bytes of it that could be written.
    pub sent: u64,
    /// The connection serves no more.
    pub closes: bool,
    /// The answer said so.
    pub announced: bool,
    /// The connection ended before an answer could be read.
    pub answer_lost: bool,
    /// `100 Continue` came.
    pub continued: bool,
}

/// What became of two requests that were sent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipelining {
    /// Both were answered, in their order.
    Both,
    /// The first was answered, and the second never.
    FirstOnly,
    /// The first was answered, and the connection ended.
    FirstThenClose,
    /// Answers came in another order.
    OutOfOrder,
    /// The first was not answered as it is alone.
    Refused,
}

impl Pipelining {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::FirstOnly => "first-only",
            Self::FirstThenClose => "first-then-close",
            Self::OutOfOrder => "out-of-order",
            Self::Refused => "refused",
        }
    }
}

/// What half a connection does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HalfClose {
    /// A request is answered when our half ends right behind it.
    pub answers_after_ours: Option<bool>,
    /// What becomes of a request behind the server's FIN on an idle connection. None over TLS, and when none ended so.
    pub after_theirs: Option<AfterTheirs>,
}

/// What becomes of a request behind a FIN of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterTheirs {
    /// A reset: the server closed its socket.
    Reset,
    /// Nothing: it is taken, or at least kept, and never answered.
    Swallowed,
}

impl AfterTheirs {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Swallowed => "swallowed",
        }
    }
}

/// What an answer of a kind does to its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorClose {
    /// No request was answered behind it.
    pub closes: bool,
    /// It said so.
    pub announced: bool,
}
