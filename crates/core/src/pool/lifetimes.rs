//! `Lifetimes`: when connections become too old.
//!
//! Owns one deadline per connection, entered once and cleaned lazily. Refuses to close anything.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::Slot;
use crate::event::ConnectionId;

/// The deadlines, soonest first. Empty as long as no lifetime is set.
#[derive(Debug, Default)]
pub(super) struct Lifetimes(BinaryHeap<Reverse<(Instant, u32, ConnectionId)>>);

impl Lifetimes {
    /// Enters a connection.
    pub(super) fn enter(&mut self, deadline: Instant, slot: Slot, id: ConnectionId) {
        self.0.push(Reverse((deadline, slot.0, id)));
    }

    /// Drops the entries of closed connections, once they are the majority.
    pub(super) fn sweep(&mut self, open: usize, is_open: impl Fn(Slot, ConnectionId) -> bool) {
        if self.0.len() > 2 * open + 64 {
            self.0
                .retain(|Reverse((_, slot, id))| is_open(Slot(*slot), *id));
        }
    }

    /// The soonest deadline, perhaps of a connection that is gone.
    pub(super) fn soonest(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((deadline, _, _))| *deadline)
    }

    /// Removes one connection whose deadline has come.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(Slot, ConnectionId)> {
        self.soonest().filter(|deadline| *deadline <= now)?;
        self.0.pop().map(|Reverse((_, slot, id))| (Slot(slot), id))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
