//! `Conversation`: both directions of one connection, read by a third party that writes nothing.
//!
//! Owns the pairing of requests and answers and the order of what was seen. Refuses to know where the bytes
//! come from (a tap, a capture), and to interfere. Answers are read by the same [`Exchange`] that the
//! client uses, so what is seen here is what the client would have decided.
//!
//! ```text
//! client bytes ─► request reader ──── an Exchange for each request ────► Seen::Request …
//!                                      │ first in, first answered
//! server bytes ─────────────────────► Exchange::receive ──────────────► Seen::Response … ResponseEnd { reuse }
//! ```
//!
//! Feed bytes in the order in which they passed; what they mean is queued at once and taken with
//! [`Conversation::next_seen`].

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Version};

use super::Sending;
use super::body::{Body, Part};
use super::chunked::Chunks;
use super::fields::Fields;
use super::framing;
use super::head::{self, Search};
use super::{BodyLength, Exchange, Limits, Received, RequestHead, RequestShape, ResponseHead};
use crate::reason::{Limit, ProtocolFault, Reuse};

/// Requests that may await their answers on one connection (pipelining) before the client is at fault.
const MAX_UNANSWERED: usize = 1_024;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Whoever sends requests.
    Client,
    /// Whoever answers.
    Server,
}

/// Something seen on a connection. Requests are numbered from 1; an answer bears its request's number.
#[derive(Clone, Debug)]
pub enum Seen {
    /// A request's head.
    Request {
        /// The request.
        number: u64,
        /// Its head.
        head: RequestHead,
    },
    /// A part of a request's body.
    RequestBody {
        /// The request.
        number: u64,
        /// The bytes, never none.
        data: Bytes,
    },
    /// A request is over.
    RequestEnd {
        /// The request.
        number: u64,
    },
    /// An interim (1xx) answer.
    Interim {
        /// The request.
        number: u64,
        /// Its head.
        head: ResponseHead,
    },
    /// The head of the final answer.
    Response {
        /// The request.
        number: u64,
        /// Its head.
        head: ResponseHead,
    },
    /// A part of the answer's body.
    ResponseBody {
        /// The request.
        number: u64,
        /// The bytes, never none.
        data: Bytes,
    },
    /// The answer is over.
    ResponseEnd {
        /// The request.
        number: u64,
        /// May the connection serve again? As of this moment: a request body that is still under way is
        /// `request-not-sent`.
        reuse: Reuse,
    },
    /// Trailer fields; the end of their message follows.
    Trailers {
        /// Whose message.
        side: Side,
        /// The request.
        number: u64,
        /// The fields.
        trailers: HeaderMap,
    },
    /// The connection speaks another protocol from here on; only `Foreign` and `Ended` follow.
    Switched {
        /// The request.
        number: u64,
        /// The answer's head.
        head: ResponseHead,
    },
    /// Bytes behind a switch of protocols.
    Foreign {
        /// Who sent them.
        side: Side,
        /// The bytes, never none.
        data: Bytes,
    },
    /// Bytes from the server that belong to no request.
    Stray {
        /// The bytes, never none.
        data: Bytes,
    },
    /// A side broke the protocol. Nothing more is seen of it but its end.
    Fault {
        /// Who.
        side: Side,
        /// What.
        fault: ProtocolFault,
    },
    /// A side ended its stream. Given once for each side.
    Ended {
        /// Who.
        side: Side,
    },
}

/// What a side's bytes are at the moment.
#[derive(Clone, Copy, Debug)]
enum Reading {
    /// Messages. Next: `Foreign`, `Blind`, `Ended`.
    Messages,
    /// Another protocol. Next: `Ended`.
    Foreign,
    /// Unknowable, behind a fault. Next: `Ended`.
    Blind,
    /// Over. Terminal.
    Ended,
}

/// One direction.
#[derive(Debug)]
struct Direction {
    buffer: BytesMut,
    reading: Reading,
}

impl Direction {
    fn new() -> Self {
        Self {
            buffer: BytesMut::new(),
            reading: Reading::Messages,
        }
    }

    /// Gives up what is buffered and will never be read.
    fn stop(&mut self, reading: Reading) -> Bytes {
        self.reading = reading;
        std::mem::take(&mut self.buffer).freeze()
    }
}

/// A request that is not answered yet.
#[derive(Debug)]
struct Unanswered {
    number: u64,
    exchange: Exchange,
    may_switch: bool,
}

/// One connection, overheard.
#[derive(Debug)]
pub struct Conversation {
    limits: Limits,
    client: Direction,
    server: Direction,
    /// Search for the end of a request's head.
    search: Search,
    /// The body of the request being read; none between requests.
    upload: Option<Body>,
    unanswered: VecDeque<Unanswered>,
    /// Requests so far.
    number: u64,
    seen: VecDeque<Seen>,
}

