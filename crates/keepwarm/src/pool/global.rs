//! `Global`: the counts over all origins, and who pays when they are exceeded.
//!
//! Owns two atomics (idle, open), the index that finds the connection idle longest, and the queue of origins
//! that wait for a place under `max_conns`. Refuses to hold any lock while it enters an origin.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Instant;

use keepwarm_core::pool::Census;

use super::origin::OriginPool;
use super::sync::Mutex;
use super::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// No limit.
const UNLIMITED: usize = usize::MAX;

pub(super) struct Global {
    idle: AtomicUsize,
    open: AtomicUsize,
    max_idle: AtomicUsize,
    max_conns: AtomicUsize,
    /// Origins with idle connections, by a moment not later than their oldest one's. An entry may be out of
    /// date; it is put right when it is taken out. So a connection that comes and goes costs nothing here.
    index: Mutex<BinaryHeap<Reverse<Entry>>>,
    starving: Mutex<VecDeque<Weak<OriginPool>>>,
    /// How many starve, so that a closing connection need not take the lock to find nobody.
    hungry: AtomicUsize,
    /// How often there was cause to feed since nobody was feeding; whoever raised it from 0 does it.
    feeding: AtomicUsize,
}

struct Entry {
    since: Instant,
    pool: Weak<OriginPool>,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.since == other.since
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.since.cmp(&other.since)
    }
}

/// An origin's standing in the index and the queue.
#[derive(Default)]
pub(super) struct Standing {
    indexed: AtomicBool,
    starving: AtomicBool,
}

impl Global {
    pub(super) fn new(max_idle: Option<usize>, max_conns: Option<usize>) -> Self {
        Self {
            idle: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            max_idle: AtomicUsize::new(max_idle.unwrap_or(UNLIMITED)),
            max_conns: AtomicUsize::new(max_conns.unwrap_or(UNLIMITED)),
            index: Mutex::new(BinaryHeap::new()),
            starving: Mutex::new(VecDeque::new()),
            hungry: AtomicUsize::new(0),
            feeding: AtomicUsize::new(0),
        }
    }

    pub(super) fn retune(&self, max_idle: Option<usize>, max_conns: Option<usize>) {
        self.max_idle
            .store(max_idle.unwrap_or(UNLIMITED), Ordering::Relaxed);
        self.max_conns
            .store(max_conns.unwrap_or(UNLIMITED), Ordering::Relaxed);
    }

    pub(super) fn max_idle(&self) -> usize {
        self.max_idle.load(Ordering::Relaxed)
    }

    pub(super) fn max_conns(&self) -> usize {
        self.max_conns.load(Ordering::Relaxed)
    }

    /// Takes note of what changed at one origin.
    pub(super) fn count(
        &self,
        pool: &Arc<OriginPool>,
        before: Census,
        after: Census,
        oldest: Option<Instant>,
    ) {
        shift(&self.idle, before.idle, after.idle);
        shift(&self.open, before.open(), after.open());
        if let Some(since) = oldest
            && !pool.standing.indexed.load(Ordering::Relaxed)
            && !pool.standing.indexed.swap(true, Ordering::AcqRel)
        {
            self.put_in_index(since, pool);
        }
    }

    fn put_in_index(&self, since: Instant, pool: &Arc<OriginPool>) {
        let entry = Entry {
            since,
            pool: Arc::downgrade(pool),
        };
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        index.push(Reverse(entry));
    }

    pub(super) fn is_over_idle(&self) -> bool {
        self.idle() > self.max_idle()
    }

    pub(super) fn is_over_open(&self) -> bool {
        self.open.load(Ordering::Relaxed) > self.max_conns()
    }

    /// The origin that holds the connection idle longest; none when nothing is idle.
    pub(super) fn oldest(&self) -> Option<Arc<OriginPool>> {
        loop {
            let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
            let Reverse(entry) = index.pop()?;
            drop(index);
            let Some(pool) = entry.pool.upgrade() else {
                continue;
            };
            // Cleared first: a connection parked from here on puts the origin in again.
            pool.standing.indexed.store(false, Ordering::Release);
            let Some(since) = pool.oldest_idle() else {
                continue;
            };
            if !pool.standing.indexed.swap(true, Ordering::AcqRel) {
                self.put_in_index(since, &pool);
            }
            if since <= entry.since {
                return Some(pool);
            }
        }
    }

