//! `Finding`: what is wrong with a server, with evidence; and the looking for it.
//!
//! Owns the order of the findings. Each file beside this one owns those of one subject, with its thresholds. Refuses to
//! recommend settings.

mod addresses;
mod age;
mod answers;
mod bodies;
mod half_close;
mod http2;
mod idle;
mod kept;
mod proxy;
mod requests;
mod silence;
mod tls;

use std::time::Duration;

pub(super) use self::age::max_age;
pub(super) use self::silence::silent_drop;
use super::{Cause, Http2Diagnosis, IdleTimeout, Severity, cure};
use crate::measured::Measured;

/// What is wrong, with evidence.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What.
    pub cause: Cause,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence with the numbers of this case.
    pub summary: String,
    /// What was seen, a sentence each; few.
    pub evidence: Vec<String>,
    /// What to do.
    pub cure: &'static str,
}

/// All findings, the worst first.
pub(super) fn of(
    measured: &Measured,
    idle: &IdleTimeout,
    max_requests: Option<u64>,
    http2: &Http2Diagnosis,
    min_idle: Option<Duration>,
) -> Vec<Finding> {
    let ends_at_once = idle.high.is_some_and(|high| high < kept::AT_ONCE);
    let mut found = Vec::new();
    found.extend(kept::not_kept(measured, ends_at_once));
    if found.is_empty() {
        found.extend(idle::short_idle(idle, min_idle));
        found.extend(idle::announcement(measured, idle));
        found.extend(idle::backends(idle));
        found.extend(idle::kind_of_end(idle));
        found.extend(requests::few_requests(
            measured.max_requests.as_ref(),
            max_requests,
            measured.is_http2_only(),
        ));
        found.extend(requests::announced_max(measured, max_requests));
        found.extend(answers::error_close(measured));
        found.extend(bodies::refused(measured));
        found.extend(bodies::expectation(measured));
    }
    found.extend(half_close::half_closed(measured));
    found.extend(tls::not_resumed(measured));
    found.extend(http2::of(measured, idle, http2, min_idle));
    found.extend(addresses::dead_addresses(measured));
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}

fn finding(cause: Cause, severity: Severity, summary: String, evidence: Vec<String>) -> Finding {
    Finding {
        cause,
        severity,
        summary,
        evidence,
        cure: cure::of(cause),
    }
}
