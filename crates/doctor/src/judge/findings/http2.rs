//! What is wrong with HTTP/2, beside what holds for HTTP/1.1 too.
//!
//! Owns the threshold of streams, and what is worth telling twice. Refuses to know how it was measured.

use std::time::Duration;

use super::{Finding, finding, idle, requests};
use crate::judge::{Cause, Http2Diagnosis, IdleTimeout, Severity};
use crate::measured::Measured;

/// RFC 9113 §6.5.2 recommends no fewer, so as not to limit parallelism without need.
const FEW_STREAMS: u32 = 100;
/// Below this, a page or a batch of calls waits for itself.
const VERY_FEW_STREAMS: u32 = 10;
/// Two idle timeouts are the same within this, or 2 %.
const SAME: Duration = Duration::from_millis(50);

/// What is wrong with HTTP/2 alone, and what is otherwise there than over HTTP/1.1.
pub(super) fn of(
    measured: &Measured,
    over_http1: &IdleTimeout,
    http2: &Http2Diagnosis,
    min_idle: Option<Duration>,
) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(broken(measured));
    found.extend(few_streams(measured));
    if measured.is_http2_only() {
        return found;
    }
    let idle = &http2.idle;
    if !are_same(over_http1.value, idle.value) {
        found.extend(idle::short_idle(idle, min_idle));
    }
    if !over_http1.differs() {
        found.extend(idle::backends(idle));
    }
    if over_http1.ended_by != idle.ended_by {
        found.extend(idle::kind_of_end(idle));
    }
    let least = |known: Option<&crate::measured::MaxRequests>| {
        known.and_then(|known| known.counts.iter().min().copied())
    };
    let known = measured.http2.max_requests.as_ref();
    if least(known) != least(measured.max_requests.as_ref()) {
        found.extend(requests::few_requests(known, http2.max_requests, true));
    }
    found
}

fn are_same(one: Option<Duration>, other: Option<Duration>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.abs_diff(other) <= SAME.max(one / 50),
        (Some(_), None) | (None, Some(_)) => false,
        (None, None) => true,
    }
}

fn broken(measured: &Measured) -> Option<Finding> {
    let why = measured.http2.broken.as_ref()?;
    let summary = "The server chooses HTTP/2 and then fails over it; HTTP/1.1 works.";
    let evidence = vec![
        "two connections agreed on h2 (ALPN)".to_owned(),
        why.clone(),
    ];
    Some(finding(
        Cause::Http2Broken,
        Severity::High,
        summary.to_owned(),
        evidence,
    ))
}

fn few_streams(measured: &Measured) -> Option<Finding> {
    let most = measured.http2.max_concurrent_streams?;
    let severity = match most {
        0..VERY_FEW_STREAMS => Severity::Medium,
        VERY_FEW_STREAMS..FEW_STREAMS => Severity::Low,
        FEW_STREAMS.. => return None,
    };
    let summary =
        format!("The server allows {most} HTTP/2 streams at once: further requests wait.");
    let evidence = vec![format!("SETTINGS_MAX_CONCURRENT_STREAMS is {most}")];
    Some(finding(Cause::Http2FewStreams, severity, summary, evidence))
}
