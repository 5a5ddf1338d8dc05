//! The pool's shell: one machine per origin behind one small lock, and what carries out its decisions.
//!
//! Owns the locks, the dial tasks, the keepers (one per runtime) and the counts over all origins.
//! Refuses to decide: `keepwarm_core::pool` does. Refuses to know HTTP: it is handed a `Reuse`.
//!
//! The one rule of every file here: decide under the lock, act after it. [`origin::OriginPool::enter`] is the
//! only place that takes an origin's lock.

#![allow(
    unexpected_cfgs,
    reason = "`keepwarm_shuttle` is set for the tests of `interleavings` alone; cargo knows it not"
)]

#[cfg_attr(
    not(all(feature = "http2", feature = "tls")),
    allow(
        dead_code,
        reason = "without HTTP/2 and TLS there is no connection that could serve several origins"
    )
)]
mod coalescing;
mod dialing;
#[cfg_attr(
    not(feature = "http2"),
    allow(
        dead_code,
        reason = "without HTTP/2 there is nothing to fall back from"
    )
)]
mod fallback;
mod global;
pub(crate) mod habits;
mod handle;
#[cfg(all(test, keepwarm_shuttle))]
mod interleavings;
mod keeper;
mod lease;
mod names;
mod origin;
mod registry;
#[cfg_attr(
    not(feature = "http2"),
    allow(
        dead_code,
        unreachable_code,
        unused_variables,
        reason = "without HTTP/2 there is no connection to share"
    )
)]
mod seats;
mod shared;
mod stats;
mod sync;

pub(crate) use handle::Handle;
pub(crate) use lease::{Acquired, Granted, Lease, Waiting};
pub(crate) use origin::OriginPool;
pub(crate) use seats::Seat;
pub(crate) use shared::Shared;
pub use shared::ShutdownReport;
pub use stats::{Counts, Ended, OriginStats, Retried, Stats};

use crate::conn::Connection;
use crate::error::Error;

/// A pooled connection, boxed once when it is opened: moving it about moves a pointer.
pub(crate) type Pooled = Box<Connection<Home>>;
pub(crate) type Machine = keepwarm_core::pool::Machine<Pooled, lease::Waiter, Error>;
pub(crate) type Action = keepwarm_core::pool::Action<Pooled, lease::Waiter, Error>;
pub(crate) type Leased = keepwarm_core::pool::Leased<Pooled>;

/// What a connection knows of where it belongs.
pub(crate) struct Home {
    /// The pool it returns to. A circle while it is parked there; `Shared::close` breaks it.
    pub(crate) pool: std::sync::Arc<OriginPool>,
    /// The runtime that drives its socket.
    pub(crate) keeper: std::sync::Arc<keeper::Keeper>,
}
