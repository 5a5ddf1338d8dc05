//! Do refused request bodies cost the connection, or the answer?
//!
//! Owns the sentences about them.

use super::{Finding, finding};
use crate::judge::{Cause, Severity};
use crate::measured::{Measured, UnreadBody};

pub(super) fn refused(measured: &Measured) -> Option<Finding> {
    let bodies = || measured.unread_body.iter();
    let lost = bodies().find(|body| body.answer_lost);
    let closing = bodies().find(|body| body.closes && !body.expect);
    let (severity, summary) = match (lost, closing) {
        (Some(lost), _) => (
            Severity::Medium,
            format!(
                "A refused request body of {} bytes loses its answer to a reset.",
                lost.size
            ),
        ),
        (None, Some(closing)) => (
            Severity::Info,
            format!(
                "A refused request body ends its connection, from {} bytes on.",
                closing.size
            ),
        ),
        (None, None) => return None,
    };
    let told = bodies().filter(|body| body.answer_lost || body.closes);
    let evidence = told.take(3).map(sentence).collect();
    Some(finding(
        Cause::RequestBodyRefused,
        severity,
        summary,
        evidence,
    ))
}

fn sentence(body: &UnreadBody) -> String {
    let status = match body.status {
        Some(status) => format!("answered {status}"),
        None => "no answer".to_owned(),
    };
    let (sent, size) = (body.sent, body.size);
    let expect = if body.expect { " with Expect" } else { "" };
    format!("POST{expect}: {sent} of {size} bytes sent, {status}")
}

/// 417 is what a server says that does not know `Expect`; a refusal of the request itself is what the field is for.
pub(super) fn expectation(measured: &Measured) -> Option<Finding> {
    let mut bodies = measured.unread_body.iter();
    let refused = bodies.find(|body| body.expect && body.status == Some(417))?;
    Some(finding(
        Cause::ExpectationRefused,
        Severity::Info,
        "The server refuses Expect: 100-continue with 417.".to_owned(),
        vec![sentence(refused)],
    ))
}
