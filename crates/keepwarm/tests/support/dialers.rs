//! Dialers with a will of their own: gated, failing, redirected, and streams that break when told.
//!
//! Owns the faults that no server can bring about at a chosen moment. Refuses to know the pool.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use keepwarm::Stream;
use keepwarm::dial::{BoxFuture, DialError, Dialed, Dialer, TcpDialer};
use keepwarm::reason::Phase;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// What becomes of one dial.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It goes through.
    Lands,
    /// It fails with this error.
    Fails(io::Error),
    /// It waits for its turn ([`Fates::release`]), then goes through.
    Waits,
    /// It waits for its turn, then fails.
    WaitsAndFails(io::Error),
    /// It never ends by itself.
    Hangs,
}

/// Deals out fates, dial by dial; afterwards every dial lands.
#[derive(Debug)]
pub(crate) struct Fates {
    inner: TcpDialer,
    next: Mutex<VecDeque<Fate>>,
    turns: Semaphore,
    started: AtomicUsize,
    dropped: AtomicUsize,
}

impl Fates {
    pub(crate) fn deal(fates: impl IntoIterator<Item = Fate>) -> Arc<Self> {
        Arc::new(Self {
            inner: TcpDialer::default(),
            next: Mutex::new(fates.into_iter().collect()),
            turns: Semaphore::new(0),
            started: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
        })
    }

    /// Lets so many waiting dials go on, in their order.
    pub(crate) fn release(&self, count: usize) {
        self.turns.add_permits(count);
    }

    /// Dials begun so far.
    pub(crate) fn started(&self) -> usize {
        self.started.load(Ordering::SeqCst)
    }

    /// Dials that were dropped before they ended.
    pub(crate) fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }

    async fn turn(&self) {
        let turn = self.turns.acquire().await;
        turn.expect("never closed").forget();
    }
}

/// Counts a dial that is dropped before its end.
struct Unfinished<'a>(&'a AtomicUsize);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The handle a client takes.
pub(crate) struct Dealt(pub(crate) Arc<Fates>);

impl Dialer for Dealt {
    fn dial<'a>(
        &'a self,
        origin: &'a keepwarm::Origin,
    ) -> BoxFuture<'a, Result<Dialed, DialError>> {
        let fates = &self.0;
        let fate = fates
            .next
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        fates.started.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            let unfinished = Unfinished(&fates.dropped);
            let failed = |error| DialError {
                phase: Phase::Connect,
                error,
                target: origin.to_string(),
            };
            let outcome = match fate.unwrap_or(Fate::Lands) {
                Fate::Lands => fates.inner.dial(origin).await,
                Fate::Fails(error) => Err(failed(error)),
                Fate::Waits => {
                    fates.turn().await;
                    fates.inner.dial(origin).await
                }
                Fate::WaitsAndFails(error) => {
                    fates.turn().await;
                    Err(failed(error))
                }
                Fate::Hangs => std::future::pending().await,
            };
            std::mem::forget(unfinished);
            outcome
        })
    }
}

/// Dials one address, whatever the origin says; the address may change.
pub(crate) struct Redirect(pub(crate) Arc<Mutex<SocketAddr>>);

impl Dialer for Redirect {
    fn dial<'a>(&'a self, _: &'a keepwarm::Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        let address = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(async move { connect(address).await.map(|stream| dialed(stream, address)) })
    }
}

/// Wraps each stream, so that it can be broken when told.
pub(crate) struct Fragile {
    pub(crate) address: SocketAddr,
    pub(crate) broken: Arc<AtomicBool>,
}

impl Dialer for Fragile {
    fn dial<'a>(&'a self, _: &'a keepwarm::Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        Box::pin(async move {
            let stream = connect(self.address).await?;
            let stream = FragileStream {
                inner: stream,
                broken: Arc::clone(&self.broken),
                failed: false,
            };
            Ok(Dialed {
                stream: Stream::new(stream),
                local: None,
                remote: Some(self.address),
                resolved_in: Duration::ZERO,
                connected_in: Duration::ZERO,
            })
        })
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, DialError> {
    TcpStream::connect(address)
        .await
        .map_err(|error| DialError {
            phase: Phase::Connect,
            error,
            target: address.to_string(),
        })
}

fn dialed(stream: TcpStream, address: SocketAddr) -> Dialed {
    Dialed {
        local: stream.local_addr().ok(),
        remote: Some(address),
        stream: Stream::from(stream),
        resolved_in: Duration::ZERO,
        connected_in: Duration::ZERO,
    }
}

/// A stream whose next write fails once the flag is up, before one byte is taken.
struct FragileStream {
    inner: TcpStream,
    broken: Arc<AtomicBool>,
    failed: bool,
}

impl AsyncRead for FragileStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.failed {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl AsyncWrite for FragileStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.broken.swap(false, Ordering::SeqCst) || self.failed {
            self.failed = true;
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
