//! Habits: how the clients of this process are used, counted over all of them.
//!
//! Owns the clients' numbers and two counters, for a client built per request is visible only from outside any one
//! client. Refuses to judge: `advice` does.

use std::sync::atomic::{AtomicU64, Ordering};

use keepwarm_core::event::ClientId;

/// A client dropped after at most so many requests was hardly used.
const FEW_REQUESTS: u64 = 2;

static BUILT: AtomicU64 = AtomicU64::new(0);
static HARDLY_USED: AtomicU64 = AtomicU64::new(0);

/// Counts a client in; its number, from 1.
pub(super) fn note_built() -> ClientId {
    ClientId(BUILT.fetch_add(1, Ordering::Relaxed) + 1)
}

pub(super) fn note_dropped(requests: u64) {
    if (1..=FEW_REQUESTS).contains(&requests) {
        HARDLY_USED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Clients built so far, and of these dropped after a request or two.
pub(crate) fn clients() -> (u64, u64) {
    let built = BUILT.load(Ordering::Relaxed);
    (built, HARDLY_USED.load(Ordering::Relaxed))
}
