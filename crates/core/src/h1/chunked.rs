//! `Chunks`: the chunked transfer coding, read strictly (RFC 9112 §7.1).
//!
//! Owns sizes, extensions, chunk ends, trailers and their limits. Refuses to know whose body it is.
//!
//! Lenient chunk parsers are what request smuggling is made of: a size line ends with CR LF, its number is
//! plain hex, and only blanks before a `;` are forgiven (RFC 9112 §7.1.1 asks for that).

use bytes::BytesMut;
use http::{HeaderMap, HeaderValue};

use super::Limits;
use super::body::Part;
use super::fields::MAX_LENGTH;
use super::head::{self, Search};
use super::names::header_name;
use crate::reason::{Limit, ProtocolFault};

/// What each chunk may cost in framing beside twice its payload, as in Go.
const CHUNK_ALLOWANCE: u64 = 16;

/// Where in the coding the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// At a size line. Next: `Data` or `Trailers`.
    Size,
    /// Inside data. Next: `DataEnd`.
    Data,
    /// At the line end behind data. Next: `Size`.
    DataEnd,
    /// Behind the last chunk. Next: `Done`.
    Trailers,
    /// Behind everything. Terminal.
    Done,
}

/// A chunked body on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunks {
    /// Bytes of the chunk's data still to come.
    left: u64,
    /// Framing bytes beyond the allowance so far.
    excess: u64,
    /// How far the search for a line's (or the trailers') end has got.
    search: Search,
    at: At,
}

impl Chunks {
    pub(crate) fn new() -> Self {
        Self {
            left: 0,
            excess: 0,
            search: Search::default(),
            at: At::Size,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at == At::Done
    }

    /// Takes the next part out of `buffer`. None: more bytes are needed, or the body is done.
    pub(crate) fn take(
        &mut self,
        buffer: &mut BytesMut,
        limits: &Limits,
    ) -> Result<Option<Part>, ProtocolFault> {
        loop {
            match self.at {
                At::Size => {
                    if !self.take_size(buffer, limits)? {
                        return Ok(None);
                    }
                }
                At::Data => return Ok(self.take_data(buffer)),
                At::DataEnd => {
                    if !self.take_data_end(buffer)? {
                        return Ok(None);
                    }
                }
                At::Trailers => return self.take_trailers(buffer, limits),
                At::Done => return Ok(None),
            }
        }
    }

    fn take_size(&mut self, buffer: &mut BytesMut, limits: &Limits) -> Result<bool, ProtocolFault> {
        //= RFC 9112 §7.1.1: the length of extensions ought to be limited.
        let too_long = ProtocolFault::TooMuch(Limit::ChunkLine);
        let Some(length) = self.search.line_end(buffer) else {
            return if buffer.len() >= limits.chunk_line {
                Err(too_long)
            } else {
                Ok(false)
            };
        };
        if length > limits.chunk_line {
            return Err(too_long);
        }
        let size = chunk_size(&buffer[..length])?;
        // The line, and the line end behind the data.
        let framing = length as u64 + 2;
        let allowance = CHUNK_ALLOWANCE.saturating_add(size.saturating_mul(2));
        self.excess = (self.excess + framing).saturating_sub(allowance);
        if self.excess > limits.chunk_overhead {
            return Err(ProtocolFault::TooMuch(Limit::ChunkOverhead));
        }
        discard(buffer, length);
        self.left = size;
        self.at = if size == 0 { At::Trailers } else { At::Data };
        Ok(true)
    }

    fn take_data(&mut self, buffer: &mut BytesMut) -> Option<Part> {
        let data = head::take_up_to(buffer, &mut self.left)?;
        if self.left == 0 {
            self.at = At::DataEnd;
            // The usual end is mostly here already: whoever holds the last byte then also knows it is the last.
            if buffer.starts_with(b"\r\n0\r\n\r\n") {
                discard(buffer, 7);
                self.at = At::Done;
            }
        }
        Some(Part::Data(data))
    }

    fn take_data_end(&mut self, buffer: &mut BytesMut) -> Result<bool, ProtocolFault> {
        match **buffer {
            [] | [b'\r'] => Ok(false),
            //= RFC 9112 §7.1: chunk-data ends with CRLF.
            [b'\r', b'\n', ..] => {
                discard(buffer, 2);
                self.at = At::Size;
                Ok(true)
            }
            [..] => Err(ProtocolFault::ChunkEnd),
        }
    }

    fn take_trailers(
        &mut self,
        buffer: &mut BytesMut,
        limits: &Limits,
    ) -> Result<Option<Part>, ProtocolFault> {
        let too_much = ProtocolFault::TooMuch(Limit::TrailerBytes);
        match **buffer {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] => {
                discard(buffer, 2);
                self.at = At::Done;
                return Ok(None);
            }
            [b'\r' | b'\n', ..] => return Err(ProtocolFault::Trailer),
            [..] => {}
        }
        let Some(length) = self.search.section_end(buffer) else {
            return if buffer.len() >= limits.trailer_bytes {
                Err(too_much)
            } else {
                Ok(None)
            };
        };
        if length > limits.trailer_bytes {
            return Err(too_much);
        }
        //= RFC 9112 §7.1.2: trailers are given apart from the header fields.
        let trailers = trailers(buffer, length, limits)?;
        self.at = At::Done;
        Ok(Some(Part::Trailers(trailers)))
    }
}

