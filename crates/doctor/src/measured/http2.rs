//! `Http2`: what an examination saw of HTTP/2, beside the connections whose end was waited for.
//!
//! Owns the values and the names of error codes. Refuses to judge them.

use std::time::Duration;

use keepwarm_core::reason::text;

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
    /// The error code of the one that names the last stream, a number (RFC 9113 §7).
    pub code: u32,
    /// The last stream that the server may have acted on.
    pub last_stream: u32,
    /// 2 when a first one only said that there would be another, else 1.
    pub stages: u32,
    /// Whether the connection was idle.
    pub on_idle: bool,
    /// When the first came, since the last byte of the answer before.
    pub after: Duration,
    /// How the connection ended behind it, and when; none when it was still open two seconds later.
    pub closed: Option<(EndedBy, Duration)>,
}

/// What a peer says that only goes.
pub(crate) const NO_ERROR: u32 = 0;
/// What a peer says that was asked too often.
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

impl GoAway {
    /// The name of its error code, or the number of one that has none.
    pub fn code_name(&self) -> String {
        code_name(self.code)
    }
}

/// The name of an error code, or its number when it has none.
pub(crate) fn code_name(code: u32) -> String {
    match code {
        0..=0xd => text::http2_code(code).to_owned(),
        unknown => format!("{unknown:#x}"),
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
