//! What does the server do with requests that it has to refuse?
//!
//! Unusual ones: a method, a target and a head that are not taken, and a field that is none; and what a refusal does to
//! its connection. Only when the user asked for it, one after the other.

use http::Method;

use super::errors::followed;
use crate::bench::Bench;
use crate::exchange::Ask;

/// Longer than the request lines that servers take.
const LONG_TARGET: usize = 16 << 10;
/// More than the heads that most servers take.
const LONG_FIELD: usize = 64 << 10;

/// Asks each on a connection of its own, and then the plain request behind it.
pub(crate) async fn check(bench: &Bench) {
    let strange = [
        Ask {
            method: Some(Method::TRACE),
            ..bench.plain()
        },
        Ask {
            path: format!("/{}", "a".repeat(LONG_TARGET)),
            ..bench.plain()
        },
        Ask {
            lines: format!("x-keepwarm-doctor: {}\r\n", "a".repeat(LONG_FIELD)),
            ..bench.plain()
        },
        Ask {
            lines: "keepwarm doctor: a name with a blank\r\n".to_owned(),
            ..bench.plain()
        },
    ];
    for ask in strange {
        drop(followed(bench, &ask, |status| status.to_string()).await);
    }
}
