//! A call: take a connection, exchange, and again if the evidence allows.
//!
//! Owns the loop in which everything meets. Refuses to grow: each step is a function elsewhere.

use std::sync::LazyLock;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderMap, Method, StatusCode, Uri};
use keepwarm_core::event::EventKind;
use keepwarm_core::h1::{self, BodyLength, HeadExtras, Received, RequestShape, ResponseHead};
use keepwarm_core::origin::OriginSpan;
use keepwarm_core::reason::{CloseReason, Limit, Phase, Retry, Reuse};
use keepwarm_core::retry::{self, Evidence};

use super::attempts::Attempts;
use super::body::{About, Body};
use super::exchange::{Answer, Exchange, Failure};
#[cfg(feature = "http2")]
use super::http2::{StreamAnswer, StreamExchange, stream_head};
use super::info::Moments;
use super::says::{Says, needs_http1};
use super::sending::Sender;
use super::span::Span;
use super::streaming::Streaming;
use super::timers::{Timers, later};
use super::upgrade::Upgraded;
use super::upload::RequestBody;
use crate::clock;
use crate::conn::buffers;
pub(crate) use crate::connect::check_scheme;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Acquired, Granted, Handle, Lease, OriginPool, Seat, Waiting};
use crate::proxy::{Proxy, absolute_form};

/// A request on its way out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    /// Boxed, for most requests have none of their own.
    pub(crate) headers: Option<Box<HeaderMap>>,
    pub(crate) body: RequestBody,
}

impl Outgoing {
    fn headers(&self) -> &HeaderMap {
        static NONE: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
        self.headers.as_deref().unwrap_or(&NONE)
    }
}

/// An answer: its head, and what follows.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) head: ResponseHead,
    pub(crate) body: Body,
    /// Boxed, for few answers have it.
    pub(crate) upgraded: Option<Box<Upgraded>>,
}

impl Incoming {
    fn new(head: ResponseHead, body: Body) -> Self {
        Self {
            head,
            body,
            upgraded: None,
        }
    }
}

/// A call under way: a plain future, so that its size and its moves stay small.
#[must_use = "a call does nothing until it is polled"]
pub(crate) struct Call {
    shared: Handle,
    request: Outgoing,
    origin: OriginSpan,
    retries: Attempts,
    idempotent: bool,
    /// It asks for another protocol, which HTTP/2 has no way to switch to.
    only_http1: bool,
    state: State,
}

/// Where a call is.
#[expect(
    clippy::large_enum_variant,
    reason = "the large variant is the usual one, and a box would cost each call an allocation"
)]
enum State {
    /// It wants a connection. Next: `Queued`, `Exchanging` or `Over`.
    Ready(Before),
    /// It waits for one. Next: `Exchanging`, `Ready` when what it was handed had ended on its way, or `Over`.
    Queued {
        waiting: Waiting,
        since: Instant,
        before: Before,
    },
    /// It has one. Next: `Over`, or `Ready` for another attempt.
    Exchanging(Exchange),
    /// It shares one, and has a stream of its own on it. Next: as `Exchanging`.
    #[cfg(feature = "http2")]
    OnStream(Box<StreamExchange>),
    /// It has answered.
    Over,
}

/// What a call carries until it has a connection.
struct Before {
    /// When it first asked for a connection; none before that.
    started: Option<Instant>,
    timers: Timers,
    span: Span,
}

