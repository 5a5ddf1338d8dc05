//! `Link`: what the calls of one HTTP/2 connection share.
//!
//! Owns the way to a new stream and the knowledge of how the connection is. Refuses to move frames: its driver does.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use ::h2::SendStream;
use ::h2::client::{ResponseFuture, SendRequest};
use bytes::Bytes;
use http::Request;
use keepwarm_core::reason::CloseReason;

use super::failure::Failure;

/// A share of an HTTP/2 connection. The connection closes gracefully when the last one is dropped and the last
/// stream has ended.
#[derive(Clone)]
pub(crate) struct Link {
    sender: SendRequest<Bytes>,
    health: Arc<Health>,
    most: Option<usize>,
}

/// How a connection is: written by its driver, read by everybody.
#[derive(Default)]
pub(super) struct Health {
    end: OnceLock<CloseReason>,
    /// Woken when it ends: the pool's.
    waker: Mutex<Option<Waker>>,
    /// Calls that hold a place.
    streams: AtomicUsize,
    /// Bytes read so far: a sign of life.
    pub(super) read: AtomicU64,
}

impl Health {
    /// The connection is over, for this reason; the first given stays.
    pub(super) fn end(&self, reason: CloseReason) {
        let _known = self.end.set(reason);
        let mut waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        let waker = waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn is_waited_for(&self) -> bool {
        self.streams.load(Ordering::Relaxed) > 0
    }
}

impl Link {
    pub(super) fn new(
        sender: SendRequest<Bytes>,
        health: Arc<Health>,
        most: Option<usize>,
    ) -> Self {
        Self {
            sender,
            health,
            most,
        }
    }

    /// Calls it can carry at a time: the server's limit as it stands, and ours.
    pub(crate) fn capacity(&self) -> usize {
        let theirs = self.sender.current_max_send_streams();
        self.most.map_or(theirs, |ours| ours.min(theirs))
    }

    /// Why nobody may begin a stream on it any more; none while it is well.
    pub(crate) fn objection(&self) -> Option<CloseReason> {
        if let Some(end) = self.health.end.get() {
            return Some(*end);
        }
        let mut sender = self.sender.clone();
        match sender.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(error)) => Some(Failure::of(&error).reason()),
            Poll::Ready(Ok(())) | Poll::Pending => None,
        }
    }

    /// Leaves a waker that is called when the connection ends. Why it has ended, if it has.
    pub(crate) fn watch(&self, waker: &Waker) -> Option<CloseReason> {
        let mut place = (self.health.waker.lock()).unwrap_or_else(PoisonError::into_inner);
        *place = Some(waker.clone());
        drop(place);
        self.objection()
    }

    /// A call has taken a place, or given it up.
    pub(crate) fn note_streams(&self, streams: usize) {
        self.health.streams.store(streams, Ordering::Relaxed);
    }

    /// Waits until the server takes one more stream.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.sender
            .poll_ready(cx)
            .map_err(|error| self.judge(&error))
    }

    /// Begins a stream. `ends`: nothing follows the head.
    pub(crate) fn send(
        &mut self,
        request: Request<()>,
        ends: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), Failure> {
        self.sender
            .send_request(request, ends)
            .map_err(|error| self.judge(&error))
    }

    /// What an error of a stream says; what the driver found out says more.
    pub(crate) fn judge(&self, error: &::h2::Error) -> Failure {
        let failure = Failure::of(error);
        match self.health.end.get() {
            Some(end) => failure.because(*end),
            None => failure,
        }
    }
}
