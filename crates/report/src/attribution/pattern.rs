//! `Patterns`: what the ends of an origin's connections have in common.
//!
//! Owns the thresholds from which a coincidence is taken for a rule. Refuses to blame anything on them.

use std::collections::{BTreeMap, BTreeSet};

use keepwarm_core::reason::CloseReason;

use crate::history::History;
use crate::report::{Connection, IdleTimeout, Life};

/// A close that comes this soon after an answer is no idle timeout.
const AT_ONCE_US: u64 = 5_000;
/// Ends of idle connections so close together are one event.
const MOMENT_US: u64 = 50_000;
/// So many ends in one moment are a restart, unless all had been idle for the same time.
const RESTART_ENDS: usize = 3;
/// Idle times within this share of each other agree, in percent.
const AGREE_PERCENT: u64 = 10;
/// Idle times this close agree whatever their size: our clock, the server's timer.
const AGREE_US: u64 = 20_000;
/// Closes that a group of like idle times must have to count as a backend.
const BACKEND_SAMPLES: usize = 3;
/// Ages within this share of each other are one age, in percent.
const AGE_PERCENT: u64 = 10;
/// Connections younger than this end at one age by accident.
const AGE_LEAST_US: u64 = 100_000;

#[derive(Debug, Default)]
pub(super) struct Patterns {
    /// Each answer announces the end of its connection.
    pub(super) never_kept: bool,
    /// Statuses whose answers announce the end, while others do not.
    pub(super) closing_statuses: BTreeSet<u16>,
    /// The number of requests at which the server announces the end.
    pub(super) max_requests: Option<u64>,
    /// The age at which it does.
    pub(super) max_age_us: Option<u64>,
    /// Moments at which many connections ended.
    restarts: Vec<(u64, u64)>,
    /// Idle times at which idle connections were closed, when there are several.
    pub(super) backends: Vec<u64>,
    pub(super) idle_timeout: Option<IdleTimeout>,
}

/// A connection that ended, and why.
struct Ended<'a> {
    connection: &'a Connection,
    reason: &'a CloseReason,
    at: u64,
    idle: Option<u64>,
}

impl Patterns {
    pub(super) fn of(history: &History, origin: usize) -> Self {
        let report = &history.report;
        let ended: Vec<Ended<'_>> = (report.connections.iter().zip(&history.lives))
            .filter(|(connection, _)| connection.origin == origin)
            .filter_map(|(connection, life)| {
                Some(Ended {
                    connection,
                    reason: &life.closed.as_ref()?.reason,
                    at: connection.end.as_ref()?.at_us,
                    idle: life.idle_us,
                })
            })
            .collect();
        let announced: Vec<&Ended<'_>> = ended.iter().filter(|it| it.is_by_rule()).collect();
        let answers = Answers::of(history, origin);
        let max_requests = most_common_count(&announced);
        let restarts = restarts(&ended);
        let closed_idle: Vec<u64> = ended
            .iter()
            .filter(|it| !within(&restarts, it.at))
            .filter(|it| !it.is_at_once())
            .filter_map(Ended::closed_by_peer_after)
            .collect();
        let clusters = clusters(closed_idle);
        let at_once = ended.iter().filter(|it| it.is_at_once());
        let never_reused = |it: &Ended<'_>| it.connection.exchanges.len() == 1;
        let ends_at_once = at_once.count() >= 2 && ended.iter().all(never_reused);
        Self {
            never_kept: answers.never_kept() || ends_at_once,
            closing_statuses: answers.closing_statuses(),
            max_requests,
            max_age_us: max_requests.is_none().then(|| age(&announced)).flatten(),
            restarts,
            idle_timeout: clusters.first().map(|cluster| IdleTimeout {
                us: cluster[0],
                samples: cluster.len() as u64,
            }),
            backends: backends(&clusters),
        }
    }

    /// Whether this is one of the moments at which many connections ended.
    pub(super) fn is_restart(&self, at: u64) -> bool {
        within(&self.restarts, at)
    }
}

impl Ended<'_> {
    /// Whether the server ended it by what it had served, not by how long it was idle: it said so, or went at once.
    fn is_by_rule(&self) -> bool {
        is_announced(self.reason) || self.is_at_once()
    }

    /// Whether the server closed it right after an answer, without having said so.
    fn is_at_once(&self) -> bool {
        let is_close = matches!(self.reason, CloseReason::PeerClosedIdle { .. });
        is_close && self.idle.is_some_and(is_at_once)
    }

    /// The idle time after which the server closed it, unannounced.
    fn closed_by_peer_after(&self) -> Option<u64> {
        let is_close = matches!(
            self.reason,
            CloseReason::PeerClosedIdle { .. } | CloseReason::IoError { .. }
        );
        self.idle.filter(|_| is_close)
    }
}

/// Whether a close this long after an answer belongs to the answer.
pub(super) fn is_at_once(idle_us: u64) -> bool {
    idle_us <= AT_ONCE_US
}

fn within(moments: &[(u64, u64)], at: u64) -> bool {
    moments.iter().any(|(from, to)| (*from..=*to).contains(&at))
}

fn is_announced(reason: &CloseReason) -> bool {
    matches!(reason, CloseReason::PeerSaidClose | CloseReason::GoAway)
}

