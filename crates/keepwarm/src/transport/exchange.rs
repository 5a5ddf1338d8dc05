//! `Exchange`: one request and its answer on one connection, driven by whoever polls it.
//!
//! Owns the interplay of writing, reading and time. Refuses to know what comes before (the queue) and after
//! (another attempt): it ends with an answer or a [`Failure`] that holds the evidence.

use std::io;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::BytesMut;
use keepwarm_core::event::{ConnectionId, EventKind};
use keepwarm_core::h1::{self, Received, ResponseHead, Sending};
use keepwarm_core::pool::Hint;
use keepwarm_core::reason::{CloseReason, Limit, PeerEnd, Phase, ProtocolFault, Reuse};
use keepwarm_core::retry::Unprocessed;

use super::info::Moments;
use super::sending::{SendFailure, Sender};
use super::span::Span;
use super::timers::Timers;
use super::upload::{Upload, UploadError};
use crate::clock;
use crate::conn::buffers::{self, READ_SIZE};
use crate::error::{Error, ErrorKind};
use crate::pool::Lease;

pub(super) struct Exchange {
    lease: Option<Lease>,
    pub(super) machine: h1::Exchange,
    pub(super) sender: Sender,
    pub(super) input: Option<BytesMut>,
    read: u64,
    /// What writing failed with: told only if no answer comes, for an answer says more.
    write_error: Option<io::Error>,
    pub(super) timers: Timers,
    stage: Stage,
    pub(super) moments: Moments,
    pub(super) span: Span,
}

/// Where the exchange is, for its time limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Idle,
    Sending,
    AwaitingContinue,
    Waiting,
}

/// A failed exchange: the caller's error, and the evidence for or against another attempt.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) written: u64,
    pub(super) read: u64,
    pub(super) served_before: bool,
    /// The failure is a limit of ours, not the connection's.
    pub(super) gave_up: bool,
    /// The server's own word that it has not processed the request.
    pub(super) unprocessed: Option<Unprocessed>,
    pub(super) upload: Upload,
}

/// The head of the final answer.
pub(super) enum Answer {
    Head(ResponseHead),
    Switched(ResponseHead),
}

impl Exchange {
    pub(super) fn new(
        lease: Lease,
        machine: h1::Exchange,
        sender: Sender,
        timers: Timers,
        moments: Moments,
        span: Span,
    ) -> Self {
        Self {
            lease: Some(lease),
            machine,
            sender,
            input: None,
            read: 0,
            write_error: None,
            timers,
            stage: Stage::Idle,
            moments,
            span,
        }
    }

    pub(super) fn lease(&self) -> &Lease {
        self.lease
            .as_ref()
            .expect("an exchange holds its lease until it ends")
    }

    /// Hands the lease on, to a protocol switch. The exchange is over.
    pub(super) fn take_lease(&mut self) -> Option<Lease> {
        self.lease.take()
    }

    fn id(&self) -> ConnectionId {
        self.lease().id()
    }

    /// Writes the request and reads up to the final head, both as far as they go.
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answer, Failure>> {
        loop {
            //= RFC 9112 §9.5: the connection is watched for an answer while the body is sent.
            if let Err(error) = self.drive_sending(cx) {
                return Poll::Ready(Err(self.fail_upload(error)));
            }
            match self.poll_received(cx, READ_SIZE) {
                Poll::Ready(Ok(Received::Head(head))) => {
                    self.on_head(&head);
                    return Poll::Ready(Ok(Answer::Head(head)));
                }
                //= RFC 9110 §7.8: the new protocol cannot begin in the middle of a request.
                Poll::Ready(Ok(Received::Switched(_))) if !self.sender.is_finished() => {
                    let message = "the server switched protocols before the request was sent";
                    let error = Error::new(ErrorKind::Protocol, Phase::Send, message);
                    let failure = self.fail(error, CloseReason::RequestNotSent, false);
                    return Poll::Ready(Err(failure));
                }
                Poll::Ready(Ok(Received::Switched(head))) => {
                    self.on_head(&head);
                    return Poll::Ready(Ok(Answer::Switched(head)));
                }
                Poll::Ready(Ok(Received::Interim(head))) => {
                    self.tell_head(clock::now(), head.status.as_u16());
                }
                // The machine gives these behind a head only.
                Poll::Ready(Ok(Received::Data(_) | Received::Trailers(_) | Received::End)) => {}
                Poll::Ready(Err(failure)) => return Poll::Ready(Err(failure)),
                Poll::Pending => match self.timers.poll(cx) {
                    Poll::Pending => return Poll::Pending,
                    //= RFC 9110 §10.1.1: nobody waits for 100 for ever.
                    Poll::Ready(Limit::ExpectContinue) => {
                        self.timers.end_phase();
                        self.machine.on_continue_timeout();
                    }
                    Poll::Ready(limit) => return Poll::Ready(Err(self.fail_timeout(limit))),
                },
            }
        }
    }