impl Call {
    /// Checks the request; nothing is opened before the first poll. `total` limits this call instead of the
    /// client's own setting.
    #[inline(always)] // A call is large, and this spares it a move.
    pub(crate) fn new(shared: &Handle, request: Outgoing, total: Option<Duration>) -> Result<Self> {
        let origin =
            OriginSpan::of(&request.uri).map_err(|error| Error::usage(error.to_string()))?;
        check_scheme(origin.scheme())?;
        //= RFC 9112 §3.2: exactly one Host line; two are answered 400, or read differently along the way.
        let several = |headers: &HeaderMap| headers.get_all(HOST).iter().nth(1).is_some();
        if request.headers.as_deref().is_some_and(several) {
            return Err(Error::usage("a request has one Host, not several"));
        }
        //= RFC 9112 §3.2.3: CONNECT has the authority form, which only a proxy understands.
        if request.method == Method::CONNECT {
            let message = "CONNECT is for proxies: set one, and it is sent where it is needed";
            return Err(Error::usage(message));
        }
        //= RFC 9110 §9.3.8: TRACE has no content.
        if request.method == Method::TRACE && !request.body.is_empty() {
            return Err(Error::usage("a TRACE request has no body"));
        }
        let parts = origin.parts(&request.uri);
        let settings = shared.origins.settings(&parts);
        let only_http1 = needs_http1(settings.versions, origin.scheme(), request.headers())?;
        let total = total.or(settings.timeouts.total);
        let timers = Timers::new(total.map(|total| later(clock::now(), total)));
        let span = Span::start(shared, &request.method, &parts, &request.uri);
        let policy = shared.config.retry;
        Ok(Self {
            shared: shared.clone(),
            idempotent: retry::is_idempotent(policy, &request.method, request.headers()),
            request,
            origin,
            only_http1,
            retries: Attempts::NONE,
            state: State::Ready(Before {
                started: None,
                timers,
                span,
            }),
        })
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming>> {
        loop {
            match &mut self.state {
                State::Ready(..) => {
                    if let Err(error) = self.acquire() {
                        return Poll::Ready(Err(self.fail(error)));
                    }
                }
                State::Queued {
                    waiting, before, ..
                } => match ready!(poll_queue(cx, waiting, &mut before.timers)) {
                    Ok(granted) => {
                        if let Err(error) = self.leave_queue(granted) {
                            return Poll::Ready(Err(self.fail(error)));
                        }
                    }
                    Err(error) => return Poll::Ready(Err(self.fail(error))),
                },
                State::Exchanging(exchange) => match ready!(exchange.poll_head(cx)) {
                    Ok(answer) => return Poll::Ready(self.answer(answer)),
                    Err(failure) => {
                        if let Some(error) = self.retry(failure) {
                            return Poll::Ready(Err(self.fail(error)));
                        }
                    }
                },
                #[cfg(feature = "http2")]
                State::OnStream(exchange) => match ready!(exchange.poll_head(cx)) {
                    Ok((head, _)) if self.goes_elsewhere(head.status) => {}
                    Ok(answer) => return Poll::Ready(self.answer_on_stream(answer)),
                    Err(failure) => {
                        if let Some(error) = self.retry(failure) {
                            return Poll::Ready(Err(self.fail(error)));
                        }
                    }
                },
                State::Over => {
                    let message = "the call has given its answer already";
                    return Poll::Ready(Err(Error::usage(message)));
                }
            }
        }
    }

    /// Leaves the state it is in, for another attempt or for good.
    fn leave(&mut self) -> Before {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Ready(before) | State::Queued { before, .. } => before,
            State::Exchanging(mut exchange) => Before {
                started: Some(exchange.moments.started()),
                timers: Timers::new(exchange.timers.total()),
                span: std::mem::take(&mut exchange.span),
            },
            #[cfg(feature = "http2")]
            State::OnStream(mut exchange) => Before {
                started: Some(exchange.moments.started()),
                timers: Timers::new(exchange.timers.total()),
                span: std::mem::take(&mut exchange.span),
            },
            State::Over => Before {
                started: None,
                timers: Timers::default(),
                span: Span::default(),
            },
        }
    }

    /// Takes an idle connection, or a place in the queue.
    fn acquire(&mut self) -> Result<()> {
        let replayable = self.idempotent && self.request.body.survives_sending();
        let origin = self.origin.parts(&self.request.uri);
        let now = self.shared.now();
        match (self.shared).acquire(&origin, self.only_http1, now, replayable)? {
            Acquired::Ready(Granted::Lease(lease)) => self.begin(lease, now.instant),
            Acquired::Ready(Granted::Seat(seat)) => self.begin_on_stream(*seat, now.instant)?,
            Acquired::Later(waiting) => {
                let mut before = self.leave();
                before.started.get_or_insert(now.instant);
                let miss = waiting.miss();
                before.span.emit(|call| EventKind::Queued { call, miss });
                let limit = (waiting.settings().timeouts.queue, Limit::Queue);
                before.timers.start_phase([limit]);
                self.state = State::Queued {
                    waiting,
                    since: clock::now(),
                    before,
                };
            }
        }
        Ok(())
    }

