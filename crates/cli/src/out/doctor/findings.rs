//! What was found, the first of it at length.
//!
//! Owns how much of each finding is told.

use anstyle::Style;
use keepwarm_doctor::{Finding, Severity};

use super::WIDTH;
use crate::out::style::{BAD, CURE, DIM, Painted, STRONG, WHY, wrap};

/// Findings that are told with evidence and cure; the others in a line.
const AT_LENGTH: usize = 2;

pub(super) fn findings(findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, finding) in findings.iter().enumerate() {
        let severity = Painted(style(finding.severity), finding.severity.slug());
        let cause = Painted(STRONG, finding.cause.slug());
        let head = format!("{severity} {cause}");
        if finding.severity == Severity::Info || place >= AT_LENGTH {
            let used = finding.severity.slug().len() + finding.cause.slug().len() + 3;
            let summary: String = finding.summary.chars().take(WIDTH - used).collect();
            lines.push(format!("{head}  {summary}"));
            continue;
        }
        lines.push(format!("{head}  {}", finding.evidence.join("; ")));
        for line in wrap(finding.cure, WIDTH - 2) {
            lines.push(format!("  {}", Painted(CURE, line)));
        }
    }
    lines
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::High => BAD,
        Severity::Medium | Severity::Low => WHY,
        Severity::Info => DIM,
    }
}
