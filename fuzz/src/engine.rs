//! What the engine makes of an answer that arrives in pieces, written down, and the bounds it must keep meanwhile.
//!
//! Owns the record of one exchange. Refuses to know what the answer should have been.

use bytes::BytesMut;
use http::{HeaderMap, StatusCode, Version};
use keepwarm_core::h1::{Exchange, Limits, Received, RequestShape, ResponseHead};
use keepwarm_core::reason::{Limit, ProtocolFault, Reuse};

/// A head, comparable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
}

impl From<ResponseHead> for Head {
    fn from(head: ResponseHead) -> Self {
        Self {
            status: head.status,
            version: head.version,
            headers: head.headers.into_map(),
        }
    }
}

/// What came out of the engine; pieces of a body that follow each other are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Interim(Head),
    Head(Head),
    Body(Vec<u8>),
    Trailers(HeaderMap),
    End,
    Switched(Head),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// The answer is whole; the verdict on its connection, and how many bytes are behind it.
    Whole(Reuse, usize),
    /// More was needed; so many bytes of the body were still to come, where that is known.
    Open(Option<u64>),
    /// It was refused.
    Refused(ProtocolFault),
}

/// The record of an exchange.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) items: Vec<Item>,
    pub(crate) end: End,
}

impl Record {
    /// The final head, if one came.
    pub(crate) fn final_head(&self) -> Option<&Head> {
        self.items.iter().find_map(|item| match item {
            Item::Head(head) | Item::Switched(head) => Some(head),
            Item::Interim(_) | Item::Body(_) | Item::Trailers(_) | Item::End => None,
        })
    }

    /// Whether both mean the same. A head that is never whole is refused when its fault is seen, and which fault
    /// that is depends on how much of it came at once; any other end is the same end.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        let endless = |end: &End| {
            let faults = [
                ProtocolFault::EndedInHead,
                ProtocolFault::TooMuch(Limit::HeadBytes),
            ];
            match end {
                End::Refused(fault) => faults.contains(fault),
                End::Open(_) => true,
                End::Whole(..) => false,
            }
        };
        let in_head = self.final_head().is_none() && (endless(&self.end) || endless(&other.end));
        self.items == other.items && (self.end == other.end || in_head)
    }
}

/// Lets the engine read an answer in these pieces.
pub(crate) fn play(shape: RequestShape, limits: Limits, pieces: &[&[u8]], closes: bool) -> Record {
    let mut exchange = Exchange::new(shape, limits);
    exchange.on_head_sent();
    let mut buffer = BytesMut::new();
    let mut items = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        if let Err(fault) = read(&mut exchange, &limits, &mut buffer, &mut items) {
            let again = exchange.receive(&mut buffer).map(|_| ());
            assert_eq!(again, Err(fault), "a refusal is final");
            let end = End::Refused(fault);
            return Record { items, end };
        }
    }
    let end = finish(&mut exchange, &mut items, buffer.len(), closes);
    Record { items, end }
}

fn read(
    exchange: &mut Exchange,
    limits: &Limits,
    buffer: &mut BytesMut,
    items: &mut Vec<Item>,
) -> Result<(), ProtocolFault> {
    loop {
        let (before, left) = (buffer.len(), exchange.body_left());
        let Some(received) = exchange.receive(buffer)? else {
            break;
        };
        assert_bounds(limits, &received, before - buffer.len());
        if let (Received::Data(data), Some(left)) = (&received, left) {
            let now = exchange.body_left();
            assert_eq!(now, Some(left - data.len() as u64), "what is left");
        }
        note(items, received);
    }
    if !exchange.is_complete() {
        let most = limits
            .head_bytes
            .max(limits.chunk_line)
            .max(limits.trailer_bytes);
        assert!(buffer.len() < most, "{} bytes are held back", buffer.len());
    }
    let interim = |item: &&Item| matches!(item, Item::Interim(_));
    let interim = items.iter().filter(interim).count();
    assert!(interim <= limits.interim as usize, "{interim} interim");
    Ok(())
}

/// Nothing that is given out exceeds its limit.
fn assert_bounds(limits: &Limits, received: &Received, taken: usize) {
    match received {
        Received::Interim(head) | Received::Head(head) | Received::Switched(head) => {
            assert!(taken <= limits.head_bytes, "a head of {taken} bytes");
            assert!(head.headers.len() <= limits.header_fields, "fields");
        }
        Received::Trailers(fields) => {
            assert!(fields.len() <= limits.header_fields, "trailer fields");
        }
        Received::Data(data) => assert!(!data.is_empty(), "data is never empty"),
        // What is left of the framing: line ends and the last size line.
        Received::End => assert!(taken <= limits.chunk_line + 4, "an end of {taken} bytes"),
    }
}

fn finish(exchange: &mut Exchange, items: &mut Vec<Item>, left: usize, closes: bool) -> End {
    if closes && !exchange.is_complete() {
        match exchange.receive_end(left) {
            Ok(received) => note(items, received),
            Err(fault) => return End::Refused(fault),
        }
    }
    let verdict = exchange.verdict(left);
    if !exchange.is_complete() {
        assert!(!verdict.is_keep(), "kept before its end");
        return End::Open(exchange.body_left());
    }
    assert_eq!(exchange.body_left(), Some(0), "complete");
    if verdict.is_keep() {
        assert_eq!(left, 0, "kept with bytes that nobody asked for");
    }
    End::Whole(verdict, left)
}

fn note(items: &mut Vec<Item>, received: Received) {
    match received {
        Received::Interim(head) => items.push(Item::Interim(head.into())),
        Received::Head(head) => items.push(Item::Head(head.into())),
        Received::Switched(head) => items.push(Item::Switched(head.into())),
        Received::Trailers(fields) => items.push(Item::Trailers(fields)),
        Received::End => items.push(Item::End),
        Received::Data(data) => match items.last_mut() {
            Some(Item::Body(body)) => body.extend_from_slice(&data),
            Some(_) | None => items.push(Item::Body(data.to_vec())),
        },
    }
}
