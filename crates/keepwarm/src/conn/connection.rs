//! `Connection`: a stream and what is known of it for as long as it lives.
//!
//! Owns the socket; dropping it closes the socket, so it is never dropped under a lock.
//! Refuses to know what it carries.

use std::net::SocketAddr;
use std::task::Waker;
use std::time::Duration;

use super::Stream;
use super::stream::Look;

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
    /// What a look found that cannot be found again: a stream of somebody's own was read for it.
    found: Option<Quiet>,
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
            found: None,
        }
    }

    /// Prepares for the pool: leaves the waker, and looks whether something came that belongs to nobody.
    pub(crate) fn park(&mut self) -> Quiet {
        let quiet = self.stream.watch(&self.waker);
        self.found = (quiet != Quiet::Nothing).then_some(quiet);
        quiet
    }

    /// Looks before it is used: one system call, always. However short the idle time was, bytes that came in it
    /// would be read as the answer to the next request, and no retry rule catches that.
    pub(crate) fn check(&mut self) -> Quiet {
        match self.found {
            Some(found) => found,
            None => self.stream.look(),
        }
    }
}
