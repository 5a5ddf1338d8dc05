//! The verdict in one sentence, and times in words.
//!
//! Owns the sentence. Refuses to decide the verdict.

use std::time::Duration;

use super::{Finding, IdleTimeout, Severity, Verdict};
use crate::measured::Measured;

pub(super) fn summary(
    measured: &Measured,
    idle: &IdleTimeout,
    max_requests: Option<u64>,
    findings: &[Finding],
    verdict: Verdict,
) -> String {
    match verdict {
        Verdict::Findings => {
            let worst = findings.iter().find(|it| it.severity > Severity::Info);
            worst.map_or_else(String::new, |worst| worst.summary.clone())
        }
        Verdict::Inconclusive if measured.interrupted => {
            format!(
                "Interrupted after {}: {}.",
                seconds(measured.took),
                known(idle)
            )
        }
        Verdict::Inconclusive if idle.uncertain => {
            "This machine was held up while it measured: the times are uncertain; run it again."
                .to_owned()
        }
        Verdict::Inconclusive => format!("Not enough was seen for a verdict: {}.", known(idle)),
        Verdict::Healthy => {
            let requests = match (max_requests, &measured.max_requests) {
                (Some(most), _) => format!(", serves {most} requests on each"),
                (None, Some(open)) if open.counts.is_empty() && open.at_least > 1 => {
                    format!(", served {} requests on one", open.at_least)
                }
                (None, _) => String::new(),
            };
            format!(
                "The server keeps connections alive{requests}, and {}.",
                known(idle)
            )
        }
    }
}

fn known(idle: &IdleTimeout) -> String {
    match (idle.value, idle.at_least) {
        (Some(value), _) => format!("ends idle ones after {}", seconds(value)),
        (None, Some(open)) => format!("idle ones were still open after {}", seconds(open)),
        (None, None) => "no idle connection was waited for".to_owned(),
    }
}

/// A time in words: `480 ms`, `5.01 s`. Two decimals, for a server's timer has no more.
pub fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        return format!("{} ms", time.as_millis());
    }
    let text = format!("{:.2}", time.as_secs_f64());
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let said = |millis| seconds(Duration::from_millis(millis));
        assert_eq!(
            [said(480), said(5_000), said(5_012)],
            ["480 ms", "5 s", "5.01 s"]
        );
    }
}
