//! `Lease`: a connection in use, which finds its way home whatever happens.
//!
//! Owns the promise that a connection taken from the pool comes back or ends with a reason, and the waiting
//! for one. Refuses to know what the connection is used for.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use keepwarm_core::event::ConnectionId;
use keepwarm_core::pool::{Hint, Ticket};
use keepwarm_core::reason::{CloseReason, Miss, Reuse};

use super::origin::OriginPool;
use super::sync::{clock, oneshot};
use super::{Leased, Seat};
use crate::config::Settings;
use crate::conn::{Connection, Quiet, Stream};
use crate::error::{Error, Result};

/// A waiting call's end of the hand-over.
pub(crate) struct Waiter(pub(super) oneshot::Sender<Result<Granted>>);

/// What a call is given to speak on.
pub(crate) enum Granted {
    /// A connection of its own.
    Lease(Lease),
    /// A place on one that it shares. Boxed, so that the usual answer stays small.
    Seat(Box<Seat>),
}

/// A connection in use. Dropped untouched it goes back; dropped after its first byte it closes as cancelled.
pub(crate) struct Lease {
    leased: Option<Leased>,
    /// Why it was opened, when it was opened for this call.
    miss: Option<Miss>,
}

impl Lease {
    pub(super) fn new(mut leased: Leased, miss: Option<Miss>) -> Self {
        if leased.requests() <= 1 {
            leased.set_round_trip(leased.connection.connected_in());
        }
        leased.connection.touched = false;
        Self {
            leased: Some(leased),
            miss,
        }
    }

    fn leased(&self) -> &Leased {
        self.leased
            .as_ref()
            .expect("a lease holds its connection until it ends")
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.leased().id()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.leased().requests()
    }

    pub(crate) fn idle(&self) -> Option<Duration> {
        self.leased().idle()
    }

    pub(crate) fn opened(&self) -> Instant {
        self.leased().opened()
    }

    /// Whether the connection had served a request before this one.
    pub(crate) fn served_before(&self) -> bool {
        self.requests() > 1
    }

    pub(crate) fn miss(&self) -> Option<Miss> {
        self.miss
    }

    pub(crate) fn pool(&self) -> &Arc<OriginPool> {
        &self.home.pool
    }

    /// From now on dropping it closes the connection: bytes may have gone out.
    pub(crate) fn touch(&mut self) {
        self.deref_mut().touched = true;
    }

    /// Ends the lease with the exchange's verdict. Returns the verdict as it stands after a last look at the
    /// socket, and what the pool made of it.
    pub(crate) fn finish(mut self, now: Instant, verdict: Reuse, hint: Hint) -> Reuse {
        let Some(mut leased) = self.leased.take() else {
            return verdict;
        };
        let verdict = match verdict {
            Reuse::Keep => match leased.connection.park() {
                Quiet::Nothing => Reuse::Keep,
                quiet @ (Quiet::End(_) | Quiet::Bytes(_) | Quiet::Failed(_)) => {
                    Reuse::close(dead_because(quiet, Duration::ZERO))
                }
            },
            close @ Reuse::Close(_) => close,
        };
        let pool = Arc::clone(&leased.connection.home.pool);
        pool.put(now, leased, verdict, hint)
    }

    /// Looks at a connection that was handed over, as one that is taken from the pool is looked at. One that had
    /// served and is not quiet is closed: none is left of it. Of a new one what was found is told.
    pub(crate) fn look(mut self) -> Result<Self, Option<CloseReason>> {
        match self.deref_mut().check() {
            Quiet::Nothing => Ok(self),
            quiet @ (Quiet::End(_) | Quiet::Bytes(_) | Quiet::Failed(_))
                if self.served_before() =>
            {
                let reason = dead_because(quiet, self.idle().unwrap_or_default());
                if let Some(leased) = self.leased.take() {
                    let pool = Arc::clone(&leased.connection.home.pool);
                    pool.discard(leased, reason);
                }
                Err(None)
            }
            Quiet::Bytes(bytes) => {
                let stray = CloseReason::StrayBytes { bytes };
                drop(self.finish(clock::now(), Reuse::close(stray), Hint::NONE));
                Err(Some(stray))
            }
            // The exchange meets it, and judges it on its evidence.
            Quiet::End(_) | Quiet::Failed(_) => Ok(self),
        }
    }

    /// Takes the stream out of the connection, which the pool then forgets.
    pub(crate) fn switch(mut self) -> Stream {
        let stream = self.stream.take();
        let switched = Reuse::close(CloseReason::SwitchedProtocols);
        drop(self.finish(clock::now(), switched, Hint::NONE));
        stream
    }
}

impl Deref for Lease {
    type Target = Connection<super::Home>;

    fn deref(&self) -> &Self::Target {
        &self.leased().connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Self::Target {
        let leased = self.leased.as_mut();
        &mut leased
            .expect("a lease holds its connection until it ends")
            .connection
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(leased) = self.leased.take() {
            let pool = Arc::clone(&leased.connection.home.pool);
            if leased.connection.touched {
                // The server may have had the request: it counts, unlike a check-out that came to nothing.
                let cancelled = Reuse::close(CloseReason::Cancelled);
                drop(pool.put(clock::now(), leased, cancelled, Hint::NONE));
            } else {
                pool.put_back(leased);
            }
        }
    }
}

/// Why a connection that should have been quiet cannot serve.
pub(super) fn dead_because(quiet: Quiet, idle: Duration) -> CloseReason {
    match quiet {
        Quiet::Nothing => CloseReason::ShutDown,
        Quiet::End(how) => CloseReason::PeerClosedIdle { how, idle },
        Quiet::Bytes(bytes) => CloseReason::StrayBytes { bytes },
        Quiet::Failed(kind) => CloseReason::IoError { kind },
    }
}

/// The answer to "a connection, please".
pub(crate) enum Acquired {
    /// An idle one, or a place on a shared one.
    Ready(Granted),
    /// None now: wait for the one that is freed or opened first.
    Later(Waiting),
}

/// A call's place in the queue. Dropping it leaves the queue; a connection that was just handed over goes back.
pub(crate) struct Waiting {
    pub(super) pool: Arc<OriginPool>,
    pub(super) ticket: Option<Ticket>,
    pub(super) receiver: oneshot::Receiver<Result<Granted>>,
    pub(super) miss: Miss,
}

impl Waiting {
    pub(crate) fn miss(&self) -> Miss {
        self.miss
    }

    /// What holds for the origin whose connections it waits for.
    pub(crate) fn settings(&self) -> &Settings {
        &self.pool.settings
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Granted>> {
        let receiver = std::pin::Pin::new(&mut self.receiver);
        receiver.poll(cx).map(|handed| {
            self.ticket = None;
            handed.unwrap_or_else(|_| Err(Error::shut_down()))
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.pool.leave(ticket);
        }
    }
}
