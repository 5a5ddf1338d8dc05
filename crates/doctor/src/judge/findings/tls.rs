//! Does each connection cost a full handshake?
//!
//! Owns the sentence about it.

use super::{Finding, finding};
use crate::judge::{Cause, Severity};
use crate::measured::Measured;

pub(super) fn not_resumed(measured: &Measured) -> Option<Finding> {
    let tls = measured
        .tls
        .as_ref()
        .filter(|tls| tls.resumed == Some(false))?;
    let summary = "TLS sessions are not taken up again: each connection costs a full handshake.";
    let evidence = vec![format!(
        "several handshakes in a row with {}, each offered what the one before was given",
        tls.version
    )];
    Some(finding(
        Cause::TlsNotResumed,
        Severity::Low,
        summary.to_owned(),
        evidence,
    ))
}
