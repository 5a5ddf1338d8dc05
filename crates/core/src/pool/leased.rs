//! `Leased` and `Facts`: a connection outside the pool, and the history that stays behind.
//!
//! Owns what is known of one connection. Refuses to be copied: one lease, one owner.

use std::time::{Duration, Instant};

use super::{Lane, Slot};
use crate::event::ConnectionId;

/// A checked-out connection. It counts as active until it goes back to the machine through
/// `put`, `put_back` or `discard`; dropping it instead leaks its place.
#[derive(Debug)]
#[must_use = "a lease that does not go back to the pool leaks its place"]
pub struct Leased<C> {
    /// The payload.
    pub connection: C,
    pub(super) id: ConnectionId,
    pub(super) lane: Lane,
    pub(super) opened: Instant,
    pub(super) requests: u64,
    pub(super) idle: Option<Duration>,
    pub(super) slot: Slot,
    /// Set by the shell during this lease; noted in the facts when it ends.
    pub(super) round_trip: Option<Micros>,
}

/// A round trip in microseconds: a lease is moved about, so it is kept small.
#[derive(Clone, Copy, Debug)]
pub(super) struct Micros(u32);

impl Micros {
    pub(super) fn duration(self) -> Duration {
        Duration::from_micros(u64::from(self.0))
    }
}

impl<C> Leased<C> {
    /// The connection.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Its place in the machine, constant for its life.
    pub fn slot(&self) -> Slot {
        self.slot
    }

    /// The runtime that drives its socket.
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// When it was opened.
    pub fn opened(&self) -> Instant {
        self.opened
    }

    /// Requests on it, the present one included.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// How long it was idle before this check-out; none when it is new, zero when it came straight
    /// from another call.
    pub fn idle(&self) -> Option<Duration> {
        self.idle
    }

    /// Whether it carried a request before the present one.
    pub fn reused(&self) -> bool {
        self.requests > 1
    }

    /// Notes the round-trip time, measured by whoever connected; it widens the margin before the
    /// server's idle timeout. Zero when never told.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        let micros = u32::try_from(round_trip.as_micros()).unwrap_or(u32::MAX);
        self.round_trip = Some(Micros(micros));
    }
}

/// What stays in the machine while the connection is leased.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) opened: Instant,
    pub(super) requests: u64,
    /// Since when it is, or was, idle; when it was opened, as long as it never was.
    pub(super) parked_at: Instant,
    /// Whether it was ever parked or freed.
    pub(super) idled: bool,
    /// The machine's `slept` at that moment.
    pub(super) slept_at: Duration,
    /// Its own `max_lifetime`.
    pub(super) lifetime: Option<Duration>,
    /// The request count at which the server's `max=` is reached; `u64::MAX` when it named none.
    pub(super) announced_max: u64,
    pub(super) round_trip: Duration,
    /// Its draw for the lifetime's jitter.
    pub(super) random: f32,
    /// Which `retune` computed `lifetime`.
    pub(super) tuned: u32,
}

impl Facts {
    /// Whether its lifetime has passed.
    #[inline]
    pub(super) fn too_old(&self, now: Instant) -> bool {
        self.lifetime
            .is_some_and(|lifetime| now.saturating_duration_since(self.opened) >= lifetime)
    }

    /// When its lifetime passes.
    pub(super) fn dies_at(&self) -> Option<Instant> {
        self.lifetime
            .and_then(|lifetime| self.opened.checked_add(lifetime))
    }
}
