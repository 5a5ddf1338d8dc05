//! `Failure`: what an error of the `h2` crate means for the call and for the connection.
//!
//! Owns the translation, so that no type of that crate goes further. Refuses to decide what is done about it.

use std::io;

use ::h2::Reason;
use keepwarm_core::reason::{CloseReason, Limit, ProtocolFault, text};
use keepwarm_core::retry::Unprocessed;

use crate::error::ErrorKind;

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
            Kind::GoAway(code) => {
                let name = text::http2_code(code.into());
                format!("the server takes no more streams (GOAWAY, {name})")
            }
            Kind::Io(_) | Kind::Connection(_) | Kind::Ended(_) => error.to_string(),
        };
        Self { kind, message }
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
            Kind::GoAway(_) | Kind::Reset(_) => self,
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
            Kind::Io(_) | Kind::Ended(CloseReason::IoError { .. }) => ErrorKind::Io,
            Kind::Ended(CloseReason::TimedOut(_)) => ErrorKind::Timeout,
            Kind::Ended(CloseReason::PeerBrokeProtocol(_)) | Kind::Connection(_) => {
                ErrorKind::Protocol
            }
            Kind::Ended(_) => ErrorKind::Closed,
        }
    }

    /// The limit that was met, if one was.
    pub(crate) fn limit(&self) -> Option<Limit> {
        match self.kind {
            Kind::Ended(CloseReason::TimedOut(limit)) => Some(limit),
            Kind::GoAway(_)
            | Kind::Reset(_)
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
            Kind::Reset(_) | Kind::Io(_) | Kind::Connection(_) | Kind::Ended(_) => None,
        }
    }

    /// The server wants HTTP/1.1, for this request or altogether (RFC 9113 §7).
    pub(crate) fn wants_http1(&self) -> bool {
        self.reason() == CloseReason::Http1Required
    }

    /// Whether the whole connection is concerned, not this stream alone.
    pub(crate) fn is_of_connection(&self) -> bool {
        match self.kind {
            Kind::Reset(_) => false,
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
            Kind::Reset(reason) | Kind::Connection(reason) => {
                let code = reason.into();
                CloseReason::PeerBrokeProtocol(ProtocolFault::Http2 { code })
            }
            Kind::Io(kind) => CloseReason::IoError { kind },
            Kind::Ended(end) => end,
        }
    }
}
