//! `Http2`: what an examination saw of HTTP/2, beside the connections whose end was waited for.
//!
//! Owns the values and the names of error codes. Refuses to judge them.

use std::time::Duration;

use super::MaxRequests;
use crate::ending::EndedBy;

/// What was seen of HTTP/2.
#[derive(Clone, Debug, Default)]
pub struct Http2 {
    /// Whether a request was answered over it.
    pub examined: bool,
    /// Why none was, although the server chose it.
    pub broken: Option<String>,
    /// `SETTINGS_MAX_CONCURRENT_STREAMS`; none when the server sets no limit.
    pub max_concurrent_streams: Option<u32>,
    /// How many requests a connection serves; `announced` is with GOAWAY.
    pub max_requests: Option<MaxRequests>,
    /// What became of PINGs on an idle connection.
    pub pings: Option<Pings>,
    /// The GOAWAY with which it ends idle connections; when it ends none with one, the GOAWAY that ended a series of
    /// requests.
    pub go_away: Option<GoAway>,
}

/// PINGs on an idle connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pings {
    /// So many were acknowledged.
    pub acknowledged: u32,
    /// When the first was, since the last byte of the answer before; none when none was.
    pub first: Option<Duration>,
    /// The server ended the connection because of them (`ENHANCE_YOUR_CALM`).
    pub refused: bool,
}

/// A GOAWAY, or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoAway {
    /// The error code of the last one, a number (RFC 9113 §7).
    pub code: u32,
    /// The last stream that the server may have acted on, by the last one.
    pub last_stream: u32,
    /// How many were sent: with two, the first only said that there would be another.
    pub stages: u32,
    /// Whether the connection was idle.
    pub on_idle: bool,
    /// When the first came, since the last byte of the answer before.
    pub after: Duration,
    /// How the connection ended behind it, and when; none when it was still open two seconds later.
    pub closed: Option<(EndedBy, Duration)>,
}

/// The names of error codes, by number.
const CODES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

/// What a peer says that was asked too often.
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

impl GoAway {
    /// The name of its error code, or the number of one that has none.
    pub fn code_name(&self) -> String {
        let known = usize::try_from(self.code).ok().and_then(|it| CODES.get(it));
        known.map_or_else(|| format!("{:#x}", self.code), |it| (*it).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_names_of_the_standard() {
        let named = |code| {
            let it = GoAway {
                code,
                last_stream: 0,
                stages: 1,
                on_idle: true,
                after: Duration::ZERO,
                closed: None,
            };
            it.code_name()
        };
        assert_eq!(named(0), "NO_ERROR");
        assert_eq!(named(ENHANCE_YOUR_CALM), "ENHANCE_YOUR_CALM");
        assert_eq!(named(13), "HTTP_1_1_REQUIRED");
        assert_eq!(named(0xfe), "0xfe");
    }
}
