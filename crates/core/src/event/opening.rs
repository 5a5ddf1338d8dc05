//! `Opening`: how long the steps of opening a connection took.
//!
//! Owns the steps a report tells apart. Refuses to know who took them.

use std::time::Duration;

/// How long the steps of opening a connection took. Their sum may be less than the whole: what is said to a proxy and
/// HTTP/2's first frames have no step of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Opening {
    /// Resolving the name; zero when there was nothing to resolve.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "resolving_us", with = "crate::serial::micros")
    )]
    pub resolving: Duration,
    /// Reaching the address: TCP's handshake, with the attempts that failed before.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "connecting_us", with = "crate::serial::micros")
    )]
    pub connecting: Duration,
    /// The TLS handshake; none without TLS.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "handshake_us", with = "crate::serial::micros_or_none")
    )]
    pub handshake: Option<Duration>,
}
