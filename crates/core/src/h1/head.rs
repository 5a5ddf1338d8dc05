//! Heads: from bytes to `ResponseHead` and `RequestHead`, with what their fields say about framing.
//!
//! Owns the search for a head's end, the call of httparse (the grammar) and the sharing of the bytes read.
//! Refuses to know what the fields mean (see `fields`), and what is wrong with a bad head (see `classify`).
//!
//! The hot path is a head that is here whole at the first try: it is read once, by httparse. When a part
//! is missing, only new bytes are searched for its end until it is here, so a peer that drips bytes
//! costs no more than one that does not.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode, Version};

use super::block::{HeaderBlock, LONGEST_NAME, MOST_FIELDS};
use super::classify::{self, Kind};
use super::fields::Fields;
use super::{Limits, RequestHead, ResponseHead};
use crate::reason::{Limit, ProtocolFault};

/// Fields of a head that is read without touching the heap for it.
const STACK_FIELDS: usize = 64;

/// No head is longer, whatever the limit: positions in a head are kept in 32 bits.
const MAX_HEAD: usize = u32::MAX as usize;

/// How far the search for a line end or a blank line has got in a buffer that still grows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Search(u32);

impl Search {
    /// Length of the first line, its line feed included. Starts over after a find.
    pub(crate) fn line_end(&mut self, buffer: &[u8]) -> Option<usize> {
        let found = buffer[self.start(buffer)..]
            .iter()
            .position(|&byte| byte == b'\n')
            .map(|index| self.start(buffer) + index + 1);
        self.settle(buffer, found)
    }

    /// Length of a section that ends with a blank line, that line included. Starts over after a find.
    pub(crate) fn section_end(&mut self, buffer: &[u8]) -> Option<usize> {
        // The line feed before the blank line may be among the bytes searched already, with a CR behind it.
        let mut from = self.start(buffer).saturating_sub(2);
        let mut found = None;
        while let Some(index) = buffer[from..].iter().position(|&byte| byte == b'\n') {
            let behind = from + index + 1;
            match buffer[behind..] {
                [b'\n', ..] => found = Some(behind + 1),
                [b'\r', b'\n', ..] => found = Some(behind + 2),
                [..] => {}
            }
            if found.is_some() {
                break;
            }
            from = behind;
        }
        self.settle(buffer, found)
    }

    fn start(self, buffer: &[u8]) -> usize {
        (self.0 as usize).min(buffer.len())
    }

    fn settle(&mut self, buffer: &[u8], found: Option<usize>) -> Option<usize> {
        self.0 = match found {
            Some(_) => 0,
            None => u32::try_from(buffer.len()).unwrap_or(u32::MAX),
        };
        found
    }

    fn is_fresh(self) -> bool {
        self.0 == 0
    }
}

/// Splits up to `left` bytes off without copying; none when there are none.
pub(crate) fn take_up_to(buffer: &mut BytesMut, left: &mut u64) -> Option<Bytes> {
    if buffer.is_empty() {
        return None;
    }
    let available = buffer.len() as u64;
    let data = if available <= *left {
        buffer.split()
    } else {
        // Smaller than the buffer's length, so it fits.
        buffer.split_to(*left as usize)
    };
    *left -= data.len() as u64;
    Some(data.freeze())
}

/// Start and end of a part of `buffer`. See [`MAX_HEAD`].
#[inline]
fn within(buffer: &[u8], part: &[u8]) -> (u32, u32) {
    let start = (part.as_ptr() as usize).wrapping_sub(buffer.as_ptr() as usize) as u32;
    (start, start.wrapping_add(part.len() as u32))
}

/// What httparse found: a head of so many bytes, its start line and its fields.
enum Found<'h, 'b, S> {
    Whole {
        length: usize,
        start: S,
        fields: &'h [httparse::Header<'b>],
    },
    Partial,
    Refused(httparse::Error),
}

/// A start line, and the head grammar that begins with it.
trait StartLine: Sized {
    const KIND: Kind;

    fn parse<'h, 'b>(
        buffer: &'b [u8],
        room: &'h mut [MaybeUninit<httparse::Header<'b>>],
    ) -> Found<'h, 'b, Self>;
}

struct StatusLine {
    status: u16,
    version: u8,
}

impl StartLine for StatusLine {
    const KIND: Kind = Kind::Response;

    #[inline]
    fn parse<'h, 'b>(
        buffer: &'b [u8],
        room: &'h mut [MaybeUninit<httparse::Header<'b>>],
    ) -> Found<'h, 'b, Self> {
        let mut response = httparse::Response::new(&mut []);
        let status = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            buffer,
            room,
        );
        found(status, || {
            let start = Self {
                status: response.code?,
                version: response.version?,
            };
            Some((start, &*response.headers))
        })
    }
}

struct RequestLine {
    method: (u32, u32),
    target: (u32, u32),
    version: u8,
}

impl StartLine for RequestLine {
    const KIND: Kind = Kind::Request;

    fn parse<'h, 'b>(
        buffer: &'b [u8],
        room: &'h mut [MaybeUninit<httparse::Header<'b>>],
    ) -> Found<'h, 'b, Self> {
        let mut request = httparse::Request::new(&mut []);
        let status = request.parse_with_uninit_headers(buffer, room);
        found(status, || {
            let start = Self {
                method: within(buffer, request.method?.as_bytes()),
                target: within(buffer, request.path?.as_bytes()),
                version: request.version?,
            };
            Some((start, &*request.headers))
        })
    }
}

