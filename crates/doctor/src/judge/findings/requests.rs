//! Does a connection serve few requests, or end without a word?
//!
//! Owns the threshold of counts.

use super::{Finding, finding};
use crate::judge::{Cause, Severity};
use crate::measured::{MaxRequests, Measured};

/// The smallest limit on requests that a server has by default, among those in the table of defaults.
const FEW_REQUESTS: u64 = 100;

pub(super) fn few_requests(
    known: Option<&MaxRequests>,
    max_requests: Option<u64>,
    is_http2: bool,
) -> Option<Finding> {
    let known = known?;
    let least = *known.counts.iter().min()?;
    let silent = !known.announced;
    let severity = if silent || least < FEW_REQUESTS {
        Severity::Medium
    } else {
        Severity::Info
    };
    let what = match is_http2 {
        true => "HTTP/2 connection",
        false => "connection",
    };
    let mut summary = match max_requests {
        Some(most) => format!("The server ends each {what} after {most} requests"),
        None => format!("The server ends {what}s after {least} requests or more"),
    };
    summary.push_str(if silent {
        ", without announcing it."
    } else {
        "."
    });
    let counts: Vec<_> = known.counts.iter().map(u64::to_string).collect();
    let last = match (silent, is_http2) {
        (true, false) => "the last answer announced nothing",
        (true, true) => "there was no GOAWAY",
        (false, false) => "the last answer said Connection: close",
        (false, true) => "GOAWAY announced it",
    };
    let evidence = vec![format!(
        "{} requests in a row; {last}",
        counts.join(" and ")
    )];
    Some(finding(Cause::MaxRequestsLow, severity, summary, evidence))
}

/// Servers count the answers or those after the first: N and N + 1 are both what `max=N` says.
pub(super) fn announced_max(measured: &Measured, max_requests: Option<u64>) -> Option<Finding> {
    let told = measured.announced.and_then(|announced| announced.max)?;
    let known = measured.max_requests.as_ref()?;
    let (severity, summary) = match max_requests {
        Some(most) if most < told => (
            Severity::Medium,
            format!("The server announces {told} requests and ends each connection after {most}."),
        ),
        Some(most) if most > told.saturating_add(1) => (
            Severity::Low,
            format!("The server announces {told} requests and serves {most} on each connection."),
        ),
        None if known.counts.is_empty() && known.at_least > told.saturating_add(1) => (
            Severity::Low,
            format!(
                "The server announces {told} requests and serves {} or more.",
                known.at_least
            ),
        ),
        Some(_) | None => return None,
    };
    let evidence = vec![format!("Keep-Alive: max={told}")];
    Some(finding(
        Cause::AnnouncedMaxWrong,
        severity,
        summary,
        evidence,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::measured;
    use crate::measured::{Announced, MaxRequests};

    fn judged(told: u64, counts: &[u64], at_least: u64) -> Option<Severity> {
        let mut seen = measured();
        seen.announced = Some(Announced {
            max: Some(told),
            ..Announced::default()
        });
        seen.max_requests = Some(MaxRequests {
            counts: counts.to_vec(),
            announced: true,
            at_least,
        });
        announced_max(&seen, counts.first().copied()).map(|found| found.severity)
    }

    #[test]
    fn an_announcement_holds_for_the_answers_or_those_after_the_first() {
        assert_eq!(judged(100, &[100, 100], 0), None);
        assert_eq!(judged(100, &[101, 101], 0), None);
        assert_eq!(judged(100, &[], 100), None);
        assert_eq!(judged(100, &[99, 99], 0), Some(Severity::Medium));
        assert_eq!(judged(100, &[102, 102], 0), Some(Severity::Low));
        assert_eq!(judged(100, &[], 300), Some(Severity::Low));
        assert_eq!(judged(u64::MAX, &[], 300), None);
    }
}
