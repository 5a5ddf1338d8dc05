//! `ProtocolFault`: what a peer did that the protocol does not allow.
//!
//! Owns the variants and slugs. Refuses to know where in the bytes it happened.

use std::fmt;

use super::{Limit, text};

/// A breach of HTTP/1.1 by the peer, or a limit it exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "fault", rename_all = "kebab-case"))]
pub enum ProtocolFault {
    /// A carriage return that no line feed follows (RFC 9112 §2.2).
    BareCr,
    /// The bytes behind a chunk's data are not CR LF (RFC 9112 §7.1).
    ChunkEnd,
    /// A chunk-size line is not `1*HEXDIG [ext] CRLF`, or its number too large (RFC 9112 §7.1).
    ChunkSize,
    /// A control byte in a head (RFC 9110 §5.5).
    ControlByte,
    /// The connection ended inside a body of known framing (RFC 9112 §8).
    EndedInBody {
        /// Bytes still to come; none when the framing was chunked.
        left: Option<u64>,
    },
    /// The connection ended inside a head.
    EndedInHead,
    /// A header line is malformed (RFC 9112 §5).
    HeaderLine,
    /// HTTP/2: an error of the whole connection (RFC 9113 §5.4.1), found by us or told by the peer.
    Http2 {
        /// The error code (RFC 9113 §7).
        code: u32,
    },
    /// `Content-Length` is not a plain decimal number that fits 63 bits (RFC 9110 §8.6).
    Length,
    /// `Content-Length` and `Transfer-Encoding` in one message (RFC 9112 §6.3 rule 3).
    LengthAndChunked,
    /// `Content-Length` values that differ (RFC 9112 §6.3 rule 5).
    LengthsDiffer,
    /// What arrived does not begin like HTTP.
    NotHttp,
    /// A header line that continues the one before (obs-fold, RFC 9112 §5.2).
    ObsFold,
    /// White space between a header's name and its colon (RFC 9112 §5.1).
    SpaceBeforeColon,
    /// The start line is malformed (RFC 9112 §3, §4).
    StartLine,
    /// A limit was exceeded.
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::limit"))]
    TooMuch(Limit),
    /// What arrived begins like TLS: the port wants `https`.
    TlsInstead,
    /// A malformed trailer section, or a field that must not stand there (RFC 9110 §6.5.1).
    Trailer,
    /// A `Transfer-Encoding` other than one single `chunked` (RFC 9112 §6.1).
    TransferEncoding,
    /// `101 Switching Protocols` that was not asked for (RFC 9110 §7.8).
    UnaskedSwitch,
    /// An HTTP version other than 1.0 and 1.1.
    Version,
}

impl ProtocolFault {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::BareCr => "bare-cr",
            Self::ChunkEnd => "chunk-end",
            Self::ChunkSize => "chunk-size",
            Self::ControlByte => "control-byte",
            Self::EndedInBody { .. } => "ended-in-body",
            Self::EndedInHead => "ended-in-head",
            Self::HeaderLine => "header-line",
            Self::Http2 { .. } => "http2",
            Self::Length => "length",
            Self::LengthAndChunked => "length-and-chunked",
            Self::LengthsDiffer => "lengths-differ",
            Self::NotHttp => "not-http",
            Self::ObsFold => "obs-fold",
            Self::SpaceBeforeColon => "space-before-colon",
            Self::StartLine => "start-line",
            Self::TlsInstead => "tls-instead",
            Self::TooMuch(limit) => limit.slug(),
            Self::Trailer => "trailer",
            Self::TransferEncoding => "transfer-encoding",
            Self::UnaskedSwitch => "unasked-switch",
            Self::Version => "version",
        }
    }

    /// The limit that was exceeded, when that was the fault.
    pub fn limit(self) -> Option<Limit> {
        if let Self::TooMuch(limit) = self {
            Some(limit)
        } else {
            None
        }
    }
}

impl fmt::Display for ProtocolFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::fault(*self, f)
    }
}

impl std::error::Error for ProtocolFault {}
