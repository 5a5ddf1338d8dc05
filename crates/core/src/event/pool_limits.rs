//! `PoolLimits`: the settings of a pool that decide whether a connection is there to be reused.
//!
//! Owns the words for those who judge a pool by its events. Refuses to be the configuration itself.

use std::time::Duration;

/// The limits of a client's pool, as far as they decide what can be reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PoolLimits {
    /// Whether connections are kept at all.
    pub keep_alive: bool,
    /// Idle connections over all origins; none: any number.
    pub max_idle: Option<usize>,
    /// Idle connections of one origin; none: any number.
    pub max_idle_per_host: Option<usize>,
    /// Connections over all origins; none: any number.
    pub max_conns: Option<usize>,
    /// Connections of one origin; none: any number.
    pub max_conns_per_host: Option<usize>,
    /// How long a connection may be idle; none: for ever.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "idle_timeout_us", with = "crate::serial::micros_or_none")
    )]
    pub idle_timeout: Option<Duration>,
    /// How old a connection may become; none: any age.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "max_lifetime_us", with = "crate::serial::micros_or_none")
    )]
    pub max_lifetime: Option<Duration>,
    /// Requests a connection may serve; none: any number.
    pub max_requests_per_connection: Option<u64>,
}
