//! `Body`: the body of a response, as the caller reads it.
//!
//! Owns the choice between the bytes as they were sent and as they are decoded. Refuses to know framing and codecs.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use keepwarm_core::reason::{Phase, Retry, Reuse};

use crate::decode::{Coding, Decoding};
use crate::error::{Error, ErrorKind, Result};
use crate::transport::body::Body as WireBody;
use crate::transport::info::{ConnectionInfo, Timings};

/// The body of a response: a stream of bytes that holds its connection until it ends.
///
/// The connection is back in the pool before the last bytes are given. A body dropped early is drained when that
/// is cheap ([`crate::Config::drain_bytes`], [`crate::Config::drain_time`]); otherwise its connection is closed
/// with the reason `body-not-read`.
pub struct Body {
    wire: WireBody,
    /// None when the bytes are given as they were sent.
    decoding: Option<Box<Decoding>>,
}

impl Body {
    pub(crate) fn plain(wire: WireBody) -> Self {
        Self {
            wire,
            decoding: None,
        }
    }

    pub(crate) fn decoded(wire: WireBody, decoding: Decoding) -> Self {
        Self {
            wire,
            decoding: Some(Box::new(decoding)),
        }
    }

    /// The next bytes; none at the end. Trailers are passed over.
    ///
    /// # Errors
    /// When the connection fails, the server breaks the protocol, a time limit passes, or what was sent cannot be
    /// decoded.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if self.decoding.is_none() {
            return self.wire.chunk().await;
        }
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
    pub fn bytes(self) -> impl Future<Output = Result<Bytes>> + Send {
        match self.decoding {
            None => Gathering::Plain(self.wire.bytes()),
            Some(_) => Gathering::Decoded(Box::pin(self.gather(usize::MAX))),
        }
    }

    /// All of it, unless it is longer than so many bytes, decoded.
    ///
    /// # Errors
    /// As [`Body::chunk`]; and when it is longer.
    pub fn bytes_up_to(self, limit: usize) -> impl Future<Output = Result<Bytes>> + Send {
        match self.decoding {
            None => Gathering::Plain(self.wire.bytes_up_to(limit)),
            Some(_) => Gathering::Decoded(Box::pin(self.gather(limit))),
        }
    }

    async fn gather(mut self, limit: usize) -> Result<Bytes> {
        let mut all = BytesMut::new();
        while let Some(data) = self.chunk().await? {
            if data.len() > limit - all.len() {
                let message = format!("the body is longer than the {limit} bytes asked for");
                return Err(Error::new(ErrorKind::Limit, Phase::Receive, message));
            }
            all.extend_from_slice(&data);
        }
        Ok(all.freeze())
    }

    /// All of it as text; bytes that are no UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// As [`Body::chunk`].
    pub async fn text(self) -> Result<String> {
        if self.decoding.is_none() {
            return self.wire.text().await;
        }
        let bytes = self.bytes().await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Reads and forgets what is left, at most so many bytes as they were sent, to save the connection. Returns the
    /// verdict on it.
    pub async fn drain(&mut self, bytes: u64) -> Reuse {
        if let Some(decoding) = &mut self.decoding {
            decoding.give_up();
        }
        self.wire.drain(bytes).await
    }

    /// May the connection serve again? None until the body has ended.
    pub fn reuse(&self) -> Option<&Reuse> {
        self.wire.reuse()
    }

    /// The connection that carries it.
    pub fn connection(&self) -> &ConnectionInfo {
        self.wire.connection()
    }

    /// How long each phase took so far.
    pub fn timings(&self) -> Timings {
        self.wire.timings()
    }

    /// What was decided about failed attempts before this answer came.
    pub fn retries(&self) -> &[Retry] {
        self.wire.retries()
    }

    /// The coding that is undone while it is read, such as `gzip`; none when the bytes are given as they were sent.
    pub fn decoded_from(&self) -> Option<&'static str> {
        self.decoding.as_ref().map(|it| Coding::name(it.coding()))
    }
}

/// A whole body being gathered: plain ones by a future that is not moved and not boxed.
enum Gathering<F> {
    Plain(F),
    Decoded(Pin<Box<dyn Future<Output = Result<Bytes>> + Send>>),
}

impl<F: Future<Output = Result<Bytes>> + Unpin> Future for Gathering<F> {
    type Output = Result<Bytes>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Bytes>> {
        match &mut *self {
            Self::Plain(gathering) => Pin::new(gathering).poll(cx),
            Self::Decoded(gathering) => gathering.as_mut().poll(cx),
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
        let Self { wire, decoding } = &mut *self;
        match decoding {
            None => Pin::new(wire).poll_frame(cx),
            Some(decoding) => decoding.poll_frame(wire, cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.decoding {
            None => self.wire.is_end_stream(),
            Some(decoding) => decoding.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.decoding {
            None => self.wire.size_hint(),
            Some(_) => SizeHint::new(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("wire", &self.wire)
            .field("decoded_from", &self.decoded_from())
            .finish()
    }
}