    fn on_head(&mut self, head: &ResponseHead) {
        let now = clock::now();
        self.moments.note_answered(now);
        self.timers.end_phase();
        self.stage = Stage::Idle;
        self.tell_head(now, head.status.as_u16());
    }

    fn tell_head(&self, now: Instant, status: u16) {
        self.span.emit_at(now, |call| EventKind::ResponseHead {
            call,
            connection: self.id(),
            status,
        });
    }

    /// Writes what can be written. A failed socket is no error yet: the answer may be there already.
    pub(super) fn drive_sending(&mut self, cx: &mut Context<'_>) -> Result<(), UploadError> {
        if self.sender.is_finished() {
            return Ok(());
        }
        let before = self.sender.written();
        let lease = self
            .lease
            .as_mut()
            .expect("an exchange holds its lease until it ends");
        let polled = self.sender.poll(cx, &mut lease.stream, &mut self.machine);
        if self.sender.written() > 0 {
            lease.touch();
        }
        match polled {
            Poll::Ready(Ok(())) => self.on_sent(),
            Poll::Ready(Err(SendFailure::Io(error))) => {
                self.write_error = Some(error);
                self.sender.stop(&mut self.machine);
            }
            Poll::Ready(Err(SendFailure::Upload(error))) => return Err(error),
            Poll::Pending => {
                let stage = match self.machine.sending() {
                    Sending::AwaitContinue => Stage::AwaitingContinue,
                    Sending::Head | Sending::Body | Sending::Done | Sending::Stopped => {
                        Stage::Sending
                    }
                };
                if stage != self.stage || self.sender.written() > before {
                    self.enter_stage(stage);
                }
            }
        }
        Ok(())
    }

    fn on_sent(&mut self) {
        let now = clock::now();
        self.moments.note_sent(now);
        if !self.moments.is_answered() {
            self.enter_stage(Stage::Waiting);
        }
        self.span.emit_at(now, |call| EventKind::RequestSent {
            call,
            connection: self.id(),
            bytes: self.sender.written(),
        });
    }

    fn enter_stage(&mut self, stage: Stage) {
        self.stage = stage;
        let settings = &self.lease().pool().settings;
        let (timeouts, expect) = (settings.timeouts, settings.expect_timeout);
        let header = (timeouts.response_header, Limit::ResponseHeader);
        match stage {
            Stage::Idle => self.timers.end_phase(),
            Stage::Sending => {
                let stall = (timeouts.write_stall, Limit::WriteStall);
                self.timers.start_phase([header, stall]);
            }
            Stage::AwaitingContinue => {
                self.timers.start_phase([(expect, Limit::ExpectContinue)]);
            }
            Stage::Waiting => self.timers.start_phase([header]),
        }
    }

