//! Several calls on one leased connection: `join`, `unjoin`, `pull_waiter`, `restrict_dials`.
//!
//! Owns what the machine has to know of streams: that a call more has joined a connection that is leased already, and
//! that one call less waits. The connection stays leased, once, until its last call has gone; who holds a place on it
//! is the shell's account.

use std::time::Instant;

use super::machine::Machine;
use super::{Hint, Lane, Leased};
use crate::reason::{CloseReason, Miss};

impl<C, W, E> Machine<C, W, E> {
    /// One call more on a connection that is leased already: a request like any other, so the same limits speak.
    ///
    /// # Errors
    /// What speaks against it. Then nobody may join any more, and the connection is to be put back with this reason
    /// once its calls have gone.
    pub fn join(&mut self, now: Instant, leased: &mut Leased<C>) -> Result<(), CloseReason> {
        if let Some(reason) = self.objection(now, leased.slot, Hint::NONE) {
            return Err(reason);
        }
        let facts = &mut self.slots.entry_mut(leased.slot).facts;
        let reused = facts.requests > 0;
        facts.requests += 1;
        leased.requests = facts.requests;
        self.totals.requests += 1;
        self.totals.reused += u64::from(reused);
        self.closing = false;
        Ok(())
    }

    /// Undoes a `join`, or the check-out itself: not one byte of that request was written.
    pub fn unjoin(&mut self, leased: &mut Leased<C>) {
        self.undo_check_out(leased.slot);
        leased.requests = self.slots.parked(leased.slot.0).requests;
    }

    /// Whether a call of this lane waits.
    pub fn has_waiter(&self, lane: Lane) -> bool {
        let at = self.lanes.find(lane);
        at.is_some_and(|at| self.oldest_waiter(at).is_some())
    }

    /// Takes the call of a lane that waits longest out of the queue: a place on a shared connection serves it.
    /// Dials that nobody waits for then are stopped: their connections would be more than anybody needs.
    pub fn pull_waiter(&mut self, lane: Lane) -> Option<(W, Miss)> {
        let at = self.lanes.find(lane)?;
        let index = self.oldest_waiter(at)?;
        let waiter = self.remove_waiter(at, index);
        while self.lanes.0[at].surplus() > 0
            && let Some(dial) = self
                .dials
                .oldest(|dial| dial.lane == lane && !dial.stale && dial.miss != Miss::Prewarm)
        {
            self.cancel_dial(dial, CloseReason::Cancelled);
        }
        Some((waiter.token, waiter.miss))
    }

    /// At most so many dials at a time from now on, whatever the limits allow; none lifts it. While it is not known
    /// whether a server's connections can be shared, one is opened to find out; zero lets every call wait for a
    /// place on what is open.
    pub fn restrict_dials(&mut self, most: Option<usize>) {
        self.most_dials = most.unwrap_or(usize::MAX);
    }
}
