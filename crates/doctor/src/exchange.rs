//! One request and its answer on a connection of ours.
//!
//! Owns the few requests that an examination makes, and when the last byte of an answer came. Refuses to know why it
//! is asked.

use std::time::{Duration, Instant};

use http::{HeaderMap, Method, StatusCode, Version};
use keepwarm_core::event::CallId;
use keepwarm_core::h1::{BodyLength, Exchange, KeepAliveHint, Limits, Received, RequestShape};
use keepwarm_core::reason::Reuse;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::ending::EndedBy;
use crate::trouble::Trouble;
use crate::wire::Wire;

/// The name the requests carry.
pub(crate) const USER_AGENT: &str = concat!("keepwarm-doctor/", env!("CARGO_PKG_VERSION"));
/// Bytes of a body that are read; a longer one is not worth its traffic.
pub(crate) const LONGEST_BODY: u64 = 16 << 20;
/// Bytes of what came that a complaint shows.
const OPENING: usize = 24;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// HEAD instead of GET.
    pub(crate) head: bool,
    /// Another method than these.
    pub(crate) method: Option<Method>,
    /// More lines of the head, each with its end.
    pub(crate) lines: String,
    pub(crate) path: String,
    /// HTTP/1.0 instead of HTTP/1.1.
    pub(crate) http10: bool,
    /// Whether `Connection: keep-alive` is said: some servers announce only then.
    pub(crate) keep_alive: bool,
    /// Whether our half of the connection ends right behind it.
    pub(crate) half_closes: bool,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) hint: KeepAliveHint,
    /// May the connection serve again, by what the answer says?
    pub(crate) reuse: Reuse,
    pub(crate) body: u64,
    /// When its last byte came.
    pub(crate) last_byte: Instant,
}

impl Ask {
    pub(crate) fn method(&self) -> Method {
        let usual = if self.head { Method::HEAD } else { Method::GET };
        self.method.clone().unwrap_or(usual)
    }

    pub(crate) fn text(&self, authority: &str) -> String {
        let method = self.method();
        let minor = u8::from(!self.http10);
        let connection = if self.keep_alive {
            "connection: keep-alive\r\n"
        } else {
            ""
        };
        format!(
            "{method} {} HTTP/1.{minor}\r\nhost: {authority}\r\nuser-agent: {USER_AGENT}\r\naccept: */*\r\n\
             {connection}{}\r\n",
            self.path, self.lines
        )
    }

    fn shape(&self) -> RequestShape {
        shape(self.head)
    }
}

/// The shape of a request without a body, as far as its answer goes.
pub(crate) fn shape(head: bool) -> RequestShape {
    RequestShape {
        head,
        connect: false,
        close: false,
        upgrade: false,
        expect_continue: false,
        body: BodyLength::Empty,
    }
}

impl Wire {
    /// Asks, and reads the answer to its end.
    pub(crate) async fn ask(
        &mut self,
        ask: &Ask,
        authority: &str,
        patience: Duration,
    ) -> Result<Answer, Trouble> {
        let call = self.track.ask(ask.method(), &ask.path);
        let answered = timeout(patience, self.ask_for_ever(ask, authority, call)).await;
        let late = Trouble::Timeout {
            what: "the end of the answer",
            limit: patience,
        };
        let answered = answered.unwrap_or(Err(late));
        if let Err(trouble) = &answered {
            self.track.failed(call, trouble.reason());
        }
        answered
    }

    async fn ask_for_ever(
        &mut self,
        ask: &Ask,
        authority: &str,
        call: CallId,
    ) -> Result<Answer, Trouble> {
        let text = ask.text(authority);
        let sent = async {
            self.stream.write_all(text.as_bytes()).await?;
            self.stream.flush().await?;
            if ask.half_closes {
                self.stream.shutdown().await?;
            }
            Ok(())
        };
        if let Err(error) = sent.await {
            let by = EndedBy::error(&error);
            return Err(Trouble::Ended {
                by,
                answered: false,
            });
        }
        self.track.sent(call, text.len());
        self.read_answer(Reading::new(ask.shape()), call).await
    }

