//! Owns the composing of one answer's bytes from a description and a request. Pure: sends nothing.

use std::time::Duration;

use crate::behaviour::{Behaviour, Chunks, ConnectionHeader, Content, Framing, Interim};
use crate::request::Head;

/// The bytes of a piece of a body when nothing else is said.
pub(crate) const BLOCK: usize = 64 << 10;
const ALPHABET: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";
const DEFAULT_CHUNK: usize = 4096;

/// One answer, ready to be sent.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: Vec<u8>,
    pub(crate) pieces: Pieces,
    /// Whether the connection closes after it.
    pub(crate) closes: bool,
    /// Whether the protocol is switched after it.
    pub(crate) upgrades: bool,
}

/// A piece of a body on the wire.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) prefix: Vec<u8>,
    pub(crate) data: Vec<u8>,
    pub(crate) suffix: Vec<u8>,
}

/// The pieces of a body, made one by one while they are sent.
#[derive(Debug)]
pub(crate) struct Pieces {
    content: Content,
    size: u64,
    position: u64,
    sizes: Vec<usize>,
    index: usize,
    chunked: Option<Chunks>,
    last_sent: bool,
}

/// What an answer depends on besides the description.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) head: &'a Head,
    /// The number of the request on its connection, from 1.
    pub(crate) number: u64,
    /// The age of its connection.
    pub(crate) age: Duration,
    /// What replaces the configured status (special paths, a refused expectation).
    pub(crate) status: Option<u16>,
    /// What replaces the configured body.
    pub(crate) content: Option<Content>,
    /// Whether the body is chunked whatever the description says.
    pub(crate) chunked: bool,
}

pub(crate) fn compose(behaviour: &Behaviour, mut asked: Asked<'_>) -> Answer {
    if let Some(upgrade) = &behaviour.upgrade
        && asked.head.header("upgrade").is_some()
    {
        let mut head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: {}\r\n\r\n",
            upgrade.protocol
        )
        .into_bytes();
        head.extend_from_slice(&upgrade.first_bytes);
        return Answer {
            head,
            pieces: Pieces::nothing(),
            closes: false,
            upgrades: true,
        };
    }
    let status = asked.status.unwrap_or(behaviour.status);
    let content = asked
        .content
        .take()
        .unwrap_or_else(|| behaviour.body.clone());
    let already_chunked = matches!(behaviour.framing, Framing::Chunked(_));
    let framing = if asked.chunked && !already_chunked {
        Framing::Chunked(Chunks::default())
    } else {
        behaviour.framing.clone()
    };
    // RFC 9112 section 6.3: these never have a body; HEAD has the framing of one.
    let bodiless_status = matches!(status, 100..=199 | 204 | 304);
    let bodiless = bodiless_status || asked.head.method == "HEAD";
    let ending = Ending::decide(behaviour, &asked, &framing, bodiless);
    let framing_line = (!bodiless_status).then(|| framing_line(&framing, content_len(&content)));
    let head = compose_head(
        behaviour,
        status,
        &ending,
        &framing_line.unwrap_or_default(),
    );
    let pieces = if bodiless {
        Pieces::nothing()
    } else {
        Pieces::new(content, framing, behaviour.piece_size)
    };
    Answer {
        head,
        pieces,
        closes: ending.closes,
        upgrades: false,
    }
}

/// Whether the connection ends after an answer, and what its `Connection` header says.
struct Ending {
    closes: bool,
    header: Option<&'static str>,
}

impl Ending {
    fn decide(behaviour: &Behaviour, asked: &Asked<'_>, framing: &Framing, bodiless: bool) -> Self {
        let (request, number) = (asked.head, asked.number);
        let is_aged = |limit: Option<Duration>| limit.is_some_and(|limit| asked.age >= limit);
        let (says_close, keep_alive) = match behaviour.connection {
            ConnectionHeader::Close(which) => (which.includes(number), false),
            ConnectionHeader::KeepAlive => (false, true),
            ConnectionHeader::None => (false, false),
        };
        let announced = says_close
            || behaviour.max_requests.is_some_and(|most| number >= most)
            || is_aged(behaviour.max_age)
            || (behaviour.obeys_close && request.asks_to_close());
        let ends_body = match framing {
            Framing::UntilClose | Framing::LengthTooLong(_) => !bodiless,
            Framing::Chunked(_) | Framing::ContentLength | Framing::LengthTooShort(_) => false,
        };
        let unannounced = ends_body
            || (behaviour.http10 && !keep_alive)
            || is_aged(behaviour.max_age_silent)
            || behaviour
                .max_requests_silent
                .is_some_and(|most| number >= most);
        let header = if announced {
            Some("close")
        } else {
            keep_alive.then_some("keep-alive")
        };
        Self {
            closes: unannounced || (announced && !behaviour.stays_open),
            header,
        }
    }
}

