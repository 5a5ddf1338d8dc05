//! What was found, the first of it at length.
//!
//! Owns how much of each finding is told.

use anstyle::Style;
use keepwarm_doctor::{Finding, Severity};

use super::{WIDTH, cut};
use crate::out::style::{BAD, CURE, DIM, Painted, STRONG, WHY, wrap};

/// Findings that are told with evidence and cure; the others in a line.
const AT_LENGTH: usize = 2;

pub(super) fn findings(findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, finding) in findings.iter().enumerate() {
        if finding.severity == Severity::Info || place >= AT_LENGTH {
            lines.push(in_a_line(finding, WIDTH));
            continue;
        }
        lines.push(with_head(finding, &finding.evidence.join("; "), WIDTH));
        for line in wrap(finding.cure, WIDTH - 2) {
            lines.push(format!("  {}", Painted(CURE, line)));
        }
    }
    lines
}

/// How bad and what.
pub(super) fn head(finding: &Finding) -> String {
    let severity = Painted(style(finding.severity), finding.severity.slug());
    let cause = Painted(STRONG, finding.cause.slug());
    format!("{severity} {cause}")
}

/// What it is and its sentence, or as much of that as there is room for.
pub(super) fn in_a_line(finding: &Finding, width: usize) -> String {
    with_head(finding, &finding.summary, width)
}

fn with_head(finding: &Finding, text: &str, width: usize) -> String {
    let used = finding.severity.slug().len() + finding.cause.slug().len() + 3;
    let text = cut(text, width.saturating_sub(used));
    format!("{}  {text}", head(finding))
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::High => BAD,
        Severity::Medium | Severity::Low => WHY,
        Severity::Info => DIM,
    }
}
