//! The clock: one way to read it.
//!
//! Owns the choice of tokio's clock, which a test may pause and advance; limits that are slept for on it must be
//! counted from it. Outside of such tests it is the system's monotonic clock.

use std::time::Instant;

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
