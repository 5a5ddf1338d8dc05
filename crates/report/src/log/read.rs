//! Reading events back from JSON Lines.
//!
//! Owns the errors, which say the line and what is wrong with it. Refuses to judge what the events say.

use std::fmt;
use std::io::{BufRead, Read};

use serde::Deserialize;

use super::{Dropped, EVENT_SCHEMA, Header, Log, Record};

/// The longest line that is read: events are a few hundred bytes, and a target as long as a server takes it.
pub const MAX_LINE_BYTES: u64 = 1 << 20;

/// Why a file of events could not be read.
#[derive(Debug)]
pub struct ReadError {
    /// The line, from 1.
    line: u64,
    what: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for ReadError {}

enum Line {
    Event(Box<Record>),
    Dropped(Dropped),
}

/// Reads a file of events (`keepwarm.event/1`). A last line that was cut off in the middle, as a program leaves it
/// that was killed, is left out.
///
/// # Errors
/// When it cannot be read, is of another kind, or a line is malformed.
pub fn read(name: &str, mut from: impl BufRead) -> Result<Log, ReadError> {
    let mut bytes = Vec::new();
    let mut number = 1;
    next_line(&mut from, &mut bytes, number)?;
    let header = header(&bytes)?;
    let mut log = Log {
        name: name.to_owned(),
        began_us: header.began_us,
        records: Vec::new(),
        dropped: 0,
    };
    loop {
        number += 1;
        next_line(&mut from, &mut bytes, number)?;
        if bytes.is_empty() {
            return Ok(log);
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        match parse(&bytes) {
            Ok(Line::Event(record)) => log.records.push(*record),
            Ok(Line::Dropped(Dropped { dropped })) => {
                log.dropped = log.dropped.saturating_add(dropped);
            }
            Err(_) if !bytes.ends_with(b"\n") => return Ok(log),
            Err(error) => {
                let what = format!("no event of {EVENT_SCHEMA}: {error}");
                return Err(ReadError { line: number, what });
            }
        }
    }
}

/// Reads the line as what it says it is: so that the error names the field, not all forms a line could have.
fn parse(bytes: &[u8]) -> Result<Line, serde_json::Error> {
    #[derive(Deserialize)]
    struct Kind {
        event: Option<serde::de::IgnoredAny>,
    }
    if serde_json::from_slice::<Kind>(bytes)?.event.is_some() {
        serde_json::from_slice(bytes).map(|record| Line::Event(Box::new(record)))
    } else {
        serde_json::from_slice(bytes).map(Line::Dropped)
    }
}

fn next_line(from: &mut impl BufRead, into: &mut Vec<u8>, line: u64) -> Result<(), ReadError> {
    into.clear();
    let failed = |what: String| ReadError { line, what };
    (from.take(MAX_LINE_BYTES))
        .read_until(b'\n', into)
        .map_err(|error| failed(error.to_string()))?;
    if into.len() as u64 == MAX_LINE_BYTES && !into.ends_with(b"\n") {
        return Err(failed(format!("longer than {MAX_LINE_BYTES} bytes")));
    }
    Ok(())
}

fn header(bytes: &[u8]) -> Result<Header, ReadError> {
    let wrong = |what: String| ReadError { line: 1, what };
    if bytes.trim_ascii().is_empty() {
        return Err(wrong(format!(
            "empty: a file of events begins with a line about its source ({EVENT_SCHEMA})"
        )));
    }
    let header: Header = serde_json::from_slice(bytes).map_err(|error| {
        wrong(format!(
            "not the beginning of a file of events ({EVENT_SCHEMA}): {error}"
        ))
    })?;
    if header.schema == EVENT_SCHEMA {
        return Ok(header);
    }
    Err(wrong(format!(
        "its form is '{}', this program reads '{EVENT_SCHEMA}'",
        header.schema.escape_debug()
    )))
}
