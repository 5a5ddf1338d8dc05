//! `Says`: what the caller's own fields say about the connection.
//!
//! Owns the reading of `Connection`, `Upgrade` and `Expect`. Refuses to act on them.

use http::HeaderMap;
use http::header::{EXPECT, UPGRADE};
use keepwarm_core::h1;
use keepwarm_core::origin::Scheme;

use crate::config::Versions;
use crate::error::{Error, Result};

#[derive(Default)]
pub(super) struct Says {
    pub(super) close: bool,
    pub(super) upgrade: bool,
    pub(super) expect: bool,
}

impl Says {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if headers.is_empty() {
            return Self::default();
        }
        Self {
            close: h1::connection_says(headers, "close"),
            upgrade: asks_to_switch(headers),
            expect: headers
                .get(EXPECT)
                .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue")),
        }
    }
}

fn asks_to_switch(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE) && h1::connection_says(headers, "upgrade")
}

/// Whether a call must have HTTP/1.1 although its origin may choose HTTP/2.
///
/// # Errors
/// When it must, and nothing but HTTP/2 may be spoken.
pub(super) fn needs_http1(versions: Versions, scheme: Scheme, headers: &HeaderMap) -> Result<bool> {
    //= RFC 9113 §8.6: HTTP/2 has neither `Upgrade` nor 101.
    match versions {
        Versions::Both => Ok(scheme == Scheme::Https && asks_to_switch(headers)),
        Versions::Http2 if asks_to_switch(headers) => {
            let message = "a request with Upgrade needs HTTP/1.1, and the client is http2_only";
            Err(Error::usage(message))
        }
        Versions::Http1 | Versions::Http2 => Ok(false),
    }
}
