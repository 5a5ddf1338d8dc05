//! `Heartbeat`: tells whether this process could see what happened when it happened.
//!
//! Owns a task that is due every few milliseconds, and the clock that goes on while the machine sleeps. Refuses to know
//! what was measured meanwhile.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

const PERIOD: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug)]
struct Beat {
    at: Instant,
    /// How much later than due it was.
    late: Duration,
}

/// A task of the runtime that measures, due every 10 ms; gone with the value.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    last: Arc<Mutex<Beat>>,
    task: JoinHandle<()>,
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Heartbeat {
    pub(crate) fn start() -> Self {
        let first = Beat {
            at: Instant::now(),
            late: Duration::ZERO,
        };
        let last = Arc::new(Mutex::new(first));
        let written = Arc::clone(&last);
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(PERIOD);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let mut last = written.lock().unwrap_or_else(PoisonError::into_inner);
                let at = Instant::now();
                *last = Beat {
                    at,
                    late: (at - last.at).saturating_sub(PERIOD),
                };
            }
        });
        Self { last, task }
    }

    /// How long before now something may have happened that is only seen now. The runtime's own grain, about a
    /// millisecond, is in it.
    pub(crate) fn slack(&self) -> Duration {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let since = last.at.elapsed();
        // The turn of the runtime that woke us may have woken the beat before us: then its lateness is ours.
        if since < PERIOD {
            last.late
        } else {
            since - PERIOD
        }
    }
}

/// How long the machine has slept since it started, as far as the system tells.
pub(crate) fn slept() -> Duration {
    let read = |clock| {
        let time = clock_gettime(clock);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
    };
    let monotonic = read(ClockId::Monotonic);
    read(ClockId::Boottime).saturating_sub(monotonic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_was_held_up_knows_it() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let heartbeat = Heartbeat::start();
            tokio::time::sleep(3 * PERIOD).await;
            // The starvation itself: nothing else runs on this runtime meanwhile.
            std::thread::sleep(20 * PERIOD);
            assert!(heartbeat.slack() >= 15 * PERIOD, "{:?}", heartbeat.slack());
            // Turns of the runtime, in one of which the beat comes: it was late, and says so.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert!(heartbeat.slack() >= 15 * PERIOD, "{:?}", heartbeat.slack());
        });
    }

    #[test]
    fn two_looks_in_a_row_see_no_sleep_between_them() {
        let before = slept();
        assert!(slept().saturating_sub(before) < Duration::from_secs(1));
    }
}
