//! `Settings`: what a connection and an exchange go by, and what may differ from origin to origin.
//!
//! Owns the time limits, the versions and the bounds of one exchange, with their defaults. Refuses to know which origin
//! they hold for.

use std::time::Duration;

use keepwarm_core::h1;

use super::Limits;
use super::origins::LimitChanges;
use crate::error::{Error, Result};

/// The settings of one origin. Every pool has a claim on those that hold for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) timeouts: Timeouts,
    pub(crate) heads: h1::Limits,
    pub(crate) expect_timeout: Option<Duration>,
    pub(crate) drain_bytes: u64,
    pub(crate) drain_time: Duration,
    pub(crate) max_decode_ratio: Option<u64>,
    pub(crate) versions: Versions,
    #[cfg(feature = "http2")]
    pub(crate) http2: crate::http2::Http2,
    /// What differs from the client's limits, which may be retuned.
    pub(super) limits: LimitChanges,
}

/// The time limits of a call and its phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    pub(crate) connect: Option<Duration>,
    pub(crate) proxy_handshake: Option<Duration>,
    pub(crate) tls_handshake: Option<Duration>,
    pub(crate) response_header: Option<Duration>,
    pub(crate) write_stall: Option<Duration>,
    pub(crate) read_idle: Option<Duration>,
    pub(crate) queue: Option<Duration>,
    pub(crate) total: Option<Duration>,
}

/// The versions of HTTP that may be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Versions {
    Both,
    Http1,
    #[cfg_attr(
        not(feature = "http2"),
        allow(dead_code, reason = "it is not built in")
    )]
    Http2,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeouts: Timeouts {
                connect: Some(Duration::from_secs(10)),
                proxy_handshake: Some(Duration::from_secs(10)),
                tls_handshake: Some(Duration::from_secs(10)),
                response_header: None,
                write_stall: None,
                read_idle: None,
                queue: None,
                total: None,
            },
            heads: h1::Limits::default(),
            expect_timeout: Some(Duration::from_secs(1)),
            drain_bytes: 256 * 1024,
            drain_time: Duration::from_millis(50),
            max_decode_ratio: Some(1000),
            // Without HTTP/2 there is nothing to choose, and nothing to find out.
            versions: if cfg!(feature = "http2") {
                Versions::Both
            } else {
                Versions::Http1
            },
            #[cfg(feature = "http2")]
            http2: crate::http2::Http2::default(),
            limits: LimitChanges::default(),
        }
    }
}

impl Settings {
    /// The client's limits, with what differs for this origin.
    pub(crate) fn limits(&self, common: &Limits) -> Limits {
        let mut limits = common.clone();
        self.limits.apply(&mut limits);
        limits
    }

    /// How many HTTP/2 connections an origin may have; none without a limit of its own.
    pub(crate) fn most_http2_connections(&self) -> Option<usize> {
        #[cfg(feature = "http2")]
        return self.http2.max_connections;
        #[cfg(not(feature = "http2"))]
        None
    }

    /// Whether calls may go over connections of other origins.
    pub(crate) fn coalesces(&self) -> bool {
        #[cfg(feature = "http2")]
        return self.http2.coalesce && self.versions != Versions::Http1;
        #[cfg(not(feature = "http2"))]
        false
    }

    /// Refuses what cannot work.
    pub(super) fn check(&self) -> Result<()> {
        const SMALLEST_HEAD: usize = 64;
        if self.heads.head_bytes < SMALLEST_HEAD {
            let least = format!("max_head_bytes must be at least {SMALLEST_HEAD}");
            return Err(Error::usage(least));
        }
        #[cfg(feature = "http2")]
        self.http2.check()?;
        Ok(())
    }
}
