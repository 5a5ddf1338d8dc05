//! Bodies and streams of these tests: counted, endless, failing.
//!
//! Owns what neither a lab nor a hand-fed body can do. Refuses to know the entries.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use keepwarm::dial::{BoxFuture, DialError, Dialed, Dialer};
use keepwarm::{BoxError, Origin, Stream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};

/// How often a body was asked for data and let go.
#[derive(Clone, Default)]
pub(crate) struct Uses {
    asked: Arc<AtomicUsize>,
    let_go: Arc<AtomicUsize>,
}

impl Uses {
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn let_go(&self) -> usize {
        self.let_go.load(Ordering::SeqCst)
    }
}

/// A body of declared length whose uses are counted; it fails at once when it is told to.
pub(crate) struct Counted {
    left: u64,
    fails: bool,
    uses: Uses,
}

impl Counted {
    pub(crate) fn of(bytes: u64, uses: &Uses) -> Self {
        Self {
            left: bytes,
            fails: false,
            uses: uses.clone(),
        }
    }

    pub(crate) fn failing(uses: &Uses) -> Self {
        let mut body = Self::of(100, uses);
        body.fails = true;
        body
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.uses.let_go.fetch_add(1, Ordering::SeqCst);
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.uses.asked.fetch_add(1, Ordering::SeqCst);
        if self.fails {
            return Poll::Ready(Some(Err("the disk is gone".into())));
        }
        let piece = self.left.min(64 << 10);
        if piece == 0 {
            return Poll::Ready(None);
        }
        self.left -= piece;
        let bytes = vec![b'u'; usize::try_from(piece).expect("at most 64 KiB")];
        Poll::Ready(Some(Ok(Frame::data(bytes.into()))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// What [`Opens`] opens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A pipe to a server inside this process that answers `ok` to every request.
    Answering,
    /// A pipe whose other end is closed.
    Dead,
    /// A stream that takes every byte and fails when it is read.
    FailsReading,
}

/// A dialer that opens streams without any socket, and counts them.
#[derive(Clone)]
pub(crate) struct Opens {
    kind: Kind,
    dials: Arc<AtomicUsize>,
}

impl Opens {
    pub(crate) fn new(kind: Kind) -> Self {
        let dials = Arc::default();
        Self { kind, dials }
    }

    pub(crate) fn dials(&self) -> usize {
        self.dials.load(Ordering::SeqCst)
    }
}

impl Dialer for Opens {
    fn dial<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        self.dials.fetch_add(1, Ordering::SeqCst);
        let (ours, theirs) = tokio::io::duplex(512);
        let stream = match self.kind {
            Kind::Answering => {
                tokio::spawn(answer(theirs));
                Stream::new(ours)
            }
            Kind::Dead => Stream::new(ours),
            Kind::FailsReading => Stream::new(FailsReading { _kept: theirs }),
        };
        Box::pin(std::future::ready(Ok(Dialed {
            stream,
            local: None,
            remote: None,
            resolved_in: Duration::ZERO,
            connected_in: Duration::ZERO,
        })))
    }
}

async fn answer(mut end: DuplexStream) {
    let mut request = Vec::new();
    while end.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            if end.write_all(answer).await.is_err() {
                return;
            }
        }
    }
}

struct FailsReading {
    _kept: DuplexStream,
}

/// What [`Kind::FailsReading`] says.
pub(crate) const READ_ERROR: &str = "the wire is made of cheese";

impl AsyncRead for FailsReading {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::Error::other(READ_ERROR)))
    }
}

impl AsyncWrite for FailsReading {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
