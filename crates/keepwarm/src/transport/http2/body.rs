//! `StreamBody`: the body of an answer on a stream.
//!
//! Owns reading within the window, the read-idle limit, and what happens when the caller stops. Refuses to be read
//! after its end.

use std::task::{Context, Poll, ready};

use ::h2::RecvStream;
use bytes::Bytes;
use http_body::Frame;
use keepwarm_core::reason::{Limit, Reuse};

use super::{StreamExchange, head};
use crate::error::{Error, Result};

pub(in super::super) struct StreamBody {
    exchange: StreamExchange,
    stream: RecvStream,
    /// The data is at its end; trailers may follow.
    data_ended: bool,
    /// Whether the read-idle limit runs: it does while the caller waits.
    waiting: bool,
    verdict: Option<Reuse>,
}

impl StreamBody {
    pub(super) fn new(exchange: StreamExchange, stream: RecvStream) -> Self {
        let mut body = Self {
            exchange,
            stream,
            data_ended: false,
            waiting: false,
            verdict: None,
        };
        // An answer without a body frees its place before the caller sees its head.
        if body.stream.is_end_stream() && body.exchange.is_sent() {
            body.end();
        }
        body
    }

    pub(in super::super) fn exchange(&self) -> &StreamExchange {
        &self.exchange
    }

    pub(in super::super) fn verdict(&self) -> Option<&Reuse> {
        self.verdict.as_ref()
    }

    /// Bytes still to come, when the server declared how many (RFC 9110 §8.6) and the body has not ended.
    pub(in super::super) fn left(&self) -> Option<u64> {
        if self.verdict.is_some() {
            return Some(0);
        }
        self.exchange.left()
    }

    /// Whether nothing is left to give.
    pub(in super::super) fn is_over(&self) -> bool {
        self.verdict.is_some()
    }

    pub(in super::super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        if self.verdict.is_some() {
            return Poll::Ready(None);
        }
        if let Err(failure) = self.exchange.drive_upload(cx) {
            return Poll::Ready(Some(Err(self.fail(failure.error))));
        }
        let error = match self.poll_stream(cx) {
            Poll::Ready(Ok(Some(frame))) => return Poll::Ready(Some(Ok(frame))),
            Poll::Ready(Ok(None)) => return Poll::Ready(None),
            Poll::Ready(Err(error)) => error,
            Poll::Pending => {
                let limit = ready!(self.poll_time(cx));
                self.exchange.fail_timeout(limit).error
            }
        };
        Poll::Ready(Some(Err(self.fail(error))))
    }

    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>>> {
        while !self.data_ended {
            let Some(data) = ready!(self.stream.poll_data(cx)) else {
                self.data_ended = true;
                break;
            };
            let data = data.map_err(|error| self.judge(&error))?;
            self.waiting = false;
            self.exchange.note_read(data.len());
            let released = self.stream.flow_control().release_capacity(data.len());
            released.map_err(|error| self.judge(&error))?;
            // Before the caller can see the last byte, the place is where the next call finds it.
            if self.stream.is_end_stream() && self.exchange.is_sent() {
                self.end();
            }
            if !data.is_empty() {
                return Poll::Ready(Ok(Some(Frame::data(data))));
            }
            if self.verdict.is_some() {
                return Poll::Ready(Ok(None));
            }
        }
        let trailers = ready!(self.stream.poll_trailers(cx)).map_err(|error| self.judge(&error))?;
        if let Some(fields) = &trailers {
            let exchange = &mut self.exchange;
            let checked =
                exchange.check_fields(fields, head::bytes_of(fields), Limit::TrailerBytes);
            checked.map_err(|failure| failure.error)?;
        }
        // What is still to be sent is not wanted: the server has said all it has to say.
        self.end();
        Poll::Ready(Ok(trailers.map(Frame::trailers)))
    }

    fn judge(&mut self, error: &::h2::Error) -> Error {
        self.exchange.fail_stream(error).error
    }

    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<Limit> {
        if !self.waiting {
            self.waiting = true;
            let timeouts = self.exchange.seat().pool().settings.timeouts;
            let idle = (timeouts.read_idle, Limit::ReadIdle);
            self.exchange.timers.start_phase([idle]);
        }
        self.exchange.timers.poll(cx)
    }

    fn fail(&mut self, error: Error) -> Error {
        self.exchange.span.fail(error.phase());
        let verdict = error.reason().map_or(Reuse::Keep, |why| Reuse::close(*why));
        self.verdict = Some(verdict);
        error
    }

    fn end(&mut self) {
        self.verdict = Some(self.exchange.finish());
    }

    /// Gives the rest up: the stream is reset, its connection goes on.
    pub(in super::super) fn give_up(&mut self) -> Reuse {
        if self.verdict.is_none() {
            self.end();
        }
        self.verdict.clone().unwrap_or(Reuse::Keep)
    }
}
