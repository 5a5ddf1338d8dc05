//! The primitives that the pool's shell is built of, under one roof.
//!
//! Owns the choice: the plain ones of `std`, `tokio` and `arc_swap`, nothing but re-exports; or, in the tests of
//! `interleavings` (`--cfg keepwarm_shuttle`), stand-ins whose every operation is a point where shuttle's scheduler
//! may go on with another thread. Every file of the shell that shares something takes it from here.

#[cfg(not(all(test, keepwarm_shuttle)))]
pub(super) use plain::*;

#[cfg(all(test, keepwarm_shuttle))]
pub(super) use super::interleavings::primitives::*;

#[cfg(not(all(test, keepwarm_shuttle)))]
mod plain {
    pub(in crate::pool) use std::sync::{Mutex, MutexGuard, atomic};

    pub(in crate::pool) use arc_swap::ArcSwap;
    pub(in crate::pool) use tokio::runtime;
    pub(in crate::pool) use tokio::sync::{Notify, oneshot};
    pub(in crate::pool) use tokio::time;

    pub(in crate::pool) use crate::clock;
}
