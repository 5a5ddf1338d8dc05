//! The findings: causes that were met, each once per origin, the worst first.
//!
//! Owns their gathering and their severity. Refuses to find the wording (`words`) and the cure (the pages).

use std::collections::BTreeMap;

use super::beyond;
use super::evidence;
use super::pattern::Patterns;
use crate::cause::Cause;
use crate::history::History;
use crate::pages;
use crate::report::{Finding, Severity};
use crate::words::{self, Numbers};

/// What was met at an origin, before it is put into words.
#[derive(Debug, Default)]
pub(super) struct Met {
    /// Connections opened because of it.
    pub(super) opened: Vec<usize>,
    /// Connections that should have served instead.
    pub(super) lost: Vec<usize>,
    /// Exchanges that failed or were sent again because of it.
    pub(super) exchanges: Vec<usize>,
    /// What was seen, where connections alone do not show it.
    pub(super) evidence: Vec<String>,
    /// A number of its own: a time, a limit.
    pub(super) number: u64,
    /// How bad it is at least.
    pub(super) at_least: Option<Severity>,
}

/// Causes met, by cause and origin; without an origin for what concerns the client as a whole.
pub(super) type AllMet = BTreeMap<(Cause, Option<usize>), Met>;

pub(super) fn of(history: &History, patterns: &[Patterns]) -> Vec<Finding> {
    let mut met = AllMet::new();
    for (index, connection) in history.report.connections.iter().enumerate() {
        if let Some(blame) = &connection.blame {
            let it = met
                .entry((blame.cause, Some(connection.origin)))
                .or_default();
            it.opened.push(index);
            it.lost.extend(blame.earlier);
        }
    }
    beyond::find(history, &mut met);
    let mut findings: Vec<Finding> = met
        .into_iter()
        .map(|((cause, origin), it)| tell(history, patterns, cause, origin, it))
        .collect();
    findings.sort_by(|a, b| {
        let weight = |it: &Finding| (it.severity, it.openings, it.wasted_us);
        weight(b).cmp(&weight(a)).then(a.cause.cmp(&b.cause))
    });
    findings
}

fn tell(
    history: &History,
    patterns: &[Patterns],
    cause: Cause,
    origin: Option<usize>,
    mut met: Met,
) -> Finding {
    let report = &history.report;
    let handshake = |index: &usize| report.connections[*index].handshake_us();
    let wasted = met.opened.iter().map(handshake);
    let wasted_us = wasted.fold(0, u64::saturating_add);
    let openings = met.opened.len() as u64;
    let numbers = Numbers {
        name: origin.map_or("", |origin| report.origins[origin].name.as_str()),
        origin: origin.map(|origin| &report.origins[origin]),
        openings,
        wasted_us,
        exchanges: met.exchanges.len() as u64,
        number: number(history, patterns, cause, origin, &met),
        others: origin.map_or(&[], |origin| patterns[origin].backends.as_slice()),
        statuses: origin.map(|origin| &patterns[origin].closing_statuses),
    };
    let severity = severity(cause, &numbers, &met);
    let summary = words::summary(cause, &numbers);
    met.lost.sort_unstable();
    met.lost.dedup();
    let mut evidence = met.evidence;
    evidence.extend(evidence::of(history, &met.opened, &met.exchanges));
    let mut connections = met.lost;
    let of_exchanges = met.exchanges.iter();
    let used = of_exchanges.filter_map(|it| report.exchanges[*it].connection);
    for index in met.opened.into_iter().chain(used) {
        if !connections.contains(&index) || connections.len() > 1_000 {
            connections.push(index);
        }
    }
    let page = pages::page(cause);
    let mut cures = page.cures;
    if let (Some(first), Some(advice)) = (cures.first_mut(), words::advice(cause, &numbers)) {
        first.text = advice;
    }
    Finding {
        cause,
        origin,
        severity,
        summary,
        evidence,
        connections,
        openings,
        wasted_us,
        cures,
        check: page.check,
    }
}

/// The number that a cause is told with: the server's timeout, a limit, a count.
fn number(
    history: &History,
    patterns: &[Patterns],
    cause: Cause,
    origin: Option<usize>,
    met: &Met,
) -> u64 {
    let Some(origin) = origin else {
        return met.number;
    };
    let patterns = &patterns[origin];
    let idle = || {
        let lives = met.lost.iter().filter_map(|it| history.lives[*it].idle_us);
        lives.min().unwrap_or(0)
    };
    if cause == Cause::ServerIdleTimeout {
        patterns
            .idle_timeout
            .map_or_else(idle, |timeout| timeout.us)
    } else if matches!(
        cause,
        Cause::ClientIdleTimeoutShort | Cause::ServerResetsIdle
    ) {
        idle()
    } else if cause == Cause::ServerMaxRequests {
        patterns.max_requests.unwrap_or(met.number)
    } else if cause == Cause::ServerMaxAge {
        patterns.max_age_us.unwrap_or(met.number)
    } else {
        met.number
    }
}

/// By the share of exchanges that paid for it.
fn severity(cause: Cause, numbers: &Numbers<'_>, met: &Met) -> Severity {
    let exchanges = numbers.origin.map_or(0, |origin| origin.exchanges).max(1);
    let by_share = if numbers.openings == 0 {
        Severity::Info
    } else if numbers.openings * 2 >= exchanges {
        Severity::High
    } else if numbers.openings * 10 >= exchanges {
        Severity::Medium
    } else {
        Severity::Low
    };
    // What the server does by a rule, and what avoids a worse thing, is no fault.
    let is_no_fault = cause.is_rule_of_the_server() || cause == Cause::WriteAvoidsRace;
    let at_most = if is_no_fault {
        Severity::Medium
    } else {
        Severity::High
    };
    let found = by_share.min(at_most);
    met.at_least.map_or(found, |least| found.max(least))
}
