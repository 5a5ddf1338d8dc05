//! `Exchange`: the client's side of one request and its answer on one connection.
//!
//! Owns the framing of the answer, the wait for `100 Continue` and the verdict on the connection.
//! Refuses to know sockets, clocks and the bytes of the request.

use bytes::BytesMut;
use http::{StatusCode, Version};

use super::body::{Body, Part};
use super::chunked::Chunks;
use super::fields::{Fields, Hint};
use super::framing::{self, Framing};
use super::head::{self, Search};
use super::limits::Packed;
use super::message::Asked;
use super::state::{ReceiveStep, Receiving, SendStep, Sending};
use super::{KeepAliveHint, Limits, Received, RequestShape, ResponseHead};
use crate::reason::{CloseReason, Limit, ProtocolFault, Reuse};

/// One request and its answer.
#[derive(Debug)]
pub struct Exchange {
    asked: Asked,
    limits: Packed,
    body: Body,
    hint: Hint,
    /// How far the search for the end of the head in the buffer has got.
    search: Search,
    interim: u32,
    sending: Sending,
    receiving: Receiving,
    /// The final head is here.
    answered: bool,
    /// `100 Continue` came, perhaps before the head was sent whole.
    continued: bool,
    /// The final answer came where `100 Continue` was awaited.
    no_continue: bool,
    /// What the final head says of the connection.
    persistence: Persistence,
}

/// What a final head says of its connection (RFC 9112 §9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Persistence {
    /// It may serve again.
    Persistent,
    /// HTTP/1.0 that does not say `keep-alive`.
    Http10,
    /// It says `close`.
    Closes,
}

impl Persistence {
    fn of(version: Version, fields: &Fields) -> Self {
        if fields.close {
            Self::Closes
        } else if version == Version::HTTP_10 && !fields.keep_alive {
            Self::Http10
        } else {
            Self::Persistent
        }
    }
}

impl Exchange {
    /// An exchange whose request is about to be written.
    pub fn new(shape: RequestShape, limits: Limits) -> Self {
        Self {
            asked: shape.into(),
            limits: limits.into(),
            body: Body::Empty,
            hint: Hint::default(),
            search: Search::default(),
            interim: 0,
            sending: Sending::Head,
            receiving: Receiving::Head,
            answered: false,
            continued: false,
            no_continue: false,
            persistence: Persistence::Persistent,
        }
    }

    /// How far the request has gone: whether its body may be written now.
    pub fn sending(&self) -> Sending {
        self.sending
    }

    /// The request's head was written whole.
    pub fn on_head_sent(&mut self) {
        let step = if !self.asked.has_body {
            SendStep::HeadSentNoBody
        } else if !self.asked.expect_continue || self.continued {
            SendStep::HeadSent
        } else if self.answered {
            self.no_continue |= self.sending == Sending::Head;
            SendStep::HeadSentAnswered
        } else {
            SendStep::HeadSentAwait
        };
        self.sending = self.sending.after(step);
    }

    /// `100 Continue` did not come in time: the body is written without it (RFC 9110 §10.1.1).
    pub fn on_continue_timeout(&mut self) {
        self.sending = self.sending.after(SendStep::GoOn);
    }

    /// The request's body was written whole.
    pub fn on_body_sent(&mut self) {
        self.sending = self.sending.after(SendStep::BodySent);
    }

    /// The rest of the request's body will not be written.
    pub fn stop_sending(&mut self) {
        self.sending = self.sending.after(SendStep::Stop);
    }

    /// Takes the next thing of the answer out of `buffer`; none when more bytes are needed, or when
    /// the answer is over and its end was given. Body bytes are split off without copying.
    ///
    /// # Errors
    /// When the server broke the protocol or exceeded a limit; then again at each later call.
    pub fn receive(&mut self, buffer: &mut BytesMut) -> Result<Option<Received>, ProtocolFault> {
        let received = match self.receiving {
            Receiving::Head => self.receive_head(buffer),
            Receiving::Body => self.receive_body(buffer),
            Receiving::Ending => {
                self.receive_step(ReceiveStep::Told);
                return Ok(Some(Received::End));
            }
            Receiving::Complete | Receiving::Switched => return Ok(None),
            Receiving::Broken(fault) => return Err(fault),
        };
        if let Err(fault) = received {
            self.receive_step(ReceiveStep::Break(fault));
        }
        received
    }