/// What the answers of an origin say of their connection, by status.
struct Answers {
    /// Of each status: answers, and those that announce the end.
    by_status: BTreeMap<u16, (u64, u64)>,
}

impl Answers {
    fn of(history: &History, origin: usize) -> Self {
        let mut by_status: BTreeMap<u16, (u64, u64)> = BTreeMap::new();
        let close = CloseReason::PeerSaidClose.slug();
        for exchange in &history.report.exchanges {
            if let Some(status) = exchange.status.filter(|_| exchange.origin == origin) {
                let (answers, closing) = by_status.entry(status).or_default();
                *answers += 1;
                *closing += u64::from(exchange.verdict.as_deref() == Some(close));
            }
        }
        Self { by_status }
    }

    /// Two answers at least, each with the announcement.
    fn never_kept(&self) -> bool {
        let (answers, closing) = self.sum(|_| true);
        answers >= 2 && answers == closing
    }

    /// Errors that announce the end each time, while what is no error (hardly) ever does.
    fn closing_statuses(&self) -> BTreeSet<u16> {
        let always = |status: &u16| {
            let (answers, closing) = self.by_status[status];
            *status >= 400 && closing > 0 && answers == closing
        };
        let found: BTreeSet<u16> = self.by_status.keys().copied().filter(always).collect();
        let (others, closing) = self.sum(|status| !found.contains(&status));
        if others > 0 && closing * 10 <= others {
            found
        } else {
            BTreeSet::new()
        }
    }

    fn sum(&self, of: impl Fn(u16) -> bool) -> (u64, u64) {
        let some = self.by_status.iter().filter(|(status, _)| of(**status));
        some.fold((0, 0), |sum, (_, it)| (sum.0 + it.0, sum.1 + it.1))
    }
}

/// The number of requests that four in five of the announced ends have in common.
fn most_common_count(announced: &[&Ended<'_>]) -> Option<u64> {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for it in announced {
        *counts
            .entry(it.connection.exchanges.len() as u64)
            .or_default() += 1;
    }
    let (count, times) = counts.into_iter().max_by_key(|(_, times)| *times)?;
    (count > 1 && times >= 2 && times * 5 >= announced.len() * 4).then_some(count)
}

/// The age that all announced ends have in common, while their numbers of requests differ.
fn age(announced: &[&Ended<'_>]) -> Option<u64> {
    let ages = announced.iter().map(|it| it.at - it.connection.opened_us);
    let (least, most) = (ages.clone().min()?, ages.max()?);
    let agree = most - least <= most * AGE_PERCENT / 100;
    (announced.len() >= 2 && agree && least >= AGE_LEAST_US).then_some(least)
}

fn restarts(ended: &[Ended<'_>]) -> Vec<(u64, u64)> {
    let mut by_peer: Vec<(u64, u64)> = ended
        .iter()
        .filter(|it| {
            it.connection
                .end
                .as_ref()
                .is_some_and(|end| end.by == "peer")
        })
        .filter(|it| {
            !matches!(
                it.reason,
                CloseReason::PeerSaidClose | CloseReason::CloseDelimited
            )
        })
        .map(|it| (it.at, it.idle.unwrap_or(0)))
        .collect();
    by_peer.sort_unstable();
    let mut moments = Vec::new();
    let mut from = 0;
    for to in 1..=by_peer.len() {
        let goes_on = to < by_peer.len() && by_peer[to].0 - by_peer[to - 1].0 <= MOMENT_US;
        if goes_on {
            continue;
        }
        let together = &by_peer[from..to];
        from = to;
        let idle = together.iter().map(|(_, idle)| *idle);
        let (Some(least), Some(most)) = (idle.clone().min(), idle.max()) else {
            continue;
        };
        if together.len() >= RESTART_ENDS && !agree(least, most) {
            moments.push((together[0].0, together[together.len() - 1].0));
        }
    }
    moments
}

fn agree(least: u64, most: u64) -> bool {
    most - least <= (most * AGREE_PERCENT / 100).max(AGREE_US)
}

/// Idle times in groups that agree, the shortest first.
fn clusters(mut idle: Vec<u64>) -> Vec<Vec<u64>> {
    idle.sort_unstable();
    let mut clusters: Vec<Vec<u64>> = Vec::new();
    for time in idle {
        match clusters.last_mut() {
            Some(last) if agree(last[0], time) => last.push(time),
            Some(_) | None => clusters.push(vec![time]),
        }
    }
    clusters
}

/// Where each backend's timeout is, when there are two at least and hardly a close lies between them.
fn backends(clusters: &[Vec<u64>]) -> Vec<u64> {
    let large: Vec<&Vec<u64>> = clusters
        .iter()
        .filter(|cluster| cluster.len() >= BACKEND_SAMPLES)
        .collect();
    let inside: usize = large.iter().map(|cluster| cluster.len()).sum();
    let all: usize = clusters.iter().map(Vec::len).sum();
    if large.len() >= 2 && inside * 10 >= all * 9 {
        large.iter().map(|cluster| cluster[0]).collect()
    } else {
        Vec::new()
    }
}

/// The part of its life in which a connection ended.
pub(super) fn during(connection: &Connection) -> Option<Life> {
    connection.end.as_ref().map(|end| end.during)
}
