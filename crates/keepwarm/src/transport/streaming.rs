//! `Streaming`: the body of an answer that has not arrived whole.
//!
//! Owns the exchange from its head to its end: reading, carrying an upload on, draining what the caller drops.
//! Refuses to be read after its end.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Frame;
use keepwarm_core::h1::Received;
use keepwarm_core::reason::{CloseReason, Limit, Reuse};

use super::exchange::Exchange;
use super::timers::later;
use crate::clock;
use crate::conn::buffers::READ_SIZE;
use crate::error::Result;

/// The largest read of a long body: beyond it a larger buffer gains nothing.
const LARGEST_READ: usize = 128 * 1024;

pub(super) struct Streaming {
    exchange: Exchange,
    /// What was read along with the head.
    ready: Option<Bytes>,
    want: usize,
    /// Whether the read-idle limit runs: it does while the caller waits.
    waiting: bool,
    verdict: Option<Reuse>,
}

/// One step of a body.
pub(super) enum Step {
    Data(Bytes),
    Trailers(HeaderMap),
    End,
}

impl Streaming {
    pub(super) fn new(exchange: Exchange, ready: Option<Bytes>) -> Self {
        Self {
            exchange,
            ready,
            want: READ_SIZE,
            waiting: false,
            verdict: None,
        }
    }

    pub(super) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    pub(super) fn verdict(&self) -> Option<&Reuse> {
        self.verdict.as_ref()
    }

