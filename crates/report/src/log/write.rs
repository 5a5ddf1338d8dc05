//! `Lines`: events as JSON Lines.
//!
//! Owns the form of a line and what is left out of it: the values in a query, which may be secrets. Refuses to buffer.

use std::io::{self, Write};

use keepwarm_core::event::{Event, EventKind};

use super::{Beginning, Dropped, EVENT_SCHEMA, Header, Record};
use crate::redact;

/// Writes events as JSON Lines (`keepwarm.event/1`): a line about the source, then one for each event.
#[derive(Debug)]
pub struct Lines<W> {
    out: W,
    beginning: Beginning,
    queries: bool,
}

impl<W: Write> Lines<W> {
    /// Writes the first line. Of queries only the names are written: their values may be secrets.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn begin(out: W, program: &str, beginning: Beginning) -> io::Result<Self> {
        let mut lines = Self {
            out,
            beginning,
            queries: false,
        };
        lines.line(&Header {
            schema: EVENT_SCHEMA.to_owned(),
            began_us: beginning.wall_us(),
            program: program.to_owned(),
            process: std::process::id(),
        })?;
        Ok(lines)
    }

    /// Writes queries with their values from now on.
    #[must_use]
    pub fn with_queries(mut self) -> Self {
        self.queries = true;
        self
    }

    /// Writes an event.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        let record = self.beginning.record(event);
        self.record(record)
    }

    /// Writes an event whose time is known after the beginning.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn record(&mut self, mut record: Record) -> io::Result<()> {
        if !self.queries
            && let EventKind::CallStarted { target, .. } = &mut record.kind
        {
            *target = redact::without_values(target);
        }
        self.line(&record)
    }

    /// Says how many events are missing here.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn dropped(&mut self, dropped: u64) -> io::Result<()> {
        self.line(&Dropped { dropped })
    }

    /// Hands everything to where it goes.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn line(&mut self, it: &impl serde::Serialize) -> io::Result<()> {
        // One write for each line: lines of several programs in one file stay whole.
        let mut line = serde_json::to_vec(it)?;
        line.push(b'\n');
        self.out.write_all(&line)
    }
}
