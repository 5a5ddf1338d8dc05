//! `Failure`: what an error of the `h2` crate means for the call and for the connection.
//!
//! Owns the translation, so that no type of that crate goes further. Refuses to decide what is done about it.

use std::io;

use ::h2::Reason;
use keepwarm_core::reason::{CloseReason, Limit, ProtocolFault, text};
use keepwarm_core::retry::Unprocessed;

use crate::error::ErrorKind;

const HEAD_TOO_LARGE: ProtocolFault = ProtocolFault::TooMuch(Limit::HeadBytes);

/// A failed stream.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The server takes no more streams, for this reason; this one it has not processed.
    GoAway(Reason),
    /// The server ended this stream alone.
    Reset(Reason),
    /// What came on this stream breaks the protocol; the stream alone ended.
    Malformed(Reason),
    /// The head of the answer, or its trailers, is larger than allowed.
    HeadTooLarge {
        /// By so much that the connection was given up, not this stream alone.
        of_connection: bool,
    },
    /// The connection failed.
    Io(io::ErrorKind),
    /// One side found the other to break the protocol, and the connection is over.
    Connection(Reason),
    /// The driver knows better why the connection ended.
    Ended(CloseReason),
}

impl Failure {
    pub(super) fn of(error: &::h2::Error) -> Self {
        let kind = if let Some(io) = error.get_io() {
            Kind::Io(io.kind())
        } else if error.is_go_away() && error.is_remote() {
            //= RFC 9113 §6.8: streams above the last one named were not processed.
            Kind::GoAway(error.reason().unwrap_or(Reason::NO_ERROR))
        } else if is_far_too_large(error) {
            Kind::HeadTooLarge {
                of_connection: true,
            }
        } else if error.is_reset() && error.is_library() {
            Kind::Malformed(error.reason().unwrap_or(Reason::PROTOCOL_ERROR))
        } else if error.is_reset() {
            Kind::Reset(error.reason().unwrap_or(Reason::INTERNAL_ERROR))
        } else if let Some(reason) = error.reason() {
            Kind::Connection(reason)
        } else {
            Kind::Io(io::ErrorKind::BrokenPipe)
        };
        let message = match kind {
            Kind::Reset(reason) => {
                let name = text::http2_code(reason.into());
                let who = if error.is_remote() {
                    "server"
                } else {
                    "client"
                };
                format!("the {who} reset the stream ({name})")
            }
            Kind::Malformed(reason) => {
                let name = text::http2_code(reason.into());
                format!("the server's answer is malformed ({name})")
            }
            Kind::GoAway(code) => {
                let name = text::http2_code(code.into());
                format!("the server takes no more streams (GOAWAY, {name})")
            }
            Kind::HeadTooLarge { .. } => HEAD_TOO_LARGE.to_string(),
            Kind::Io(_) | Kind::Connection(_) | Kind::Ended(_) => error.to_string(),
        };
        Self { kind, message }
    }

    /// What came instead of HTTP/2 is an answer of HTTP/1.1.
    pub(super) fn http1_instead() -> Self {
        Self {
            kind: Kind::Connection(Reason::PROTOCOL_ERROR),
            message: "the server answered in HTTP/1.1: it does not speak HTTP/2 on this port"
                .to_owned(),
        }
    }

    /// The same, when the block of fields that was read last on its stream, or on the connection, was larger than
    /// allowed: then that is what the `h2` crate took offence at.
    pub(super) fn of_outsized(self) -> Self {
        let of_connection = match self.kind {
            Kind::Malformed(Reason::PROTOCOL_ERROR) => false,
            Kind::Connection(Reason::ENHANCE_YOUR_CALM | Reason::COMPRESSION_ERROR) => true,
            Kind::Malformed(_)
            | Kind::Connection(_)
            | Kind::GoAway(_)
            | Kind::Reset(_)
            | Kind::HeadTooLarge { .. }
            | Kind::Io(_)
            | Kind::Ended(_) => return self,
        };
        Self {
            kind: Kind::HeadTooLarge { of_connection },
            message: HEAD_TOO_LARGE.to_string(),
        }
    }

    /// The server hung up before it had said anything.
    pub(super) fn ended() -> Self {
        Self {
            kind: Kind::Io(io::ErrorKind::UnexpectedEof),
            message: "the server closed the connection before its HTTP/2 settings".to_owned(),
        }
    }

    /// The same, when the connection is known to have ended for this reason.
    pub(super) fn because(self, end: CloseReason) -> Self {
        match self.kind {
            // The server's word on this very stream says more than what became of the connection.
            Kind::GoAway(_) | Kind::Reset(_) | Kind::Malformed(_) | Kind::HeadTooLarge { .. } => {
                self
            }
            Kind::Io(_) | Kind::Connection(_) | Kind::Ended(_) => Self {
                kind: Kind::Ended(end),
                message: end.to_string(),
            },
        }
    }