    /// Bytes the caller will still get, when that is known.
    pub(super) fn left(&self) -> Option<u64> {
        let ready = self.ready.as_ref().map_or(0, Bytes::len) as u64;
        if self.verdict.is_some() {
            return Some(ready);
        }
        Some(self.exchange.machine.body_left()? + ready)
    }

    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        Poll::Ready(match ready!(self.poll_step(cx)) {
            Ok(Step::Data(data)) => Some(Ok(Frame::data(data))),
            Ok(Step::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Ok(Step::End) => None,
            Err(error) => Some(Err(error)),
        })
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step>> {
        if let Some(data) = self.ready.take() {
            return Poll::Ready(Ok(Step::Data(data)));
        }
        if self.verdict.is_some() {
            return Poll::Ready(Ok(Step::End));
        }
        let failure = match self.poll_exchange(cx) {
            Poll::Ready(Ok(step)) => return Poll::Ready(Ok(step)),
            Poll::Ready(Err(error)) => error,
            Poll::Pending => match self.poll_time(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(limit) => self.exchange.fail_timeout(limit).error,
            },
        };
        self.exchange.span.fail(failure.phase());
        self.verdict = Some(
            failure
                .reason()
                .map_or(Reuse::Keep, |why| Reuse::close(*why)),
        );
        Poll::Ready(Err(failure))
    }

    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step>> {
        let exchange = &mut self.exchange;
        if let Err(error) = exchange.drive_sending(cx) {
            return Poll::Ready(Err(exchange.fail_upload(error).error));
        }
        if exchange.machine.is_complete() {
            return self.poll_end(cx);
        }
        let want = match exchange.machine.body_left() {
            Some(left) => usize::try_from(left).map_or(self.want, |left| left.min(self.want)),
            None => self.want,
        };
        let received = ready!(exchange.poll_received(cx, want.max(1024)));
        self.waiting = false;
        match received {
            Ok(Received::Data(data)) => {
                if data.len() >= want / 2 {
                    self.want = (self.want * 2).min(LARGEST_READ);
                }
                // Before the caller can see the last byte, the connection is where the next call finds it.
                if self.exchange.machine.is_complete() && self.exchange.sender.is_finished() {
                    self.end();
                }
                Poll::Ready(Ok(Step::Data(data)))
            }
            Ok(Received::Trailers(trailers)) => Poll::Ready(Ok(Step::Trailers(trailers))),
            // A head can come only once; an end leads on.
            Ok(
                Received::End | Received::Interim(_) | Received::Head(_) | Received::Switched(_),
            ) => self.poll_end(cx),
            Err(failure) => Poll::Ready(Err(failure.error)),
        }
    }

    /// The answer is whole. An upload that still runs gets `drain_time` to end, for the server said nothing
    /// against it; then the connection goes its way.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step>> {
        if !self.exchange.sender.is_finished() {
            let patience = self.exchange.lease().pool().settings.drain_time;
            if !self.waiting {
                self.waiting = true;
                let linger = (Some(patience), Limit::WriteStall);
                self.exchange.timers.start_phase([linger]);
            }
            if self.exchange.timers.poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        self.end();
        Poll::Ready(Ok(Step::End))
    }

    fn end(&mut self) {
        self.verdict = Some(self.exchange.finish());
    }

    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<Limit> {
        if !self.waiting {
            self.waiting = true;
            let timeouts = self.exchange.lease().pool().settings.timeouts;
            let idle = (timeouts.read_idle, Limit::ReadIdle);
            self.exchange.timers.start_phase([idle]);
        }
        self.exchange.timers.poll(cx)
    }

    // ---- what is not read

    /// Reads and forgets the rest, within these budgets, to save the connection (RFC 9112 §9.3: only a connection whose
    /// answer was read whole may serve again).
    pub(super) async fn drain(&mut self, bytes: u64, time: Duration) -> Reuse {
        self.ready = None;
        if self.verdict.is_none() && !self.is_worth_draining(bytes) {
            self.give_up();
        }
        let until = tokio::time::Instant::from_std(later(clock::now(), time));
        let mut budget = bytes;
        while self.verdict.is_none() {
            let step =
                tokio::time::timeout_at(until, std::future::poll_fn(|cx| self.poll_step(cx)));
            match step.await {
                Ok(Ok(Step::Data(data))) => match budget.checked_sub(data.len() as u64) {
                    Some(left) => budget = left,
                    None if self.verdict.is_none() => self.give_up(),
                    None => {}
                },
                Ok(Ok(Step::Trailers(_) | Step::End) | Err(_)) => {}
                Err(_elapsed) => self.give_up(),
            }
        }
        self.verdict.clone().unwrap_or(Reuse::Keep)
    }

    /// Whether reading the rest could save the connection, at a price within the budget.
    fn is_worth_draining(&self, bytes: u64) -> bool {
        let machine = &self.exchange.machine;
        let hopeless = machine
            .verdict(0)
            .reasons()
            .iter()
            .any(|reason| match reason {
                CloseReason::BodyNotRead { .. } | CloseReason::RequestNotSent => false,
                CloseReason::AddressGone
                | CloseReason::Cancelled
                | CloseReason::CloseDelimited
                | CloseReason::GoAway
                | CloseReason::HostFull { .. }
                | CloseReason::Http1Required
                | CloseReason::Http10
                | CloseReason::IdleTooLong { .. }
                | CloseReason::IoError { .. }
                | CloseReason::Misdirected
                | CloseReason::NoContinue
                | CloseReason::PeerBrokeProtocol(_)
                | CloseReason::PeerClosedIdle { .. }
                | CloseReason::PeerSaidClose
                | CloseReason::PoolFull { .. }
                | CloseReason::PoolOff
                | CloseReason::RuntimeGone
                | CloseReason::ShutDown
                | CloseReason::StrayBytes { .. }
                | CloseReason::SwitchedProtocols
                | CloseReason::TimedOut(_)
                | CloseReason::TooOld { .. }
                | CloseReason::UsedUp { .. }
                | CloseReason::WeSaidClose => true,
            });
        !hopeless && machine.body_left().is_none_or(|left| left <= bytes)
    }

    fn give_up(&mut self) {
        let leftover = self.exchange.input.as_ref().map_or(0, BytesMut::len);
        let verdict = self.exchange.machine.verdict(leftover);
        self.verdict = Some(self.exchange.end(verdict));
    }

    /// The caller dropped the body. What is here is consumed now; the rest is drained in the background when
    /// that is worth it.
    pub(super) fn abandon(mut self: Box<Self>) {
        if self.verdict.is_some() {
            return;
        }
        self.ready = None;
        if !self.consume_buffered() {
            return;
        }
        if self.exchange.machine.is_complete() && self.exchange.sender.is_finished() {
            self.end();
            return;
        }
        let settings = &self.exchange.lease().pool().settings;
        let (bytes, time) = (settings.drain_bytes, settings.drain_time);
        if !self.is_worth_draining(bytes) || time.is_zero() {
            self.give_up();
            return;
        }
        let keeper = std::sync::Arc::clone(&self.exchange.lease().home.keeper);
        // Should the runtime be gone, the task is dropped at once, and the connection with it.
        keeper.spawn(async move {
            let verdict = self.drain(bytes, time).await;
            drop(verdict);
        });
    }

    /// Takes what the buffer holds. False when the exchange ended over it.
    fn consume_buffered(&mut self) -> bool {
        let exchange = &mut self.exchange;
        while let Some(input) = &mut exchange.input {
            match exchange.machine.receive(input) {
                Ok(Some(Received::End) | None) => return true,
                Ok(Some(_)) => {}
                Err(fault) => {
                    let broken = CloseReason::PeerBrokeProtocol(fault);
                    self.verdict = Some(exchange.end(Reuse::close(broken)));
                    return false;
                }
            }
        }
        true
    }

    /// Whether nothing is left to give.
    pub(super) fn is_over(&self) -> bool {
        self.verdict.is_some() && self.ready.is_none()
    }
}

impl std::fmt::Debug for Streaming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streaming")
            .field("left", &self.left())
            .finish_non_exhaustive()
    }
}
