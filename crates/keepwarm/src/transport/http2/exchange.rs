//! `StreamExchange`: one request and its answer on one stream, driven by whoever polls it.
//!
//! Owns the interplay of opening, sending, the answer's head and time. Refuses to know what comes before and after:
//! it ends with an answer or a [`Failure`] that holds the evidence, as an HTTP/1.1 exchange does.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::h2::RecvStream;
use ::h2::client::ResponseFuture;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request, Response, StatusCode};
use keepwarm_core::event::EventKind;
use keepwarm_core::h1::{HeaderBlock, ResponseHead};
use keepwarm_core::reason::{
    Again, CloseReason, Limit, PeerEnd, Phase, ProtocolFault, Retry, Reuse,
};
use keepwarm_core::retry::{self, Evidence, Unprocessed};

use super::super::exchange::Failure;
use super::super::info::Moments;
use super::super::span::Span;
use super::super::timers::Timers;
use super::super::upload::{RequestBody, Upload, UploadError};
use super::upload::{StreamUpload, UploadFailure};
use super::{StreamBody, head};
use crate::clock;
use crate::config::Versions;
use crate::error::{Error, ErrorKind};
use crate::http2;
use crate::pool::Seat;

/// `: ` between a field's name and its value, as HTTP/1.1 has it.
const COLON: usize = 2;
const END_OF_LINE: usize = 2;
/// `HTTP/1.1 200`, its reason and its end.
const STATUS_LINE: usize = 17;

pub(in super::super) struct StreamExchange {
    seat: Option<Seat>,
    state: State,
    upload: StreamUpload,
    /// The body waits for `100 Continue` (RFC 9110 §10.1.1).
    awaits_continue: bool,
    /// Interim answers so far.
    interim: u32,
    head_bytes: u64,
    read: u64,
    /// Bytes of body that the answer declared and that have not come.
    declared: Option<u64>,
    pub(in super::super) timers: Timers,
    pub(in super::super) moments: Moments,
    pub(in super::super) span: Span,
}

#[expect(
    clippy::large_enum_variant,
    reason = "the exchange is boxed as a whole, and a second box would cost each call an allocation"
)]
enum State {
    /// The stream is not open yet. Next: `Waiting`.
    Opening { request: Request<()>, ends: bool },
    /// Its head is out. Next: `Answered`.
    Waiting(ResponseFuture),
    /// The answer's head was given, or the exchange has failed.
    Answered,
}

/// The head of the answer, and its body.
pub(in super::super) type Answer = (ResponseHead, RecvStream);

impl StreamExchange {
    pub(in super::super) fn new(
        seat: Seat,
        request: Request<()>,
        upload: Upload,
        expects_continue: bool,
        timers: Timers,
        moments: Moments,
        span: Span,
    ) -> Self {
        let ends = matches!(upload, Upload::Empty);
        Self {
            head_bytes: head::size(&request),
            seat: Some(seat),
            state: State::Opening { request, ends },
            upload: StreamUpload::new(upload, None),
            awaits_continue: expects_continue && !ends,
            interim: 0,
            read: 0,
            declared: None,
            timers,
            moments,
            span,
        }
    }

    pub(in super::super) fn seat(&self) -> &Seat {
        self.seat
            .as_ref()
            .expect("an exchange holds its seat until it ends")
    }

    fn seat_mut(&mut self) -> &mut Seat {
        self.seat
            .as_mut()
            .expect("an exchange holds its seat until it ends")
    }

    /// Sends the request and reads the head of its answer, both as far as they go.
    pub(in super::super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Answer, Failure>> {
        if let State::Opening { .. } = &self.state {
            match self.open(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(failure)) => return Poll::Ready(Err(self.fail(&failure))),
                Poll::Pending => {
                    let limit = ready!(self.timers.poll(cx));
                    return Poll::Ready(Err(self.fail_timeout(limit)));
                }
            }
        }
        loop {
            if let Err(failure) = self.drive_upload(cx) {
                return Poll::Ready(Err(failure));
            }
            let waited = self.awaits_continue;
            if let Poll::Ready(answer) = self.poll_answer(cx) {
                return Poll::Ready(answer);
            }
            if waited && !self.awaits_continue {
                continue;
            }
            match ready!(self.timers.poll(cx)) {
                //= RFC 9110 §10.1.1: nobody waits for 100 for ever.
                Limit::ExpectContinue => self.go_on(),
                limit => return Poll::Ready(Err(self.fail_timeout(limit))),
            }
        }
    }

