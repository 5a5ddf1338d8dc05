//! `Limit` and `Phase`: what was exceeded, and where in a call.
//!
//! Owns the names. Refuses to hold the configured values: errors and reasons carry those.

/// A limit that an error or a reason may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Limit {
    /// A chunk-size line, extensions included, in bytes.
    ChunkLine,
    /// Framing bytes beyond what honest chunks need.
    ChunkOverhead,
    /// Time to open a connection.
    Connect,
    /// Decoded bytes per coded byte of a compressed body.
    DecodeRatio,
    /// Time to wait for `100 Continue`.
    ExpectContinue,
    /// Bytes of a message head.
    HeadBytes,
    /// Header fields in a head.
    HeaderCount,
    /// Interim (1xx) responses before the final one.
    Interim,
    /// Files the process may hold open.
    OpenFiles,
    /// HTTP/2: time for the answer to a `PING`.
    Ping,
    /// Time for a proxy to agree: its CONNECT or SOCKS handshake.
    ProxyHandshake,
    /// Time a call may wait for a connection.
    Queue,
    /// Calls that may wait for a connection.
    QueueLength,
    /// Time between two reads of a response body.
    ReadIdle,
    /// Redirects that one call follows.
    Redirects,
    /// Time from the request being sent (or stalled) to the response head.
    ResponseHeader,
    /// Time for the TLS handshake.
    TlsHandshake,
    /// Time for the whole call.
    Total,
    /// Bytes of the trailer section.
    TrailerBytes,
    /// Time in which not one byte of the request could be written.
    WriteStall,
}

impl Limit {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::ChunkLine => "chunk-line",
            Self::ChunkOverhead => "chunk-overhead",
            Self::Connect => "connect",
            Self::DecodeRatio => "decode-ratio",
            Self::ExpectContinue => "expect-continue",
            Self::HeadBytes => "head-bytes",
            Self::HeaderCount => "header-count",
            Self::Interim => "interim",
            Self::OpenFiles => "open-files",
            Self::Ping => "ping",
            Self::ProxyHandshake => "proxy-handshake",
            Self::Queue => "queue",
            Self::QueueLength => "queue-length",
            Self::ReadIdle => "read-idle",
            Self::Redirects => "redirects",
            Self::ResponseHeader => "response-header",
            Self::TlsHandshake => "tls-handshake",
            Self::Total => "total",
            Self::TrailerBytes => "trailer-bytes",
            Self::WriteStall => "write-stall",
        }
    }
}

/// Where in a call something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Phase {
    /// Waiting for a connection.
    Queue,
    /// Resolving the name.
    Dns,
    /// Opening the connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// Writing the request.
    Send,
    /// Waiting for the response head.
    Wait,
    /// Reading the response body.
    Receive,
}

impl Phase {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Send => "send",
            Self::Wait => "wait",
            Self::Receive => "receive",
        }
    }
}
