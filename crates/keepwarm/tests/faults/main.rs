//! Faults: thousands of exchanges with a server that does everything wrong, and races in every order.
//!
//! `KEEPWARM_SEED=<number>` replays the run of one seed.

mod harness;
mod races;
mod suite;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sockets are counted over the whole process: one run at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
