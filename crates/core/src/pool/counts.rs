//! `Counts`: the pool in numbers.
//!
//! Owns the counters' meaning and their sums. Refuses to know names of metrics.

use std::mem::discriminant;

use crate::reason::CloseReason;

/// The numbers of one pool at one moment: consistent, because taken under one lock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Idle connections now.
    pub idle: usize,
    /// Connections serving calls now.
    pub active: usize,
    /// Dials under way now, those nobody waits for included.
    pub dialing: usize,
    /// Calls waiting now.
    pub waiting: usize,
    /// Connections opened so far.
    pub opened: u64,
    /// Check-outs so far of a connection that had carried a request before.
    pub reused: u64,
    /// Check-outs so far, less those undone.
    pub requests: u64,
    /// Connections closed so far, by kind of reason.
    closed: Vec<ClosedCount>,
}

/// How many connections were closed for one kind of reason.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClosedCount {
    /// The last reason of this kind, with its numbers.
    pub last: CloseReason,
    /// How many there were.
    pub count: u64,
}

impl Counts {
    /// The closes so far by kind: slug, the last reason of that kind, how many.
    pub fn closed(&self) -> impl Iterator<Item = (&'static str, CloseReason, u64)> + '_ {
        self.closed
            .iter()
            .map(|kind| (kind.last.slug(), kind.last, kind.count))
    }

    /// All closes so far.
    pub fn closed_total(&self) -> u64 {
        self.closed.iter().map(|kind| kind.count).sum()
    }

    /// Closes so far of the kind with this slug.
    pub fn closed_as(&self, slug: &str) -> u64 {
        self.closed()
            .filter(|(known, _, _)| *known == slug)
            .map(|(_, _, count)| count)
            .sum()
    }

    /// Counts closes of one kind. Two dozen kinds at most: a list is enough.
    pub(super) fn add_closed(&mut self, last: CloseReason, count: u64) {
        let same = |kind: &&mut ClosedCount| discriminant(&kind.last) == discriminant(&last);
        match self.closed.iter_mut().find(same) {
            Some(kind) => {
                kind.last = last;
                kind.count += count;
            }
            None => self.closed.push(ClosedCount { last, count }),
        }
    }
}
