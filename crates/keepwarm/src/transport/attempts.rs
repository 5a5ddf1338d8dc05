//! `Attempts`: what was decided after each failed attempt of one call.
//!
//! Owns the short list, in place: every call carries it and few ever use it. Refuses to decide.

use keepwarm_core::reason::{Retry, Stop};
use keepwarm_core::retry::MAX_SENDINGS;

const MOST: usize = MAX_SENDINGS as usize;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempts {
    decisions: [Retry; MOST],
    count: u8,
}

impl Attempts {
    pub(crate) const NONE: Self = Self {
        // A place holder: what lies beyond `count` is never read.
        decisions: [Retry::Stop(Stop::Budget); MOST],
        count: 0,
    };

    /// Adds a decision. In a list that is full, which takes a server that goes away many times, it takes the last
    /// one's place.
    pub(crate) fn push(&mut self, retry: Retry) {
        self.decisions[usize::from(self.count).min(MOST - 1)] = retry;
        self.count = self.count.saturating_add(1);
    }

    /// How many there were, those included that are not kept.
    pub(crate) fn count(&self) -> u32 {
        u32::from(self.count)
    }

    pub(crate) fn as_slice(&self) -> &[Retry] {
        &self.decisions[..usize::from(self.count).min(MOST)]
    }
}