/// Drops bytes of framing without touching what the buffer shares with parts given out before.
fn discard(buffer: &mut BytesMut, length: usize) {
    bytes::Buf::advance(buffer, length);
}

/// The number of a size line, its line end included in `line`.
fn chunk_size(line: &[u8]) -> Result<u64, ProtocolFault> {
    let fault = ProtocolFault::ChunkSize;
    let line = line.strip_suffix(b"\r\n").ok_or(fault)?;
    let digits = line
        .iter()
        .position(|byte| !byte.is_ascii_hexdigit())
        .unwrap_or(line.len());
    //= RFC 9112 §7.1: large numbers must not overflow.
    if digits == 0 || digits > 16 {
        return Err(fault);
    }
    let mut size = 0_u64;
    for &byte in &line[..digits] {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            letter => (letter | 0x20) - b'a' + 10,
        };
        size = size << 4 | u64::from(digit);
    }
    if size > MAX_LENGTH {
        return Err(fault);
    }
    let rest = &line[digits..];
    if rest.is_empty() {
        return Ok(size);
    }
    //= RFC 9112 §7.1.1: extensions that are not known are ignored.
    // `BWS ";" …`: blanks are forgiven here and nowhere else, since recipients must read past them.
    let blanks = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    let extension = &rest[blanks..];
    let sound = extension.first() == Some(&b';')
        && extension
            .iter()
            .all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f));
    if sound { Ok(size) } else { Err(fault) }
}

/// Reads the trailer section that is the first `length` bytes of `buffer`, and takes it out.
fn trailers(
    buffer: &mut BytesMut,
    length: usize,
    limits: &Limits,
) -> Result<HeaderMap, ProtocolFault> {
    let section = buffer.split_to(length).freeze();
    let lines = section.iter().filter(|byte| **byte == b'\n').count();
    let line_ends = section.windows(2).filter(|pair| pair == b"\r\n").count();
    if lines != line_ends {
        return Err(ProtocolFault::Trailer);
    }
    // One line is the blank one.
    if lines - 1 > limits.header_fields {
        return Err(ProtocolFault::TooMuch(Limit::HeaderCount));
    }
    let mut parsed = vec![httparse::EMPTY_HEADER; lines];
    let Ok(httparse::Status::Complete((_, fields))) =
        httparse::parse_headers(&section, &mut parsed)
    else {
        return Err(ProtocolFault::Trailer);
    };
    let mut map = HeaderMap::new();
    for field in fields {
        //= RFC 9110 §6.5.1: fields that frame, route or control must not be in trailers.
        let forbidden = [
            "connection",
            "content-length",
            "host",
            "trailer",
            "transfer-encoding",
        ];
        if forbidden
            .iter()
            .any(|name| field.name.eq_ignore_ascii_case(name))
        {
            return Err(ProtocolFault::Trailer);
        }
        let name = header_name(field.name.as_bytes()).map_err(|_| ProtocolFault::Trailer)?;
        let value = HeaderValue::from_maybe_shared(section.slice_ref(field.value))
            .map_err(|_| ProtocolFault::Trailer)?;
        map.try_append(name, value)
            .map_err(|_| ProtocolFault::Trailer)?;
    }
    Ok(map)
}
