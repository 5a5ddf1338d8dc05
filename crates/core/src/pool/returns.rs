//! Connections that come back: `put`, `put_back`, `discard`.
//!
//! Owns the order of the objections to keeping a connection. Refuses to judge the exchange.

use std::time::{Duration, Instant};

use super::action::{Action, Put};
use super::machine::{Fitness, Machine};
use super::slots::Place;
use super::{Hint, Leased, Slot};
use crate::reason::{CloseReason, Reuse};

impl<C, W, E> Machine<C, W, E> {
    /// The exchange on a connection is over. It goes to the call that waits longest, into the pool, or is closed.
    #[inline(always)] // Twice in the program, and on the way of each call in one of them.
    pub fn put(&mut self, now: Instant, leased: Leased<C>, reuse: Reuse, hint: Hint) -> Put {
        let at = self.end_lease(&leased);
        let Leased {
            connection,
            slot,
            idle,
            ..
        } = leased;
        if let Reuse::Close(reasons) = reuse {
            return self.close_returned(at, slot, connection, *reasons.primary());
        }
        let Some(at) = at else {
            return self.close_returned(None, slot, connection, CloseReason::RuntimeGone);
        };
        let announced = hint.timeout.is_some() || hint.max.is_some();
        if announced || idle.is_some_and(|idle| idle > self.outlook.disproved_above) {
            self.note_news(now, slot, idle, hint);
        }
        if (announced || !self.is_plain(slot))
            && let Some(reason) = self.objection(now, slot, hint)
        {
            return self.close_returned(Some(at), slot, connection, reason);
        }
        self.begin_idling(now, slot);
        if let Some(waiter) = self.oldest_waiter(at) {
            let idle = Some(Duration::ZERO);
            self.hand_over(at, slot, connection, idle, waiter, false);
            return Put::Delivered;
        }
        self.settle(at, slot, connection)
    }

    /// A check-out is undone: not one byte was written. It does not count as a request, and the
    /// connection has been idle all the while.
    pub fn put_back(&mut self, now: Instant, leased: Leased<C>) {
        let at = self.end_lease(&leased);
        let Leased {
            connection, slot, ..
        } = leased;
        self.undo_check_out(slot);
        let Some(at) = at else {
            self.close_returned(None, slot, connection, CloseReason::RuntimeGone);
            return;
        };
        self.refresh_outlook(now);
        self.retuned(slot);
        let had_idled = self.slots.parked(slot.0).idled;
        if !had_idled {
            self.begin_idling(now, slot);
        }
        let facts = *self.slots.parked(slot.0);
        let idle = self.idle_time(now, &facts);
        let fitness = self.fitness(now, idle, &facts);
        if self.shut {
            self.close_returned(Some(at), slot, connection, CloseReason::ShutDown);
        } else if !self.limits.keep_alive && facts.requests > 0 {
            self.close_returned(Some(at), slot, connection, CloseReason::PoolOff);
        } else if let Fitness::Spent(reason) = fitness {
            self.close_returned(Some(at), slot, connection, reason);
        } else if let Some(waiter) = self.waiter_for(at, fitness) {
            self.slots.entry_mut(slot).facts.idled = had_idled;
            let idle = had_idled.then_some(idle);
            self.hand_over(at, slot, connection, idle, waiter, false);
        } else {
            self.settle(at, slot, connection);
            self.refuse_hopeless(at);
        }
    }

    /// Closes a connection that was checked out and carried nothing, as when a look at its socket
    /// found it dead. The check-out does not count as a request.
    pub fn discard(&mut self, now: Instant, leased: Leased<C>, reason: CloseReason) {
        let at = self.end_lease(&leased);
        let Leased {
            connection, slot, ..
        } = leased;
        self.undo_check_out(slot);
        if let CloseReason::PeerClosedIdle { idle, .. } = reason {
            // Found only now, so the close itself may be older: that can lower an estimate, never raise one.
            let news = self
                .learner
                .measured(now)
                .is_none_or(|known| idle <= known.timeout);
            if news {
                self.learn_close(now, idle, slot);
            }
        }
        self.close_returned(at, slot, connection, reason);
    }

    /// Ends a lease in the books. None when the lane went away meanwhile.
    #[inline]
    fn end_lease(&mut self, leased: &Leased<C>) -> Option<usize> {
        let entry = self.slots.entry_mut(leased.slot);
        debug_assert!(
            entry.id == leased.id && matches!(entry.place, Place::Leased),
            "a lease returns once, to the machine it came from"
        );
        if let Some(round_trip) = leased.round_trip {
            entry.facts.round_trip = round_trip.duration();
        }
        self.active -= 1;
        if entry.gone {
            return None;
        }
        let at = self.lanes.find(leased.lane)?;
        self.lanes.0[at].active -= 1;
        Some(at)
    }

    pub(super) fn undo_check_out(&mut self, slot: Slot) {
        let facts = &mut self.slots.entry_mut(slot).facts;
        facts.requests -= 1;
        self.totals.requests -= 1;
        self.totals.reused -= u64::from(facts.requests > 0);
    }

    /// From now on the connection is idle, or would be if nobody waited.
    #[inline]
    pub(super) fn begin_idling(&mut self, now: Instant, slot: Slot) {
        let facts = &mut self.slots.entry_mut(slot).facts;
        facts.parked_at = now;
        facts.idled = true;
        facts.slept_at = self.clock.slept();
    }

