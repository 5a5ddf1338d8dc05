//! The first screen of `keepwarm doctor`.
//!
//! Owns the text: at most 24 lines of at most 100 characters. Refuses to judge.

mod facts;
mod findings;
pub(crate) mod progress;
mod settings;

use std::time::Duration;

use keepwarm_doctor::{Diagnosis, Measured, Verdict};

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
    let room = SCREEN - recommended.len();
    if lines.len() > room {
        let left = lines.len() - room + 1;
        lines.truncate(room - 1);
        let more = format!("… {left} more lines: --json has everything");
        lines.push(Painted(DIM, more).to_string());
    }
    lines.extend(recommended);
    lines.join("\n")
}

fn verdict(measured: &Measured, diagnosis: &Diagnosis) -> Vec<String> {
    let (style, word) = match diagnosis.verdict {
        Verdict::Healthy => (GOOD, "healthy"),
        Verdict::Findings => (BAD, "findings"),
        Verdict::Inconclusive => (WHY, "inconclusive"),
    };
    let head = format!(
        "{}  {}",
        Painted(STRONG, &measured.url),
        Painted(style, word)
    );
    let mut lines = vec![head];
    lines.extend(wrap(&diagnosis.summary, WIDTH));
    lines
}

/// `480 ms`, `5.01 s`: two decimals, for a server's timer has no more.
fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        return format!("{} ms", time.as_millis());
    }
    let text = format!("{:.2}", time.as_secs_f64());
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} s")
}
