//! Does the server end only its half of idle connections?
//!
//! Owns the sentence about it.

use super::{Finding, finding};
use crate::judge::{Cause, Severity};
use crate::measured::{AfterTheirs, Measured};

/// Lingering for a while is what RFC 9112 §9.6 asks of servers, and looks the same: it is worth knowing, and no fault.
pub(super) fn half_closed(measured: &Measured) -> Option<Finding> {
    match measured.half_close.after_theirs? {
        AfterTheirs::Reset => None,
        AfterTheirs::Swallowed => Some(finding(
            Cause::HalfClosedIdle,
            Severity::Info,
            "The server ends its half of an idle connection and swallows what is still asked."
                .to_owned(),
            vec!["a request behind the server's FIN met no reset".to_owned()],
        )),
    }
}
