//! Opening connections: when one is wanted, for whom, and what becomes of it.
//!
//! Owns the number of dials under way. Refuses to know how a connection is opened.

use std::time::{Duration, Instant};

use super::action::{Action, Refusal};
use super::leased::Facts;
use super::machine::Machine;
use super::{Lane, Slot};
use crate::event::{ConnectionId, DialId};
use crate::reason::{CloseReason, Miss};

impl<C, W, E> Machine<C, W, E> {
    /// Whether more calls wait than dials are under way for, and `max_conns_per_host` allows one more
    /// (perhaps after an idle connection or a dial of no use to them has made room).
    #[inline]
    pub fn wants_dial(&self) -> bool {
        self.waiters.len() > 0
            && self.lanes.0.iter().any(|share| share.lacking() > 0)
            && self.dials.len() - self.dials.stale() < self.limits.dials().min(self.most_dials)
            && self.has_room()
    }

    /// Starts a dial for the call that waits longest without one; the shell has a place for it in its
    /// global budget. False when none is wanted any more.
    pub fn start_dial(&mut self, now: Instant, dial: DialId) -> bool {
        if !self.wants_dial() {
            return false;
        }
        let Some((at, index)) = self.next_to_dial() else {
            return false;
        };
        let (lane, miss) = {
            let waiter = self.waiters.get(index);
            (waiter.lane, waiter.miss)
        };
        if !self.make_room(now) {
            return false;
        }
        let share = &mut self.lanes.0[at];
        if share.next_to_dial == Some(index) {
            share.next_to_dial = self.waiters.next(index);
        }
        share.dials += 1;
        self.dials.start(dial, lane, miss);
        self.actions.push(Action::Dial { dial, lane, miss });
        true
    }

    /// Opens a connection ahead of any call. False when the limits leave no room for it, idle or open.
    pub fn prewarm(&mut self, now: Instant, lane: Lane, dial: DialId) -> bool {
        self.refresh_outlook(now);
        let open = self.idle + self.active + self.dials.len();
        let surplus: usize = self.lanes.0.iter().map(|share| share.surplus()).sum();
        let full = self
            .limits
            .max_idle_per_host
            .is_some_and(|limit| self.idle + surplus + self.dials.stale() >= limit);
        if self.shut || !self.limits.keep_alive || open >= self.limits.connections() || full {
            return false;
        }
        self.closing = false;
        let at = self.lanes.find_or_add(lane);
        self.lanes.0[at].dials += 1;
        let miss = Miss::Prewarm;
        self.dials.start(dial, lane, miss);
        self.actions.push(Action::Dial { dial, lane, miss });
        true
    }

    /// A dial succeeded. Its connection goes to the call of its lane that waits longest, else into the
    /// pool, else it is closed. `make` builds the payload, told its place.
    pub fn dialed(
        &mut self,
        now: Instant,
        dial: DialId,
        id: ConnectionId,
        make: impl FnOnce(Slot) -> C,
    ) {
        self.refresh_outlook(now);
        self.totals.opened += 1;
        let Some(ended) = self.dials.end(dial) else {
            // Cancelled, and landed all the same. A dial nobody knows can only be one of long ago.
            let forgotten = (Lane(0), CloseReason::Cancelled);
            let (lane, reason) = self.dials.end_cancelled(dial).unwrap_or(forgotten);
            let (slot, connection) = self.open(now, id, lane, make);
            self.close(slot, connection, reason, false);
            return;
        };
        let at = self.lanes.find_or_add(ended.lane);
        self.forget_dial(at, ended.stale);
        let (slot, connection) = self.open(now, id, ended.lane, make);
        if let Some(waiter) = self.oldest_waiter(at) {
            self.hand_over(at, slot, connection, None, waiter, true);
        } else if !self.limits.keep_alive {
            self.close_returned(Some(at), slot, connection, CloseReason::PoolOff);
        } else {
            self.begin_idling(now, slot);
            self.settle(at, slot, connection);
        }
    }

    /// A dial failed. Its error is a call's only if no other dial or connection can serve that call.
    pub fn dial_failed(&mut self, now: Instant, dial: DialId, error: E) {
        self.refresh_outlook(now);
        let Some(ended) = self.dials.end(dial) else {
            self.dials.end_cancelled(dial);
            return;
        };
        let Some(at) = self.lanes.find(ended.lane) else {
            return;
        };
        self.forget_dial(at, ended.stale);
        if !ended.stale && self.lanes.0[at].lacking() > 0 {
            self.flag_oldest(at, error);
        }
        self.refuse_hopeless(at);
    }