    /// The server ended its stream. To be called when [`receive`](Self::receive) wanted more bytes;
    /// `buffered` is how many it left.
    ///
    /// # Errors
    /// [`EndedInHead`](ProtocolFault::EndedInHead) or [`EndedInBody`](ProtocolFault::EndedInBody)
    /// when the answer is not over by that.
    pub fn receive_end(&mut self, buffered: usize) -> Result<Received, ProtocolFault> {
        //= RFC 9112 §8: an answer whose end is missing is incomplete; one that ends with the connection is not.
        let fault = match self.receiving {
            Receiving::Head => ProtocolFault::EndedInHead,
            Receiving::Body => {
                if matches!(self.body, Body::UntilClose) && buffered == 0 {
                    self.body = Body::Ended;
                    self.receive_step(ReceiveStep::Told);
                    return Ok(Received::End);
                }
                ProtocolFault::EndedInBody {
                    left: self.body.left(),
                }
            }
            Receiving::Ending | Receiving::Complete | Receiving::Switched => {
                self.receive_step(ReceiveStep::Told);
                return Ok(Received::End);
            }
            Receiving::Broken(fault) => fault,
        };
        self.receive_step(ReceiveStep::Break(fault));
        Err(fault)
    }

    /// Whether the whole answer was received. True at once with the last byte of a body of known
    /// length, before [`Received::End`] was taken.
    pub fn is_complete(&self) -> bool {
        match self.receiving {
            Receiving::Ending | Receiving::Complete | Receiving::Switched => true,
            Receiving::Head | Receiving::Body | Receiving::Broken(_) => false,
        }
    }

    /// Whether the final head is here.
    pub(crate) fn is_answered(&self) -> bool {
        self.answered
    }

    /// Bytes of the answer's body still to come; none when its framing does not tell.
    pub fn body_left(&self) -> Option<u64> {
        match self.receiving {
            Receiving::Head => None,
            Receiving::Body | Receiving::Broken(_) => self.body.left(),
            Receiving::Ending | Receiving::Complete | Receiving::Switched => Some(0),
        }
    }

    /// The whole length of the answer's body; none before the head and when its framing does not tell.
    pub fn body_hint(&self) -> Option<u64> {
        if self.answered {
            self.body.declared()
        } else {
            None
        }
    }

    /// What the final head announced with `Keep-Alive`.
    pub fn hint(&self) -> KeepAliveHint {
        self.hint.into()
    }

    /// May the connection serve again? `leftover` is how many bytes the buffer holds behind the answer.
    ///
    /// All reasons against it are given, the one that decided first.
    pub fn verdict(&self, leftover: usize) -> Reuse {
        let unsent = match self.sending {
            Sending::Head | Sending::AwaitContinue | Sending::Body | Sending::Stopped => true,
            Sending::Done => false,
        };
        if self.receiving_is_clean()
            && leftover == 0
            && !unsent
            && !self.asked.close
            && self.persistence == Persistence::Persistent
            && !matches!(self.body, Body::Ended)
        {
            return Reuse::Keep;
        }
        self.verdict_against(leftover, unsent)
    }

    fn receiving_is_clean(&self) -> bool {
        matches!(self.receiving, Receiving::Ending | Receiving::Complete)
    }

    #[cold]
    fn verdict_against(&self, leftover: usize, unsent: bool) -> Reuse {
        let mut verdict = Reuse::Keep;
        let mut add = |holds: bool, reason: CloseReason| {
            if holds {
                verdict = std::mem::replace(&mut verdict, Reuse::Keep).also(reason);
            }
        };
        if let Receiving::Broken(fault) = self.receiving {
            add(true, CloseReason::PeerBrokeProtocol(fault));
        }
        //= RFC 9112 §9.6: behind a `close`, ours or theirs, nothing more is sent.
        let switched = self.receiving == Receiving::Switched;
        add(self.asked.close, CloseReason::WeSaidClose);
        add(switched, CloseReason::SwitchedProtocols);
        add(self.no_continue, CloseReason::NoContinue);
        add(unsent && !self.no_continue, CloseReason::RequestNotSent);
        match self.persistence {
            Persistence::Persistent => {}
            Persistence::Http10 => add(!switched, CloseReason::Http10),
            Persistence::Closes => add(!switched, CloseReason::PeerSaidClose),
        }
        add(
            matches!(self.body, Body::UntilClose | Body::Ended),
            CloseReason::CloseDelimited,
        );
        //= RFC 9112 §9.3: the whole answer is read before the connection is used again; §6.3 and §9.2: what is left
        //= behind it is no answer.
        match self.receiving {
            Receiving::Head | Receiving::Body => add(
                true,
                CloseReason::BodyNotRead {
                    left: self.body_left(),
                },
            ),
            Receiving::Ending | Receiving::Complete => add(
                leftover > 0,
                CloseReason::StrayBytes {
                    bytes: leftover as u64,
                },
            ),
            Receiving::Switched | Receiving::Broken(_) => {}
        }
        verdict
    }

