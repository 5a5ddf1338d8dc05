//! `Event`: everything that happens to calls and connections, as values.
//!
//! Owns the closed list of events and the identifiers in them. Refuses to carry references into the client,
//! so an observer can never reach back.
//!
//! The contract. Pairs are complete: `CallStarted`/`CallEnded`, `Queued`/`Dequeued`, `DialStarted`/`DialEnded`,
//! `Opened`/`Closed`, `CheckedOut`/`ExchangeEnded`. Events are emitted with no lock held, in the order in
//! which things happened to one connection or one call. Nesting:
//!
//! ```text
//! Configured                        when the client is built, and after each change of its limits
//! CallStarted
//! ├─ Queued … Dequeued              only when no idle connection could serve
//! │    └─ DialStarted … DialEnded   may outlive the call that caused it
//! │         └─ Opened … Closed      the connection's life, across calls
//! ├─ CheckedOut                     again for each attempt
//! │    ├─ RequestSent
//! │    ├─ ResponseHead
//! │    └─ ExchangeEnded             with the Reuse verdict, then Parked or Closed
//! ├─ RetryDecided                   after each failed attempt
//! └─ CallEnded
//! ```

mod opening;
mod pool_limits;
mod protocol;
mod tls;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::uri::PathAndQuery;

use crate::origin::Origin;
use crate::reason::{Closed, Miss, Phase, Retry, Reuse};
pub use opening::Opening;
pub use pool_limits::PoolLimits;
pub use protocol::Protocol;
pub use tls::{TlsInfo, TlsVersion};

/// One client with its pool: all clones of it have the same number. Numbered within the process, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClientId(pub u64);

/// One connection, never reused for another within a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ConnectionId(pub u64);

/// One call of the client, retries included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CallId(pub u64);

/// One attempt to open a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DialId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// An event, when it happened and whose it is.
#[derive(Clone, Debug)]
pub struct Event {
    /// Monotonic time.
    pub at: Instant,
    /// The client; the numbers of calls, dials and connections are counted within it.
    pub client: ClientId,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename_all = "kebab-case"))]
pub enum EventKind {
    /// The client was built, or its limits were changed: these hold from now on, but for what single origins have.
    Configured {
        /// The limits of its pool.
        limits: PoolLimits,
    },
    /// A call began.
    CallStarted {
        /// The call.
        call: CallId,
        /// Its method.
        #[cfg_attr(feature = "serde", serde(with = "crate::serial::text"))]
        method: http::Method,
        /// Where it goes.
        #[cfg_attr(feature = "serde", serde(with = "crate::serial::text"))]
        origin: Origin,
        /// What it asks for there: path and query, as sent. The query may hold secrets.
        #[cfg_attr(feature = "serde", serde(with = "crate::serial::text"))]
        target: PathAndQuery,
    },
    /// No idle connection could serve the call; it waits.
    Queued {
        /// The call.
        call: CallId,
        /// Why none could.
        miss: Miss,
    },
    /// The wait ended, with a connection or without.
    Dequeued {
        /// The call.
        call: CallId,
        /// How long it waited.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "waited_us", with = "crate::serial::micros")
        )]
        waited: Duration,
    },
    /// A connection is being opened.
    DialStarted {
        /// The attempt.
        dial: DialId,
        /// Where to.
        #[cfg_attr(feature = "serde", serde(with = "crate::serial::text"))]
        origin: Origin,
        /// Why it is needed.
        miss: Miss,
    },
    /// The attempt ended.
    DialEnded {
        /// The attempt.
        dial: DialId,
        /// The connection, or what went wrong.
        #[cfg_attr(feature = "serde", serde(with = "crate::serial::outcome"))]
        outcome: Result<ConnectionId, String>,
    },
    /// A connection exists.
    Opened {
        /// The connection.
        connection: ConnectionId,
        /// Its origin.
        #[cfg_attr(feature = "serde", serde(with = "crate::serial::text"))]
        origin: Origin,
        /// Our address; none for a Unix socket.
        local: Option<SocketAddr>,
        /// The server's address, or the proxy's; none for a Unix socket.
        remote: Option<SocketAddr>,
        /// What is spoken on it.
        protocol: Protocol,
        /// The encryption below that; none for plain HTTP.
        tls: Option<Box<TlsInfo>>,
        /// The proxy on the way, as `http://host:port` and without credentials; none when there is none.
        via: Option<Arc<str>>,
        /// How long the steps of opening took.
        took: Opening,
    },
    /// A call took a connection.
    CheckedOut {
        /// The call.
        call: CallId,
        /// The connection.
        connection: ConnectionId,
        /// Whether it had been in the pool.
        reused: bool,
        /// Requests on it, this one included.
        requests: u64,
        /// How long it had been idle; none when it is new.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "idle_us", with = "crate::serial::micros_or_none")
        )]
        idle: Option<Duration>,
    },
    /// The request was written whole.
    RequestSent {
        /// The call.
        call: CallId,
        /// The connection.
        connection: ConnectionId,
        /// Bytes written for it, head and framing included.
        bytes: u64,
    },
    /// A response head arrived, interim ones included.
    ResponseHead {
        /// The call.
        call: CallId,
        /// The connection.
        connection: ConnectionId,
        /// Its status.
        status: u16,
    },
    /// The exchange is over.
    ExchangeEnded {
        /// The call.
        call: CallId,
        /// The connection.
        connection: ConnectionId,
        /// May the connection serve again?
        reuse: Reuse,
        /// Bytes read for it: head and framing included in HTTP/1, those of the body alone in HTTP/2.
        received: u64,
    },
    /// The connection goes back to the pool: it is idle now, or at once with a call that waited for it, or
    /// `Closed` follows because the pool has no place for it.
    Parked {
        /// The connection.
        connection: ConnectionId,
    },
    /// The connection's socket was closed.
    Closed {
        /// The connection.
        connection: ConnectionId,
        /// Why and by whom.
        closed: Closed,
        /// Requests it served.
        requests: u64,
        /// Its age.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "age_us", with = "crate::serial::micros")
        )]
        age: Duration,
    },
    /// An exchange failed; this was decided about the request.
    RetryDecided {
        /// The call.
        call: CallId,
        /// Sent again, or not, and why.
        retry: Retry,
    },
    /// The call is over: its body was read, dropped, or it failed.
    CallEnded {
        /// The call.
        call: CallId,
        /// The phase in which it failed; none when it did not.
        failed: Option<Phase>,
    },
}

/// Receives every event.
///
/// Called where it happens, on a caller's task or one of the client's own, with no lock held: it may call the client,
/// and what that brings about is told before that call returns. It must be quick, for it holds up what it is told of.
pub trait Observer: Send + Sync + 'static {
    /// One event.
    fn on_event(&self, event: &Event);

    /// The same, handed over: this is what the client calls. An observer that keeps events need not copy them then;
    /// any other has no reason to have it.
    fn on_owned_event(&self, event: Event) {
        self.on_event(&event);
    }
}
