//! Does a connection serve few requests, or end without a word?
//!
//! Owns the threshold of counts.

use super::{Finding, finding};
use crate::judge::{Cause, Severity};
use crate::measured::Measured;

/// The smallest limit on requests that a server has by default, among those in the table of defaults.
const FEW_REQUESTS: u64 = 100;

pub(super) fn few_requests(measured: &Measured, max_requests: Option<u64>) -> Option<Finding> {
    let known = measured.max_requests.as_ref()?;
    let least = *known.counts.iter().min()?;
    let silent = !known.announced;
    let severity = if silent || least < FEW_REQUESTS {
        Severity::Medium
    } else {
        Severity::Info
    };
    let mut summary = match max_requests {
        Some(most) => format!("The server ends each connection after {most} requests"),
        None => format!("The server ends connections after {least} requests or more"),
    };
    summary.push_str(if silent {
        ", without announcing it."
    } else {
        "."
    });
    let counts: Vec<_> = known.counts.iter().map(u64::to_string).collect();
    let last = if silent {
        "the last answer announced nothing"
    } else {
        "the last answer said Connection: close"
    };
    let evidence = vec![format!(
        "{} requests, one after the other; {last}",
        counts.join(" and ")
    )];
    Some(finding(Cause::MaxRequestsLow, severity, summary, evidence))
}
