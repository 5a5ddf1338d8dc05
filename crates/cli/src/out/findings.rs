//! The report as text: the numbers of each origin, then what was found and what to do.
//!
//! Owns the layout. Refuses to judge: the report did.

use keepwarm::Human;
use keepwarm_report::{Finding, Origin, Report, Severity};
use std::time::Duration;

use super::style::{BAD, CURE, DIM, GOOD, Painted, STRONG, WHY, plural, wrap};

/// Width of sentences.
const WIDTH: usize = 88;
/// Lines of a setting that is shown here; longer ones stand on the cause's page.
const SNIPPET: usize = 4;
/// Origins that have a line each; the others are counted.
const ORIGINS: usize = 20;

/// The report, line by line.
pub(crate) fn lines(report: &Report) -> Vec<String> {
    let mut lines = vec![headline(report)];
    lines.extend(report.origins.iter().take(ORIGINS).flat_map(origin));
    if report.origins.len() > ORIGINS {
        let more = plural((report.origins.len() - ORIGINS) as u64, "further origin");
        lines.push(format!("  … and {more}"));
    }
    if report.dropped > 0 {
        lines.push(format!(
            "  {} not kept, so what they told is missing",
            plural(report.dropped, "event")
        ));
    }
    for finding in &report.findings {
        lines.push(String::new());
        lines.extend(tell(finding));
    }
    lines
}

fn headline(report: &Report) -> String {
    let style = match report.findings.first().map(|worst| worst.severity) {
        Some(Severity::High) => BAD,
        Some(Severity::Medium | Severity::Low) => WHY,
        Some(Severity::Info) | None => GOOD,
    };
    Painted(style, keepwarm_report::headline(report)).to_string()
}

fn origin(origin: &Origin) -> Vec<String> {
    let mut numbers = vec![
        plural(origin.exchanges, "exchange"),
        format!(
            "{} ({} necessary, {} avoidable)",
            plural(origin.opened, "connection"),
            origin.necessary,
            origin.avoidable
        ),
    ];
    if let Some(ratio) = origin.reuse_ratio {
        numbers.push(format!("{:.0} % reused", (ratio * 100.0).floor()));
    }
    if let Some(timeout) = &origin.idle_timeout {
        let time = Human(Duration::from_micros(timeout.us));
        numbers.push(format!("closes idle connections after {time}"));
    }
    if origin.failed > 0 {
        numbers.push(format!("{} failed", origin.failed));
    }
    let mut lines = vec![format!("  {}", Painted(STRONG, &origin.name))];
    let told = wrap(&numbers.join(", "), WIDTH - 4);
    lines.extend(told.into_iter().map(|line| format!("    {line}")));
    lines
}

fn tell(finding: &Finding) -> Vec<String> {
    let style = match finding.severity {
        Severity::High => BAD,
        Severity::Medium | Severity::Low => WHY,
        Severity::Info => DIM,
    };
    let slug = finding.cause.slug();
    let severity = finding.severity.slug();
    let mut lines = vec![format!("{} ({severity})", Painted(style, slug))];
    let indented = |text: &str, lines: &mut Vec<String>| {
        let wrapped = wrap(text, WIDTH - 2);
        lines.extend(wrapped.into_iter().map(|line| format!("  {line}")));
    };
    indented(&finding.summary, &mut lines);
    for seen in &finding.evidence {
        for (index, line) in wrap(seen, WIDTH - 4).into_iter().enumerate() {
            let mark = if index == 0 { "·" } else { " " };
            lines.push(Painted(DIM, format!("  {mark} {line}")).to_string());
        }
    }
    if let Some(cure) = finding.cures.first() {
        for line in wrap(&cure.text, WIDTH - 2) {
            lines.push(format!("  {}", Painted(CURE, line)));
        }
        if cure.snippet.lines().count() <= SNIPPET {
            let snippet = cure.snippet.lines();
            lines.extend(snippet.map(|line| format!("      {line}")));
        }
    }
    lines.push(
        Painted(
            DIM,
            format!("  docs/causes/{slug}.md: how to check it, and the cure in other software"),
        )
        .to_string(),
    );
    lines
}
