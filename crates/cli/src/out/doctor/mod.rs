//! The text of `keepwarm doctor`.
//!
//! Owns the first screen: at most 24 lines of at most 100 characters. Refuses to judge.

pub(crate) mod chain;
mod facts;
mod findings;
mod http2;
pub(crate) mod mine;
pub(crate) mod progress;
mod settings;
pub(crate) mod snippets;
mod whole;

use keepwarm_doctor::{Diagnosis, Measured, Verdict, seconds};

use super::style::{BAD, DIM, GOOD, Painted, STRONG, WHY, wrap};

/// Lines of the first screen.
const SCREEN: usize = 24;
/// Characters of a line.
const WIDTH: usize = 96;

/// The first screen, without its last line end.
pub(crate) fn text(measured: &Measured, diagnosis: &Diagnosis) -> String {
    let mut lines = verdict(measured, diagnosis);
    lines.push(String::new());
    lines.extend(facts::facts(measured, diagnosis));
    if !diagnosis.findings.is_empty() {
        lines.push(String::new());
        lines.extend(findings::findings(&diagnosis.findings));
    }
    let recommended = settings::recommendation(diagnosis);
    let mut lines = shortened(lines, SCREEN - recommended.len());
    lines.extend(recommended);
    lines.join("\n")
}

/// The first screen without its limit, and behind it everything else, without its last line end.
pub(crate) fn whole(measured: &Measured, diagnosis: &Diagnosis) -> String {
    let mut lines = verdict(measured, diagnosis);
    lines.push(String::new());
    lines.extend(facts::facts(measured, diagnosis));
    lines.extend(whole::lines(measured, diagnosis));
    lines.extend(settings::recommendation(diagnosis));
    lines.join("\n")
}

/// As many of the lines as there is room for, and how many are left out.
fn shortened(mut lines: Vec<String>, room: usize) -> Vec<String> {
    if lines.len() > room {
        let left = lines.len() - room + 1;
        lines.truncate(room - 1);
        let more = format!("… {left} more lines: --verbose has everything");
        lines.push(Painted(DIM, more).to_string());
    }
    lines
}

fn painted(verdict: Verdict) -> Painted<&'static str> {
    match verdict {
        Verdict::Healthy => Painted(GOOD, "healthy"),
        Verdict::Findings => Painted(BAD, "findings"),
        Verdict::Inconclusive => Painted(WHY, "inconclusive"),
    }
}

/// So many characters of it at most.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

fn verdict(measured: &Measured, diagnosis: &Diagnosis) -> Vec<String> {
    let head = format!(
        "{}  {}",
        Painted(STRONG, &measured.url),
        painted(diagnosis.verdict)
    );
    let mut lines = vec![head];
    lines.extend(wrap(&diagnosis.summary, WIDTH));
    lines
}
