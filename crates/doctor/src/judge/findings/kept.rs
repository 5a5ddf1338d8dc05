//! Does no connection serve twice, and why?
//!
//! Owns what stands against every reuse. Refuses to know what happens to connections that are kept.

use std::time::Duration;

use http::Version;

use super::{Finding, finding, proxy};
use crate::judge::{Cause, Severity};
use crate::measured::Measured;

/// So soon after an answer an end is no timeout.
pub(super) const AT_ONCE: Duration = Duration::from_millis(20);

/// Why no connection serves twice, when none does.
pub(super) fn not_kept(measured: &Measured, ends_at_once: bool) -> Option<Finding> {
    let pilot = &measured.pilot;
    let line = format!("the first answer: {:?} {}", pilot.version, pilot.status);
    if pilot.reuse.is_keep() {
        return ends_at_once.then(|| {
            let summary = "The server ends each connection after one answer, without saying so.";
            let seen = match measured.reuse {
                Some(true) => "a second request sent at once was still answered",
                Some(false) | None => "no second request was answered",
            };
            let evidence = vec![
                format!(
                    "every connection ended within {} ms of its answer",
                    AT_ONCE.as_millis()
                ),
                seen.to_owned(),
            ];
            finding(
                Cause::KeepAliveDisabled,
                Severity::High,
                summary.to_owned(),
                evidence,
            )
        });
    }
    if let Some(found) = proxy::breaks_keep_alive(measured) {
        return Some(found);
    }
    let mut evidence = vec![line];
    if let Some(value) = pilot.header("connection") {
        evidence.push(format!("Connection: {value}"));
    }
    let asked = measured.http10.is_some_and(|http10| http10.keep_alive);
    let (cause, summary) = if pilot.is_closed_for("close-delimited") {
        (
            Cause::ResponseWithoutLength,
            "The answer has no length: only the end of the connection ends it.",
        )
    } else if pilot.version == Version::HTTP_10 {
        if asked {
            evidence.push("with Connection: keep-alive in the request it is kept".to_owned());
        }
        (
            Cause::Http10Only,
            "The server answers HTTP/1.0 and ends each connection after one answer.",
        )
    } else {
        (
            Cause::KeepAliveDisabled,
            "The server ends each connection after one answer.",
        )
    };
    Some(finding(cause, Severity::High, summary.to_owned(), evidence))
}
