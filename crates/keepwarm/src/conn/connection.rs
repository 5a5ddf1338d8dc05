//! `Connection`: a stream and what is known of it for as long as it lives.
//!
//! Owns the socket; dropping it closes the socket, so it is never dropped under a lock.
//! Refuses to know what it carries.

use std::net::SocketAddr;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::Stream;
use super::stream::Look;

/// How long after its last exchange a drained connection needs no second look at checkout. A close that
/// comes within it is caught by the retry rule, as one that crosses our request in flight is.
const FRESH: Duration = Duration::from_micros(100);

/// An open connection. `T` is what its owner ties to it (the pool: its way home).
pub(crate) struct Connection<T> {
    pub(crate) stream: Stream,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: Option<SocketAddr>,
    /// How long resolving and connecting took; the first call reports it.
    pub(crate) resolved_in: Duration,
    pub(crate) connected_in: Duration,
    pub(crate) home: T,
    pub(crate) waker: Waker,
    /// Bytes of the present exchange may have gone out.
    pub(crate) touched: bool,
    /// When the connection last came back with its socket emptied.
    quiet_since: Option<Instant>,
}

/// What an idle connection is found to be.
pub(crate) type Quiet = Look;

impl<T> Connection<T> {
    pub(crate) fn new(dialed: crate::dial::Dialed, home: T, waker: Waker) -> Self {
        Self {
            stream: dialed.stream,
            local: dialed.local,
            remote: dialed.remote,
            resolved_in: dialed.resolved_in,
            connected_in: dialed.connected_in,
            home,
            waker,
            touched: false,
            quiet_since: None,
        }
    }

    /// Prepares for the pool: leaves the waker, and looks whether something came that belongs to nobody.
    pub(crate) fn park(&mut self, now: Instant) -> Quiet {
        let quiet = self.stream.watch(&self.waker);
        self.quiet_since = (quiet == Quiet::Nothing).then_some(now);
        quiet
    }

    /// Looks again, after the waker fired.
    pub(crate) fn recheck(&mut self) -> Quiet {
        self.stream.watch(&self.waker)
    }

    /// Looks before it is used. Skipped when it came back so recently that the look at parking still counts.
    pub(crate) fn check(&mut self, now: Instant) -> Quiet {
        match self.quiet_since {
            Some(since) if now.saturating_duration_since(since) < FRESH => Quiet::Nothing,
            Some(_) | None => self.stream.look(),
        }
    }
}
