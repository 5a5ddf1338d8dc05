//! Calls that wait: `wait`, `leave`, and who is served next.
//!
//! Owns the order of service and who is refused. Refuses to open connections.

use std::time::Instant;

use super::Lane;
use super::action::{Action, Refusal};
use super::machine::{Fitness, Machine};
use super::waiters::{Ticket, Waiter};
use crate::reason::{CloseReason, Miss};

/// Dials that callers gave up on and that may still land; beyond that the oldest is cancelled.
const STALE_DIALS: usize = 8;

impl<C, W, E> Machine<C, W, E> {
    /// A call that could not [`take`](Self::take) queues up. It ends with `Deliver`, `Refuse` or
    /// [`leave`](Self::leave); a connection that became idle meanwhile is delivered at once.
    ///
    /// None when the call is refused (the action is pending): the queue is full, or the client shut down.
    pub fn wait(
        &mut self,
        now: Instant,
        lane: Lane,
        replayable: bool,
        miss: Miss,
        waiter: W,
    ) -> Option<Ticket> {
        self.closing = false;
        if self.shut {
            let why = Refusal::ShutDown;
            self.actions.push(Action::Refuse { waiter, why });
            return None;
        }
        if self.limits.keep_alive
            && let Ok(leased) = self.take_idle(now, lane, replayable)
        {
            self.actions.push(Action::Deliver {
                waiter,
                leased,
                miss: None,
            });
            return Some(Ticket::SERVED);
        }
        if let Some(limit) = self.limits.max_waiters {
            let backlog = self.backlog();
            // A call that a dial can be started for does not queue.
            let dials_at_once = backlog == 0 && self.has_room();
            if backlog >= limit && !dials_at_once {
                let why = Refusal::QueueFull { limit };
                self.actions.push(Action::Refuse { waiter, why });
                return None;
            }
        }
        let at = self.lanes.find_or_add(lane);
        let share = &mut self.lanes.0[at];
        let ticket = self
            .waiters
            .enter(&mut share.waiting, lane, replayable, miss, waiter);
        if share.next_to_dial.is_none() {
            share.next_to_dial = share.waiting.back();
        }
        Some(ticket)
    }

    /// A call gives up waiting. None when it was served or refused already: then look for that.
    pub fn leave(&mut self, now: Instant, ticket: Ticket) -> Option<W> {
        let index = self.waiters.find(ticket)?;
        let lane = self.waiters.get(index).lane;
        let at = self.lanes.find(lane)?;
        let waiter = self.remove_waiter(at, index);
        self.refresh_outlook(now);
        if self.lanes.0[at].surplus() > 0 {
            self.give_up_on_a_dial(at, lane);
        }
        Some(waiter.token)
    }

    /// A caller ran out of patience: its dial may be stuck, so the next caller does not rely on it.
    fn give_up_on_a_dial(&mut self, at: usize, lane: Lane) {
        let relied_on = |dial: &super::dials::Dial| {
            dial.lane == lane && !dial.stale && dial.miss != Miss::Prewarm
        };
        let Some(dial) = self.dials.oldest(relied_on) else {
            return;
        };
        if !self.limits.keep_alive || self.limits.max_idle_per_host == Some(0) {
            // Nobody waits for it, and it could not be kept.
            self.cancel_dial(dial, CloseReason::PoolOff);
            return;
        }
        self.dials.give_up_on(dial);
        self.lanes.0[at].dials -= 1;
        self.lanes.0[at].stale_dials += 1;
        if self.dials.stale() > STALE_DIALS
            && let Some(oldest) = self.dials.oldest(|dial| dial.stale)
        {
            self.cancel_dial(oldest, CloseReason::Cancelled);
        }
    }

    /// The call of a lane that waits longest.
    #[inline(always)] // Every connection that comes back asks, and mostly nobody waits.
    pub(super) fn oldest_waiter(&self, at: usize) -> Option<u32> {
        let share = &self.lanes.0[at];
        match (share.flagged.front(), share.waiting.front()) {
            (Some(flagged), Some(waiting)) => {
                let older = self.waiters.get(flagged).number < self.waiters.get(waiting).number;
                Some(if older { flagged } else { waiting })
            }
            (flagged, waiting) => flagged.or(waiting),
        }
    }

    /// The call of a lane that waits longest, if a connection of this fitness may serve it.
    pub(super) fn waiter_for(&self, at: usize, fitness: Fitness) -> Option<u32> {
        let oldest = self.oldest_waiter(at)?;
        let serves = match fitness {
            Fitness::Usable => true,
            Fitness::Doubtful => self.waiters.get(oldest).replayable,
            Fitness::Withheld | Fitness::Spent(_) => false,
        };
        serves.then_some(oldest)
    }

    /// Calls for which no dial is under way.
    fn backlog(&self) -> usize {
        let shares = self.lanes.0.iter();
        shares
            .map(|share| share.lacking() + share.flagged.len())
            .sum()
    }

    /// Takes a call out of its lane's queue.
    pub(super) fn remove_waiter(&mut self, at: usize, index: u32) -> Waiter<W, E> {
        let share = &mut self.lanes.0[at];
        if share.next_to_dial == Some(index) {
            share.next_to_dial = self.waiters.next(index);
        }
        let flagged = self.waiters.get(index).error.is_some();
        let chain = if flagged {
            &mut share.flagged
        } else {
            &mut share.waiting
        };
        self.waiters.remove(chain, index)
    }

    /// A dial of this lane failed with nobody else to make up for it: the call that waits longest
    /// bears the error, and no further dial is started for it.
    pub(super) fn flag_oldest(&mut self, at: usize, error: E) {
        let share = &mut self.lanes.0[at];
        let Some(index) = share.waiting.front() else {
            return;
        };
        if share.next_to_dial == Some(index) {
            share.next_to_dial = self.waiters.next(index);
        }
        share.waiting.unlink(&mut self.waiters, index);
        // It was in front, so it is younger than those flagged before it.
        share.flagged.push_back(&mut self.waiters, index);
        self.waiters.flag(index, error);
    }

    /// When no dial and no running exchange of a lane is left that could serve its flagged calls,
    /// they fail with their dials' errors.
    #[inline]
    pub(super) fn refuse_hopeless(&mut self, at: usize) {
        let share = &self.lanes.0[at];
        if share.flagged.len() > 0 && share.active + share.dials + share.stale_dials == 0 {
            self.refuse_flagged(at);
        }
    }

    fn refuse_flagged(&mut self, at: usize) {
        while let Some(index) = self.lanes.0[at].flagged.front() {
            let waiter = self.remove_waiter(at, index);
            if let Some(error) = waiter.error {
                self.actions.push(Action::Refuse {
                    waiter: waiter.token,
                    why: Refusal::DialFailed(error),
                });
            }
        }
    }

    /// Refuses every call of a lane.
    pub(super) fn refuse_all(&mut self, at: usize, why: impl Fn() -> Refusal<E>) {
        while let Some(index) = self.oldest_waiter(at) {
            let waiter = self.remove_waiter(at, index).token;
            let why = why();
            self.actions.push(Action::Refuse { waiter, why });
        }
    }
}