#[inline]
fn found<'h, 'b, S>(
    status: httparse::Result<usize>,
    parts: impl FnOnce() -> Option<(S, &'h [httparse::Header<'b>])>,
) -> Found<'h, 'b, S> {
    match status {
        Ok(httparse::Status::Complete(length)) => match parts() {
            Some((start, fields)) => Found::Whole {
                length,
                start,
                fields,
            },
            // httparse fills all parts of a complete head.
            None => Found::Partial,
        },
        Ok(httparse::Status::Partial) => Found::Partial,
        Err(error) => Found::Refused(error),
    }
}

/// Takes a response head out of `buffer`; none when it is not here whole. What its fields say of framing
/// goes into `fields`.
pub(crate) fn take_response(
    buffer: &mut BytesMut,
    search: &mut Search,
    limits: &Limits,
    fields: &mut Fields,
) -> Result<Option<ResponseHead>, ProtocolFault> {
    let Some((length, start)) = find::<StatusLine>(buffer, search, limits, fields)? else {
        return Ok(None);
    };
    //= RFC 9110 §15: codes that nobody knows are read as the first of their class: only the class frames.
    let status = StatusCode::from_u16(start.status).map_err(|_| ProtocolFault::StartLine)?;
    let bytes = buffer.split_to(length).freeze();
    let head = ResponseHead {
        status,
        version: version(start.version),
        headers: HeaderBlock::new(bytes),
    };
    Ok(Some(head))
}

/// Takes a request head out of `buffer`, as [`take_response`].
pub(crate) fn take_request(
    buffer: &mut BytesMut,
    search: &mut Search,
    limits: &Limits,
    fields: &mut Fields,
) -> Result<Option<RequestHead>, ProtocolFault> {
    let Some((length, start)) = find::<RequestLine>(buffer, search, limits, fields)? else {
        return Ok(None);
    };
    let bytes = buffer.split_to(length).freeze();
    let range = |(from, to): (u32, u32)| from as usize..to as usize;
    let method =
        Method::from_bytes(&bytes[range(start.method)]).map_err(|_| ProtocolFault::StartLine)?;
    let head = RequestHead {
        method,
        target: bytes.slice(range(start.target)),
        version: version(start.version),
        headers: HeaderBlock::new(bytes),
    };
    Ok(Some(head))
}

fn version(minor: u8) -> Version {
    if minor == 0 {
        Version::HTTP_10
    } else {
        Version::HTTP_11
    }
}

/// Finds a whole head at the start of `buffer`: its length and start line. What its fields say of framing goes into
/// `seen`.
#[inline]
fn find<S: StartLine>(
    buffer: &[u8],
    search: &mut Search,
    limits: &Limits,
    seen: &mut Fields,
) -> Result<Option<(usize, S)>, ProtocolFault> {
    if search.is_fresh() && !buffer.is_empty() {
        // httparse forgives empty lines before a start line, as RFC 9112 §2.2 wants of servers; here they are bytes
        // that nobody asked for.
        if let Some(fault) = classify::beginning(S::KIND, buffer) {
            return Err(fault);
        }
        let mut room = [const { MaybeUninit::uninit() }; STACK_FIELDS];
        if let Found::Whole {
            length,
            start,
            fields,
        } = S::parse(buffer, &mut room)
            && length <= limits.head_bytes.min(MAX_HEAD)
            && fields.len() <= limits.header_fields
        {
            look_through(fields, seen)?;
            return Ok(Some((length, start)));
        }
    }
    find_slowly(buffer, search, limits, seen)
}

/// The head is not here whole, or not as it should be, or big.
#[cold]
fn find_slowly<S: StartLine>(
    buffer: &[u8],
    search: &mut Search,
    limits: &Limits,
    seen: &mut Fields,
) -> Result<Option<(usize, S)>, ProtocolFault> {
    let fresh = search.is_fresh();
    let head_bytes = limits.head_bytes.min(MAX_HEAD);
    let too_long = ProtocolFault::TooMuch(Limit::HeadBytes);
    let Some(length) = search.section_end(buffer) else {
        if let Some(fault) = classify::beginning(S::KIND, buffer) {
            return Err(fault);
        }
        // Once is enough: a head that is wrong further on is refused when it is whole.
        if fresh && let Some(fault) = classify::first_fault(S::KIND, buffer, limits.header_fields) {
            return Err(fault);
        }
        return if buffer.len() >= head_bytes {
            Err(too_long)
        } else {
            Ok(None)
        };
    };
    if length > head_bytes {
        return Err(too_long);
    }
    let head = &buffer[..length];
    let fault = classify::first_fault(S::KIND, head, limits.header_fields);
    if let Some(fault) = fault {
        return Err(fault);
    }
    // One line is the start line, one is the blank one; no more than the limit of fields is left.
    let lines = head.iter().filter(|byte| **byte == b'\n').count();
    let mut room = vec![MaybeUninit::uninit(); lines.saturating_sub(2)];
    match S::parse(head, &mut room) {
        Found::Whole {
            length,
            start,
            fields,
        } => {
            look_through(fields, seen)?;
            Ok(Some((length, start)))
        }
        Found::Partial => Err(ProtocolFault::StartLine),
        Found::Refused(error) => Err(classify::named(error)),
    }
}

/// Takes in what the fields say of framing and reuse, and refuses what no map could hold.
#[inline]
fn look_through(fields: &[httparse::Header<'_>], seen: &mut Fields) -> Result<(), ProtocolFault> {
    if fields.len() > MOST_FIELDS {
        return Err(ProtocolFault::TooMuch(Limit::HeaderCount));
    }
    for field in fields {
        if field.name.len() > LONGEST_NAME {
            return Err(ProtocolFault::HeaderLine);
        }
        seen.see(field.name.as_bytes(), field.value);
    }
    Ok(())
}
