//! `Attempt` and `Action`: what the race wants done, and what became of it.
//!
//! Owns the words. Refuses to open or close anything.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::settings::Families;

/// An attempt of one race: its place in [`Race::attempts`](super::Race::attempts), in the order of their starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptId(pub usize);

/// Something the shell has to do, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an action that is not carried out loses an attempt or the race's end"]
pub enum Action {
    /// Stop this attempt. Its end need not be reported; should it have connected meanwhile, close it.
    Cancel {
        /// The attempt.
        attempt: AttemptId,
    },
    /// The race is over without a connection; nothing is under way any more. The last action.
    Failed {
        /// Why. What each attempt met is in [`Race::attempts`](super::Race::attempts).
        why: Why,
    },
    /// Connect to this address. Ends with [`on_connected`](super::Race::on_connected),
    /// [`on_failed`](super::Race::on_failed) or a cancel action.
    Start {
        /// The attempt.
        attempt: AttemptId,
        /// Where to, exactly as it was resolved: an IPv6 address keeps its scope.
        address: SocketAddr,
    },
    /// The race is over, this attempt's connection is the one; all others were cancelled. The last action.
    Won {
        /// The attempt.
        attempt: AttemptId,
    },
}

/// Why a race brought no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// Every address was tried, and failed.
    AllFailed {
        /// Addresses not tried: more than [`ADDRESSES_KEPT_PER_FAMILY`](super::ADDRESSES_KEPT_PER_FAMILY).
        left_out: usize,
    },
    /// The caller gave up.
    Cancelled,
    /// `connect_timeout` was over. With no attempt begun, the name took that long.
    ConnectTimeout {
        /// `connect_timeout`.
        limit: Duration,
    },
    /// The name was resolved and has no address that is wanted.
    NoAddress {
        /// Addresses it has of the family that is not wanted.
        unwanted: usize,
    },
    /// No address came, and resolving failed: see [`Race::unresolved`](super::Race::unresolved).
    Unresolved,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End<E> {
    /// It was not needed any more: another won, or the caller gave up.
    Cancelled,
    /// It won.
    Connected,
    /// `connect_timeout` was over for the whole race.
    ConnectTimeout {
        /// `connect_timeout`.
        limit: Duration,
    },
    /// The system said so.
    Failed(E),
    /// Its share of `connect_timeout` was used up, with other addresses left to try.
    ShareUsedUp {
        /// What it had.
        share: Duration,
    },
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt<E> {
    /// Where to.
    pub address: SocketAddr,
    /// When it was started.
    pub started: Instant,
    /// The time it has while others are left to try; none: no less than the race has.
    pub share: Option<Duration>,
    /// When and how it ended; none while it is under way.
    pub ended: Option<(Instant, End<E>)>,
}

impl<E> Attempt<E> {
    /// When its share is used up; none when it has none or is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.ended {
            Some(_) => None,
            None => self.started.checked_add(self.share?),
        }
    }
}

/// A query that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved<E> {
    /// What was asked for.
    pub asked: Families,
    /// What the resolver said.
    pub error: E,
}
