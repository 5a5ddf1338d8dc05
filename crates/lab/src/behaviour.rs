//! Owns the description of a server that answers every request by the same rules, as plain data.
//! Composing an answer and playing it are the work of others.

use std::time::Duration;

use crate::pause::Pause;

/// A server that answers every request by the same description. Every field is public; the
/// default is a well-behaved HTTP/1.1 server that keeps connections open for ever, answers
/// `hello, world`, and serves the special paths.
///
/// ```
/// use std::time::Duration;
/// use keepwarm_lab::{Behaviour, ConnectionHeader, Which};
///
/// let behaviour = Behaviour {
///     idle_timeout: Some(Duration::from_secs(5)),
///     connection: ConnectionHeader::Close(Which::Only(3)),
///     ..Behaviour::default()
/// };
/// assert_eq!(behaviour.status, 200);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// What happens to connections before any byte. Default: they are served.
    pub accept: Accept,
    /// Whether `/status/CODE`, `/bytes/N`, `/chunked/N`, `/delay/MS` and `/echo` answer as their
    /// names say. All other paths, and all paths when false, get the configured answer. Default: true.
    pub special_paths: bool,

    /// The status code. Default: 200.
    pub status: u16,
    /// The reason phrase; none takes the usual one for the status. Default: none.
    pub reason_phrase: Option<String>,
    /// Whether the status line says `HTTP/1.0`. The connection then closes after each answer unless
    /// [`Self::connection`] says keep-alive. Default: false.
    pub http10: bool,
    /// More headers, sent as they are, after the others. Default: none.
    pub headers: Vec<(String, String)>,
    /// The `Connection` header. Default: none is sent.
    pub connection: ConnectionHeader,
    /// The value of a `Keep-Alive` header, any text. Default: none is sent.
    pub keep_alive: Option<String>,
    /// Whether a request that asks to close (`Connection: close`, or HTTP/1.0 without keep-alive) is
    /// obeyed: `Connection: close` is answered and the connection closes. Default: true.
    pub obeys_close: bool,
    /// Whether the connection stays open although the answer said `Connection: close`. Default: false.
    pub stays_open: bool,
    /// Makes the head huge. Default: none.
    pub huge_head: Option<HugeHead>,
    /// Interim answers sent before each final one. Default: none.
    pub interim: Vec<Interim>,
    /// Switches protocols when the request has an `Upgrade` header. Default: none.
    pub upgrade: Option<Upgrade>,

    /// The body. Default: `hello, world` and a newline, 13 bytes.
    pub body: Content,
    /// How the end of the body is told. Default: `Content-Length`.
    pub framing: Framing,

    /// Requests served on one connection; the last answer says `Connection: close`, then it closes.
    /// None means any number. Default: none.
    pub max_requests: Option<u64>,
    /// As [`Self::max_requests`], but the last answer announces nothing. Default: none.
    pub max_requests_silent: Option<u64>,
    /// From this age of a connection on, the next answer says `Connection: close`, then it closes. None means
    /// any age. Default: none.
    pub max_age: Option<Duration>,
    /// As [`Self::max_age`], but the last answer announces nothing. Default: none.
    pub max_age_silent: Option<Duration>,
    /// How long a connection may idle, from the last byte of the last answer; it ends never before, and
    /// about a millisecond after (the runtime's timers are that coarse). None means for ever.
    /// Default: none.
    pub idle_timeout: Option<Duration>,
    /// The idle timeout varies by up to this much to either side, by the connection's number, the
    /// same in every run. Default: zero.
    pub idle_jitter: Duration,
    /// A gate that, once open, closes idle connections. Default: none.
    pub idle_gate: Option<String>,
    /// How an idle connection is ended. Default: FIN.
    pub idle_end: IdleEnd,
    /// How long the end of an idle connection travels, as to a distant peer: from its idle timeout on it is
    /// closed for the server, a request that still comes is answered with a reset, and so much later the
    /// peer is told. Default: zero.
    pub idle_end_travels: Duration,
    /// How long a new connection may wait with the first byte of its first request. It ends as an
    /// idle one does. None means for ever. Default: none.
    pub first_request_timeout: Option<Duration>,

    /// Wait between the request and the head. Default: none.
    pub before_head: Pause,
    /// Wait between head and body; the head is then a write of its own. Default: none.
    pub after_head: Pause,
    /// Wait before each further piece of the body, the end of a chunked body included. Pieces are
    /// chunks, or as [`Self::piece_size`] says. Default: none.
    pub between_pieces: Pause,
    /// Wait after the last byte of an answer, before closing or reading on. Default: none.
    pub after_body: Pause,
    /// Bytes of a piece of a body that is not chunked. None means 64 KiB. Default: none.
    pub piece_size: Option<usize>,
    /// Cuts every write in writes of so many bytes. None: head and body in one write as far as 64
    /// KiB and the pauses let them. Default: none.
    pub write_size: Option<usize>,

    /// Something that goes wrong in the middle of an answer. Default: none.
    pub fault: Option<Fault>,
    /// Whether the sending side is shut down after the first answer; what comes is then read and
    /// discarded. Default: false.
    pub half_close: bool,
    /// Bytes sent in the same write as the end of each answer. Default: none.
    pub stray_with_answer: Vec<u8>,
    /// Bytes sent while the connection is idle. Default: none.
    pub stray_idle: Option<Stray>,

    /// What happens to request bodies. Default: read to the end before answering.
    pub upload: Upload,
    /// What happens to `Expect: 100-continue`. Default: `100 Continue` at once.
    pub expect: Expect,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            accept: Accept::Serve,
            special_paths: true,
            status: 200,
            reason_phrase: None,
            http10: false,
            headers: Vec::new(),
            connection: ConnectionHeader::None,
            keep_alive: None,
            obeys_close: true,
            stays_open: false,
            huge_head: None,
            interim: Vec::new(),
            upgrade: None,
            body: Content::Bytes(b"hello, world\n".to_vec()),
            framing: Framing::ContentLength,
            max_requests: None,
            max_requests_silent: None,
            max_age: None,
            max_age_silent: None,
            idle_timeout: None,
            idle_jitter: Duration::ZERO,
            idle_gate: None,
            idle_end: IdleEnd::Close,
            idle_end_travels: Duration::ZERO,
            first_request_timeout: None,
            before_head: Pause::None,
            after_head: Pause::None,
            between_pieces: Pause::None,
            after_body: Pause::None,
            piece_size: None,
            write_size: None,
            fault: None,
            half_close: false,
            stray_with_answer: Vec::new(),
            stray_idle: None,
            upload: Upload::ReadFirst,
            expect: Expect::Continue,
        }
    }
}

