//! `SleepClock`: how long the machine slept without its monotonic clock noticing.
//!
//! Owns the comparison of the two clocks. Refuses to read either.

use std::time::{Duration, Instant, SystemTime};

use crate::time::Now;

/// A wall clock that gains more than this between two looks has jumped: we slept, or it was set.
/// Both make idle times doubtful, so both count.
const JUMP: Duration = Duration::from_secs(2);

/// The sum of all sleeps seen.
#[derive(Debug, Default)]
pub(super) struct SleepClock {
    /// An earlier look, at most [`JUMP`] of wall time ago in regular use; and the end of that time.
    base: Option<(Now, SystemTime)>,
    slept: Duration,
}

impl SleepClock {
    /// Looks at both clocks. Small differences (a clock being slewed) only move the base.
    #[inline]
    pub(super) fn look(&mut self, now: Now) {
        // The wall clock has not moved far enough to have jumped: the usual case.
        let near = |(base, until): (Now, SystemTime)| now.wall >= base.wall && now.wall <= until;
        if !self.base.is_some_and(near) {
            self.rebase(now);
        }
    }

    #[cold]
    fn rebase(&mut self, now: Now) {
        let until = now.wall.checked_add(JUMP).unwrap_or(now.wall);
        if let Some((base, _)) = self.base.replace((now, until)) {
            let wall = now.wall.duration_since(base.wall).unwrap_or_default();
            let gained = wall.saturating_sub(now.instant.saturating_duration_since(base.instant));
            if gained > JUMP {
                self.slept += gained;
            }
        }
    }

    /// Time slept so far.
    #[inline]
    pub(super) fn slept(&self) -> Duration {
        self.slept
    }

    /// How long something has lasted that began at `since`, when `slept` was the sum of sleeps.
    #[inline]
    pub(super) fn lasted(&self, now: Instant, since: Instant, slept: Duration) -> Duration {
        let awake = now.saturating_duration_since(since);
        if slept == self.slept {
            awake
        } else {
            awake + (self.slept - slept)
        }
    }
}
