//! Are there addresses of the name that cannot be connected to?
//!
//! Owns the sentence about them.

use super::{Finding, finding};
use crate::judge::{Cause, Severity};
use crate::measured::Measured;

pub(super) fn dead_addresses(measured: &Measured) -> Option<Finding> {
    let (first, why) = measured.dead_addresses.first()?;
    let severity = if measured.is_loopback {
        Severity::Info
    } else {
        Severity::Medium
    };
    let dead = measured.dead_addresses.len();
    let all = dead + measured.addresses.len();
    let summary = format!("{dead} of {all} addresses cannot be connected to.");
    let evidence = vec![format!("{first}: {why}")];
    Some(finding(Cause::ConnectFails, severity, summary, evidence))
}
