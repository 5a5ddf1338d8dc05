//! Does the server end connections for their age?
//!
//! Owns the threshold.

use std::time::Duration;

use super::{Finding, finding};
use crate::judge::sentence::seconds;
use crate::judge::{Cause, MaxAge, Severity};
use crate::measured::Measured;

/// Below this, a busy client opens its connections anew all the time.
const YOUNG: Duration = Duration::from_secs(60);

pub(in crate::judge) fn max_age(measured: &Measured, seen: &MaxAge) -> Option<Finding> {
    let value = seen.value?;
    let age = seconds(value);
    let severity = match seen.is_confirmed && value < YOUNG {
        true => Severity::Medium,
        false => Severity::Info,
    };
    let summary =
        format!("The server ends connections that are {age} old, though they are not idle.");
    let ends = measured.ages.ended.iter().map(|end| {
        let how = match end.announced {
            true => "the last answer said so",
            false => "without a word",
        };
        format!(
            "after {} and {} requests, {how}",
            seconds(end.after),
            end.requests
        )
    });
    Some(finding(
        Cause::ServerMaxAge,
        severity,
        summary,
        ends.collect(),
    ))
}