    fn leave_queue(&mut self, granted: Granted) -> Result<()> {
        self.note_dequeued();
        let lease = match granted {
            Granted::Lease(lease) => lease,
            Granted::Seat(seat) => return self.begin_on_stream(*seat, clock::now()),
        };
        match lease.look() {
            Ok(lease) => self.begin(lease, clock::now()),
            // It ended on its way from the call before: this one asks again.
            Err(None) => {
                let before = self.leave();
                self.state = State::Ready(before);
            }
            Err(Some(reason)) => {
                self.state = State::Ready(self.leave());
                let message = "the server spoke before it was asked";
                let error = Error::new(ErrorKind::Protocol, Phase::Wait, message);
                return Err(error.with_reason(reason));
            }
        }
        Ok(())
    }

    fn note_dequeued(&self) {
        if let State::Queued { since, before, .. } = &self.state {
            before.span.emit(|call| EventKind::Dequeued {
                call,
                waited: clock::now().saturating_duration_since(*since),
            });
        }
    }

    fn begin(&mut self, lease: Lease, acquired: Instant) {
        let Before {
            started,
            mut timers,
            span,
        } = self.leave();
        timers.end_phase();
        let moments = Moments::new(started.unwrap_or(acquired), acquired);
        span.emit(|call| EventKind::CheckedOut {
            call,
            connection: lease.id(),
            reused: lease.served_before(),
            requests: lease.requests(),
            idle: lease.idle(),
        });
        let (machine, sender) = prepare(lease.pool(), &mut self.request, self.origin);
        self.state =
            State::Exchanging(Exchange::new(lease, machine, sender, timers, moments, span));
    }

    #[cfg(not(feature = "http2"))]
    fn begin_on_stream(&mut self, _: Seat, _: Instant) -> Result<()> {
        unreachable!("no connection is shared where HTTP/2 is not built in")
    }

    #[cfg(feature = "http2")]
    fn begin_on_stream(&mut self, seat: Seat, acquired: Instant) -> Result<()> {
        let upload = self.request.body.begin();
        let expects_continue = Says::of(self.request.headers()).expect
            && seat.pool().settings.expect_timeout.is_some();
        let request = stream_head(
            &self.request.method,
            &self.request.uri,
            self.request.headers(),
            upload.length(),
            self.shared.config.user_agent.as_deref(),
        )?;
        let Before {
            started,
            mut timers,
            span,
        } = self.leave();
        timers.end_phase();
        let moments = Moments::new(started.unwrap_or(acquired), acquired);
        span.emit(|call| EventKind::CheckedOut {
            call,
            connection: seat.id(),
            reused: seat.served_before(),
            requests: seat.requests(),
            idle: seat.idle(),
        });
        let exchange = StreamExchange::new(
            seat,
            request,
            upload,
            expects_continue,
            timers,
            moments,
            span,
        );
        self.state = State::OnStream(Box::new(exchange));
        Ok(())
    }

    /// Whether an answer on a shared connection means another attempt on another one.
    #[cfg(feature = "http2")]
    fn goes_elsewhere(&mut self, status: StatusCode) -> bool {
        let (State::OnStream(exchange), StatusCode::MISDIRECTED_REQUEST) =
            (&mut self.state, status)
        else {
            return false;
        };
        let (policy, body) = (self.shared.config.retry, &self.request.body);
        let retry = exchange.decide_misdirected(policy, body, self.retries.as_slice());
        self.note_decided(retry);
        let goes = matches!(retry, Retry::Again(_));
        if goes {
            self.state = State::Ready(self.leave());
        }
        goes
    }

