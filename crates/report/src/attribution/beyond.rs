//! What is found beyond the openings: failures, waiting, handshakes, settings.
//!
//! Owns a rule for each. Refuses to look at why connections ended.

use std::collections::{BTreeMap, BTreeSet};

use keepwarm_core::reason::Miss;

use super::ending::is_race_of;
use super::evidence::moment;
use super::findings::AllMet;
use crate::cause::Cause;
use crate::figures::duration;
use crate::history::History;
use crate::log::micros;
use crate::report::{Life, Outcome, Severity};

/// An idle timeout above this outlives what most servers and middleboxes keep.
const LONG_IDLE_US: u64 = 120_000_000;
/// Waiting in the queue below this is the pool's own work.
const WAIT_US: u64 = 5_000;
/// So many calls waited before it is a finding.
const WAITED: usize = 3;
/// Full handshakes with a server that was met before, until it is no coincidence.
const FULL_HANDSHAKES: usize = 2;
/// Unused connections until it is no coincidence, and their share of all in percent.
const UNUSED: usize = 2;
const UNUSED_PERCENT: usize = 10;

pub(super) fn find(history: &History, met: &mut AllMet) {
    races(history, met);
    waiting(history, met);
    full_handshakes(history, met);
    failed_dials(history, met);
    unused(history, met);
    long_idle(history, met);
}

/// Requests lost to a close that crossed them, or sent again because of one.
fn races(history: &History, met: &mut AllMet) {
    for (index, exchange) in history.report.exchanges.iter().enumerate() {
        if !is_race_of(history, index) {
            continue;
        }
        let it = met
            .entry((Cause::StaleReuseRace, Some(exchange.origin)))
            .or_default();
        it.exchanges.push(index);
        it.number += u64::from(!exchange.again);
        // A request that failed is the worst a pool can do.
        let bad = if exchange.again {
            Severity::Low
        } else {
            Severity::High
        };
        it.at_least = it.at_least.max(Some(bad));
    }
}

/// Calls that waited for a connection while as many as allowed were open.
fn waiting(history: &History, met: &mut AllMet) {
    let report = &history.report;
    let mut waits: BTreeMap<usize, (Vec<u64>, u64)> = BTreeMap::new();
    for exchange in report.exchanges.iter().filter(|it| it.is_reuse()) {
        let limits = history.limits_of(exchange.source, exchange.client);
        let Some(limit) = limits.and_then(|limits| limits.max_conns_per_host) else {
            continue;
        };
        let waited = exchange
            .taken_us
            .unwrap_or(0)
            .saturating_sub(exchange.asked_us);
        if waited >= WAIT_US {
            let (all, most) = waits.entry(exchange.origin).or_default();
            all.push(waited);
            *most = (*most).max(limit as u64);
        }
    }
    for (origin, (all, limit)) in waits {
        if all.len() < WAITED || report.origins[origin].peak <= limit {
            continue;
        }
        let it = met
            .entry((Cause::ClientMaxConnsTooSmall, Some(origin)))
            .or_default();
        it.number = limit;
        let (sum, most) = (all.iter().sum::<u64>(), all.iter().max().copied());
        it.evidence.push(format!(
            "{} of {} calls waited for a connection, {} in all and {} at most, while {limit} were open",
            all.len(),
            report.origins[origin].exchanges,
            duration(sum),
            duration(most.unwrap_or(0)),
        ));
        let is_bad = all.len() as u64 * 2 >= report.origins[origin].exchanges;
        it.at_least = Some(if is_bad {
            Severity::Medium
        } else {
            Severity::Low
        });
    }
}

