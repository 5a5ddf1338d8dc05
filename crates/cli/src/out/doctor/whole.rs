//! Everything that was measured and found: what `--verbose` adds to the first screen.
//!
//! Owns its parts: findings with all evidence, each connection that was waited for, what could not be asked. Refuses to
//! judge.

use std::time::Duration;

use keepwarm_doctor::{Diagnosis, Finding, Life, Measured, Sample};

use super::{WIDTH, findings, seconds};
use crate::out::style::{CURE, DIM, Painted, STRONG, wrap};

/// The parts that have something to say, each with an empty line before it.
pub(super) fn lines(measured: &Measured, diagnosis: &Diagnosis) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in &diagnosis.findings {
        lines.push(String::new());
        lines.extend(at_length(finding));
    }
    if diagnosis.products.len() > 1 {
        lines.push(String::new());
        lines.push(Painted(STRONG, "What it may be").to_string());
        for product in &diagnosis.products {
            let (name, confidence) = (&product.name, product.confidence.word());
            let said = format!("{name} ({confidence}): {}", product.why);
            lines.extend(indented(&said));
        }
    }
    if !measured.samples.is_empty() {
        lines.push(String::new());
        lines.push(Painted(STRONG, "Connections that were left idle").to_string());
        let mut samples: Vec<_> = measured.samples.iter().collect();
        samples.sort_by_key(|sample| (sample.situation.slug(), length(sample)));
        lines.extend(samples.into_iter().map(sample));
    }
    if !measured.notes.is_empty() {
        lines.push(String::new());
        lines.push(Painted(STRONG, "What could not be asked").to_string());
        for note in &measured.notes {
            lines.extend(indented(note));
        }
    }
    lines
}

fn at_length(finding: &Finding) -> Vec<String> {
    let mut lines = vec![findings::head(finding)];
    lines.extend(indented(&finding.summary));
    for evidence in &finding.evidence {
        let said = wrap(evidence, WIDTH - 4).into_iter();
        lines.extend(said.map(|line| format!("  {}", Painted(DIM, line))));
    }
    let cure = wrap(finding.cure, WIDTH - 2).into_iter();
    lines.extend(cure.map(|line| format!("  {}", Painted(CURE, line))));
    let page = format!("docs/causes/{}.md", finding.cause.slug());
    lines.push(format!("  {}", Painted(DIM, page)));
    lines
}

fn indented(text: &str) -> Vec<String> {
    let lines = wrap(text, WIDTH - 2).into_iter();
    lines.map(|line| format!("  {line}")).collect()
}

fn length(sample: &Sample) -> Duration {
    match sample.life {
        Life::Ended { after, .. } | Life::Lost(after) | Life::Open(after) => after,
    }
}

fn sample(sample: &Sample) -> String {
    let said = match sample.life {
        Life::Ended {
            after,
            low,
            high,
            by,
            uncertain,
        } => {
            let doubt = if uncertain {
                format!(", uncertain: {} to {}", seconds(low), seconds(high))
            } else {
                String::new()
            };
            format!("{} with {}{doubt}", seconds(after), by.words())
        }
        Life::Lost(after) => format!("dead after {}, without a word", seconds(after)),
        Life::Open(after) => format!("open after {}", seconds(after)),
    };
    let situation = Painted(DIM, format!("{:<16}", sample.situation.slug()));
    format!("  {situation} {:<22} {said}", sample.address.to_string())
}
