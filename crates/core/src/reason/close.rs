//! `CloseReason` and `Closed`: why a connection may not serve again, and who ended it.
//!
//! Owns the variants, the numbers that decided, and the slugs. Refuses to hold sentences (see `text`).

use std::fmt;
use std::io;
use std::time::Duration;

use super::{Limit, ProtocolFault, text};

/// Why a connection may not serve another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "reason", rename_all = "kebab-case"))]
pub enum CloseReason {
    /// The server's address left the name's answer. (Address retirement; not given yet.)
    AddressGone,
    /// The response body was not read to its end and could not be drained within its budget.
    BodyNotRead {
        /// Bytes still to come when it was given up; none when the length was not declared.
        left: Option<u64>,
    },
    /// The exchange was cancelled after its first byte was written.
    Cancelled,
    /// The response had no length: only closing could end it (RFC 9112 §6.3 rule 8).
    CloseDelimited,
    /// HTTP/2: the peer announced that it takes no further streams.
    GoAway,
    /// The origin's idle list was full when the connection came back.
    HostFull {
        /// `max_idle_per_host`, or `max_conns_per_host` when its place was needed.
        limit: usize,
    },
    /// HTTP/2: the server wants HTTP/1.1 (`HTTP_1_1_REQUIRED`, RFC 9113 §7), which new connections to it speak.
    Http1Required,
    /// The server speaks HTTP/1.0 and did not offer keep-alive (RFC 9112 §9.3).
    Http10,
    /// It was idle for longer than allowed.
    IdleTooLong {
        /// How long it was idle.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "idle_us", with = "crate::serial::micros")
        )]
        idle: Duration,
        /// What was allowed: `idle_timeout`, or what the server announced less a margin.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "limit_us", with = "crate::serial::micros")
        )]
        limit: Duration,
    },
    /// Reading or writing failed.
    IoError {
        /// What the operating system said.
        #[cfg_attr(feature = "serde", serde(with = "crate::serial::error_kind"))]
        kind: io::ErrorKind,
    },
    /// HTTP/2: an answer was 421, so the server does not serve this origin on this connection (RFC 9110 §15.5.20).
    Misdirected,
    /// We waited for `100 Continue` and got a final answer: the announced body was never sent.
    NoContinue,
    /// The peer broke the protocol; what follows on this connection cannot be trusted.
    PeerBrokeProtocol(ProtocolFault),
    /// The server closed the connection while it was idle.
    PeerClosedIdle {
        /// What was seen of it.
        how: PeerEnd,
        /// How long it had been idle.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "idle_us", with = "crate::serial::micros")
        )]
        idle: Duration,
    },
    /// The response said `Connection: close` (RFC 9112 §9.6).
    PeerSaidClose,
    /// `max_idle` over all origins was exceeded and this connection had been idle longest.
    PoolFull {
        /// `max_idle`.
        limit: usize,
    },
    /// Keep-alive is switched off in the configuration.
    PoolOff,
    /// The final response came before the request was sent whole.
    RequestNotSent,
    /// The runtime that drives the socket is gone.
    RuntimeGone,
    /// The client was shut down or told to close its idle connections.
    ShutDown,
    /// Bytes arrived that belong to no response.
    StrayBytes {
        /// How many were seen.
        bytes: u64,
    },
    /// The connection now speaks another protocol and belongs to the caller (RFC 9110 §7.8).
    SwitchedProtocols,
    /// A time limit ended the exchange.
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::limit"))]
    TimedOut(Limit),
    /// It lived longer than `max_lifetime`.
    TooOld {
        /// Its age.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "age_us", with = "crate::serial::micros")
        )]
        age: Duration,
        /// `max_lifetime`, this connection's jitter taken off.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "limit_us", with = "crate::serial::micros")
        )]
        limit: Duration,
    },
    /// It served as many requests as it may.
    UsedUp {
        /// Requests served.
        requests: u64,
        /// `max_requests_per_connection`, or what the server announced with `Keep-Alive: max`.
        limit: u64,
    },
    /// Our request said `Connection: close`.
    WeSaidClose,
}

