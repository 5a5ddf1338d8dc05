//! Do answers of some kinds end their connection?
//!
//! Owns the sentence about them.

use super::{Finding, finding};
use crate::judge::{Cause, Severity};
use crate::measured::Measured;

pub(super) fn error_close(measured: &Measured) -> Option<Finding> {
    let closing: Vec<_> = measured
        .error_close
        .iter()
        .filter(|(_, it)| it.closes)
        .collect();
    let (first, _) = closing.first()?;
    let names: Vec<_> = closing.iter().map(|(name, _)| name.as_str()).collect();
    let evidence = closing.iter().map(|(name, it)| match it.announced {
        true => format!("{name}: the answer said so"),
        false => format!("{name}: the next request was not answered"),
    });
    let what = if names.len() == 1 && first.as_str() == "HEAD" {
        "An answer to HEAD ends its connection.".to_owned()
    } else {
        format!(
            "Answers of these kinds end their connection: {}.",
            names.join(", ")
        )
    };
    // Most servers end the connection with an answer to what they cannot read, or do not let in (TRACE): nothing is
    // certain behind it.
    let is_usual =
        |name: &str| matches!(name, "400" | "405" | "408" | "413" | "414" | "431" | "501");
    let severity = match names.iter().all(|name| is_usual(name)) {
        true => Severity::Info,
        false => Severity::Medium,
    };
    Some(finding(
        Cause::ErrorStatusClose,
        severity,
        what,
        evidence.collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::measured;
    use crate::measured::ErrorClose;

    #[test]
    fn what_most_servers_do_is_only_worth_knowing() {
        let judged = |names: &[&str]| {
            let mut seen = measured();
            let (closes, announced) = (true, true);
            for name in names {
                let close = ErrorClose { closes, announced };
                seen.error_close.insert((*name).to_owned(), close);
            }
            error_close(&seen).map(|found| found.severity)
        };
        assert_eq!(judged(&[]), None);
        assert_eq!(judged(&["400", "405", "414", "431"]), Some(Severity::Info));
        assert_eq!(judged(&["400", "404"]), Some(Severity::Medium));
        assert_eq!(judged(&["HEAD"]), Some(Severity::Medium));
    }
}
