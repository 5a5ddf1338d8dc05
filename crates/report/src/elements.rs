//! `Elements`: a JSON document with one long list in it, written element by element.
//!
//! Owns commas and the one buffer. Refuses to know what the elements are.

use std::io::{self, Write};

use serde::Serialize;

/// Writes the elements of a list; what stands around the list is given as text.
pub(crate) struct Elements<'a> {
    out: &'a mut dyn Write,
    /// One element: it goes out in one write.
    buffer: Vec<u8>,
    is_first: bool,
}

impl<'a> Elements<'a> {
    /// Writes everything up to and with the opening bracket.
    pub(crate) fn begin(out: &'a mut dyn Write, head: &str) -> io::Result<Self> {
        out.write_all(head.as_bytes())?;
        Ok(Self {
            out,
            buffer: Vec::new(),
            is_first: true,
        })
    }

    /// Writes one, on a line of its own.
    pub(crate) fn add(&mut self, element: &impl Serialize) -> io::Result<()> {
        self.buffer.clear();
        let separator: &[u8] = if self.is_first { b"\n" } else { b",\n" };
        self.is_first = false;
        self.buffer.extend_from_slice(separator);
        serde_json::to_writer(&mut self.buffer, element)?;
        self.out.write_all(&self.buffer)
    }

    /// Writes the closing bracket and what follows it.
    pub(crate) fn end(self, tail: &str) -> io::Result<()> {
        self.out.write_all(b"\n]")?;
        self.out.write_all(tail.as_bytes())?;
        self.out.flush()
    }
}