impl Behaviour {
    /// The default server.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The default server with this body.
    #[must_use]
    pub fn with_body(body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: Content::Bytes(body.into()),
            ..Self::default()
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// What happens to a connection before any byte is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Accept {
    /// Nobody accepts and the queue is full: connecting hangs. TCP only. Holds for the whole lab.
    Never,
    /// The address is held but does not listen: connecting is refused. Holds for the whole lab.
    Refuse,
    /// Connections are accepted and served.
    #[default]
    Serve,
    /// Connections are accepted and closed at once (FIN).
    ThenClose,
    /// Connections are accepted and reset at once (RST).
    ThenReset,
}

/// Some of the requests of a connection, by their number from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Which {
    /// Every request.
    #[default]
    All,
    /// This one and all after it.
    From(u64),
    /// This one alone.
    Only(u64),
}

impl Which {
    /// Whether request `number` is one of them.
    #[must_use]
    pub fn includes(self, number: u64) -> bool {
        match self {
            Self::All => true,
            Self::From(first) => number >= first,
            Self::Only(only) => number == only,
        }
    }
}

/// The `Connection` header of answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ConnectionHeader {
    /// `close` on these requests, and the connection closes after the first of them.
    Close(Which),
    /// `keep-alive` on all answers that are not the last.
    KeepAlive,
    /// No header, except where the connection is about to close and the behaviour says to announce it.
    #[default]
    None,
}

/// The bytes of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// So many bytes of the alphabet, over and over: `abc…zabc…`. They are made while sent.
    Size(u64),
}

/// How the end of a body is told to the client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Framing {
    /// `Transfer-Encoding: chunked`.
    Chunked(Chunks),
    /// A right `Content-Length`.
    #[default]
    ContentLength,
    /// A `Content-Length` greater than the body by this much; then the connection closes, and the
    /// body is cut short.
    LengthTooLong(u64),
    /// A `Content-Length` smaller than the body by this much (not below 0): the last bytes of the
    /// body are stray ones.
    LengthTooShort(u64),
    /// No length: the body ends with the connection.
    UntilClose,
}