fn compose_head(behaviour: &Behaviour, status: u16, ending: &Ending, framing: &str) -> Vec<u8> {
    let version = if behaviour.http10 { "1.0" } else { "1.1" };
    let usual = reason_phrase(status);
    let reason = behaviour.reason_phrase.as_deref().unwrap_or(usual);
    let mut head = format!("HTTP/{version} {status} {reason}\r\n{framing}");
    let mut line = |name: &str, value: &str| {
        for part in [name, ": ", value, "\r\n"] {
            head.push_str(part);
        }
    };
    if let Some(value) = ending.header {
        line("Connection", value);
    }
    if let Some(value) = &behaviour.keep_alive {
        line("Keep-Alive", value);
    }
    for (name, value) in &behaviour.headers {
        line(name, value);
    }
    if let Some(huge) = behaviour.huge_head {
        let value = "h".repeat(huge.value_bytes);
        for index in 0..huge.lines {
            line(&format!("x-huge-{index}"), &value);
        }
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// The interim answers, one after the other.
pub(crate) fn interim_bytes(list: &[Interim]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for interim in list {
        let mut one = format!(
            "HTTP/1.1 {} {}\r\n",
            interim.status,
            reason_phrase(interim.status)
        );
        for index in 0..interim.headers {
            one.push_str(&format!("x-interim-{index}: {index}\r\n"));
        }
        one.push_str("\r\n");
        bytes.extend(one.as_bytes().repeat(interim.times));
    }
    bytes
}

fn framing_line(framing: &Framing, length: u64) -> String {
    match framing {
        Framing::Chunked(_) => "Transfer-Encoding: chunked\r\n".to_owned(),
        Framing::ContentLength => format!("Content-Length: {length}\r\n"),
        Framing::LengthTooLong(delta) => {
            format!("Content-Length: {}\r\n", length.saturating_add(*delta))
        }
        Framing::LengthTooShort(delta) => {
            format!("Content-Length: {}\r\n", length.saturating_sub(*delta))
        }
        Framing::UntilClose => String::new(),
    }
}

fn content_len(content: &Content) -> u64 {
    match content {
        Content::Bytes(bytes) => bytes.len() as u64,
        Content::Size(size) => *size,
    }
}

/// The bytes of [`Content::Size`] from `position` on.
#[must_use]
pub fn alphabet(position: u64, count: usize) -> Vec<u8> {
    // Fits: it is less than 26.
    let shift = usize::try_from(position % 26).unwrap_or(0);
    let mut bytes = ALPHABET.repeat(count / 26 + 2);
    bytes.drain(..shift);
    bytes.truncate(count);
    bytes
}

impl Pieces {
    fn nothing() -> Self {
        Self::new(Content::Size(0), Framing::ContentLength, None)
    }

    fn new(content: Content, framing: Framing, piece_size: Option<usize>) -> Self {
        let (chunked, sizes) = match framing {
            Framing::Chunked(chunks) if chunks.sizes.is_empty() => {
                (Some(chunks), vec![DEFAULT_CHUNK])
            }
            Framing::Chunked(chunks) => (Some(chunks.clone()), chunks.sizes),
            Framing::ContentLength
            | Framing::LengthTooLong(_)
            | Framing::LengthTooShort(_)
            | Framing::UntilClose => (None, vec![piece_size.unwrap_or(BLOCK)]),
        };
        Self {
            size: content_len(&content),
            content,
            position: 0,
            sizes,
            index: 0,
            chunked,
            last_sent: false,
        }
    }

    fn data(&self, count: usize) -> Vec<u8> {
        match &self.content {
            Content::Bytes(bytes) => {
                // Fits: it is not more than the length of a buffer.
                let start = usize::try_from(self.position).unwrap_or(usize::MAX);
                bytes[start..start + count].to_vec()
            }
            Content::Size(_) => alphabet(self.position, count),
        }
    }
}

impl Iterator for Pieces {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let left = self.size - self.position;
        if left > 0 {
            let wanted = self.sizes.get(self.index).or(self.sizes.last());
            // A piece lives in memory: however large it was asked for, it stays below 1 MiB.
            let wanted = wanted.copied().unwrap_or(BLOCK).clamp(1, 1 << 20);
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(wanted);
            let data = self.data(count);
            self.position += count as u64;
            self.index += 1;
            let (prefix, suffix) = match &self.chunked {
                Some(chunks) => (
                    format!("{count:x}{}\r\n", chunks.extension).into_bytes(),
                    b"\r\n".to_vec(),
                ),
                None => (Vec::new(), Vec::new()),
            };
            return Some(Piece {
                prefix,
                data,
                suffix,
            });
        }
        let chunks = self.chunked.as_ref()?;
        if std::mem::replace(&mut self.last_sent, true) {
            return None;
        }
        let mut last = format!("0{}\r\n", chunks.extension);
        for (name, value) in &chunks.trailers {
            last.push_str(&format!("{name}: {value}\r\n"));
        }
        last.push_str("\r\n");
        Some(Piece {
            prefix: last.into_bytes(),
            data: Vec::new(),
            suffix: Vec::new(),
        })
    }
}

fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
