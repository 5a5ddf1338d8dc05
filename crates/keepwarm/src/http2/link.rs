//! `Link`: what the calls of one HTTP/2 connection share.
//!
//! Owns the way to a new stream and the knowledge of how the connection is. Refuses to move frames: its driver does.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use ::h2::SendStream;
use ::h2::client::{ResponseFuture, SendRequest};
use bytes::Bytes;
use http::Request;
use keepwarm_core::reason::CloseReason;

use super::failure::Failure;

/// Streams whose answers were too large that are remembered: their calls ask soon.
const OUTSIZED_KEPT: usize = 64;

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
    /// Streams on which more bytes of fields came than one block may have.
    outsized: Mutex<VecDeque<u32>>,
    /// The server has sent a `GOAWAY`.
    pub(super) said_go_away: AtomicBool,
    /// The server has answered in HTTP/1.1.
    pub(super) answered_http1: AtomicBool,
    /// The server has closed its side.
    pub(super) hung_up: AtomicBool,
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

    /// More bytes of fields have come on a stream than one block may have.
    pub(super) fn note_outsized(&self, stream: u32) {
        let mut outsized = (self.outsized.lock()).unwrap_or_else(PoisonError::into_inner);
        if outsized.len() == OUTSIZED_KEPT {
            outsized.pop_front();
        }
        outsized.push_back(stream);
    }

    fn is_outsized(&self, stream: u32) -> bool {
        let outsized = (self.outsized.lock()).unwrap_or_else(PoisonError::into_inner);
        outsized.contains(&stream)
    }

    /// What an error says, held against what was seen on the wire. With a stream it is that stream's.
    pub(super) fn judge(&self, error: &::h2::Error, stream: Option<u32>) -> Failure {
        let failure = Failure::of(error);
        let is_outsized = if failure.is_of_connection() {
            let outsized = self.outsized.lock();
            !outsized.unwrap_or_else(PoisonError::into_inner).is_empty()
        } else {
            stream.is_some_and(|stream| self.is_outsized(stream))
        };
        if is_outsized {
            failure.of_outsized()
        } else {
            failure
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
            Poll::Ready(Err(error)) => Some(self.health.judge(&error, None).reason()),
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
            .map_err(|error| self.judge(&error, None))
    }

    /// Begins a stream. `ends`: nothing follows the head.
    pub(crate) fn send(
        &mut self,
        request: Request<()>,
        ends: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), Failure> {
        self.sender
            .send_request(request, ends)
            .map_err(|error| self.judge(&error, None))
    }

    /// Whether more bytes of fields have come on a stream than one block may have. The `h2` crate leaves such fields
    /// out of trailers without a word.
    pub(crate) fn is_outsized(&self, stream: u32) -> bool {
        self.health.is_outsized(stream)
    }

    /// What an error says, of this stream when it is one's; what the driver found out says more.
    pub(crate) fn judge(&self, error: &::h2::Error, stream: Option<u32>) -> Failure {
        let failure = self.health.judge(error, stream);
        match self.health.end.get() {
            Some(end) => failure.because(*end),
            None => failure,
        }
    }
}