impl Conversation {
    /// A connection on which nothing has passed yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            client: Direction::new(),
            server: Direction::new(),
            search: Search::default(),
            upload: None,
            unanswered: VecDeque::new(),
            number: 0,
            seen: VecDeque::new(),
        }
    }

    /// The next thing seen; none when nothing more is known yet. What is not taken is kept.
    pub fn next_seen(&mut self) -> Option<Seen> {
        self.seen.pop_front()
    }

    /// The client sent these bytes.
    pub fn on_client_bytes(&mut self, bytes: &[u8]) {
        match self.client.reading {
            Reading::Messages => {
                self.client.buffer.extend_from_slice(bytes);
                self.read_client();
            }
            Reading::Foreign => self.see_foreign(Side::Client, Bytes::copy_from_slice(bytes)),
            Reading::Blind | Reading::Ended => {}
        }
    }

    /// The server sent these bytes.
    pub fn on_server_bytes(&mut self, bytes: &[u8]) {
        match self.server.reading {
            Reading::Messages => {
                self.server.buffer.extend_from_slice(bytes);
                self.read_server();
            }
            Reading::Foreign => self.see_foreign(Side::Server, Bytes::copy_from_slice(bytes)),
            Reading::Blind | Reading::Ended => {}
        }
    }

    /// The client ended its stream.
    pub fn on_client_end(&mut self) {
        match self.client.reading {
            Reading::Messages => {
                if let Some(body) = &self.upload {
                    let left = body.left();
                    self.fault(Side::Client, ProtocolFault::EndedInBody { left });
                } else if !self.client.buffer.is_empty() {
                    self.fault(Side::Client, ProtocolFault::EndedInHead);
                }
            }
            Reading::Foreign | Reading::Blind => {}
            Reading::Ended => return,
        }
        self.client.stop(Reading::Ended);
        self.seen.push_back(Seen::Ended { side: Side::Client });
    }

    /// The server ended its stream.
    pub fn on_server_end(&mut self) {
        match self.server.reading {
            Reading::Messages => self.end_answer(),
            Reading::Foreign | Reading::Blind => {}
            Reading::Ended => return,
        }
        self.server.stop(Reading::Ended);
        self.seen.push_back(Seen::Ended { side: Side::Server });
    }

    fn end_answer(&mut self) {
        let buffered = self.server.buffer.len();
        let Some(front) = self.unanswered.front_mut() else {
            return;
        };
        match front.exchange.receive_end(buffered) {
            Ok(_) => self.finish_answer(),
            Err(fault) => self.fault(Side::Server, fault),
        }
    }

    fn fault(&mut self, side: Side, fault: ProtocolFault) {
        match side {
            Side::Client => self.client.stop(Reading::Blind),
            Side::Server => self.server.stop(Reading::Blind),
        };
        self.seen.push_back(Seen::Fault { side, fault });
    }

    fn see_foreign(&mut self, side: Side, data: Bytes) {
        if !data.is_empty() {
            self.seen.push_back(Seen::Foreign { side, data });
        }
    }

    fn read_client(&mut self) {
        loop {
            let step = if self.upload.is_some() {
                self.read_upload()
            } else {
                self.read_request()
            };
            match step {
                Ok(true) => {}
                Ok(false) => return,
                Err(fault) => return self.fault(Side::Client, fault),
            }
        }
    }

    /// Whether the client's next bytes are HTTP is for the server to say.
    fn awaits_switch(&self) -> bool {
        self.unanswered
            .back()
            .is_some_and(|last| last.may_switch && !last.exchange.is_answered())
    }

    fn read_request(&mut self) -> Result<bool, ProtocolFault> {
        if self.awaits_switch() {
            return if self.client.buffer.len() > self.limits.head_bytes {
                Err(ProtocolFault::TooMuch(Limit::HeadBytes))
            } else {
                Ok(false)
            };
        }
        //= RFC 9112 §2.2: a server SHOULD ignore at least one empty line before the request line.
        while self.client.buffer.starts_with(b"\r\n") {
            drop(self.client.buffer.split_to(2));
        }
        if *self.client.buffer == *b"\r" {
            return Ok(false);
        }
        let mut fields = Fields::default();
        let buffer = &mut self.client.buffer;
        let Some(head) = head::take_request(buffer, &mut self.search, &self.limits, &mut fields)?
        else {
            return Ok(false);
        };
        let shape = shape(&head, &fields)?;
        if self.unanswered.len() >= MAX_UNANSWERED {
            return Err(ProtocolFault::TooMuch(Limit::QueueLength));
        }
        self.number += 1;
        let mut exchange = Exchange::new(shape, self.limits);
        exchange.on_head_sent();
        self.unanswered.push_back(Unanswered {
            number: self.number,
            exchange,
            may_switch: shape.connect || shape.upgrade,
        });
        self.seen.push_back(Seen::Request {
            number: self.number,
            head,
        });
        match shape.body {
            BodyLength::Empty => self.see_request_end(),
            BodyLength::Known(total) => self.upload = Some(Body::Length { left: total, total }),
            BodyLength::Chunked => self.upload = Some(Body::Chunked(Chunks::new())),
        }
        Ok(true)
    }

    fn read_upload(&mut self) -> Result<bool, ProtocolFault> {
        let Some(body) = &mut self.upload else {
            return Ok(true);
        };
        let number = self.number;
        if !self.client.buffer.is_empty()
            && let Some(last) = self.unanswered.back_mut()
            && last.exchange.sending() == Sending::AwaitContinue
        {
            // It did not wait any longer; only its own clock knows why.
            last.exchange.on_continue_timeout();
        }
        let part = body.take(&mut self.client.buffer, &self.limits)?;
        let done = body.is_done();
        let more = part.is_some();
        match part {
            Some(Part::Data(data)) => self.seen.push_back(Seen::RequestBody { number, data }),
            Some(Part::Trailers(trailers)) => self.seen.push_back(Seen::Trailers {
                side: Side::Client,
                number,
                trailers,
            }),
            None => {}
        }
        if done {
            self.upload = None;
            if let Some(last) = self.unanswered.back_mut()
                && last.number == number
            {
                last.exchange.on_body_sent();
            }
            self.see_request_end();
        }
        Ok(more || done)
    }

    fn see_request_end(&mut self) {
        let number = self.number;
        self.seen.push_back(Seen::RequestEnd { number });
    }

    fn read_server(&mut self) {
        loop {
            //= RFC 9112 §9.2: answers belong to the requests in their order; without a request nothing is one.
            let Some(front) = self.unanswered.front_mut() else {
                return self.read_stray();
            };
            let number = front.number;
            let seen = match front.exchange.receive(&mut self.server.buffer) {
                Ok(None) => return,
                Ok(Some(Received::Interim(head))) => Seen::Interim { number, head },
                Ok(Some(Received::Head(head))) => {
                    self.seen.push_back(Seen::Response { number, head });
                    // Perhaps a refused switch: what the client sent behind it is HTTP after all.
                    self.read_held_client();
                    continue;
                }
                Ok(Some(Received::Data(data))) => Seen::ResponseBody { number, data },
                Ok(Some(Received::Trailers(trailers))) => Seen::Trailers {
                    side: Side::Server,
                    number,
                    trailers,
                },
                Ok(Some(Received::End)) => {
                    self.finish_answer();
                    continue;
                }
                Ok(Some(Received::Switched(head))) => return self.switch(number, head),
                Err(fault) => return self.fault(Side::Server, fault),
            };
            self.seen.push_back(seen);
        }
    }

    fn read_held_client(&mut self) {
        match self.client.reading {
            Reading::Messages => self.read_client(),
            Reading::Foreign | Reading::Blind | Reading::Ended => {}
        }
    }

    fn read_stray(&mut self) {
        let data = self.server.buffer.split().freeze();
        // Behind a client's fault nobody can say which of the server's bytes answer what.
        let knowable = !matches!(self.client.reading, Reading::Blind);
        if !data.is_empty() && knowable {
            self.seen.push_back(Seen::Stray { data });
        }
    }

    fn finish_answer(&mut self) {
        let Some(done) = self.unanswered.pop_front() else {
            return;
        };
        // Bytes behind an answer are stray only when no other request awaits them.
        let leftover = if self.unanswered.is_empty() {
            self.server.buffer.len()
        } else {
            0
        };
        self.seen.push_back(Seen::ResponseEnd {
            number: done.number,
            reuse: done.exchange.verdict(leftover),
        });
    }

    fn switch(&mut self, number: u64, head: ResponseHead) {
        self.unanswered.clear();
        self.upload = None;
        self.seen.push_back(Seen::Switched { number, head });
        let data = self.server.stop(Reading::Foreign);
        self.see_foreign(Side::Server, data);
        match self.client.reading {
            Reading::Messages => {
                let data = self.client.stop(Reading::Foreign);
                self.see_foreign(Side::Client, data);
            }
            Reading::Foreign | Reading::Blind | Reading::Ended => {}
        }
    }
}

/// What of a request decides how its answer is read.
fn shape(head: &RequestHead, fields: &Fields) -> Result<RequestShape, ProtocolFault> {
    let old = head.version == Version::HTTP_10;
    Ok(RequestShape {
        head: head.method == Method::HEAD,
        connect: head.method == Method::CONNECT,
        // A client of HTTP/1.0 that does not ask for more wants one answer (RFC 9112 §9.3).
        close: fields.close || (old && !fields.keep_alive),
        upgrade: fields.upgrade && fields.connection_upgrade && !old,
        expect_continue: fields.expect_continue && !old,
        body: framing::of_request(head.version, fields)?,
    })
}
