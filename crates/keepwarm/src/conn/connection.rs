//! `Connection`: a stream and what is known of it for as long as it lives.
//!
//! Owns the socket; dropping it closes the socket, so it is never dropped under a lock.
//! Refuses to know what it carries.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use keepwarm_core::reason::{CloseReason, PeerEnd};

use super::stream::Look;
use super::{Facts, Link, Stream};

/// An open stream, ready for its first exchange.
pub(crate) struct Opened {
    pub(crate) stream: Stream,
    pub(crate) facts: Facts,
    /// What its calls share, when it carries several at once: then the stream is the link's.
    pub(crate) link: Option<Box<Link>>,
}

/// An open connection. `T` is what its owner ties to it (the pool: its way home).
pub(crate) struct Connection<T> {
    pub(crate) stream: Stream,
    pub(crate) facts: Arc<Facts>,
    link: Option<Box<Link>>,
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
    pub(crate) fn new(opened: Opened, home: T, waker: Waker) -> Self {
        Self {
            stream: opened.stream,
            facts: Arc::new(opened.facts),
            link: opened.link,
            home,
            waker,
            touched: false,
            found: None,
        }
    }

    /// What its calls share, when it carries several at once.
    pub(crate) fn link(&self) -> Option<&Link> {
        self.link.as_deref()
    }

    /// Whether several calls may use it, and nothing speaks against it.
    pub(crate) fn is_shared_and_well(&self) -> bool {
        self.link().is_some_and(|link| link.objection().is_none())
    }

    /// How long connecting took: a round trip.
    pub(crate) fn connected_in(&self) -> Duration {
        self.facts.took().connecting
    }

    /// Prepares for the pool: leaves the waker, and looks whether something came that belongs to nobody.
    pub(crate) fn park(&mut self) -> Quiet {
        if let Some(link) = &self.link {
            return found(link.watch(&self.waker));
        }
        let quiet = self.stream.watch(&self.waker);
        self.found = (quiet != Quiet::Nothing).then_some(quiet);
        quiet
    }

    /// Why it ended, where that is known and is not the server's orderly end: then nothing is to be learned of how
    /// long the server keeps idle connections.
    pub(crate) fn known_end(&self) -> Option<CloseReason> {
        let end = self.link()?.objection()?;
        let broken = matches!(
            end,
            CloseReason::PeerBrokeProtocol(_) | CloseReason::TimedOut(_) | CloseReason::RuntimeGone
        );
        broken.then_some(end)
    }

    /// Looks before it is used: one system call, always. However short the idle time was, bytes that came in it
    /// would be read as the answer to the next request, and no retry rule catches that.
    pub(crate) fn check(&mut self) -> Quiet {
        if let Some(link) = &self.link {
            return found(link.objection());
        }
        match self.found {
            Some(found) => found,
            None => self.stream.look(),
        }
    }
}

/// What an idle connection of several calls is found to be: an orderly end, like a silent one, tells how long the
/// server keeps idle connections.
fn found(objection: Option<CloseReason>) -> Quiet {
    match objection {
        None => Quiet::Nothing,
        Some(CloseReason::IoError { kind }) if kind != std::io::ErrorKind::ConnectionReset => {
            Quiet::Failed(kind)
        }
        Some(CloseReason::IoError { .. }) => Quiet::End(PeerEnd::Reset),
        Some(CloseReason::PeerClosedIdle { how, .. }) => Quiet::End(how),
        Some(_) => Quiet::End(PeerEnd::GoAway),
    }
}