    /// Reads an answer on to its end.
    pub(crate) async fn read_answer(
        &mut self,
        mut reading: Reading,
        call: CallId,
    ) -> Result<Answer, Trouble> {
        while !self.advance(&mut reading).await? {}
        self.answers += 1;
        let received = reading.received;
        let answer = reading.answer(self.buffer.len())?;
        self.track.answered(call, &answer, received);
        Ok(answer)
    }

    /// Takes what is there of an answer, or waits for more; true at its end.
    pub(crate) async fn advance(&mut self, reading: &mut Reading) -> Result<bool, Trouble> {
        if reading.take(self)? {
            return Ok(true);
        }
        let read = self.stream.read_buf(&mut self.buffer).await;
        reading.last_byte = Instant::now();
        match &read {
            Ok(0) | Err(_) => reading.end(self, EndedBy::read(&read, &[], self.tls.is_some())),
            Ok(bytes) => {
                if reading.received == 0 {
                    self.track.began();
                }
                reading.received += *bytes as u64;
                reading.note_opening(&self.buffer);
                Ok(false)
            }
        }
    }
}

/// An answer that is being read.
pub(crate) struct Reading {
    exchange: Exchange,
    /// The final head, once it is there.
    pub(crate) head: Option<(StatusCode, Version, HeaderMap)>,
    /// Whether `100 Continue` came.
    pub(crate) continued: bool,
    body: u64,
    opening: Vec<u8>,
    /// Bytes that were read for it.
    received: u64,
    last_byte: Instant,
}

impl Reading {
    pub(crate) fn new(shape: RequestShape) -> Self {
        let mut exchange = Exchange::new(shape, Limits::default());
        exchange.on_head_sent();
        Self {
            exchange,
            head: None,
            continued: false,
            body: 0,
            opening: Vec::new(),
            received: 0,
            last_byte: Instant::now(),
        }
    }

    fn note_opening(&mut self, buffer: &[u8]) {
        if self.opening.is_empty() {
            self.opening = buffer.iter().take(OPENING).copied().collect();
        }
    }

    fn protocol(&self, fault: &dyn std::fmt::Display) -> Trouble {
        Trouble::Protocol {
            fault: fault.to_string(),
            opening: self.opening.clone(),
        }
    }

    /// Takes what is there; true at the end of the answer.
    fn take(&mut self, wire: &mut Wire) -> Result<bool, Trouble> {
        loop {
            let received = self.exchange.receive(&mut wire.buffer);
            match received.map_err(|fault| self.protocol(&fault))? {
                None => return Ok(false),
                Some(received) => {
                    if self.note(received)? {
                        return Ok(true);
                    }
                }
            }
        }
    }

    fn note(&mut self, received: Received) -> Result<bool, Trouble> {
        match received {
            Received::Interim(head) => self.continued |= head.status == StatusCode::CONTINUE,
            Received::Trailers(_) => {}
            Received::Head(head) => {
                self.head = Some((head.status, head.version, head.headers.into_map()));
            }
            Received::Data(data) => {
                self.body += data.len() as u64;
                if self.body > LONGEST_BODY {
                    let limit = LONGEST_BODY;
                    return Err(Trouble::TooLong { limit });
                }
            }
            Received::End => return Ok(true),
            Received::Switched(_) => {
                return Err(self.protocol(&"it switched protocols, which nobody asked for"));
            }
        }
        Ok(false)
    }

    /// The stream ended; true when that is how the answer ends.
    fn end(&mut self, wire: &Wire, by: EndedBy) -> Result<bool, Trouble> {
        let ends_bodies = matches!(by, EndedBy::Fin | EndedBy::CloseNotify);
        if ends_bodies && self.exchange.receive_end(wire.buffer.len()).is_ok() {
            return Ok(true);
        }
        Err(Trouble::Ended {
            by,
            answered: self.head.is_some(),
        })
    }

    fn answer(self, leftover: usize) -> Result<Answer, Trouble> {
        let reuse = self.exchange.verdict(leftover);
        let hint = self.exchange.hint();
        let Some((status, version, headers)) = self.head else {
            let (by, answered) = (EndedBy::Fin, false);
            return Err(Trouble::Ended { by, answered });
        };
        Ok(Answer {
            status,
            version,
            headers,
            hint,
            reuse,
            body: self.body,
            last_byte: self.last_byte,
        })
    }
}
