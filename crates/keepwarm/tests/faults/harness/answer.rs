//! `Answer`: the bytes of one sound answer, which names the request it belongs to.
//!
//! Owns framing and content. Refuses to know how the bytes are delivered.

use super::dice::Dice;
use super::plan::pattern;

/// One answer as bytes.
pub(crate) struct Answer {
    pub(crate) bytes: Vec<u8>,
    /// Its end is the end of the connection.
    pub(crate) closes: bool,
}

/// How the body's end is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Framing {
    Chunked,
    Http10,
    Length,
    NoContent,
    UntilClose,
}

impl Answer {
    /// The answer to a request; `may_close` allows framings that end the connection.
    pub(crate) fn draw(dice: &mut Dice, id: u64, method: &str, may_close: bool) -> Self {
        let framing = match dice.below(20) {
            0 if may_close => Framing::UntilClose,
            1 if may_close => Framing::Http10,
            2 => Framing::NoContent,
            3..10 => Framing::Chunked,
            _ => Framing::Length,
        };
        let size = match (framing, dice.below(8)) {
            (Framing::NoContent, _) | (_, 0) => 0,
            (_, 1) => dice.below(300_000),
            (_, _) => dice.below(4000),
        };
        let mut bytes = Vec::with_capacity(size + 256);
        let start = match framing {
            Framing::NoContent => "HTTP/1.1 204 No Content",
            Framing::Http10 => "HTTP/1.0 200 OK",
            Framing::Chunked | Framing::Length | Framing::UntilClose => "HTTP/1.1 200 OK",
        };
        bytes.extend(format!("{start}\r\nx-id: {id}\r\nx-size: {size}\r\n").bytes());
        match framing {
            Framing::Chunked => bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n"),
            Framing::Length | Framing::Http10 => {
                bytes.extend(format!("Content-Length: {size}\r\n\r\n").bytes());
            }
            Framing::UntilClose => bytes.extend(b"Connection: close\r\n\r\n"),
            Framing::NoContent => bytes.extend(b"\r\n"),
        }
        if method != "HEAD" {
            content(&mut bytes, dice, framing, &pattern(id, size));
        }
        Self {
            bytes,
            closes: matches!(framing, Framing::UntilClose | Framing::Http10),
        }
    }
}

fn content(bytes: &mut Vec<u8>, dice: &mut Dice, framing: Framing, data: &[u8]) {
    match framing {
        Framing::NoContent => {}
        Framing::Http10 | Framing::Length | Framing::UntilClose => bytes.extend(data),
        Framing::Chunked => {
            let mut rest = data;
            while !rest.is_empty() {
                let size = (1 + dice.below(20_000)).min(rest.len());
                let (chunk, behind) = rest.split_at(size);
                bytes.extend(format!("{size:x}\r\n").bytes());
                bytes.extend(chunk);
                bytes.extend(b"\r\n");
                rest = behind;
            }
            bytes.extend(b"0\r\n\r\n");
        }
    }
}
