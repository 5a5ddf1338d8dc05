//! `JsonLines`: each event as a line of JSON.
//!
//! Owns the writer and its first failure. Refuses to fail a call because a disk is full.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use keepwarm_core::event::{Event, Observer};
use keepwarm_report::{Beginning, Lines};

/// Writes each event as a line of JSON (`keepwarm.event/1`, see `docs/events.md`).
///
/// It writes where the event happens, on a caller's task: give it a buffered writer to a file, or one that hands on to
/// a thread of its own. After the first failure it writes no more; [`JsonLines::finish`] tells of it.
pub struct JsonLines<W: Write + Send + 'static> {
    state: Mutex<State<W>>,
}

struct State<W> {
    lines: Lines<W>,
    failed: Option<io::Error>,
}

impl<W: Write + Send + 'static> JsonLines<W> {
    /// Writes the line about the source; `program` is what it is called in reports. Of queries only the names are
    /// written.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(out: W, program: &str) -> io::Result<Self> {
        Ok(Self {
            state: Mutex::new(State {
                lines: Lines::begin(out, program, Beginning::now())?,
                failed: None,
            }),
        })
    }

    /// The same with queries written whole: they may hold secrets.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn with_queries(out: W, program: &str) -> io::Result<Self> {
        Ok(Self {
            state: Mutex::new(State {
                lines: Lines::begin(out, program, Beginning::now())?.with_queries(),
                failed: None,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands on what is buffered, and tells of the first failure, once. It may go on being used.
    ///
    /// # Errors
    /// The first failure since the last time.
    pub fn finish(&self) -> io::Result<()> {
        let mut state = self.lock();
        let flushed = state.lines.flush();
        state.failed.take().map_or(flushed, Err)
    }
}

impl<W: Write + Send + 'static> Observer for JsonLines<W> {
    fn on_event(&self, event: &Event) {
        let mut state = self.lock();
        if state.failed.is_none() {
            state.failed = state.lines.event(event).err();
        }
    }
}

impl<W: Write + Send + 'static> fmt::Debug for JsonLines<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines").finish_non_exhaustive()
    }
}
