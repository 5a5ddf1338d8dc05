//! `Stats`: the pool in numbers, per origin and in all.
//!
//! Owns the snapshot a caller sees. Each origin's numbers are taken under its lock, so they agree with each other.
//! Refuses to reset: numbers only grow, differences are the caller's.

use std::sync::Arc;

use keepwarm_core::learn::Estimate;
use keepwarm_core::origin::Origin;
use keepwarm_core::reason::{CloseReason, Retry};

use super::origin::{OriginPool, State};
use super::sync::clock;

/// All origins at one moment.
#[derive(Clone, Debug)]
pub struct Stats {
    origins: Vec<OriginStats>,
    total: Counts,
}

/// One origin at one moment.
#[derive(Clone, Debug)]
pub struct OriginStats {
    /// The origin.
    pub origin: Origin,
    /// Its numbers.
    pub counts: Counts,
    /// The server's idle timeout as learned or announced; none while it is not known.
    pub idle_timeout: Option<Estimate>,
}

/// Numbers of connections and calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Idle connections now.
    pub idle: usize,
    /// Connections serving calls now.
    pub active: usize,
    /// Connections being opened now.
    pub dialing: usize,
    /// Calls waiting for a connection now.
    pub waiting: usize,
    /// Connections opened so far.
    pub opened: u64,
    /// Requests so far on connections that had served before.
    pub reused: u64,
    /// Requests so far.
    pub requests: u64,
    /// Calls to this origin so far that were streams on another origin's connection
    /// ([`Http2::coalesce`](crate::http2::Http2::coalesce)). Among the requests, and as reused, they are counted there.
    pub coalesced: u64,
    /// Connections closed so far, by reason.
    pub closed: Vec<Ended>,
    /// Decisions on failed attempts so far.
    pub retries: Vec<Retried>,
}

/// How many connections were closed for one reason.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ended {
    /// The reason, with the numbers of the last one.
    pub reason: CloseReason,
    /// How many.
    pub count: u64,
}

/// How often one decision on a failed attempt was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retried {
    /// The decision.
    pub retry: Retry,
    /// How often.
    pub count: u64,
}

impl Stats {
    /// Every origin called so far.
    pub fn origins(&self) -> &[OriginStats] {
        &self.origins
    }

    /// One origin, by any URL of it; none when it was never called.
    pub fn origin(&self, url: &str) -> Option<&OriginStats> {
        let wanted: Origin = url.parse().ok()?;
        self.origins.iter().find(|stats| stats.origin == wanted)
    }

    /// All origins together.
    pub fn total(&self) -> &Counts {
        &self.total
    }

    /// Connections closed so far, by reason, over all origins.
    pub fn closed(&self) -> &[Ended] {
        &self.total.closed
    }
}

impl Counts {
    /// The share of requests that found a warm connection, 0 to 1; 0 when there were none.
    pub fn reuse_ratio(&self) -> f64 {
        if self.requests == 0 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a ratio needs no 64 bits")]
        let ratio = self.reused as f64 / self.requests as f64;
        ratio
    }

    /// Connections closed so far for the reason of this slug.
    pub fn closed_as(&self, slug: &str) -> u64 {
        let ends = self.closed.iter().filter(|end| end.reason.slug() == slug);
        ends.map(|end| end.count).sum()
    }

    /// Requests that were sent again so far.
    pub fn sent_again(&self) -> u64 {
        let again = |retried: &&Retried| matches!(retried.retry, Retry::Again(_));
        self.retries
            .iter()
            .filter(again)
            .map(|retried| retried.count)
            .sum()
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.idle += other.idle;
        self.active += other.active;
        self.dialing += other.dialing;
        self.waiting += other.waiting;
        self.opened += other.opened;
        self.reused += other.reused;
        self.requests += other.requests;
        self.coalesced += other.coalesced;
        for end in &other.closed {
            match (self.closed.iter_mut()).find(|known| known.reason.slug() == end.reason.slug()) {
                Some(known) => known.count += end.count,
                None => self.closed.push(*end),
            }
        }
        for retried in &other.retries {
            note(&mut self.retries, retried.retry, retried.count);
        }
    }
}

/// The retry decisions of one origin.
#[derive(Default)]
pub(super) struct Retries(Vec<Retried>);

impl Retries {
    pub(super) fn note(&mut self, retry: Retry) {
        note(&mut self.0, retry, 1);
    }
}

fn note(list: &mut Vec<Retried>, retry: Retry, count: u64) {
    match list.iter_mut().find(|known| known.retry == retry) {
        Some(known) => known.count += count,
        None => list.push(Retried { retry, count }),
    }
}

pub(super) fn counts_of(pool: &OriginPool, state: &State) -> Counts {
    let counts = state.machine.counts();
    let closed = counts
        .closed()
        .map(|(_, reason, count)| Ended { reason, count })
        .collect();
    Counts {
        idle: counts.idle,
        active: counts.active,
        dialing: counts.dialing,
        waiting: counts.waiting,
        opened: counts.opened,
        reused: counts.reused,
        requests: counts.requests,
        coalesced: pool.coalescing.as_ref().map_or(0, |it| it.streams()),
        closed,
        retries: state.retries.0.clone(),
    }
}

/// Takes the numbers of every pool; `total` starts with those of origins forgotten since.
pub(super) fn snapshot(pools: Vec<Arc<OriginPool>>, mut total: Counts) -> Stats {
    let now = clock::now();
    let mut origins: Vec<_> = pools
        .into_iter()
        .map(|pool| {
            let state = pool.lock();
            OriginStats {
                origin: pool.origin.clone(),
                counts: counts_of(&pool, &state),
                idle_timeout: state.machine.learned(now),
            }
        })
        .collect();
    origins.sort_by_key(|stats| stats.origin.to_string());
    // An origin has two pools where some of its calls need HTTP/1.1.
    origins.dedup_by(|other, kept| {
        let same = other.origin == kept.origin;
        if same {
            kept.counts.add(&other.counts);
            kept.idle_timeout = kept.idle_timeout.or(other.idle_timeout);
        }
        same
    });
    for stats in &origins {
        total.add(&stats.counts);
    }
    Stats { origins, total }
}
