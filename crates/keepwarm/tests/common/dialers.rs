//! Dialers of the tests: gated, endless, and with streams that can be watched or held.
//!
//! Owns the wrapping of what a dialer opens. Refuses to know HTTP.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use keepwarm::dial::{BoxFuture, DialError, Dialed, Dialer, TcpDialer};
use keepwarm::{Origin, Stream};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::{Semaphore, mpsc};

/// Never opens anything.
pub(crate) struct Endless;

impl Dialer for Endless {
    fn dial<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        Box::pin(std::future::pending())
    }
}

/// Opens TCP connections, each when the test permits it.
#[derive(Clone)]
pub(crate) struct Gated {
    permits: Arc<Semaphore>,
    asked: Arc<AtomicUsize>,
}

impl Gated {
    pub(crate) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(0)),
            asked: Arc::default(),
        }
    }

    pub(crate) fn permit(&self, dials: usize) {
        self.permits.add_permits(dials);
    }

    /// Dials asked for so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Dialer for Gated {
    fn dial<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let permit = self.permits.acquire().await.expect("never closed");
            permit.forget();
            TcpDialer::default().dial(origin).await
        })
    }
}

/// What all streams of a [`Tapped`] dialer share.
#[derive(Default)]
struct Tap {
    written: Vec<u8>,
    held: bool,
    waiting: Vec<Waker>,
}

/// Opens TCP connections, notes what is written to them, and can hold writing.
#[derive(Clone, Default)]
pub(crate) struct Tapped(Arc<Mutex<Tap>>);

impl Tapped {
    fn tap(&self) -> std::sync::MutexGuard<'_, Tap> {
        self.0.lock().expect("no panic under this lock")
    }

    /// All bytes written so far, over all connections.
    pub(crate) fn written(&self) -> Vec<u8> {
        self.tap().written.clone()
    }

    /// From now on not one byte can be written.
    pub(crate) fn hold(&self) {
        self.tap().held = true;
    }

    /// Writing goes on.
    pub(crate) fn release(&self) {
        let mut tap = self.tap();
        tap.held = false;
        let waiting = std::mem::take(&mut tap.waiting);
        drop(tap);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Whether somebody tries to write what is held.
    pub(crate) fn is_holding_back(&self) -> bool {
        !self.tap().waiting.is_empty()
    }
}

impl Dialer for Tapped {
    fn dial<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        Box::pin(async move {
            let dialed = TcpDialer::default().dial(origin).await?;
            let stream = Stream::new(TappedStream {
                inner: dialed.stream,
                tapped: self.clone(),
            });
            Ok(Dialed { stream, ..dialed })
        })
    }
}

struct TappedStream {
    inner: Stream,
    tapped: Tapped,
}

impl AsyncRead for TappedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl AsyncWrite for TappedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let tapped = self.tapped.clone();
        let mut tap = tapped.tap();
        if tap.held {
            tap.waiting.push(cx.waker().clone());
            return Poll::Pending;
        }
        let polled = AsyncWrite::poll_write(Pin::new(&mut self.inner), cx, bytes);
        if let Poll::Ready(Ok(count)) = &polled {
            tap.written.extend_from_slice(&bytes[..*count]);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.inner), cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(&mut self.inner), cx)
    }
}

/// Opens pipes inside this process and gives their other ends to the test.
pub(crate) struct Pipes(mpsc::UnboundedSender<DuplexStream>);

impl Pipes {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<DuplexStream>) {
        let (ends, receiver) = mpsc::unbounded_channel();
        (Self(ends), receiver)
    }
}

impl Dialer for Pipes {
    fn dial<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        let (ours, theirs) = tokio::io::duplex(1024);
        let _gone = self.0.send(theirs);
        Box::pin(std::future::ready(Ok(Dialed {
            stream: Stream::new(ours),
            local: None,
            remote: None,
            resolved_in: Duration::ZERO,
            connected_in: Duration::ZERO,
        })))
    }
}