/// How a chunked body is cut.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunks {
    /// Body bytes of each chunk, the last size repeating; 0 counts as 1. Empty: 4096 each.
    pub sizes: Vec<usize>,
    /// Put after every chunk size, with its semicolon: `;a=b`. Default: empty.
    pub extension: String,
    /// Trailer fields. Default: none.
    pub trailers: Vec<(String, String)>,
}

/// Makes a head huge: header lines `x-huge-N` are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HugeHead {
    /// How many lines.
    pub lines: usize,
    /// Bytes of each value.
    pub value_bytes: usize,
}

/// An interim answer (RFC 9110 section 15.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interim {
    /// The status, 100 to 199; 101 only confuses.
    pub status: u16,
    /// How many header lines it has.
    pub headers: usize,
    /// How many times it is sent.
    pub times: usize,
}

impl Interim {
    /// One interim answer without headers.
    #[must_use]
    pub fn once(status: u16) -> Self {
        let (headers, times) = (0, 1);
        Self {
            status,
            headers,
            times,
        }
    }
}

/// The switch to another protocol by `101 Switching Protocols`; from then on all bytes are sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The value of the `Upgrade` header.
    pub protocol: String,
    /// Bytes of the new protocol sent in the same write as the head. Default: none.
    pub first_bytes: Vec<u8>,
}

/// How an idle connection is ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IdleEnd {
    /// With FIN.
    #[default]
    Close,
    /// With a FIN of the sending side alone: what comes is read and discarded until the peer ends it.
    HalfClose,
    /// With RST.
    Reset,
    /// Not at all: from then on nothing is read and nothing answered, and the peer is not told. (A box on the
    /// way that forgot the connection looks like this.)
    Silence,
    /// With a `408 Request Timeout` nobody asked for, then FIN.
    Timeout408,
}

/// Something that goes wrong in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Where in the answer.
    pub at: FaultPoint,
    /// What goes wrong.
    pub what: FaultKind,
    /// On which requests of a connection.
    pub which: Which,
}

/// Where in an answer a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultPoint {
    /// After so many bytes of the body (or at its end, when it is shorter).
    AfterBodyBytes(u64),
    /// After so many bytes of the head (or at its end, when it is shorter).
    AfterHeadBytes(usize),
    /// When the request was read, before any byte of the answer.
    BeforeHead,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The connection is closed (FIN).
    Close,
    /// Nothing more is sent; what comes is read and discarded until the peer ends it.
    Hang,
    /// The connection is reset (RST).
    Reset,
}

/// Bytes nobody asked for, sent on an idle connection, once after each answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// What is sent.
    pub bytes: Vec<u8>,
    /// How long after the answer.
    pub after: Pause,
}

/// What happens to the body of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Upload {
    /// The answer goes out when so many bytes of the body were read (0: right after the head).
    AnswerEarly {
        /// Body bytes read before the answer.
        after: u64,
        /// What happens when the answer is out and the body is not.
        then: AfterEarly,
    },
    /// Read to its end, then the answer goes out.
    #[default]
    ReadFirst,
    /// Reading stops for good after so many bytes of the body, without an answer. (The FIN of a
    /// peer with a full send buffer then never arrives; only its RST does.)
    StopReading {
        /// Body bytes read.
        after: u64,
    },
}

/// What happens to the rest of a request body after an early answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AfterEarly {
    /// The connection is closed at once. (With received bytes unread, the system sends RST.)
    Close,
    /// The rest is read, and the connection goes on.
    #[default]
    ReadOn,
    /// The sending side is closed, the rest is read and discarded until the peer ends the connection.
    ReadThenClose,
    /// The connection is reset.
    Reset,
    /// Nothing is read any more; the connection stays open.
    StopReading,
}

/// What happens to `Expect: 100-continue` (RFC 9110 section 10.1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expect {
    /// `100 Continue` at once.
    #[default]
    Continue,
    /// `100 Continue` after this pause, unless the first byte of the body comes before.
    ContinueAfter(Pause),
    /// This final status instead. The lab takes for granted that the body is then not sent.
    Final(u16),
    /// No interim answer; the body is waited for.
    Ignore,
}
