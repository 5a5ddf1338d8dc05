//! `Plan`: the first line of an input that holds an answer; the bytes of the answer are behind it.
//!
//! Owns the meaning of that line: letters choose the request, the limits and the end, the rest are sizes of pieces.
//! Any line means something; an input without a line end has an empty one.

use keepwarm_core::h1::{BodyLength, Limits, RequestShape};

/// Limits that a few bytes exceed.
const SMALL: Limits = Limits {
    head_bytes: 200,
    header_fields: 6,
    chunk_line: 40,
    chunk_overhead: 100,
    interim: 3,
    trailer_bytes: 80,
};

const GET: RequestShape = RequestShape {
    head: false,
    connect: false,
    close: false,
    upgrade: false,
    expect_continue: false,
    body: BodyLength::Empty,
};

/// How an answer is asked for and how it arrives.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) shape: RequestShape,
    pub(crate) limits: Limits,
    /// Sizes of pieces, taken in turn; none: one piece.
    pub(crate) pieces: Vec<usize>,
    /// The server closes behind the last byte.
    pub(crate) closes: bool,
}

impl Plan {
    /// Reads the first line; gives the plan and what is behind it.
    ///
    /// ```text
    /// G GET   H HEAD   C CONNECT   X with Connection: close   U with Upgrade
    /// P with a body of 3 bytes   K with a chunked body   E with a body and Expect: 100-continue
    /// (the last of these counts; GET without any)
    /// s small limits   o the connection stays open   1 to 9, and other bytes: the size of a piece
    /// ```
    pub(crate) fn read(input: &[u8]) -> (Self, &[u8]) {
        let (line, rest) = match input.iter().position(|&byte| byte == b'\n') {
            Some(end) => (&input[..end], &input[end + 1..]),
            None => (&input[..0], input),
        };
        let mut plan = Self {
            shape: GET,
            limits: Limits::default(),
            pieces: Vec::new(),
            closes: true,
        };
        for &byte in line {
            plan.choose(byte);
        }
        (plan, rest)
    }

    /// A GET or a HEAD.
    pub(crate) fn request(is_head: bool) -> RequestShape {
        RequestShape {
            head: is_head,
            ..GET
        }
    }

    fn choose(&mut self, byte: u8) {
        match byte {
            b' ' | b'\r' => {}
            b'G' => self.shape = GET,
            b'H' => self.shape = RequestShape { head: true, ..GET },
            b'C' => {
                self.shape = RequestShape {
                    connect: true,
                    ..GET
                }
            }
            b'X' => self.shape = RequestShape { close: true, ..GET },
            b'U' => {
                self.shape = RequestShape {
                    upgrade: true,
                    ..GET
                }
            }
            b'P' => {
                self.shape = RequestShape {
                    body: BodyLength::Known(3),
                    ..GET
                }
            }
            b'K' => {
                self.shape = RequestShape {
                    body: BodyLength::Chunked,
                    ..GET
                }
            }
            b'E' => {
                self.shape = RequestShape {
                    expect_continue: true,
                    body: BodyLength::Known(3),
                    ..GET
                }
            }
            b's' => self.limits = SMALL,
            b'o' => self.closes = false,
            b'1'..=b'9' => self.pieces.push(usize::from(byte - b'0')),
            other => self.pieces.push(usize::from(other).max(1)),
        }
    }

    /// The answer in the pieces of this plan.
    pub(crate) fn tear<'a>(&self, answer: &'a [u8]) -> Vec<&'a [u8]> {
        let mut sizes = self.pieces.iter().cycle();
        let mut rest = answer;
        let mut pieces = Vec::new();
        while let Some(&size) = sizes.next()
            && !rest.is_empty()
        {
            let (piece, behind) = rest.split_at(size.min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(rest);
        }
        pieces
    }
}
