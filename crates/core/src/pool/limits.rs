//! `Limits` and `Hint`: what the user allows and what the server offers.
//!
//! Owns the numbers and their meaning. Refuses to know where they were configured or parsed.

use std::time::Duration;

/// The limits of one origin's pool. Everywhere `None` means: no limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Whether connections are kept at all; default true. When false each call opens its own.
    pub keep_alive: bool,
    /// Idle connections kept per origin; default 100. `Some(0)` keeps none (a freed connection still
    /// serves a call that waits).
    pub max_idle_per_host: Option<usize>,
    /// Connections per origin, idle, active and being dialled together; default none.
    /// `Some(0)` is taken as 1: with no connection at all nobody could ever be served.
    pub max_conns_per_host: Option<usize>,
    /// Connections of one origin being dialled at the same time; default none. A thousand calls at once then
    /// do not overrun the server's accept queue, nor hold a thousand dials' memory.
    /// `Some(0)` is taken as 1.
    pub max_dials_per_host: Option<usize>,
    /// How long a connection may be idle; default 30 s.
    pub idle_timeout: Option<Duration>,
    /// How old a connection may become; default none. A running exchange is never interrupted.
    pub max_lifetime: Option<Duration>,
    /// Each connection's own lifetime is `max_lifetime` × (1 − jitter × random), so that connections
    /// opened together do not all end together; default 0.1, taken as at least 0 and at most 1.
    pub lifetime_jitter: f32,
    /// Requests a connection may carry; default none.
    pub max_requests_per_connection: Option<u64>,
    /// Calls that may wait with no dial under way for them; default none.
    pub max_waiters: Option<usize>,
    /// Whether `Keep-Alive: timeout=, max=` of the server is obeyed; default true.
    pub honour_hint: bool,
    /// Whether the server's idle timeout is learnt from its closes; default true.
    pub learn: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keep_alive: true,
            max_idle_per_host: Some(100),
            max_conns_per_host: None,
            max_dials_per_host: None,
            idle_timeout: Some(Duration::from_secs(30)),
            max_lifetime: None,
            lifetime_jitter: 0.1,
            max_requests_per_connection: None,
            max_waiters: None,
            honour_hint: true,
            learn: true,
        }
    }
}

impl Limits {
    /// Connections per origin as the machine counts them.
    pub(super) fn connections(&self) -> usize {
        self.max_conns_per_host
            .map_or(usize::MAX, |limit| limit.max(1))
    }

    /// Dials at the same time as the machine counts them.
    pub(super) fn dials(&self) -> usize {
        self.max_dials_per_host
            .map_or(usize::MAX, |limit| limit.max(1))
    }

    /// One connection's own lifetime; `random` is in 0..1.
    pub(super) fn lifetime(&self, random: f32) -> Option<Duration> {
        let shorter = self.lifetime_jitter.clamp(0.0, 1.0) * random;
        self.max_lifetime.map(|lifetime| {
            lifetime.saturating_sub(Duration::from_secs_f64(
                (lifetime.as_secs_f64() * f64::from(shorter)).min(1e15),
            ))
        })
    }
}

/// What a response's `Keep-Alive` header announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// `timeout=`: how long the server says it keeps an idle connection.
    pub timeout: Option<Duration>,
    /// `max=`: how many further requests it says it takes on this connection.
    pub max: Option<u64>,
}

impl Hint {
    /// Nothing announced.
    pub const NONE: Self = Self {
        timeout: None,
        max: None,
    };
}
