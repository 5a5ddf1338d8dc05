//! Attribution: at each opened connection, which earlier one should have served, and what became of it.
//!
//! Owns the judgement and its order: patterns over an origin's connections, the cause of each end, the blame for each
//! opening, then the findings. Refuses to read events: it has the history, whoever made that.
//!
//! The rule. A connection that ends leaves a *ghost*: a place that a patient server and a perfect pool would still
//! have. An opening while a ghost is there was avoidable, and what ended the ghost is to blame; the ghost is used up.
//! An opening without one was needed: more calls were under way than ever before. Ends by a rule of the server that no
//! client can change (so many requests, such an age) leave a ghost that makes the opening *forced*, which counts as
//! necessary. So `opened = necessary + avoidable`, and `necessary` is the peak of calls at once plus the forced ones.

mod beyond;
mod blame;
mod ending;
mod evidence;
mod findings;
mod pattern;
mod per_request;

use crate::history::History;
use crate::report::{Connection, Necessity, Report};
use pattern::Patterns;

/// Judges a history: who is to blame for each opening, and what was found.
pub(crate) fn judge(mut history: History) -> Report {
    let count = history.report.origins.len();
    let patterns: Vec<Patterns> = (0..count)
        .map(|origin| Patterns::of(&history, origin))
        .collect();
    per_request::judge(&mut history);
    blame::judge(&mut history, &patterns);
    for (origin, patterns) in patterns.iter().enumerate() {
        count_necessity(&mut history.report, origin);
        history.report.origins[origin].idle_timeout = patterns.idle_timeout;
    }
    history.report.findings = findings::of(&history, &patterns);
    history.report
}

fn count_necessity(report: &mut Report, index: usize) {
    let origin = &mut report.origins[index];
    let is_counted = |it: &&Connection| it.origin == index && !it.is_older;
    for connection in report.connections.iter().filter(is_counted) {
        match connection.necessity {
            Necessity::Avoidable => {
                origin.avoidable += 1;
                let wasted = connection.handshake_us();
                origin.wasted_us = origin.wasted_us.saturating_add(wasted);
            }
            Necessity::Forced => {
                origin.forced += 1;
                origin.necessary += 1;
            }
            Necessity::Needed => origin.necessary += 1,
        }
    }
}