/// How a peer ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum PeerEnd {
    /// TLS: it said so (`close_notify`), or complained (another alert).
    CloseNotify,
    /// TCP: it has nothing more to send (FIN).
    Fin,
    /// HTTP/2: it said `GOAWAY`.
    GoAway,
    /// HTTP/1: it said `408 Request Timeout` to nobody (RFC 9110 §15.5.9).
    RequestTimeout,
    /// TCP: the connection was reset (RST), by the peer or something between.
    Reset,
}

impl PeerEnd {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::CloseNotify => "close-notify",
            Self::Fin => "fin",
            Self::GoAway => "go-away",
            Self::RequestTimeout => "request-timeout",
            Self::Reset => "reset",
        }
    }
}

impl CloseReason {
    /// The stable name, as in JSON, metrics and documentation.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::AddressGone => "address-gone",
            Self::BodyNotRead { .. } => "body-not-read",
            Self::Cancelled => "cancelled",
            Self::CloseDelimited => "close-delimited",
            Self::GoAway => "go-away",
            Self::HostFull { .. } => "host-full",
            Self::Http1Required => "http1-required",
            Self::Http10 => "http10",
            Self::IdleTooLong { .. } => "idle-too-long",
            Self::IoError { .. } => "io-error",
            Self::Misdirected => "misdirected",
            Self::NoContinue => "no-continue",
            Self::PeerBrokeProtocol(_) => "peer-broke-protocol",
            Self::PeerClosedIdle { .. } => "peer-closed-idle",
            Self::PeerSaidClose => "peer-said-close",
            Self::PoolFull { .. } => "pool-full",
            Self::PoolOff => "pool-off",
            Self::RequestNotSent => "request-not-sent",
            Self::RuntimeGone => "runtime-gone",
            Self::ShutDown => "shut-down",
            Self::StrayBytes { .. } => "stray-bytes",
            Self::SwitchedProtocols => "switched-protocols",
            Self::TimedOut(_) => "timed-out",
            Self::TooOld { .. } => "too-old",
            Self::UsedUp { .. } => "used-up",
            Self::WeSaidClose => "we-said-close",
        }
    }

    /// Who ends a connection for this reason.
    pub fn by(&self) -> ClosedBy {
        match self {
            Self::AddressGone
            | Self::Http10
            | Self::Misdirected
            | Self::NoContinue
            | Self::PoolOff
            | Self::RequestNotSent
            | Self::RuntimeGone => ClosedBy::Us,
            Self::CloseDelimited
            | Self::GoAway
            | Self::Http1Required
            | Self::IoError { .. }
            | Self::PeerBrokeProtocol(_)
            | Self::PeerClosedIdle { .. }
            | Self::PeerSaidClose
            | Self::StrayBytes { .. } => ClosedBy::Peer,
            Self::BodyNotRead { .. }
            | Self::Cancelled
            | Self::ShutDown
            | Self::SwitchedProtocols
            | Self::WeSaidClose => ClosedBy::Caller,
            Self::HostFull { .. }
            | Self::IdleTooLong { .. }
            | Self::PoolFull { .. }
            | Self::TimedOut(_)
            | Self::TooOld { .. }
            | Self::UsedUp { .. } => ClosedBy::Limit,
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::close_reason(self, f)
    }
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum ClosedBy {
    /// The program that uses the client.
    Caller,
    /// A configured limit.
    Limit,
    /// The server, or something between.
    Peer,
    /// The client itself.
    Us,
}

impl ClosedBy {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Limit => "limit",
            Self::Peer => "peer",
            Self::Us => "us",
        }
    }
}

/// Why, and by whom, a socket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Closed {
    /// The primary reason.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub reason: CloseReason,
    /// Who ended it.
    pub by: ClosedBy,
}

impl From<CloseReason> for Closed {
    fn from(reason: CloseReason) -> Self {
        Self {
            reason,
            by: reason.by(),
        }
    }
}