    /// The next thing of the answer; reads from the socket as needed, `want` bytes at a time.
    pub(super) fn poll_received(
        &mut self,
        cx: &mut Context<'_>,
        want: usize,
    ) -> Poll<Result<Received, Failure>> {
        loop {
            if let Some(input) = &mut self.input {
                match self.machine.receive(input) {
                    Ok(Some(received)) => return Poll::Ready(Ok(received)),
                    Ok(None) => {}
                    Err(fault) => return Poll::Ready(Err(self.fail_protocol(fault))),
                }
            }
            let lease = self
                .lease
                .as_mut()
                .expect("an exchange holds its lease until it ends");
            match lease.stream.poll_fill(cx, &mut self.input, want) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => {
                    let buffered = self.input.as_ref().map_or(0, BytesMut::len);
                    let ended = self.machine.receive_end(buffered);
                    return Poll::Ready(ended.map_err(|fault| self.fail_end(fault)));
                }
                Poll::Ready(Ok(count)) => self.read += count as u64,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.fail_io(error))),
            }
        }
    }

    // ---- ends

    /// The answer is complete: gives the connection back, or closes it, with the verdict.
    pub(super) fn finish(&mut self) -> Reuse {
        let now = clock::now();
        self.moments.note_ended(now);
        self.finish_at(now)
    }

    /// As [`Exchange::finish`], for an answer whose end came with its head: the clock was read for that already.
    pub(super) fn finish_with_head(&mut self) -> Reuse {
        self.moments.note_ended_with_head();
        self.finish_at(self.moments.answered())
    }

    fn finish_at(&mut self, now: Instant) -> Reuse {
        let leftover = self.input.as_ref().map_or(0, BytesMut::len);
        let mut verdict = self.machine.verdict(leftover);
        if !self.lease().pool().keeps_alive() {
            // The setting comes first: what the two sides said of the connection only follows from it.
            let others = verdict;
            verdict = Reuse::close(CloseReason::PoolOff);
            for reason in others.reasons() {
                verdict = verdict.also(*reason);
            }
        }
        self.end_at(now, verdict)
    }

    pub(super) fn end(&mut self, verdict: Reuse) -> Reuse {
        let now = clock::now();
        self.moments.note_ended(now);
        self.end_at(now, verdict)
    }

    fn end_at(&mut self, now: Instant, verdict: Reuse) -> Reuse {
        if let Some(input) = self.input.take() {
            buffers::give_read(input);
        }
        drop(self.sender.take_upload());
        let Some(lease) = self.lease.take() else {
            return verdict;
        };
        let connection = lease.id();
        self.span.emit_at(now, |call| EventKind::ExchangeEnded {
            call,
            connection,
            reuse: verdict.clone(),
            received: self.read,
        });
        let hint = self.machine.hint();
        let hint = Hint {
            timeout: hint.timeout,
            max: hint.max,
        };
        lease.finish(now, verdict, hint)
    }

    /// The connection leaves HTTP: tells the observer what [`Exchange::end`] would.
    pub(super) fn note_switched(&self, verdict: &Reuse) {
        self.span.emit(|call| EventKind::ExchangeEnded {
            call,
            connection: self.id(),
            reuse: verdict.clone(),
            received: self.read,
        });
    }

    fn phase(&self) -> Phase {
        if self.moments.is_answered() {
            Phase::Receive
        } else if self.sender.is_finished() && self.write_error.is_none() {
            Phase::Wait
        } else {
            Phase::Send
        }
    }

    fn fail(&mut self, error: Error, reason: CloseReason, gave_up: bool) -> Failure {
        let (written, read) = (self.sender.written(), self.read);
        let served_before = self.lease().served_before();
        let upload = self.sender.take_upload();
        let verdict = self.end(Reuse::close(reason));
        drop(verdict);
        Failure {
            error: error
                .with_reason(reason)
                .with_evidence(served_before, written, read),
            written,
            read,
            served_before,
            gave_up,
            unprocessed: None,
            upload,
        }
    }

    pub(super) fn fail_timeout(&mut self, limit: Limit) -> Failure {
        let error = Error::timeout(limit, self.phase());
        self.fail(error, CloseReason::TimedOut(limit), true)
    }

    fn fail_protocol(&mut self, fault: ProtocolFault) -> Failure {
        let error = Error::protocol(fault, self.phase());
        self.fail(error, CloseReason::PeerBrokeProtocol(fault), false)
    }

    pub(super) fn fail_upload(&mut self, error: UploadError) -> Failure {
        self.fail(error.into(), CloseReason::RequestNotSent, true)
    }

    /// The server ended the stream before the answer was complete (RFC 9112 §8).
    fn fail_end(&mut self, fault: ProtocolFault) -> Failure {
        if self.read > 0 {
            return self.fail_protocol(fault);
        }
        if let Some(error) = self.write_error.take() {
            return self.fail_io(error);
        }
        let message = "the server closed the connection without an answer";
        let error = Error::new(ErrorKind::Closed, self.phase(), message);
        let reason = self.closed_unanswered(CloseReason::PeerBrokeProtocol(fault));
        self.fail(error, reason, false)
    }

    fn fail_io(&mut self, error: io::Error) -> Failure {
        let error = self.write_error.take().unwrap_or(error);
        let kind = error.kind();
        let is_close = matches!(
            kind,
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionAborted
        );
        let io_error = CloseReason::IoError { kind };
        let reason = if is_close && self.read == 0 {
            self.closed_unanswered(io_error)
        } else {
            io_error
        };
        let error = Error::io(error, self.phase());
        self.fail(error, reason, false)
    }

    /// A connection that had served and ends without a byte of answer was closed while it was idle: the close
    /// crossed our request. One that was new has another reason.
    fn closed_unanswered(&self, otherwise: CloseReason) -> CloseReason {
        let lease = self.lease();
        let how = if matches!(otherwise, CloseReason::IoError { .. }) {
            PeerEnd::Reset
        } else {
            PeerEnd::Fin
        };
        match lease.idle() {
            Some(idle) if lease.served_before() => CloseReason::PeerClosedIdle { how, idle },
            Some(_) | None => otherwise,
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(input) = self.input.take() {
            buffers::give_read(input);
        }
        // The lease that is still here returns or closes itself; only the telling is ours.
        if let Some(lease) = &self.lease {
            let connection = lease.id();
            let reuse = if self.sender.written() > 0 {
                Reuse::close(CloseReason::Cancelled)
            } else {
                Reuse::Keep
            };
            self.span.emit(|call| EventKind::ExchangeEnded {
                call,
                connection,
                reuse,
                received: self.read,
            });
        }
    }
}