    #[cfg(feature = "http2")]
    fn answer_on_stream(&mut self, (head, stream): StreamAnswer) -> Result<Incoming> {
        let State::OnStream(exchange) = std::mem::replace(&mut self.state, State::Over) else {
            return Err(Error::usage("the call has given its answer already"));
        };
        let about = About::of_stream(&exchange, self.retries);
        let body = Body::on_stream(exchange.into_body(stream), about);
        Ok(Incoming::new(head, body))
    }

    fn answer(&mut self, answer: Answer) -> Result<Incoming> {
        let State::Exchanging(exchange) = &mut self.state else {
            return Err(Error::usage("the call has given its answer already"));
        };
        let about = About::of(exchange, self.retries);
        let incoming = match answer {
            Answer::Head(head) => Ok(answered(&mut self.state, head, about)),
            Answer::Switched(head) => switched(exchange, head, about),
        };
        self.state = State::Over;
        incoming
    }

    /// Decides on a failed attempt: none when it goes on, else the caller's error.
    fn retry(&mut self, failure: Failure) -> Option<Error> {
        self.request.body.give_back(failure.upload);
        let evidence = Evidence {
            bytes_written: failure.written,
            bytes_read: failure.read,
            served_before: failure.served_before,
            body_replayable: self.request.body.is_replayable(),
            idempotent: self.idempotent,
            attempts: self.retries.count() + 1,
            timed_out_or_cancelled: failure.gave_up,
            unprocessed: failure.unprocessed,
        };
        let retry = retry::decide(self.shared.config.retry, &evidence);
        let before = self.leave();
        (before.span).emit(|call| EventKind::RetryDecided { call, retry });
        self.state = State::Ready(before);
        self.note_decided(retry);
        match retry {
            Retry::Again(_) => None,
            Retry::Stop(_) => Some(failure.error),
        }
    }

    fn note_decided(&mut self, retry: Retry) {
        let origin = self.origin.parts(&self.request.uri);
        self.shared.note_retry(&origin, self.only_http1, retry);
        self.retries.push(retry);
    }

    fn fail(&mut self, error: Error) -> Error {
        self.note_dequeued();
        self.leave().span.fail(error.phase());
        error.with_retries(self.retries.as_slice())
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // A call may be dropped in the queue; what began for the observer ends for it.
        self.note_dequeued();
    }
}

fn poll_queue(
    cx: &mut Context<'_>,
    waiting: &mut Waiting,
    timers: &mut Timers,
) -> Poll<Result<Granted>> {
    if let Poll::Ready(leased) = waiting.poll(cx) {
        return Poll::Ready(leased);
    }
    timers
        .poll(cx)
        .map(|limit| Err(Error::timeout(limit, Phase::Queue)))
}

/// Puts the request's head into a buffer; nothing is written yet.
fn prepare(
    pool: &OriginPool,
    request: &mut Outgoing,
    origin: OriginSpan,
) -> (h1::Exchange, Sender) {
    let (config, settings) = (&pool.shared.config, &pool.settings);
    let upload = request.body.begin();
    let length = upload.length();
    let says = Says::of(request.headers());
    let keep_alive = pool.keeps_alive();
    //= RFC 9110 §10.1.1: a request without content must not expect 100.
    let expect = says.expect && length != BodyLength::Empty;
    let shape = RequestShape {
        head: request.method == Method::HEAD,
        connect: false,
        close: says.close,
        upgrade: says.upgrade,
        expect_continue: expect && settings.expect_timeout.is_some(),
        body: length,
    };
    let extras = HeadExtras {
        host: Some((&origin.parts(&request.uri)).into()),
        //= RFC 9112 §9.3: without keep-alive every request says `close`;
        // but one to switch says what it needs in `Connection` itself.
        close: !keep_alive && !says.upgrade,
        length,
        expect_continue: expect,
        user_agent: config.user_agent.as_deref(),
    };
    //= RFC 9112 §3.2.1: the target is path and query, and no fragment (`Uri` keeps none).
    let target = request
        .uri
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let mut out = buffers::take_write();
    h1::request_head(
        &mut out,
        &request.method,
        target,
        request.headers(),
        &extras,
    );
    if let Some(proxy) = pool.forward() {
        out = for_proxy(proxy, request, &extras);
    }
    let sender = Sender::new(out, upload, !shape.expect_continue);
    (h1::Exchange::new(shape, settings.heads), sender)
}

