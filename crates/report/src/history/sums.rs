//! The numbers of each origin that are sums over its connections and exchanges.
//!
//! Owns the counting. What is avoidable is counted by whoever judges.

use std::collections::HashMap;

use super::History;
use crate::report::{Ends, Outcome, Report};

pub(super) fn count(history: &mut History) {
    for failed in &history.failed_dials {
        history.report.origins[failed.origin].dials_failed += 1;
    }
    let report = &mut history.report;
    for index in 0..report.origins.len() {
        count_exchanges(report, index);
        count_connections(report, index);
    }
}

fn count_exchanges(report: &mut Report, index: usize) {
    let mut sum = report.origins[index].clone();
    let mut changes = Vec::new();
    for exchange in report.exchanges.iter().filter(|it| it.origin == index) {
        let until = exchange.until_us(report.length_us);
        changes.extend([(exchange.asked_us, 1_i64), (until, -1)]);
        sum.exchanges += u64::from(exchange.connection.is_some());
        sum.reused += u64::from(exchange.is_reuse());
        sum.retries += u64::from(exchange.again);
        // One that is sent again has not failed for the caller yet.
        sum.failed += u64::from(exchange.outcome == Outcome::Failed && !exchange.again);
    }
    sum.peak = peak(changes);
    sum.reuse_ratio = crate::report::ratio(sum.reused, sum.exchanges);
    report.origins[index] = sum;
}

/// The most that were there at once; what ends in the moment in which another begins is gone by then.
fn peak(mut changes: Vec<(u64, i64)>) -> u64 {
    changes.sort_unstable();
    let (mut now, mut most) = (0_i64, 0_i64);
    for (_, change) in changes {
        now += change;
        most = most.max(now);
    }
    u64::try_from(most).unwrap_or(0)
}

fn count_connections(report: &mut Report, index: usize) {
    let mut opened = 0;
    let mut requests: Vec<u64> = Vec::new();
    let mut ends: HashMap<(&str, &str), u64> = HashMap::new();
    let of_origin = |it: &&crate::report::Connection| it.origin == index;
    for connection in report.connections.iter().filter(of_origin) {
        opened += u64::from(!connection.is_older);
        requests.push(connection.exchanges.len() as u64);
        if let Some(end) = &connection.end {
            *ends.entry((&end.reason, &end.by)).or_default() += 1;
        }
    }
    requests.sort_unstable();
    let mut ends: Vec<Ends> = ends
        .into_iter()
        .map(|((reason, by), count)| Ends {
            reason: reason.to_owned(),
            by: by.to_owned(),
            count,
        })
        .collect();
    ends.sort_by(|a, b| (b.count, &a.reason, &a.by).cmp(&(a.count, &b.reason, &b.by)));
    let origin = &mut report.origins[index];
    origin.opened = opened;
    origin.ends = ends;
    if let (Some(least), Some(most)) = (requests.first(), requests.last()) {
        origin.requests = [*least, requests[requests.len() / 2], *most];
    }
}