    /// Takes a place under `max_conns`, to be handed to `OriginPool::enter_with_place`.
    pub(super) fn reserve(&self) -> bool {
        let max = self.max_conns();
        let taken = self
            .open
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |open| {
                (open < max).then_some(open + 1)
            });
        taken.is_ok()
    }

    /// Puts an origin into the queue for a place.
    pub(super) fn starve(&self, pool: &Arc<OriginPool>) {
        if !pool.standing.starving.swap(true, Ordering::AcqRel) {
            let mut starving = self.starving.lock().unwrap_or_else(PoisonError::into_inner);
            starving.push_back(Arc::downgrade(pool));
            self.hungry.store(starving.len(), Ordering::SeqCst);
        }
    }

    fn next_starving(&self) -> Option<Arc<OriginPool>> {
        loop {
            let mut starving = self.starving.lock().unwrap_or_else(PoisonError::into_inner);
            let next = starving.pop_front()?;
            self.hungry.store(starving.len(), Ordering::SeqCst);
            drop(starving);
            if let Some(pool) = next.upgrade() {
                pool.standing.starving.store(false, Ordering::Release);
                return Some(pool);
            }
        }
    }

    /// Gives places that have come free to the origins that wait for them, first come first served.
    ///
    /// One thread does it at a time, and is not called again from within. Who finds it at work leaves word, for what
    /// has come free may be what that thread has looked for in vain: it goes round once more. Somebody who starves
    /// looks once more after saying so. Hence the total order of these operations.
    pub(super) fn feed(&self) {
        if self.hungry.load(Ordering::SeqCst) == 0
            || self.feeding.fetch_add(1, Ordering::SeqCst) > 0
        {
            return;
        }
        let mut causes = 1;
        loop {
            self.feed_each_once();
            let none_came =
                self.feeding
                    .compare_exchange(causes, 0, Ordering::SeqCst, Ordering::SeqCst);
            match none_came {
                Ok(_) => return,
                Err(more) => causes = more,
            }
        }
    }

    /// A place has come free on a connection that may serve other origins too: those that may not open one of their own
    /// look whether it serves them.
    pub(super) fn let_the_starving_look_elsewhere(&self) {
        if self.hungry.load(Ordering::SeqCst) == 0 {
            return;
        }
        let starving = self.starving.lock().unwrap_or_else(PoisonError::into_inner);
        let pools: Vec<_> = starving.iter().filter_map(Weak::upgrade).collect();
        drop(starving);
        for pool in pools {
            pool.seat_waiters_elsewhere();
        }
    }

    /// Gives each origin that waits one look.
    fn feed_each_once(&self) {
        for _ in 0..self.hungry.load(Ordering::SeqCst) {
            // A connection that is merely idle gives its place up, too: `Shared::reserve` sees to it.
            if !self.has_room() && self.idle() == 0 {
                return;
            }
            let Some(pool) = self.next_starving() else {
                return;
            };
            pool.pump();
        }
    }

    /// Idle and open connections, as counted here.
    #[cfg(all(test, keepwarm_shuttle))]
    pub(super) fn counted(&self) -> (usize, usize) {
        let load = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (load(&self.idle), load(&self.open))
    }

    /// Idle connections. Each origin counts after it has let its lock go, so a connection's being taken may be counted
    /// before its being parked: below zero for that moment.
    fn idle(&self) -> usize {
        usize::try_from(self.idle.load(Ordering::SeqCst).cast_signed()).unwrap_or(0)
    }

    fn has_room(&self) -> bool {
        self.open.load(Ordering::SeqCst) < self.max_conns()
    }
}

fn shift(count: &AtomicUsize, before: usize, after: usize) {
    if after > before {
        count.fetch_add(after - before, Ordering::SeqCst);
    } else if before > after {
        count.fetch_sub(before - after, Ordering::SeqCst);
    }
}