    fn receive_step(&mut self, step: ReceiveStep) {
        self.receiving = self.receiving.after(step);
    }

    fn receive_head(&mut self, buffer: &mut BytesMut) -> Result<Option<Received>, ProtocolFault> {
        let mut fields = Fields::default();
        let Some(head) =
            head::take_response(buffer, &mut self.search, &self.limits.unpack(), &mut fields)?
        else {
            return Ok(None);
        };
        let framing = framing::of_response(self.asked, head.status, head.version, &fields)?;
        if head.status.is_informational() {
            return self.on_interim(head, &fields).map(Some);
        }
        self.on_final(&head, &fields);
        self.body = match framing {
            Framing::Empty => Body::Empty,
            Framing::Length(total) => Body::Length { left: total, total },
            Framing::Chunked => Body::Chunked(Chunks::new()),
            Framing::UntilClose => Body::UntilClose,
            Framing::Tunnel => {
                self.receive_step(ReceiveStep::Switch);
                return Ok(Some(Received::Switched(head)));
            }
        };
        self.receive_step(if self.body.is_done() {
            ReceiveStep::HeadOnly
        } else {
            ReceiveStep::HeadWithBody
        });
        Ok(Some(Received::Head(head)))
    }

    fn on_interim(
        &mut self,
        head: ResponseHead,
        fields: &Fields,
    ) -> Result<Received, ProtocolFault> {
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            //= RFC 9110 §7.8: a server switches only to what the client named.
            if !self.asked.upgrade {
                return Err(ProtocolFault::UnaskedSwitch);
            }
            self.answered = true;
            self.receive_step(ReceiveStep::Switch);
            return Ok(Received::Switched(head));
        }
        //= RFC 9112 §9.6: `close` is heard in whichever answer it is said.
        if fields.close {
            self.persistence = Persistence::Closes;
        }
        //= RFC 9110 §15.2: interim answers are read, expected or not.
        self.interim += 1;
        if self.interim > self.limits.unpack().interim {
            return Err(ProtocolFault::TooMuch(Limit::Interim));
        }
        if head.status == StatusCode::CONTINUE {
            self.continued = true;
            self.sending = self.sending.after(SendStep::GoOn);
        }
        self.receive_step(ReceiveStep::Interim);
        Ok(Received::Interim(head))
    }

    fn on_final(&mut self, head: &ResponseHead, fields: &Fields) {
        self.answered = true;
        self.hint = fields.hint;
        if self.persistence != Persistence::Closes {
            self.persistence = Persistence::of(head.version, fields);
        }
        //= RFC 9110 §10.1.1: a final answer instead of 100 means that the body is not wanted.
        self.no_continue = self.sending == Sending::AwaitContinue;
        self.sending = self.sending.after(SendStep::Answered);
    }

    fn receive_body(&mut self, buffer: &mut BytesMut) -> Result<Option<Received>, ProtocolFault> {
        let part = self.body.take(buffer, &self.limits.unpack())?;
        let done = self.body.is_done();
        let received = match part {
            Some(Part::Data(data)) => Received::Data(data),
            Some(Part::Trailers(trailers)) => Received::Trailers(trailers),
            None if done => {
                self.receive_step(ReceiveStep::Told);
                return Ok(Some(Received::End));
            }
            None => return Ok(None),
        };
        if done {
            self.receive_step(ReceiveStep::LastByte);
        }
        Ok(Some(received))
    }
}
