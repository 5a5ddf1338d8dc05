//! `Miss`: why a call could not take an idle connection and one was opened for it.
//!
//! Owns the variants and slugs. Refuses to know the pool that decided.

use std::fmt;
use std::time::Duration;

use super::text;

/// Why a connection had to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "reason", rename_all = "kebab-case"))]
pub enum Miss {
    /// Every connection of the origin was serving somebody.
    AllBusy {
        /// How many were.
        active: usize,
    },
    /// The idle ones might be closed by the server any moment, and this request cannot be sent twice.
    AllDoubtful {
        /// How many were idle.
        idle: usize,
        /// The server's idle timeout as estimated or announced.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "estimate_us", with = "crate::serial::micros")
        )]
        estimate: Duration,
    },
    /// The idle ones had passed a limit.
    AllExpired {
        /// How many were.
        idle: usize,
    },
    /// There were idle connections, but not for this key.
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::part"))]
    DifferentKey(KeyPart),
    /// The pool had never opened one for this origin, or none was left.
    FirstForOrigin,
    /// Keep-alive is switched off.
    KeepAliveOff,
    /// What was there turned out to be closing when it was looked at.
    OnlyClosing,
    /// It was opened ahead of any request.
    Prewarm,
}

impl Miss {
    /// The stable name.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::AllBusy { .. } => "all-busy",
            Self::AllDoubtful { .. } => "all-doubtful",
            Self::AllExpired { .. } => "all-expired",
            Self::DifferentKey(_) => "different-key",
            Self::FirstForOrigin => "first-for-origin",
            Self::KeepAliveOff => "keep-alive-off",
            Self::OnlyClosing => "only-closing",
            Self::Prewarm => "prewarm",
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::miss(self, f)
    }
}

/// The part of a pool key in which two connections differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum KeyPart {
    /// Another runtime drives the idle connections' sockets.
    Runtime,
}

impl KeyPart {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
        }
    }
}
