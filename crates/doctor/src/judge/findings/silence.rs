//! Do idle connections die without a word?
//!
//! Owns the sentence about them.

use super::{Finding, finding};
use crate::judge::sentence::seconds;
use crate::judge::{Cause, Severity, SilentDrop};

pub(in crate::judge) fn silent_drop(seen: &SilentDrop) -> Option<Finding> {
    let bad = seconds(seen.first_bad?);
    let mut evidence = vec![format!(
        "after {bad} idle a request met silence while a fresh connection was answered"
    )];
    let good = match seen.last_good {
        Some(good) => format!("{} idle still worked", seconds(good)),
        None => "no shorter idle time was seen to work".to_owned(),
    };
    evidence.push(good);
    evidence.extend(seen.tcp_keepalive_helps.map(|helps| match helps {
        true => "with TCP keepalive they live: a box on the way drops what is idle".to_owned(),
        false => "TCP keepalive does not help".to_owned(),
    }));
    let summary = match seen.last_good {
        Some(good) => format!(
            "Idle connections die without a word, after more than {} and at most {bad}.",
            seconds(good)
        ),
        None => format!("Idle connections die without a word, after at most {bad}."),
    };
    Some(finding(
        Cause::SilentDrop,
        Severity::High,
        summary,
        evidence,
    ))
}
