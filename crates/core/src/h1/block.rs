//! `HeaderBlock`: the fields of a head, made into a map when somebody looks.
//!
//! Owns the bytes of a head that was found sound, and the map once it is made. Most answers are used without a
//! look at their fields, beyond the few that frame them; those pay nothing. Refuses to judge: a head that came this
//! far holds no fault.

use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::names::header_name;

/// The longest name of a field that a map holds.
pub(super) const LONGEST_NAME: usize = u16::MAX as usize;
/// The most fields that a map holds.
pub(super) const MOST_FIELDS: usize = 24_576;

/// The header fields of a message. It is used as the `HeaderMap` it stands for, which is made at the first look;
/// values share the bytes that were read.
#[derive(Clone)]
pub struct HeaderBlock {
    /// From the start line to the blank line.
    head: Bytes,
    map: OnceLock<Box<HeaderMap>>,
}

impl HeaderBlock {
    pub(super) fn new(head: Bytes) -> Self {
        Self {
            head,
            map: OnceLock::new(),
        }
    }

    /// Fields that somebody else has read: an HTTP/2 head.
    pub fn of_map(map: HeaderMap) -> Self {
        Self {
            head: Bytes::new(),
            map: OnceLock::from(Box::new(map)),
        }
    }

    /// The map itself.
    pub fn into_map(self) -> HeaderMap {
        match self.map.into_inner() {
            Some(map) => *map,
            None => build(&self.head),
        }
    }
}

impl Deref for HeaderBlock {
    type Target = HeaderMap;

    fn deref(&self) -> &HeaderMap {
        self.map.get_or_init(|| Box::new(build(&self.head)))
    }
}

impl fmt::Debug for HeaderBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// Reads the fields behind the start line. What the first reading accepted is accepted again, so there is nothing
/// to refuse here; were there, the field would be left out.
fn build(head: &Bytes) -> HeaderMap {
    let Some(line_end) = head.iter().position(|&byte| byte == b'\n') else {
        return HeaderMap::new();
    };
    let section = head.slice(line_end + 1..);
    let lines = section.iter().filter(|&&byte| byte == b'\n').count();
    let mut room = vec![httparse::EMPTY_HEADER; lines];
    let Ok(httparse::Status::Complete((_, fields))) = httparse::parse_headers(&section, &mut room)
    else {
        return HeaderMap::new();
    };
    let mut map = HeaderMap::try_with_capacity(fields.len()).unwrap_or_default();
    for field in fields {
        let value = HeaderValue::from_maybe_shared(section.slice_ref(field.value));
        if let (Ok(name), Ok(value)) = (header_name(field.name.as_bytes()), value) {
            //= RFC 9110 §5.3: lines of one name keep their order.
            // The number of fields was checked against what a map holds.
            let _full = map.try_append(name, value);
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_made_at_the_first_look_and_shares_the_bytes() {
        let head = Bytes::from_static(b"HTTP/1.1 200 OK\r\nA: 1\r\nServer: x y\r\na:2 \r\n\r\n");
        let block = HeaderBlock::new(head.clone());
        assert!(block.map.get().is_none());
        let all: Vec<_> = block.get_all("a").iter().collect();
        assert_eq!(all, ["1", "2"]);
        assert_eq!(block["server"], "x y");
        assert_eq!(block.clone().into_map(), *block);
        assert_eq!(HeaderBlock::new(head).into_map(), *block);
    }

    #[test]
    fn a_head_without_fields_has_an_empty_map() {
        assert!(HeaderBlock::new(Bytes::from_static(b"HTTP/1.1 200\n\n")).is_empty());
    }
}
