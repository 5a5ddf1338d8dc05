//! `Wires`: a dialer whose connections are in memory, and their count.
//!
//! Owns what the scenarios know of sockets: how many are open, and closing one from the server's side. Nothing is
//! ever said on one. Refuses to know the pool.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use keepwarm_core::origin::Origin;
use keepwarm_core::reason::Phase;
use shuttle::sync::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::conn::Stream;
use crate::dial::{BoxFuture, DialError, Dialed, Dialer};

/// What becomes of a dial.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dials {
    /// It fails, after a turn of the scheduler.
    Fail,
    /// It never ends by itself.
    Hang,
    /// It opens a connection, after a turn of the scheduler.
    Open,
}

/// The dialer. Clones are the same one.
#[derive(Clone)]
pub(super) struct Wires {
    /// How many dials succeed; the ones after them are `then`.
    plan: Arc<Plan>,
    /// Counted outside the scheduler's sight: they are of the test, not of what is tested.
    counts: Arc<Counts>,
    ends: Arc<Mutex<Vec<Peer>>>,
}

struct Plan {
    opening: usize,
    then: Dials,
}

#[derive(Default)]
struct Counts {
    dialed: AtomicUsize,
    open: AtomicUsize,
}

/// The server's end of a connection.
#[derive(Clone)]
pub(super) struct Peer(Arc<Mutex<Line>>);

#[derive(Default)]
struct Line {
    closed: bool,
    waker: Option<Waker>,
}

/// The client's end.
struct Wire {
    line: Arc<Mutex<Line>>,
    counts: Arc<Counts>,
}

impl Wires {
    /// The first `opening` dials open a connection; what the later ones do is `then`.
    pub(super) fn new(opening: usize, then: Dials) -> Self {
        Self {
            plan: Arc::new(Plan { opening, then }),
            counts: Arc::default(),
            ends: Arc::default(),
        }
    }

    /// Connections that are open now.
    pub(super) fn open(&self) -> usize {
        self.counts.open.load(Ordering::Relaxed)
    }

    /// Dials made so far.
    pub(super) fn dialed(&self) -> usize {
        self.counts.dialed.load(Ordering::Relaxed)
    }

    /// The server's end of the connection opened as the n-th, from 0.
    pub(super) fn peer(&self, n: usize) -> Peer {
        let ends = self.ends.lock().expect("nothing panics under it");
        ends[n].clone()
    }

    fn connect(&self) -> Dialed {
        let line = Arc::<Mutex<Line>>::default();
        let mut ends = self.ends.lock().expect("nothing panics under it");
        ends.push(Peer(Arc::clone(&line)));
        drop(ends);
        self.counts.open.fetch_add(1, Ordering::Relaxed);
        let counts = Arc::clone(&self.counts);
        Dialed {
            stream: Stream::new(Wire { line, counts }),
            local: None,
            remote: None,
            resolved_in: Duration::ZERO,
            connected_in: Duration::ZERO,
        }
    }
}

impl Dialer for Wires {
    fn dial<'a>(&'a self, _origin: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        let number = self.counts.dialed.fetch_add(1, Ordering::Relaxed);
        let fate = if number < self.plan.opening {
            Dials::Open
        } else {
            self.plan.then
        };
        Box::pin(async move {
            shuttle::future::yield_now().await;
            match fate {
                Dials::Fail => Err(DialError {
                    phase: Phase::Connect,
                    error: io::ErrorKind::ConnectionRefused.into(),
                    target: "a server in memory".to_owned(),
                }),
                Dials::Hang => std::future::pending().await,
                Dials::Open => Ok(self.connect()),
            }
        })
    }
}

impl Peer {
    /// Closes the connection.
    pub(super) fn close(&self) {
        let mut line = self.0.lock().expect("nothing panics under it");
        line.closed = true;
        let waker = line.waker.take();
        drop(line);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut line = self.line.lock().expect("nothing panics under it");
        if line.closed {
            return Poll::Ready(Ok(()));
        }
        // A look at an idle connection leaves no waker; the one that was left before stays.
        if !cx.waker().will_wake(Waker::noop()) {
            line.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.counts.open.fetch_sub(1, Ordering::Relaxed);
    }
}
