//! `Fallback`: what a server has said against HTTP/2, or against connections as they come: what follows for new ones.
//!
//! Owns the memory of it, for one origin. Refuses to know frames and statuses: it is told.

use std::time::{Duration, Instant};

use keepwarm_core::reason::CloseReason;

use super::origin::OriginPool;
use super::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::config::Versions;
use crate::error::Error;

/// How long a server that answered 421 on two connections is taken at its word.
const MISDIRECTED_FOR: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Fallback {
    /// The server wants HTTP/1.1, whatever it chose before.
    http1: AtomicBool,
    /// Until when 421 counts as the server's word on every connection, in the shared clock's nanoseconds.
    misdirected_until: AtomicU64,
}

impl OriginPool {
    /// The versions that new connections may speak.
    pub(super) fn versions(&self) -> Versions {
        let only_http1 = self.only_http1 || self.fallback.http1.load(Ordering::Relaxed);
        permitted(self.settings.versions, only_http1)
    }

    /// From now on connections to this server speak HTTP/1.1: it said so (RFC 9113 §7, `HTTP_1_1_REQUIRED`).
    pub(crate) fn speak_http1(&self) {
        self.fallback.http1.store(true, Ordering::Relaxed);
    }

    /// Whether a dial failed because the server wants HTTP/1.1, and that is what the next one will speak.
    pub(super) fn falls_back(&self, error: &Error) -> bool {
        let wanted = error.reason() == Some(&CloseReason::Http1Required);
        let falls_back = wanted && self.versions() == Versions::Both;
        if falls_back {
            self.speak_http1();
        }
        falls_back
    }

    /// Whether 421 is this server's answer on every connection, as far as was seen lately.
    pub(crate) fn is_misdirected_at(&self, now: Instant) -> bool {
        self.shared.nanos(now) < self.fallback.misdirected_until.load(Ordering::Relaxed)
    }

    /// The server has answered 421 on another connection too: opening more of them would gain nothing for now.
    pub(crate) fn note_misdirected(&self, now: Instant) {
        let until = self.shared.nanos(now + MISDIRECTED_FOR);
        self.fallback
            .misdirected_until
            .store(until, Ordering::Relaxed);
    }
}

/// What is left of the versions when only HTTP/1.1 will do.
pub(super) fn permitted(versions: Versions, only_http1: bool) -> Versions {
    match versions {
        Versions::Both if only_http1 => Versions::Http1,
        versions @ (Versions::Both | Versions::Http1 | Versions::Http2) => versions,
    }
}
