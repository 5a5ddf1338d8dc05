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

    /// Adds a decision. The rule stops before the list is full.
    pub(crate) fn push(&mut self, retry: Retry) {
        if let Some(place) = self.decisions.get_mut(usize::from(self.count)) {
            *place = retry;
            self.count += 1;
        }
    }

    pub(crate) fn as_slice(&self) -> &[Retry] {
        &self.decisions[..usize::from(self.count)]
    }
}