/// The same head for a proxy that forwards: its target in absolute form, and what the proxy wants to know.
#[cold]
fn for_proxy(proxy: &Proxy, request: &Outgoing, extras: &HeadExtras<'_>) -> Vec<u8> {
    let mut headers = request.headers().clone();
    if let Some(authorization) = proxy.authorization() {
        headers.entry(PROXY_AUTHORIZATION).or_insert(authorization);
    }
    let target = absolute_form(&request.uri);
    let mut out = buffers::take_write();
    h1::request_head(&mut out, &request.method, &target, &headers, extras);
    out
}

/// The head is here. When the body is too, the connection goes back before the caller sees either.
fn answered(state: &mut State, head: ResponseHead, mut about: About) -> Incoming {
    let State::Exchanging(exchange) = state else {
        let verdict = Reuse::close(CloseReason::Cancelled);
        let body = Body::whole(Bytes::new(), None, verdict, about);
        return Incoming::new(head, body);
    };
    refuse_upload(exchange, head.status);
    let mut data = None;
    let mut trailers = None;
    while !exchange.machine.is_complete() {
        let Some(input) = &mut exchange.input else {
            break;
        };
        match exchange.machine.receive(input) {
            Ok(Some(Received::Data(more))) if data.is_none() => data = Some(more),
            Ok(Some(Received::Data(more))) => {
                data = data.map(|first| joined(&first, &more));
            }
            Ok(Some(Received::Trailers(fields))) => trailers = Some(Box::new(fields)),
            // A fault is remembered by the machine and told where the caller reads.
            Ok(Some(_) | None) | Err(_) => break,
        }
    }
    let body = if exchange.machine.is_complete() && exchange.sender.is_finished() {
        let verdict = exchange.finish_with_head();
        about.moments = exchange.moments;
        Body::whole(data.unwrap_or_default(), trailers, verdict, about)
    } else if let State::Exchanging(exchange) = std::mem::replace(state, State::Over) {
        Body::streaming(Streaming::new(exchange, data), about)
    } else {
        Body::whole(Bytes::new(), None, Reuse::Keep, about)
    };
    Incoming::new(head, body)
}

/// Two pieces of one small body that arrived together, as one.
fn joined(first: &Bytes, second: &Bytes) -> Bytes {
    let mut both = BytesMut::with_capacity(first.len() + second.len());
    both.extend_from_slice(first);
    both.extend_from_slice(second);
    both.freeze()
}

/// An error that comes before the request is out means that the rest of it is not wanted
/// (RFC 9112 §9.5: stop sending).
fn refuse_upload(exchange: &mut Exchange, status: StatusCode) {
    //= RFC 9110 §15: beyond 599 it is read as 5xx.
    let refused = status.as_u16() >= 400;
    if refused && !exchange.sender.is_finished() {
        exchange.sender.stop(&mut exchange.machine);
    }
}

/// `101`: the connection and what was read of it are the caller's.
fn switched(exchange: &mut Exchange, head: ResponseHead, about: About) -> Result<Incoming> {
    let buffered = exchange.input.take().unwrap_or_default();
    let verdict = exchange.machine.verdict(0);
    exchange.note_switched(&verdict);
    let lease = exchange
        .take_lease()
        .ok_or_else(|| Error::usage("the connection is gone"))?;
    let upgraded = Upgraded::new(buffered, lease.switch());
    let body = Body::whole(Bytes::new(), None, verdict, about);
    Ok(Incoming {
        head,
        body,
        upgraded: Some(Box::new(upgraded)),
    })
}

#[cfg(test)]
mod tests {
    use super::Call;

    #[test]
    fn a_call_under_way_stays_small() {
        // A thousand calls at once hold a thousand of these, and each poll that moves one pays for its size.
        assert!(size_of::<Call>() <= 624, "{}", size_of::<Call>());
    }
}
