//! `Recorder`: the latest events, in memory.
//!
//! Owns their number: it never grows beyond what was allowed. Refuses to look at them.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use keepwarm_core::event::{Event, Observer};

/// Keeps the latest events in memory; the oldest go first, and how many have gone is counted.
///
/// A call makes about seven events, an event takes about 200 bytes.
pub struct Recorder {
    capacity: usize,
    began: (Instant, SystemTime),
    state: Mutex<State>,
}

/// A ring: once it is full, each event is written over the oldest, for moving two hundred bytes about is most of what
/// recording costs.
#[derive(Default)]
struct State {
    events: Vec<Event>,
    /// Where the oldest is.
    oldest: usize,
    dropped: u64,
}

impl State {
    /// The oldest first.
    fn in_order(&self) -> Vec<Event> {
        let (newer, older) = self.events.split_at(self.oldest);
        older.iter().chain(newer).cloned().collect()
    }
}

impl Recorder {
    /// Events kept unless told otherwise: about 28 000 calls in 40 MB. Memory is taken as events come.
    pub const CAPACITY: usize = 200_000;

    /// A recorder of at most so many events.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            began: (Instant::now(), SystemTime::now()),
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The events there are, the oldest first. They stay.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.lock().in_order()
    }

    /// How many events have gone because there was no place for them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// When it was made, on both clocks: what ties the times of events to the wall.
    #[must_use]
    pub fn began(&self) -> (Instant, SystemTime) {
        self.began
    }

    /// The events as a log under this name, for [`keepwarm_report::Report::of`].
    #[cfg(feature = "report")]
    #[must_use]
    pub fn log(&self, name: &str) -> keepwarm_report::Log {
        let (instant, wall) = self.began;
        let beginning = keepwarm_report::Beginning { instant, wall };
        let (events, dropped) = {
            let state = self.lock();
            (state.in_order(), state.dropped)
        };
        let mut log = keepwarm_report::Log::of_events(name, &beginning, &events);
        log.dropped = dropped;
        log
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new(Self::CAPACITY)
    }
}

impl Observer for Recorder {
    fn on_event(&self, event: &Event) {
        self.on_owned_event(event.clone());
    }

    fn on_owned_event(&self, event: Event) {
        let mut state = self.lock();
        if state.events.len() < self.capacity {
            state.events.push(event);
            return;
        }
        state.dropped += 1;
        let oldest = state.oldest;
        if let Some(place) = state.events.get_mut(oldest) {
            *place = event;
            state.oldest = if oldest + 1 < self.capacity {
                oldest + 1
            } else {
                0
            };
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Recorder")
            .field("capacity", &self.capacity)
            .field("events", &state.events.len())
            .field("dropped", &state.dropped)
            .finish_non_exhaustive()
    }
}