    /// In words.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What kind of failure it is for the call.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self.kind {
            Kind::GoAway(_) | Kind::Reset(_) => ErrorKind::Closed,
            Kind::HeadTooLarge { .. } => ErrorKind::Limit,
            Kind::Io(_) | Kind::Ended(CloseReason::IoError { .. }) => ErrorKind::Io,
            Kind::Ended(CloseReason::TimedOut(_)) => ErrorKind::Timeout,
            Kind::Ended(CloseReason::PeerBrokeProtocol(fault)) if fault.limit().is_some() => {
                ErrorKind::Limit
            }
            Kind::Ended(CloseReason::PeerBrokeProtocol(_))
            | Kind::Connection(_)
            | Kind::Malformed(_) => ErrorKind::Protocol,
            Kind::Ended(_) => ErrorKind::Closed,
        }
    }

    /// The limit that was met, if one was.
    pub(crate) fn limit(&self) -> Option<Limit> {
        match self.kind {
            Kind::Ended(CloseReason::TimedOut(limit)) => Some(limit),
            Kind::Ended(CloseReason::PeerBrokeProtocol(fault)) => fault.limit(),
            Kind::HeadTooLarge { .. } => Some(Limit::HeadBytes),
            Kind::GoAway(_)
            | Kind::Reset(_)
            | Kind::Malformed(_)
            | Kind::Io(_)
            | Kind::Connection(_)
            | Kind::Ended(_) => None,
        }
    }

    /// The server's word that it has not processed the request.
    pub(crate) fn unprocessed(&self) -> Option<Unprocessed> {
        match self.kind {
            //= RFC 9113 §7: a request that ought to be HTTP/1.1 is not processed.
            Kind::GoAway(Reason::HTTP_1_1_REQUIRED) | Kind::Reset(Reason::HTTP_1_1_REQUIRED) => {
                Some(Unprocessed::Http1Required)
            }
            Kind::GoAway(_) => Some(Unprocessed::GoAway),
            //= RFC 9113 §8.7: a refused stream was not processed.
            Kind::Reset(Reason::REFUSED_STREAM) => Some(Unprocessed::RefusedStream),
            Kind::Reset(_)
            | Kind::Malformed(_)
            | Kind::HeadTooLarge { .. }
            | Kind::Io(_)
            | Kind::Connection(_)
            | Kind::Ended(_) => None,
        }
    }

    /// Whether it was the answer that was wrong: then one has come.
    pub(crate) fn is_of_answer(&self) -> bool {
        match self.kind {
            Kind::Malformed(_) | Kind::HeadTooLarge { .. } => true,
            Kind::GoAway(_)
            | Kind::Reset(_)
            | Kind::Io(_)
            | Kind::Connection(_)
            | Kind::Ended(_) => false,
        }
    }

    /// Whether a block of fields was larger than allowed.
    pub(crate) fn is_too_large(&self) -> bool {
        matches!(self.kind, Kind::HeadTooLarge { .. })
    }

    /// Whether the server closed the connection, and had said nothing of it.
    pub(crate) fn is_hang_up(&self) -> bool {
        matches!(self.kind, Kind::Ended(CloseReason::PeerClosedIdle { .. }))
    }

    /// Whether the stream was reset for what the server sent on it (RFC 9113 §8.1.1).
    pub(crate) fn is_malformed(&self) -> bool {
        self.kind == Kind::Malformed(Reason::PROTOCOL_ERROR)
    }

    /// The server wants HTTP/1.1, for this request or altogether (RFC 9113 §7).
    pub(crate) fn wants_http1(&self) -> bool {
        self.reason() == CloseReason::Http1Required
    }

    /// Whether the whole connection is concerned, not this stream alone.
    pub(crate) fn is_of_connection(&self) -> bool {
        match self.kind {
            Kind::Reset(_) | Kind::Malformed(_) => false,
            Kind::HeadTooLarge { of_connection } => of_connection,
            Kind::GoAway(_) | Kind::Io(_) | Kind::Connection(_) | Kind::Ended(_) => true,
        }
    }

    /// Why the connection ended, or takes no more streams.
    pub(crate) fn reason(&self) -> CloseReason {
        match self.kind {
            Kind::GoAway(Reason::HTTP_1_1_REQUIRED)
            | Kind::Reset(Reason::HTTP_1_1_REQUIRED)
            | Kind::Connection(Reason::HTTP_1_1_REQUIRED) => CloseReason::Http1Required,
            Kind::GoAway(_) => CloseReason::GoAway,
            Kind::HeadTooLarge { .. } => CloseReason::PeerBrokeProtocol(HEAD_TOO_LARGE),
            Kind::Reset(reason) | Kind::Malformed(reason) | Kind::Connection(reason) => {
                let code = reason.into();
                CloseReason::PeerBrokeProtocol(ProtocolFault::Http2 { code })
            }
            Kind::Io(kind) => CloseReason::IoError { kind },
            Kind::Ended(end) => end,
        }
    }
}

/// Whether the `h2` crate gave the connection up for a head of many times the limit. It says so in the data of its
/// `GOAWAY`, which it shows in its words only.
fn is_far_too_large(error: &::h2::Error) -> bool {
    error.is_go_away()
        && error.is_library()
        && error.reason() == Some(Reason::ENHANCE_YOUR_CALM)
        && error.to_string().contains("header_list_way_too_large")
}
