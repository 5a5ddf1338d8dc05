//! `EndedBy`: how the peer ended a connection, and the bytes or the error that tell it.
//!
//! Owns the reading of an end. Refuses to know when it came.

use std::io;

/// How the server ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndedBy {
    /// TLS: with close_notify.
    CloseNotify,
    /// With FIN; over TLS: without close_notify before it.
    Fin,
    /// HTTP/2: with GOAWAY; FIN follows, sooner or later.
    GoAway,
    /// With RST.
    Rst,
    /// With bytes nobody asked for.
    StrayBytes {
        /// They are a `408 Request Timeout`: a close in many words (RFC 9110 §15.5.9).
        request_timeout: bool,
    },
}

impl EndedBy {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::CloseNotify => "close-notify",
            Self::Fin => "fin",
            Self::GoAway => "goaway",
            Self::Rst => "rst",
            Self::StrayBytes { .. } => "stray-bytes",
        }
    }

    /// Words for a sentence: `with …`.
    pub fn words(self) -> &'static str {
        match self {
            Self::CloseNotify => "close_notify",
            Self::Fin => "FIN",
            Self::GoAway => "GOAWAY",
            Self::Rst => "a reset (RST)",
            Self::StrayBytes {
                request_timeout: true,
            } => "a 408 nobody asked for",
            Self::StrayBytes {
                request_timeout: false,
            } => "stray bytes",
        }
    }

    /// What a read on an idle connection says; `bytes` are those that were read.
    pub(crate) fn read(result: &io::Result<usize>, bytes: &[u8], is_tls: bool) -> Self {
        match result {
            Ok(0) if is_tls => Self::CloseNotify,
            Ok(0) => Self::Fin,
            Ok(_) => Self::stray(bytes),
            Err(error) => Self::error(error),
        }
    }

    pub(crate) fn stray(bytes: &[u8]) -> Self {
        Self::StrayBytes {
            request_timeout: bytes.starts_with(b"HTTP/1.") && bytes.get(8..12) == Some(b" 408"),
        }
    }

    /// An end over TLS without close_notify is an error of this kind, see `keepwarm::tls::TlsConnector`.
    pub(crate) fn error(error: &io::Error) -> Self {
        let is_end = matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof
        );
        if is_end { Self::Fin } else { Self::Rst }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_name() {
        let read = |result, bytes: &[u8], tls| EndedBy::read(&result, bytes, tls).slug();
        assert_eq!(read(Ok(0), b"", false), "fin");
        assert_eq!(read(Ok(0), b"", true), "close-notify");
        assert_eq!(read(Ok(3), b"abc", false), "stray-bytes");
        let error = |kind: io::ErrorKind| Err(kind.into());
        assert_eq!(
            read(error(io::ErrorKind::ConnectionReset), b"", false),
            "rst"
        );
        assert_eq!(
            read(error(io::ErrorKind::ConnectionAborted), b"", true),
            "fin"
        );
    }

    #[test]
    fn a_408_on_an_idle_connection_is_a_close_in_words() {
        let it = EndedBy::stray(b"HTTP/1.1 408 Request Timeout\r\n\r\n");
        assert_eq!(it.words(), "a 408 nobody asked for");
        assert_eq!(
            EndedBy::stray(b"HTTP/1.1 200 OK\r\n").words(),
            "stray bytes"
        );
        assert_eq!(EndedBy::stray(b"").words(), "stray bytes");
    }
}
