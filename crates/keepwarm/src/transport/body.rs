//! `Body`: the body of a response.
//!
//! Owns what the caller reads, and what happens when it does not. Refuses to know how it is framed.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use keepwarm_core::reason::{Phase, Retry, Reuse};

use super::attempts::Attempts;
use super::exchange::Exchange;
#[cfg(feature = "http2")]
use super::http2::{StreamBody, StreamExchange};
use super::info::{ConnectionInfo, Moments, Timings};
use super::streaming::Streaming;
use crate::error::{Error, ErrorKind, Result};

/// The body of a response: a stream of bytes that holds its connection until it ends.
///
/// The connection is back in the pool before the last bytes are given. A body dropped early is drained when that
/// is cheap ([`crate::Config::drain_bytes`], [`crate::Config::drain_time`]); otherwise its connection is closed
/// with the reason `body-not-read`.
pub(crate) struct Body {
    inner: Inner,
    about: About,
}

/// What is known of the exchange beside its bytes.
#[derive(Debug)]
pub(crate) struct About {
    connection: ConnectionInfo,
    pub(super) moments: Moments,
    retries: Attempts,
}

impl About {
    pub(super) fn of(exchange: &Exchange, retries: Attempts) -> Self {
        let lease = exchange.lease();
        let moments = exchange.moments;
        Self {
            connection: ConnectionInfo::of(lease, moments.acquired()),
            moments,
            retries,
        }
    }
}

#[cfg(feature = "http2")]
impl About {
    pub(super) fn of_stream(exchange: &StreamExchange, retries: Attempts) -> Self {
        let moments = exchange.moments;
        Self {
            connection: ConnectionInfo::of_seat(exchange.seat(), moments.acquired()),
            moments,
            retries,
        }
    }
}

enum Inner {
    /// All of it had arrived with the head; the connection is long back.
    Whole {
        data: Bytes,
        trailers: Option<Box<HeaderMap>>,
        verdict: Reuse,
    },
    Streaming(Box<Streaming>),
    #[cfg(feature = "http2")]
    OnStream(Box<StreamBody>),
}

impl Body {
    pub(super) fn whole(
        data: Bytes,
        trailers: Option<Box<HeaderMap>>,
        verdict: Reuse,
        about: About,
    ) -> Self {
        Self {
            inner: Inner::Whole {
                data,
                trailers,
                verdict,
            },
            about,
        }
    }

    pub(super) fn streaming(streaming: Streaming, about: About) -> Self {
        Self {
            inner: Inner::Streaming(Box::new(streaming)),
            about,
        }
    }

    #[cfg(feature = "http2")]
    pub(super) fn on_stream(body: StreamBody, mut about: About) -> Self {
        about.moments = body.exchange().moments;
        Self {
            inner: Inner::OnStream(Box::new(body)),
            about,
        }
    }

