//! `Trouble` and `Unreachable`: why a connection told nothing, and why the target as a whole did not.
//!
//! Owns their sentences. Refuses to decide what follows.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use keepwarm_core::reason::{CloseReason, Limit};

use crate::ending::EndedBy;

/// A SETTINGS frame behind its length: how a server of HTTP/2 begins.
const SETTINGS: &[u8] = &[4, 0, 0, 0, 0, 0];

/// Why one connection told nothing.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It could not be opened.
    Connect(io::Error),
    /// The handshake failed; the sentence is complete.
    Tls(String),
    /// The server ended it before the answer was whole.
    Ended { by: EndedBy, answered: bool },
    /// What came is no HTTP/1.x; the first bytes, for the sentence.
    Protocol { fault: String, opening: Vec<u8> },
    /// What comes is no HTTP/2, or a broken one.
    Http2 { fault: String, opening: Vec<u8> },
    /// The server did not choose HTTP/2 when only that was offered.
    NoHttp2,
    /// Nothing came for so long.
    Timeout { what: &'static str, limit: Duration },
    /// The answer says that this is too much (429, 503), which the first answer did not.
    Refused { status: StatusCode },
    /// The body is longer than is read.
    TooLong { limit: u64 },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "it cannot be connected to: {error}"),
            Self::Tls(sentence) => f.write_str(sentence),
            Self::Ended { by, answered } => {
                let when = if *answered {
                    "in the middle of"
                } else {
                    "before"
                };
                write!(
                    f,
                    "the server ended the connection {when} its answer, with {}",
                    by.words()
                )
            }
            Self::Protocol { fault, opening } if opening.starts_with(b"\x15\x03") => {
                write!(f, "the server speaks TLS there: try https:// ({fault})")
            }
            Self::Protocol { fault, opening } if opening.get(3..9) == Some(SETTINGS) => {
                write!(
                    f,
                    "the server speaks HTTP/2 there: try --http2-prior-knowledge ({fault})"
                )
            }
            Self::Http2 { fault, opening } if opening.starts_with(b"HTTP/1.") => {
                write!(
                    f,
                    "the server answers with HTTP/1.x where HTTP/2 was spoken ({fault})"
                )
            }
            Self::Http2 { fault, .. } => write!(f, "HTTP/2 fails: {fault}"),
            Self::NoHttp2 => f.write_str("the server did not choose HTTP/2 (ALPN)"),
            Self::Protocol { fault, opening } => {
                let opening = opening.escape_ascii();
                write!(
                    f,
                    "what it answers is no HTTP/1.x: {fault}; it begins \"{opening}\""
                )
            }
            Self::Timeout { what, limit } => {
                write!(f, "{what} did not come within {} s", limit.as_secs_f64())
            }
            Self::Refused { status } => {
                write!(
                    f,
                    "the server answered {status}: it may limit connections or requests"
                )
            }
            Self::TooLong { limit } => {
                write!(
                    f,
                    "the answer is longer than {limit} bytes; examine a smaller one"
                )
            }
        }
    }
}

impl Trouble {
    /// The same as the reason for which a connection ends.
    pub(crate) fn reason(&self) -> CloseReason {
        let kind = match self {
            Self::Connect(error) => error.kind(),
            Self::Tls(_) | Self::Protocol { .. } | Self::Http2 { .. } | Self::NoHttp2 => {
                io::ErrorKind::InvalidData
            }
            Self::Ended {
                by: EndedBy::GoAway,
                ..
            } => return CloseReason::GoAway,
            Self::Ended {
                by: EndedBy::Rst, ..
            } => io::ErrorKind::ConnectionReset,
            Self::Ended { .. } => io::ErrorKind::UnexpectedEof,
            Self::Timeout { .. } => return CloseReason::TimedOut(Limit::Total),
            Self::Refused { .. } => return CloseReason::PeerSaidClose,
            Self::TooLong { .. } => return CloseReason::BodyNotRead { left: None },
        };
        CloseReason::IoError { kind }
    }
}

/// What kind of failure left the target unexamined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreachableKind {
    /// The name has no address.
    Name,
    /// No address could be connected to.
    Connect,
    /// The handshake failed.
    Tls,
    /// It is connected, and does not answer in time, or not to the end.
    NoAnswer,
    /// What it answers is no HTTP/1.x.
    NotHttp,
    /// The settings cannot be used.
    Settings,
}

impl UnreachableKind {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Name => "name",
            Self::NoAnswer => "no-answer",
            Self::NotHttp => "not-http",
            Self::Settings => "settings",
            Self::Tls => "tls",
        }
    }
}

/// Why the target could not be examined at all.
#[derive(Clone, Debug)]
pub struct Unreachable {
    /// What kind of failure.
    pub kind: UnreachableKind,
    /// A sentence with the address and what it said.
    pub message: String,
}

impl Unreachable {
    pub(crate) fn of(address: SocketAddr, trouble: &Trouble) -> Self {
        let kind = match trouble {
            Trouble::Connect(_) => UnreachableKind::Connect,
            Trouble::Tls(_) => UnreachableKind::Tls,
            Trouble::Ended { .. }
            | Trouble::Refused { .. }
            | Trouble::Timeout { .. }
            | Trouble::TooLong { .. } => UnreachableKind::NoAnswer,
            Trouble::Http2 { .. } | Trouble::NoHttp2 | Trouble::Protocol { .. } => {
                UnreachableKind::NotHttp
            }
        };
        Self {
            kind,
            message: format!("{address}: {trouble}"),
        }
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Unreachable {}