    /// The head of the answer, behind what interim ones there are.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answer, Failure>> {
        loop {
            let State::Waiting(answer) = &mut self.state else {
                let error = Error::usage("the exchange has given its answer already");
                return Poll::Ready(Err(self.end_with(error, CloseReason::Cancelled, true)));
            };
            match ready!(answer.poll_informational(cx)) {
                Some(Ok(interim)) => self.on_interim(interim.status())?,
                // The final one is there, or will never be.
                Some(Err(_)) | None => break,
            }
        }
        let State::Waiting(answer) = &mut self.state else {
            unreachable!("interim answers end nothing")
        };
        match ready!(Pin::new(answer).poll(cx)) {
            Ok(answer) => Poll::Ready(self.answered(answer)),
            Err(error) => Poll::Ready(Err(self.fail_stream(&error))),
        }
    }

    fn on_interim(&mut self, status: StatusCode) -> Result<(), Failure> {
        self.read += 1;
        self.interim += 1;
        let fault = if self.interim > self.seat().pool().settings.heads.interim {
            ProtocolFault::TooMuch(Limit::Interim)
        } else if status == StatusCode::SWITCHING_PROTOCOLS {
            //= RFC 9113 §8.6: HTTP/2 does not have 101.
            ProtocolFault::UnaskedSwitch
        } else {
            self.tell_head(status);
            if status == StatusCode::CONTINUE && self.awaits_continue {
                self.go_on();
            }
            return Ok(());
        };
        let error = Error::protocol(fault, self.phase());
        Err(self.end_stream(error, CloseReason::PeerBrokeProtocol(fault), false))
    }

    /// The body goes out now.
    fn go_on(&mut self) {
        self.awaits_continue = false;
        self.start_send_limits();
    }

    fn tell_head(&self, status: StatusCode) {
        self.span.emit(|call| EventKind::ResponseHead {
            call,
            connection: self.seat().id(),
            status: status.as_u16(),
        });
    }

    fn open(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), http2::Failure>> {
        let link = self.seat_mut().link_mut();
        ready!(link.poll_ready(cx))?;
        let State::Opening { request, ends } = std::mem::replace(&mut self.state, State::Answered)
        else {
            return Poll::Ready(Ok(()));
        };
        let (answer, stream) = self.seat_mut().link_mut().send(request, ends)?;
        let id = answer.stream_id().as_u32();
        self.seat_mut().begin(id);
        self.state = State::Waiting(answer);
        let upload = self.upload.take();
        self.upload = StreamUpload::new(upload, (!ends).then_some(stream));
        if ends {
            self.on_sent();
        } else if self.awaits_continue {
            let expect = self.seat().pool().settings.expect_timeout;
            self.timers.start_phase([(expect, Limit::ExpectContinue)]);
        } else {
            self.start_send_limits();
        }
        Poll::Ready(Ok(()))
    }

    fn on_sent(&mut self) {
        self.moments.note_sent(clock::now());
        if !self.moments.is_answered() {
            let timeouts = self.seat().pool().settings.timeouts;
            let header = (timeouts.response_header, Limit::ResponseHeader);
            self.timers.start_phase([header]);
        }
        self.span.emit(|call| EventKind::RequestSent {
            call,
            connection: self.seat().id(),
            bytes: self.written(),
        });
    }

    /// A server that takes no bytes must not hold the call, nor one that says nothing.
    fn start_send_limits(&mut self) {
        let timeouts = self.seat().pool().settings.timeouts;
        let header = (timeouts.response_header, Limit::ResponseHeader);
        let stall = (timeouts.write_stall, Limit::WriteStall);
        self.timers.start_phase([header, stall]);
    }

    fn written(&self) -> u64 {
        if self.seat().is_used() {
            self.head_bytes + self.upload.written()
        } else {
            0
        }
    }

    /// Sends what can be sent. A stream that takes no more is no error yet: the answer may be there already.
    pub(in super::super) fn drive_upload(&mut self, cx: &mut Context<'_>) -> Result<(), Failure> {
        if self.upload.is_finished() || self.awaits_continue {
            return Ok(());
        }
        let before = self.upload.written();
        match self.upload.poll(cx) {
            Poll::Ready(Ok(())) => self.on_sent(),
            Poll::Ready(Err(UploadFailure::Stream)) => self.upload.stop(),
            Poll::Ready(Err(UploadFailure::Body(error))) => return Err(self.fail_upload(error)),
            Poll::Pending => {
                if self.upload.written() > before {
                    self.start_send_limits();
                }
            }
        }
        Ok(())
    }

    fn answered(&mut self, answer: Response<RecvStream>) -> Result<Answer, Failure> {
        self.state = State::Answered;
        self.moments.note_answered(clock::now());
        self.timers.end_phase();
        let (parts, stream) = answer.into_parts();
        let bytes = head::bytes_of(&parts.headers);
        self.read += 1 + bytes as u64;
        self.check_fields(&parts.headers, bytes, Limit::HeadBytes)?;
        let length = parts.headers.get(CONTENT_LENGTH);
        self.declared = length.and_then(|value| value.to_str().ok()?.parse().ok());
        self.tell_head(parts.status);
        if parts.status.as_u16() >= 400 || self.awaits_continue {
            //= RFC 9110 §7.5: an error that comes early means that the rest is not wanted, and §10.1.1: nor is a body
            //= that was asked about, when the answer is not 100.
            self.upload.stop();
        }
        let head = ResponseHead {
            status: parts.status,
            version: parts.version,
            headers: HeaderBlock::of_map(parts.headers),
        };
        Ok((head, stream))
    }

    /// Holds a head, or trailers, to the limits on their number and their size; the latter as HTTP/1.1 counts it, which
    /// has more around the [`head::bytes_of`] them.
    pub(super) fn check_fields(
        &mut self,
        fields: &HeaderMap,
        bytes: usize,
        size: Limit,
    ) -> Result<(), Failure> {
        let heads = self.seat().pool().settings.heads;
        let bytes = bytes + fields.len() * (COLON + END_OF_LINE);
        let (most, around) = if size == Limit::TrailerBytes {
            (heads.trailer_bytes, END_OF_LINE)
        } else {
            (heads.head_bytes, STATUS_LINE + END_OF_LINE)
        };
        let limit = if fields.len() > heads.header_fields {
            Limit::HeaderCount
        } else if around + bytes > most || (size == Limit::TrailerBytes && self.is_outsized()) {
            size
        } else {
            return Ok(());
        };
        let fault = ProtocolFault::TooMuch(limit);
        let error = Error::protocol(fault, self.phase());
        Err(self.end_stream(error, CloseReason::PeerBrokeProtocol(fault), false))
    }

    fn is_outsized(&self) -> bool {
        let seat = self.seat();
        let outsized = |stream| seat.link().is_outsized(stream);
        seat.stream().is_some_and(outsized)
    }

    // ---- the body's use of it

    pub(in super::super) fn is_sent(&self) -> bool {
        self.upload.is_finished()
    }

    pub(super) fn note_read(&mut self, bytes: usize) {
        self.read += bytes as u64;
        self.declared = self.declared.map(|left| left.saturating_sub(bytes as u64));
    }

    pub(super) fn left(&self) -> Option<u64> {
        self.declared
    }

    /// The answer is complete: the place on the connection is free before the caller can know.
    pub(in super::super) fn finish(&mut self) -> Reuse {
        self.moments.note_ended(clock::now());
        self.end(Reuse::Keep)
    }

    fn end(&mut self, verdict: Reuse) -> Reuse {
        self.state = State::Answered;
        self.upload.stop();
        let Some(seat) = self.seat.take() else {
            return verdict;
        };
        let connection = seat.id();
        self.span.emit(|call| EventKind::ExchangeEnded {
            call,
            connection,
            reuse: verdict.clone(),
            received: self.received(),
        });
        let reason = verdict.reasons().first().copied();
        seat.finish(reason);
        verdict
    }

    /// Bytes of the answer: its fields unpacked, and its body. What was only taken as a sign of life does not count.
    fn received(&self) -> u64 {
        let signs = u64::from(self.interim) + u64::from(self.moments.is_answered());
        self.read.saturating_sub(signs)
    }

    fn phase(&self) -> Phase {
        if self.moments.is_answered() {
            Phase::Receive
        } else if self.upload.is_finished() && self.seat().is_used() {
            Phase::Wait
        } else {
            Phase::Send
        }
    }

    /// The stream has failed, or its connection.
    pub(super) fn fail_stream(&mut self, error: &::h2::Error) -> Failure {
        let seat = self.seat();
        let failure = seat.link().judge(error, seat.stream());
        if failure.is_of_answer() {
            self.read += 1;
        }
        self.fail(&failure)
    }

    fn words(&self, failure: &http2::Failure) -> Error {
        let (kind, phase) = (failure.kind(), self.phase());
        match self.declared {
            //= RFC 9113 §8.1.1: the body is as long as it was told, or the answer is malformed.
            Some(_) if failure.is_malformed() => {
                let what = failure.message();
                let message = format!("{what}: its body is not as long as its content-length says");
                Error::new(kind, phase, message)
            }
            Some(_) | None => Error::new(kind, phase, failure.message()),
        }
    }

    /// A block of fields was too large: of the head, or of the trailers when there was a head.
    fn fail_too_large(&mut self, of_connection: bool) -> Failure {
        let fault = ProtocolFault::TooMuch(match self.moments.is_answered() {
            true => Limit::TrailerBytes,
            false => Limit::HeadBytes,
        });
        let error = Error::protocol(fault, self.phase());
        let reason = CloseReason::PeerBrokeProtocol(fault);
        match of_connection {
            true => self.end_with(error, reason, false),
            false => self.end_stream(error, reason, false),
        }
    }

    /// The server has closed the connection in the middle of it: told as on a connection of its own.
    fn fail_hung_up(&mut self) -> Failure {
        let seat = self.seat();
        let fault = match self.moments.is_answered() {
            true => ProtocolFault::EndedInBody {
                left: self.declared,
            },
            false => ProtocolFault::EndedInHead,
        };
        let reason = match seat.idle() {
            Some(idle) if self.read == 0 && seat.served_before() => CloseReason::PeerClosedIdle {
                how: PeerEnd::Fin,
                idle,
            },
            Some(_) | None => CloseReason::PeerBrokeProtocol(fault),
        };
        let error = if self.read > 0 {
            Error::protocol(fault, self.phase())
        } else {
            let message = "the server closed the connection without an answer";
            Error::new(ErrorKind::Closed, self.phase(), message)
        };
        self.end_with(error, reason, false)
    }

    fn fail(&mut self, failure: &http2::Failure) -> Failure {
        if failure.is_hang_up() {
            return self.fail_hung_up();
        }
        if failure.is_too_large() {
            return self.fail_too_large(failure.is_of_connection());
        }
        let error = self.words(failure);
        let error = match failure.limit() {
            Some(limit) => error.with_limit(limit),
            None => error,
        };
        let reason = failure.reason();
        if failure.wants_http1() {
            // Whatever the other origin's calls are told on it.
            self.seat().caller().end_coalescing();
            if self.seat().pool().settings.versions == Versions::Http2 {
                // Again would be the same again.
                return match failure.is_of_connection() {
                    true => self.end_with(error, reason, true),
                    false => self.end_stream(error, reason, true),
                };
            }
            self.seat().caller().speak_http1();
        }
        // A connection of the wrong version serves nobody else: the next call would be told the same.
        let is_wrong = failure.wants_http1() && !self.seat().is_visit();
        let mut failed = if failure.is_of_connection() || is_wrong {
            self.end_with(error, reason, false)
        } else {
            self.end_stream(error, reason, false)
        };
        failed.unprocessed = failure.unprocessed();
        failed
    }

    /// The answer was 421: is the request sent again? Then this exchange is over, and nobody joins its connection any
    /// more, so that it goes out on another one (RFC 9110 §15.5.20).
    pub(in super::super) fn decide_misdirected(
        &mut self,
        policy: retry::Policy,
        body: &RequestBody,
        before: &[Retry],
    ) -> Retry {
        let (pool, now) = (self.seat().caller(), clock::now());
        if before.contains(&Retry::Again(Again::Misdirected)) {
            pool.note_misdirected(now);
        }
        let persists = pool.is_misdirected_at(now);
        let evidence = Evidence {
            bytes_written: self.written(),
            bytes_read: self.read,
            served_before: self.seat().served_before(),
            body_replayable: body.survives_sending(),
            // Not asked for: what was misdirected was not processed.
            idempotent: false,
            attempts: u32::try_from(before.len())
                .unwrap_or(u32::MAX)
                .saturating_add(1),
            timed_out_or_cancelled: false,
            unprocessed: Some(Unprocessed::Misdirected { persists }),
        };
        let retry = retry::decide(policy, &evidence);
        // Another origin's connection is none for this call; it serves that origin as before.
        let verdict = if self.seat().is_visit() {
            pool.end_coalescing();
            Reuse::Keep
        } else {
            Reuse::close(CloseReason::Misdirected)
        };
        if let Retry::Again(_) = retry {
            self.moments.note_ended(clock::now());
            drop(self.end(verdict));
        }
        self.span
            .emit(|call| EventKind::RetryDecided { call, retry });
        retry
    }

    /// A limit concerns the stream; whether its connection lives is another question, which its driver asks.
    pub(super) fn fail_timeout(&mut self, limit: Limit) -> Failure {
        let error = Error::timeout(limit, self.phase());
        self.end_stream(error, CloseReason::TimedOut(limit), true)
    }

    fn fail_upload(&mut self, error: UploadError) -> Failure {
        self.end_stream(error.into(), CloseReason::RequestNotSent, true)
    }

    /// The stream has failed; its connection goes on.
    fn end_stream(&mut self, error: Error, reason: CloseReason, gave_up: bool) -> Failure {
        self.failed(error, reason, gave_up, Reuse::Keep)
    }

    /// The connection has failed, or takes no more streams.
    fn end_with(&mut self, error: Error, reason: CloseReason, gave_up: bool) -> Failure {
        self.failed(error, reason, gave_up, Reuse::close(reason))
    }

    fn failed(
        &mut self,
        error: Error,
        reason: CloseReason,
        gave_up: bool,
        verdict: Reuse,
    ) -> Failure {
        let (written, read) = (self.written(), self.read);
        let served_before = self.seat().served_before();
        let upload = self.upload.take();
        self.moments.note_ended(clock::now());
        drop(self.end(verdict));
        Failure {
            error: error
                .with_reason(reason)
                .with_evidence(served_before, written, read),
            written,
            read,
            served_before,
            gave_up,
            upload,
            unprocessed: None,
        }
    }
}

impl Drop for StreamExchange {
    fn drop(&mut self) {
        // Dropping the stream resets it; the seat that is still here frees its place itself.
        if let Some(seat) = &self.seat {
            let connection = seat.id();
            self.span.emit(|call| EventKind::ExchangeEnded {
                call,
                connection,
                reuse: Reuse::Keep,
                received: self.received(),
            });
        }
    }
}

impl StreamExchange {
    /// Goes on with the body.
    pub(in super::super) fn into_body(self, stream: RecvStream) -> StreamBody {
        StreamBody::new(self, stream)
    }
}
