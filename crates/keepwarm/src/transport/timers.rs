//! `Timers`: the time limits of one call, on one timer.
//!
//! Owns which limit ends next. No timer exists unless a limit is set, and then one, re-armed.
//! Refuses to know what is done when it fires.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use keepwarm_core::reason::Limit;
use tokio::time::Sleep;

use crate::clock;

/// The limits of a call. Empty, and a pointer wide, until one is set: most calls set none.
#[derive(Default)]
pub(crate) struct Timers(Option<Box<Set>>);

#[derive(Default)]
struct Set {
    total: Option<Instant>,
    phase: Option<(Instant, Limit)>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timers {
    pub(crate) fn new(total: Option<Instant>) -> Self {
        Self(total.map(|_| {
            Box::new(Set {
                total,
                ..Set::default()
            })
        }))
    }

    pub(crate) fn total(&self) -> Option<Instant> {
        self.0.as_ref()?.total
    }

    /// Starts the phase's limit anew; the smallest of those given rules. None given: no limit.
    pub(crate) fn start_phase<const N: usize>(&mut self, limits: [(Option<Duration>, Limit); N]) {
        let shortest = limits
            .into_iter()
            .filter_map(|(after, limit)| Some((after?, limit)))
            .min_by_key(|(after, _)| *after);
        match shortest {
            Some((after, limit)) => {
                let at = later(clock::now(), after);
                self.0.get_or_insert_default().phase = Some((at, limit));
            }
            None => self.end_phase(),
        }
    }

    /// The phase has no limit any more.
    pub(crate) fn end_phase(&mut self) {
        if let Some(set) = &mut self.0 {
            set.phase = None;
        }
    }

    /// Which limit has passed, if one has. Otherwise the task is woken when the next one does.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Limit> {
        self.0.as_mut().map_or(Poll::Pending, |set| set.poll(cx))
    }
}

impl Set {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Limit> {
        let total = self.total.map(|at| (at, Limit::Total));
        let next = match (self.phase, total) {
            (Some(phase), Some(total)) if phase.0 <= total.0 => Some(phase),
            (Some(phase), None) => Some(phase),
            (_, total) => total,
        };
        let Some((at, limit)) = next else {
            return Poll::Pending;
        };
        let at = tokio::time::Instant::from_std(at);
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx).map(|()| limit)
    }
}

/// A moment that many durations from now; a duration beyond the clock's range is as good as a year.
pub(crate) fn later(now: Instant, after: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    now.checked_add(after).unwrap_or_else(|| now + YEAR)
}