    /// What a finished exchange teaches: the server's announcement, and that it had not closed yet.
    fn note_news(&mut self, now: Instant, slot: Slot, idle: Option<Duration>, hint: Hint) {
        let mut news = false;
        // One that had never served was under another of the server's timeouts.
        if let Some(idle) = idle
            && idle > self.outlook.disproved_above
            && self.slots.parked(slot.0).requests > 1
        {
            news = self.learner.on_reused_at(idle);
        }
        if self.limits.honour_hint {
            let facts = &mut self.slots.entry_mut(slot).facts;
            if let Some(timeout) = hint.timeout {
                news |= self.learner.on_announced(now, timeout, facts.round_trip);
            }
            if let Some(further) = hint.max {
                facts.announced_max = facts.requests.saturating_add(further);
            }
        }
        if news {
            self.renew_outlook(now);
        }
    }

    /// Feeds a clean close of an idle connection to the learner.
    pub(super) fn learn_close(&mut self, now: Instant, idle: Duration, slot: Slot) {
        let facts = self.slots.parked(slot.0);
        // A connection that never served is under another of the server's timeouts; one that slept
        // with the machine tells when we woke, not when the server closed.
        if self.limits.learn && facts.requests > 0 && facts.slept_at == self.clock.slept() {
            self.learner.on_peer_close(now, idle, facts.round_trip);
            self.renew_outlook(now);
        }
    }

    /// Whether at a glance nothing can speak against keeping it.
    #[inline]
    fn is_plain(&self, slot: Slot) -> bool {
        let facts = self.slots.parked(slot.0);
        !self.shut
            && self.limits.keep_alive
            && facts.lifetime.is_none()
            && facts.tuned == self.tuned
            && facts.announced_max == u64::MAX
            && self.limits.max_requests_per_connection.is_none()
    }

    /// What speaks against keeping a connection whose exchange went well.
    pub(super) fn objection(
        &mut self,
        now: Instant,
        slot: Slot,
        hint: Hint,
    ) -> Option<CloseReason> {
        if self.shut {
            return Some(CloseReason::ShutDown);
        }
        if !self.limits.keep_alive {
            return Some(CloseReason::PoolOff);
        }
        self.retuned(slot);
        let facts = self.slots.parked(slot.0);
        if facts.too_old(now) {
            return Some(Self::too_old(now, facts));
        }
        let own = self.limits.max_requests_per_connection;
        let limit = own.unwrap_or(u64::MAX).min(facts.announced_max);
        if facts.requests >= limit {
            return Some(CloseReason::UsedUp {
                requests: facts.requests,
                limit,
            });
        }
        if hint.timeout == Some(Duration::ZERO) && self.limits.honour_hint {
            return Some(CloseReason::IdleTooLong {
                idle: Duration::ZERO,
                limit: Duration::ZERO,
            });
        }
        None
    }

    /// Gives a connection the lifetime of the limits in force.
    #[inline]
    fn retuned(&mut self, slot: Slot) {
        let facts = &mut self.slots.entry_mut(slot).facts;
        if facts.tuned != self.tuned {
            facts.tuned = self.tuned;
            facts.lifetime = self.limits.lifetime(facts.random);
            self.track_lifetime(slot);
        }
    }

    /// Parks a connection nobody waits for, idle since its `parked_at`, unless that is not wanted.
    #[inline]
    pub(super) fn settle(&mut self, at: usize, slot: Slot, connection: C) -> Put {
        let reason = if self.closing {
            CloseReason::ShutDown
        } else if self.outlook.never_park {
            CloseReason::IdleTooLong {
                idle: Duration::ZERO,
                limit: Duration::ZERO,
            }
        } else if let Some(limit) = self.limits.max_idle_per_host
            && self.idle >= limit
        {
            CloseReason::HostFull { limit }
        } else {
            self.park(at, slot, connection);
            return Put::Parked;
        };
        self.close_returned(Some(at), slot, connection, reason)
    }

    #[inline]
    fn park(&mut self, at: usize, slot: Slot, connection: C) {
        let since = self.slots.parked(slot.0).parked_at;
        let list = &mut self.lanes.0[at].idle;
        // Newest in front. An undone check-out is older than what was parked meanwhile, and clocks
        // of two threads may be read in another order than the lock is had.
        let mut newer = None;
        let mut place = list.front();
        while let Some(index) = place
            && self.slots.parked(index).parked_at > since
        {
            newer = place;
            place = self.slots.older(index);
        }
        list.insert_behind(&mut self.slots, slot.0, newer);
        self.idle += 1;
        let entry = self.slots.entry_mut(slot);
        entry.place = Place::Idle(connection);
        if std::mem::take(&mut entry.poked) {
            let id = entry.id;
            self.actions.push(Action::Recheck { slot, id });
        }
    }

    /// Closes a connection that has just come back.
    #[cold]
    pub(super) fn close_returned(
        &mut self,
        at: Option<usize>,
        slot: Slot,
        connection: C,
        reason: CloseReason,
    ) -> Put {
        self.close(slot, connection, reason, false);
        if let Some(at) = at {
            self.refuse_hopeless(at);
        }
        Put::Closed(reason)
    }

    /// Checks a connection out for a waiting call. `dialled`: it was opened for those who wait.
    pub(super) fn hand_over(
        &mut self,
        at: usize,
        slot: Slot,
        connection: C,
        idle: Option<Duration>,
        waiter: u32,
        dialled: bool,
    ) {
        self.slots.entry_mut(slot).poked = false;
        let leased = self.check_out(at, slot, connection, idle);
        let waiter = self.remove_waiter(at, waiter);
        self.actions.push(Action::Deliver {
            waiter: waiter.token,
            leased,
            miss: dialled.then_some(waiter.miss),
        });
    }
}
