//! Time and limits: `expire`, `evict_oldest`, `close_idle`, `shut_down`, `retune`, and the accounts' proof.
//!
//! Owns when idle connections end without anybody asking for them. Refuses to own a timer.

use std::time::Instant;

use super::action::{IdleEnd, Refusal};
use super::machine::{Fitness, Machine};
use super::slots::Place;
use super::{Limits, Slot};
use crate::event::ConnectionId;
use crate::reason::CloseReason;
use crate::time::Now;

impl<C, W, E> Machine<C, W, E> {
    /// Something happened to an idle connection; it is closed. Ignored when it is not idle any more.
    pub fn idle_ended(&mut self, now: Instant, slot: Slot, id: ConnectionId, how: IdleEnd) {
        if !self.slots.is_idle(slot, id) {
            return;
        }
        let lane = self.slots.entry_mut(slot).lane;
        let Some(at) = self.lanes.find(lane) else {
            return;
        };
        let connection = self.unpark(at, slot.0);
        let idle = self.idle_time(now, self.slots.parked(slot.0));
        let reason = match how {
            IdleEnd::Failed(kind) => CloseReason::IoError { kind },
            IdleEnd::PeerClosed(how) => {
                self.learn_close(now, idle, slot);
                CloseReason::PeerClosedIdle { how, idle }
            }
            IdleEnd::Known(reason) => reason,
            IdleEnd::RuntimeGone => CloseReason::RuntimeGone,
            IdleEnd::Stray { bytes } => CloseReason::StrayBytes { bytes },
        };
        self.close(slot, connection, reason, true);
    }

    /// Closes every idle connection that has passed a limit. To be called at [`next_deadline`](Self::next_deadline).
    pub fn expire(&mut self, now: Now) {
        self.clock.look(now);
        self.expire_at(now.instant);
    }

    fn expire_at(&mut self, now: Instant) {
        self.refresh_outlook(now);
        for at in 0..self.lanes.0.len() {
            while let Some(index) = self.lanes.0[at].idle.back() {
                let parked = self.slots.parked(index);
                let idle = self.idle_time(now, parked);
                let Fitness::Spent(reason) = self.fitness(now, idle, parked) else {
                    break;
                };
                self.close_parked(at, index, reason);
            }
        }
        while let Some((slot, id)) = self.lifetimes.pop_due(now) {
            // A leased one is looked at when it comes back.
            if !self.slots.is_idle(slot, id) {
                continue;
            }
            let entry = self.slots.entry(slot);
            let reason = Self::too_old(now, &entry.facts);
            if entry.facts.too_old(now)
                && let Some(at) = self.lanes.find(entry.lane)
            {
                self.close_parked(at, slot.0, reason);
            }
        }
    }

    /// When [`expire`](Self::expire) wants to be called next: perhaps early, never late. None while nothing can expire.
    pub fn next_deadline(&self) -> Option<Instant> {
        let ends_after = self.outlook.ends_after();
        let oldest = |index: u32| {
            let parked = self.slots.parked(index);
            let slept = self.clock.slept().saturating_sub(parked.slept_at);
            let left = ends_after.saturating_sub(slept);
            parked.parked_at.checked_add(left)
        };
        let shares = self.lanes.0.iter();
        shares
            .filter_map(|share| share.idle.back().and_then(oldest))
            .chain(self.lifetimes.soonest())
            .min()
    }

    /// Since when the connection is idle that is idle longest.
    pub fn oldest_idle(&self) -> Option<Instant> {
        let (_, index) = self.oldest()?;
        Some(self.slots.parked(index).parked_at)
    }

    /// Closes the connection that is idle longest. False when none is idle.
    pub fn evict_oldest(&mut self, now: Instant, reason: CloseReason) -> bool {
        self.refresh_outlook(now);
        let Some((at, index)) = self.oldest() else {
            return false;
        };
        self.close_parked(at, index, reason);
        true
    }

    fn oldest(&self) -> Option<(usize, u32)> {
        let shares = self.lanes.0.iter().enumerate();
        shares
            .filter_map(|(at, share)| share.idle.back().map(|index| (at, index)))
            .min_by_key(|(_, index)| self.slots.parked(*index).parked_at)
    }

    /// Closes the idle connections that answer to a description. Costs a walk over all connections.
    pub fn retire_idle(&mut self, reason: CloseReason, is_meant: impl Fn(&C) -> bool) {
        let meant: Vec<Slot> = self
            .slots
            .iter_mut()
            .filter(|(_, entry)| matches!(&entry.place, Place::Idle(it) if is_meant(it)))
            .map(|(slot, _)| slot)
            .collect();
        for slot in meant {
            if let Some(at) = self.lanes.find(self.slots.entry(slot).lane) {
                self.close_parked(at, slot.0, reason);
            }
        }
    }

    /// Closes all idle connections, and until the next `take`, `wait` or `prewarm` also those that
    /// would become idle. Dials nobody waits for are stopped.
    pub fn close_idle(&mut self, now: Instant) {
        self.closing = true;
        while let Some(dial) = self.surplus_dial() {
            self.cancel_dial(dial, CloseReason::ShutDown);
        }
        while self.evict_oldest(now, CloseReason::ShutDown) {}
    }