    /// The next bytes; none at the end. Trailers are passed over.
    ///
    /// # Errors
    /// When the connection fails, the server breaks the protocol, or a time limit passes.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        loop {
            let frame = std::future::poll_fn(|cx| Pin::new(&mut *self).poll_frame(cx)).await;
            match frame.transpose()?.map(Frame::into_data) {
                Some(Ok(data)) => return Ok(Some(data)),
                Some(Err(_trailers)) => {}
                None => return Ok(None),
            }
        }
    }

    /// All of it. Without a limit: for bodies of unknown origin use [`Body::bytes_up_to`].
    ///
    /// # Errors
    /// As [`Body::chunk`].
    pub(crate) fn bytes(self) -> impl Future<Output = Result<Bytes>> + Send {
        self.bytes_up_to(usize::MAX)
    }

    /// All of it, unless it is longer than so many bytes.
    ///
    /// # Errors
    /// As [`Body::chunk`]; and when it is longer.
    pub(crate) fn bytes_up_to(self, limit: usize) -> impl Future<Output = Result<Bytes>> + Send {
        Collect {
            body: self,
            limit,
            first: Bytes::new(),
            all: BytesMut::new(),
        }
    }

    /// All of it as text; bytes that are no UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// As [`Body::chunk`].
    pub(crate) async fn text(self) -> Result<String> {
        let bytes = self.bytes().await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Reads and forgets what is left, at most so many bytes, to save the connection. Returns the verdict on it.
    pub(crate) async fn drain(&mut self, bytes: u64) -> Reuse {
        let verdict = match &mut self.inner {
            Inner::Whole { data, verdict, .. } => {
                *data = Bytes::new();
                return verdict.clone();
            }
            Inner::Streaming(streaming) => streaming.drain(bytes, Duration::MAX).await,
            // Nothing is saved by reading on: the connection serves others all the while.
            #[cfg(feature = "http2")]
            Inner::OnStream(body) => body.give_up(),
        };
        self.note_end();
        verdict
    }

    /// May the connection serve again? None until the body has ended.
    pub(crate) fn reuse(&self) -> Option<&Reuse> {
        match &self.inner {
            Inner::Whole { verdict, .. } => Some(verdict),
            Inner::Streaming(streaming) => streaming.verdict(),
            #[cfg(feature = "http2")]
            Inner::OnStream(body) => body.verdict(),
        }
    }

    /// The connection that carries it.
    pub(crate) fn connection(&self) -> &ConnectionInfo {
        &self.about.connection
    }

    /// How long each phase took so far.
    pub(crate) fn timings(&self) -> Timings {
        self.about.moments.timings(self.about.connection.took())
    }

    /// What was decided about failed attempts before this answer came.
    pub(crate) fn retries(&self) -> &[Retry] {
        self.about.retries.as_slice()
    }

    fn note_end(&mut self) {
        match &self.inner {
            Inner::Streaming(streaming) if streaming.verdict().is_some() => {
                self.about.moments = streaming.exchange().moments;
            }
            #[cfg(feature = "http2")]
            Inner::OnStream(body) if body.verdict().is_some() => {
                self.about.moments = body.exchange().moments;
            }
            #[cfg(feature = "http2")]
            Inner::OnStream(_) => {}
            Inner::Whole { .. } | Inner::Streaming(_) => {}
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        match &mut self.inner {
            Inner::Whole { data, trailers, .. } => {
                if !data.is_empty() {
                    return Poll::Ready(Some(Ok(Frame::data(std::mem::take(data)))));
                }
                Poll::Ready(trailers.take().map(|fields| Ok(Frame::trailers(*fields))))
            }
            Inner::Streaming(streaming) => {
                let frame = streaming.poll_frame(cx);
                self.note_end();
                frame
            }
            #[cfg(feature = "http2")]
            Inner::OnStream(body) => {
                let frame = body.poll_frame(cx);
                self.note_end();
                frame
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Whole { data, trailers, .. } => data.is_empty() && trailers.is_none(),
            Inner::Streaming(streaming) => streaming.is_over(),
            #[cfg(feature = "http2")]
            Inner::OnStream(body) => body.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Whole { data, .. } => SizeHint::with_exact(data.len() as u64),
            Inner::Streaming(streaming) => streaming
                .left()
                .map_or_else(SizeHint::new, SizeHint::with_exact),
            #[cfg(feature = "http2")]
            Inner::OnStream(body) => body.left().map_or_else(SizeHint::new, SizeHint::with_exact),
        }
    }
}

/// The gathering of a whole body. A body in one piece is handed on as it is.
struct Collect {
    body: Body,
    limit: usize,
    first: Bytes,
    all: BytesMut,
}

impl Collect {
    fn add(&mut self, data: Bytes) -> Result<()> {
        let length = self.first.len() + self.all.len() + data.len();
        if length > self.limit {
            let message = format!("the body is longer than the {} bytes asked for", self.limit);
            return Err(Error::new(ErrorKind::Limit, Phase::Receive, message));
        }
        if length == data.len() {
            self.first = data;
            return Ok(());
        }
        if self.all.is_empty() {
            // What the peer declares only hints at what to reserve: it may declare anything.
            let rest = HttpBody::size_hint(&self.body).lower().min(1 << 20);
            self.all
                .reserve(length + usize::try_from(rest).unwrap_or(0));
            self.all.extend_from_slice(&self.first);
            self.first = Bytes::new();
        }
        self.all.extend_from_slice(&data);
        Ok(())
    }
}

impl Future for Collect {
    type Output = Result<Bytes>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Bytes>> {
        loop {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            match frame.transpose()?.map(Frame::into_data) {
                Some(Ok(data)) => self.add(data)?,
                Some(Err(_trailers)) => {}
                None => break,
            }
        }
        Poll::Ready(Ok(if self.all.is_empty() {
            std::mem::take(&mut self.first)
        } else {
            std::mem::take(&mut self.all).freeze()
        }))
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let ended = Inner::Whole {
            data: Bytes::new(),
            trailers: None,
            verdict: Reuse::Keep,
        };
        match std::mem::replace(&mut self.inner, ended) {
            Inner::Streaming(streaming) => streaming.abandon(),
            #[cfg(feature = "http2")]
            Inner::OnStream(mut body) => drop(body.give_up()),
            Inner::Whole { .. } => {}
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Body");
        match &self.inner {
            Inner::Whole { data, .. } => debug.field("whole", &data.len()),
            Inner::Streaming(streaming) => debug.field("streaming", streaming),
            #[cfg(feature = "http2")]
            Inner::OnStream(body) => debug.field("left", &body.left()),
        };
        debug.finish_non_exhaustive()
    }
}