/// TLS connections to a server that was met before, and none of them took up a session.
fn full_handshakes(history: &History, met: &mut AllMet) {
    let report = &history.report;
    for origin in 0..report.origins.len() {
        let encrypted: Vec<usize> = (0..report.connections.len())
            .filter(|index| report.connections[*index].origin == origin)
            .filter(|index| report.connections[*index].tls.is_some())
            .collect();
        // Of fewer there is nothing to be found, and most origins have none.
        if encrypted.len() < FULL_HANDSHAKES {
            continue;
        }
        let is_resumed = |index: &usize| {
            let tls = report.connections[*index].tls.as_ref();
            tls.is_some_and(|tls| tls.resumed)
        };
        if encrypted.iter().any(is_resumed) {
            continue;
        }
        // Tickets come with the first answer: only who had one could have taken it up.
        let mut first_answer: BTreeMap<(usize, u64), u64> = BTreeMap::new();
        for exchange in report.exchanges.iter().filter(|it| it.origin == origin) {
            if let Some(head) = exchange.head_us {
                let known = first_answer
                    .entry((exchange.source, exchange.client))
                    .or_insert(head);
                *known = (*known).min(head);
            }
        }
        let again: Vec<usize> = encrypted
            .into_iter()
            .filter(|index| {
                let it = &report.connections[*index];
                let answered = first_answer.get(&(it.source, it.client));
                answered.is_some_and(|answered| *answered < it.dialed_us)
            })
            .collect();
        if again.len() < FULL_HANDSHAKES {
            continue;
        }
        let handshake = |index: &usize| report.connections[*index].tls_us.unwrap_or(0);
        let spent: u64 = again.iter().map(handshake).sum();
        let it = met.entry((Cause::TlsNotResumed, Some(origin))).or_default();
        it.number = again.len() as u64;
        it.evidence.push(format!(
            "{} later connections made full handshakes, {} in all",
            again.len(),
            duration(spent)
        ));
        it.lost = again;
        it.at_least = Some(Severity::Low);
    }
}

/// Dials that failed, by what went wrong.
fn failed_dials(history: &History, met: &mut AllMet) {
    let mut errors: BTreeMap<(usize, &str), (u64, u64)> = BTreeMap::new();
    for failed in &history.failed_dials {
        // The caller left, or had another connection by then.
        if failed
            .error
            .contains("nobody wants the connection any more")
        {
            continue;
        }
        let known = (errors.entry((failed.origin, &failed.error))).or_insert((0, failed.at_us));
        known.0 += 1;
    }
    let mut worst: BTreeMap<usize, Vec<(u64, u64, &str)>> = BTreeMap::new();
    for ((origin, error), (times, first)) in errors {
        worst.entry(origin).or_default().push((times, first, error));
    }
    for (origin, mut errors) in worst {
        errors.sort_unstable_by(|a, b| b.cmp(a));
        let it = met.entry((Cause::ConnectFails, Some(origin))).or_default();
        it.number = errors.iter().map(|(times, _, _)| times).sum();
        for (times, first, error) in errors.iter().take(3) {
            let first = moment(history, *first);
            it.evidence
                .push(format!("{times} × {error}, first at {first}"));
        }
        let none_opened = history.report.origins[origin].opened == 0;
        it.at_least = Some(if none_opened {
            Severity::High
        } else {
            Severity::Medium
        });
    }
}

/// Connections that ended without having served anybody.
fn unused(history: &History, met: &mut AllMet) {
    let report = &history.report;
    let mut by_origin: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, connection) in report.connections.iter().enumerate() {
        let is_unused = connection.exchanges.is_empty()
            && connection
                .end
                .as_ref()
                .is_some_and(|end| end.during == Life::Unused && end.reason != "shut-down");
        if is_unused {
            by_origin.entry(connection.origin).or_default().push(index);
        }
    }
    for (origin, unused) in by_origin {
        let opened = usize::try_from(report.origins[origin].opened).unwrap_or(usize::MAX);
        if unused.len() < UNUSED || unused.len() * 100 < opened * UNUSED_PERCENT {
            continue;
        }
        let is_prewarmed =
            |index: &&usize| matches!(history.lives[**index].miss, Some(Miss::Prewarm));
        let prewarmed = unused.iter().filter(is_prewarmed).count();
        let it = met.entry((Cause::OpenedUnused, Some(origin))).or_default();
        it.number = unused.len() as u64;
        if prewarmed > 0 {
            it.evidence
                .push(format!("{prewarmed} of them were opened ahead of need"));
        }
        it.lost = unused;
    }
}

/// Clients whose idle timeout is longer than what lies between them and servers keeps.
fn long_idle(history: &History, met: &mut AllMet) {
    let report = &history.report;
    let used: BTreeSet<(usize, u64)> = report
        .exchanges
        .iter()
        .filter(|it| it.outcome != Outcome::Failed)
        .map(|it| (it.source, it.client))
        .collect();
    for (client, limits) in &history.clients {
        let Some(limits) = limits.as_ref().filter(|_| used.contains(client)) else {
            continue;
        };
        let ours = limits.idle_timeout.map(micros);
        if limits.keep_alive && ours.is_none_or(|ours| ours > LONG_IDLE_US) {
            let it = met.entry((Cause::IdleTimeoutOver120s, None)).or_default();
            it.number = ours.unwrap_or(0);
            it.at_least = Some(Severity::Low);
        }
    }
}
