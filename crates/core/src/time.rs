//! Time as the machines see it: given, never read.
//!
//! Owns `Now` and the printing of durations. Refuses to know a clock: the shell reads it, once per phase.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

/// The moment an event happened, on both clocks.
///
/// The monotonic clock stands still while a machine is suspended; the wall clock does not. A jump between
/// the two tells the pool that its idle connections slept longer than they seem to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time: everything is measured on it.
    pub instant: Instant,
    /// Wall clock: only its jumps matter.
    pub wall: SystemTime,
}

/// A duration as people read it: `250 ms`, `1.2 s`, `2 min`.
#[derive(Clone, Copy, Debug)]
pub struct Human(pub Duration);

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds < 0.000_999_5 {
            write!(f, "{:.0} µs", seconds * 1e6)
        } else if seconds < 0.009_95 {
            write!(f, "{:.1} ms", seconds * 1e3)
        } else if seconds < 0.9995 {
            write!(f, "{:.0} ms", seconds * 1e3)
        } else if seconds < 120.0 {
            let rounded = format!("{seconds:.1}");
            write!(f, "{} s", rounded.strip_suffix(".0").unwrap_or(&rounded))
        } else {
            write!(f, "{:.0} min", seconds / 60.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let show = |micros| Human(Duration::from_micros(micros)).to_string();
        assert_eq!(show(40), "40 µs");
        assert_eq!(show(1_240), "1.2 ms");
        assert_eq!(show(250_000), "250 ms");
        assert_eq!(show(999_900), "1 s");
        assert_eq!(show(1_200_000), "1.2 s");
        assert_eq!(show(30_000_000), "30 s");
        assert_eq!(show(300_000_000), "5 min");
    }
}
