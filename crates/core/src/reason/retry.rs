//! `Retry`: was a failed request sent again, and why or why not.
//!
//! Owns the variants and slugs. The rule that chooses lives in `crate::retry`.

use std::fmt;

use super::text;

/// The decision on a request whose exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a retry decision must be acted on and reported"]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Retry {
    /// It is sent again on another connection.
    Again(Again),
    /// The failure goes to the caller.
    Stop(Stop),
}

impl Retry {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Again(again) => again.slug(),
            Self::Stop(stop) => stop.slug(),
        }
    }
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::retry(*self, f)
    }
}

/// Why sending again is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Again {
    /// HTTP/2: the peer will not process it.
    GoAway,
    /// HTTP/2: the peer wants HTTP/1.1 and has not processed it (`HTTP_1_1_REQUIRED`).
    Http1Required,
    /// The connection had served before, ended without one byte of answer, and the request may be repeated.
    IdleCloseRace,
    /// HTTP/2: the answer was 421; the peer does not serve the origin on that connection.
    Misdirected,
    /// Not one byte of it was written.
    NothingWritten,
    /// HTTP/2: the peer refused the stream unprocessed.
    RefusedStream,
}

impl Again {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::GoAway => "go-away",
            Self::Http1Required => "http1-required",
            Self::IdleCloseRace => "idle-close-race",
            Self::Misdirected => "misdirected",
            Self::NothingWritten => "nothing-written",
            Self::RefusedStream => "refused-stream",
        }
    }
}

/// Why it is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Stop {
    /// It has been sent again often enough.
    Budget,
    /// Part of an answer had arrived.
    BytesReceived,
    /// The connection was new: its failure is no leftover of an idle close.
    FirstUse,
    /// Its method or its body does not allow a second sending.
    NotReplayable,
    /// The configuration forbids it.
    Policy,
}

impl Stop {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::BytesReceived => "bytes-received",
            Self::FirstUse => "first-use",
            Self::NotReplayable => "not-replayable",
            Self::Policy => "policy",
        }
    }
}
