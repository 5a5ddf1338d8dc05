//! `Log`: the events of one source, in the order in which they were told.
//!
//! Owns the form in which events are kept and handed on: with times after a beginning that is known on the wall clock,
//! so that logs of several machines can be merged. Refuses to know what the events mean.

mod read;
mod write;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use keepwarm_core::event::{ClientId, Event, EventKind};
use serde::{Deserialize, Serialize};

pub use read::{MAX_LINE_BYTES, ReadError, read};
pub use write::Lines;

/// The name of the form, in the first line of each file.
pub const EVENT_SCHEMA: &str = "keepwarm.event/1";

/// The events of one source.
#[derive(Clone, Debug)]
pub struct Log {
    /// What the source is called: the file's name, or the program's.
    pub name: String,
    /// The moment that [`Record::at_us`] counts from, on the wall clock: microseconds since 1970 (UTC).
    pub began_us: u64,
    /// In the order in which they were told.
    pub records: Vec<Record>,
    /// Events that were dropped because the memory set aside for them was full.
    pub dropped: u64,
}

/// One event, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Microseconds after [`Log::began_us`], on the monotonic clock.
    pub at_us: u64,
    /// The client.
    pub client: ClientId,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// A moment on both clocks: what ties monotonic times to the wall.
#[derive(Clone, Copy, Debug)]
pub struct Beginning {
    /// On the monotonic clock.
    pub instant: Instant,
    /// On the wall clock.
    pub wall: SystemTime,
}

impl Beginning {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        Self {
            instant: Instant::now(),
            wall: SystemTime::now(),
        }
    }

    /// Microseconds since 1970; 0 for a clock that is set to before.
    #[must_use]
    pub fn wall_us(&self) -> u64 {
        let since = self.wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        micros(since)
    }

    /// The event with its time after this moment; one before it is put at it.
    #[must_use]
    pub fn record(&self, event: &Event) -> Record {
        Record {
            at_us: micros(event.at.saturating_duration_since(self.instant)),
            client: event.client,
            kind: event.kind.clone(),
        }
    }
}

impl Log {
    /// A log of these events, told since `beginning`.
    #[must_use]
    pub fn of_events<'a>(
        name: &str,
        beginning: &Beginning,
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            began_us: beginning.wall_us(),
            records: events
                .into_iter()
                .map(|event| beginning.record(event))
                .collect(),
            dropped: 0,
        }
    }
}

/// The first line of a file of events.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    schema: String,
    /// [`Log::began_us`].
    began_us: u64,
    /// The program that wrote it, as it calls itself.
    program: String,
    /// Its number on its machine, which tells two logs of one program apart.
    process: u32,
}

/// A line that says how many events are missing before it.
#[derive(Debug, Serialize, Deserialize)]
struct Dropped {
    dropped: u64,
}

/// Whole microseconds; what does not fit is as much as fits.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