    /// A new connection, in no list and leased to nobody yet.
    fn open(
        &mut self,
        now: Instant,
        id: ConnectionId,
        lane: Lane,
        make: impl FnOnce(Slot) -> C,
    ) -> (Slot, C) {
        let random = self.draw();
        let facts = Facts {
            opened: now,
            requests: 0,
            parked_at: now,
            idled: false,
            slept_at: self.clock.slept(),
            lifetime: self.limits.lifetime(random),
            announced_max: u64::MAX,
            round_trip: Duration::ZERO,
            random,
            tuned: self.tuned,
        };
        let slot = self.slots.claim(id, lane, facts);
        self.track_lifetime(slot);
        (slot, make(slot))
    }

    /// Whether a dial may be started, perhaps after something has made room.
    pub(super) fn has_room(&self) -> bool {
        let limit = self.limits.connections();
        // Idle connections and surplus dials can make room; what serves or is relied on cannot.
        self.idle + self.active + self.dials.len() < limit || {
            let surplus: usize = self.lanes.0.iter().map(|share| share.surplus()).sum();
            let relied_on = self.dials.len() - self.dials.stale() - surplus;
            self.active + relied_on < limit
        }
    }

    /// Makes room for one dial: first goes what nobody has any use for.
    fn make_room(&mut self, now: Instant) -> bool {
        while self.idle + self.active + self.dials.len() >= self.limits.connections() {
            let reason = self.host_full();
            if let Some(dial) = self.surplus_dial() {
                self.cancel_dial(dial, reason);
            } else if !self.evict_oldest(now, reason) {
                return false;
            }
        }
        true
    }

    /// The oldest dial that nobody relies on.
    pub(super) fn surplus_dial(&self) -> Option<DialId> {
        let surplus = |lane: Lane| {
            let share = self.lanes.0.iter().find(|share| share.lane == lane);
            share.is_some_and(|share| share.surplus() > 0)
        };
        self.dials
            .oldest(|dial| dial.stale)
            .or_else(|| self.dials.oldest(|dial| surplus(dial.lane)))
    }

    /// Stops a dial; its place is free at once.
    pub(super) fn cancel_dial(&mut self, dial: DialId, why: CloseReason) {
        let Some(ended) = self.dials.cancel(dial, why) else {
            return;
        };
        self.actions.push(Action::CancelDial { dial });
        if let Some(at) = self.lanes.find(ended.lane) {
            self.forget_dial(at, ended.stale);
            self.refuse_hopeless(at);
        }
    }

    /// The runtime is gone: its idle connections are closed, its dials stopped, its calls refused;
    /// what is still leased is closed when it comes back.
    pub fn lane_gone(&mut self, now: Instant, lane: Lane) {
        self.refresh_outlook(now);
        let Some(at) = self.lanes.find(lane) else {
            return;
        };
        self.refuse_all(at, || Refusal::RuntimeGone);
        while let Some(index) = self.lanes.0[at].idle.front() {
            self.close_parked(at, index, CloseReason::RuntimeGone);
        }
        while let Some(dial) = self.dials.oldest(|dial| dial.lane == lane) {
            self.cancel_dial(dial, CloseReason::RuntimeGone);
        }
        for (_, entry) in self.slots.iter_mut() {
            entry.gone |= entry.lane == lane;
        }
        self.lanes.0.swap_remove(at);
    }

    pub(super) fn host_full(&self) -> CloseReason {
        CloseReason::HostFull {
            limit: self.limits.connections(),
        }
    }

    fn forget_dial(&mut self, at: usize, stale: bool) {
        let share = &mut self.lanes.0[at];
        if stale {
            share.stale_dials -= 1;
        } else {
            share.dials -= 1;
        }
    }

    /// The call that waits longest of those for which no dial was started.
    fn next_to_dial(&self) -> Option<(usize, u32)> {
        let lacking = |(at, share): (usize, &super::lanes::Share)| {
            let index = share.next_to_dial.or(share.waiting.front())?;
            (share.lacking() > 0).then_some((at, index))
        };
        self.lanes
            .0
            .iter()
            .enumerate()
            .filter_map(lacking)
            .min_by_key(|(_, index)| self.waiters.get(*index).number)
    }
}