    /// The end: calls that wait or come later are refused, idle connections closed, dials stopped,
    /// active connections closed when they come back.
    pub fn shut_down(&mut self, now: Instant) {
        self.shut = true;
        for at in 0..self.lanes.0.len() {
            self.refuse_all(at, || Refusal::ShutDown);
        }
        self.close_idle(now);
    }

    /// Puts other limits in force at once: what exceeds them is closed as far as it is idle, and what
    /// they allow becomes possible (see [`wants_dial`](Self::wants_dial)).
    pub fn retune(&mut self, now: Instant, limits: Limits) {
        self.limits = limits;
        self.tuned = self.tuned.wrapping_add(1);
        self.renew_outlook(now);
        self.renew_lifetimes();
        if !self.limits.keep_alive {
            while self.evict_oldest(now, CloseReason::PoolOff) {}
        }
        self.expire_at(now);
        if let Some(limit) = self.limits.max_idle_per_host {
            while self.idle > limit {
                self.evict_oldest(now, CloseReason::HostFull { limit });
            }
        }
        while self.idle + self.active + self.dials.len() > self.limits.connections() {
            let reason = self.host_full();
            if let Some(dial) = self.surplus_dial() {
                self.cancel_dial(dial, reason);
            } else if !self.evict_oldest(now, reason) {
                break;
            }
        }
        self.serve_from_idle(now);
    }

    /// Calls that waited because every idle connection was doubtful: perhaps they need not any more.
    fn serve_from_idle(&mut self, now: Instant) {
        for at in 0..self.lanes.0.len() {
            while let Some(index) = self.lanes.0[at].idle.front() {
                let parked = self.slots.parked(index);
                let idle = self.idle_time(now, parked);
                let fitness = self.fitness(now, idle, parked);
                let Some(waiter) = self.waiter_for(at, fitness) else {
                    break;
                };
                let connection = self.unpark(at, index);
                self.hand_over(at, Slot(index), connection, Some(idle), waiter, false);
            }
        }
    }

    /// Enters a connection's deadline, if it has one.
    pub(super) fn track_lifetime(&mut self, slot: Slot) {
        let entry = self.slots.entry(slot);
        if let Some(deadline) = entry.facts.dies_at() {
            let id = entry.id;
            let slots = &self.slots;
            self.lifetimes
                .sweep(self.idle + self.active, |slot, id| slots.is_open(slot, id));
            self.lifetimes.enter(deadline, slot, id);
        }
    }

    fn renew_lifetimes(&mut self) {
        self.lifetimes.clear();
        let (limits, tuned) = (&self.limits, self.tuned);
        for (slot, entry) in self.slots.iter_mut() {
            if matches!(entry.place, Place::Idle(_)) {
                entry.facts.tuned = tuned;
                entry.facts.lifetime = limits.lifetime(entry.facts.random);
                if let Some(deadline) = entry.facts.dies_at() {
                    self.lifetimes.enter(deadline, slot, entry.id);
                }
            }
        }
    }

    /// Proves the accounts: every list, count and link agrees. For tests; costs a walk over everything.
    ///
    /// # Panics
    /// When they do not: a bug of this machine.
    #[doc(hidden)]
    pub fn assert_consistent(&self) {
        let mut idle = 0;
        let mut leased = 0;
        for entry in self.slots.iter() {
            match &entry.place {
                Place::Idle(_) => {
                    idle += 1;
                    assert!(entry.facts.idled, "idle since some moment");
                }
                Place::Leased => leased += 1,
                Place::Vacant => {}
            }
        }
        assert_eq!((idle, leased), (self.idle, self.active), "hands");
        let shares = &self.lanes.0;
        let sum =
            |count: fn(&super::lanes::Share) -> usize| shares.iter().map(count).sum::<usize>();
        assert_eq!(sum(|share| share.idle.len()), self.idle, "idle lists");
        assert!(sum(|share| share.active) <= self.active, "active counts");
        let waiting = sum(|share| share.waiting.len() + share.flagged.len());
        assert_eq!(waiting, self.waiters.len(), "queues");
        assert_eq!(sum(|share| share.stale_dials), self.dials.stale(), "stale");
        let dials = sum(|share| share.dials + share.stale_dials);
        assert_eq!(dials, self.dials.len(), "dials");
        for share in shares {
            let mut walked = 0;
            let mut place = share.idle.front();
            let mut newest = None;
            while let Some(index) = place {
                let entry = self.slots.entry(Slot(index));
                assert_eq!(entry.lane, share.lane, "lane of an idle list");
                let parked = &entry.facts;
                assert!(
                    newest.is_none_or(|newer| newer >= parked.parked_at),
                    "order"
                );
                newest = Some(parked.parked_at);
                walked += 1;
                place = self.slots.older(index);
            }
            assert_eq!(walked, share.idle.len(), "links");
            let mine = self.dials.iter().filter(|dial| dial.lane == share.lane);
            assert_eq!(
                mine.count(),
                share.dials + share.stale_dials,
                "lane's dials"
            );
        }
        let open = (self.idle + self.active) as u64;
        let ended = self.totals.closed_total();
        assert_eq!(self.totals.opened, open + ended, "opened and closed");
    }
}
