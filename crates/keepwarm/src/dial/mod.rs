//! Dialing: from an origin to an open stream.
//!
//! Owns the [`Dialer`] and [`Resolver`] traits and the plain implementations. Refuses to know the pool, TLS
//! and proxies. To log or count each new connection, wrap [`TcpDialer`] (see `dial_log.rs` among
//! the examples of the repository).

mod addresses;
mod failures;
#[cfg(feature = "hickory")]
mod hickory;
mod lookup;
pub(crate) mod open_files;
mod racing;
mod resolve;
mod tcp;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use keepwarm_core::origin::Origin;
use keepwarm_core::reason::Phase;

pub use addresses::{Addresses, ONE_ANSWER};
pub use failures::FailedAttempt;
#[cfg(feature = "hickory")]
pub use hickory::HickoryResolver;
pub(crate) use lookup::AddressOptions;
pub use lookup::{Answer, IpFamily, Lookup};
pub use resolve::SystemResolver;
pub(crate) use resolve::WithOverrides;
pub use tcp::TcpDialer;

use crate::conn::Stream;

/// A boxed future, as the traits here return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Opens connections. The future runs detached from the call that needs it, within `connect_timeout`, and is
/// dropped when nobody wants it any more.
pub trait Dialer: Send + Sync + 'static {
    /// Opens one connection to the origin.
    fn dial<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>>;

    /// The same for a client that gives the connection so much time (none: no limit): its `connect_timeout`, or the
    /// origin's own. Whoever tries several addresses can share it out; that it ends is the client's affair. The default
    /// does not care. A dialer that wraps another passes it on.
    fn dial_within<'a>(
        &'a self,
        origin: &'a Origin,
        limit: Option<Duration>,
    ) -> BoxFuture<'a, Result<Dialed, DialError>> {
        let _ = limit;
        self.dial(origin)
    }

    /// What is known of the addresses of the origin's name, so that the pool can close idle connections to one that
    /// has left; none (the default): addresses are not watched. A dialer that wraps another passes it on.
    fn addresses(&self, origin: &Origin) -> Option<Arc<Addresses>> {
        let _ = origin;
        None
    }

    /// Asks for the addresses of the origin's name again, and notes the answer in [`addresses`](Self::addresses). The
    /// pool does so when their time to live ([`Addresses::stale_at`]) is over while it has connections to the origin,
    /// at most every 5 s. None (the default): not done. A dialer that wraps another passes it on.
    fn ask_again<'a>(&'a self, origin: &'a Origin) -> Option<BoxFuture<'a, ()>> {
        let _ = origin;
        None
    }
}

/// Turns a name into addresses, in the order in which they are to be tried.
///
/// [`resolve`](Self::resolve) is enough for a resolver of one's own (see `examples/custom_resolver.rs`); one that
/// knows more says it with [`lookup`](Self::lookup), which is what is called.
pub trait Resolver: Send + Sync + 'static {
    /// The addresses of a host (never a literal address) with the port filled in.
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;

    /// The same in two answers, with a time to live, or without asking. Default: what [`resolve`](Self::resolve)
    /// brings, as one answer about both families.
    fn lookup<'a>(&'a self, host: &'a str, port: u16) -> Lookup<'a> {
        Lookup::Together(Box::pin(async move {
            self.resolve(host, port).await.map(Answer::from)
        }))
    }
}

/// An open stream, and what opening it told.
#[derive(Debug)]
pub struct Dialed {
    /// The bytes.
    pub stream: Stream,
    /// Our address; none when it has none (a Unix socket).
    pub local: Option<SocketAddr>,
    /// The server's address; none when it has none.
    pub remote: Option<SocketAddr>,
    /// How long the name took to resolve.
    pub resolved_in: Duration,
    /// How long the connection took to open.
    pub connected_in: Duration,
}

/// Why no connection could be opened.
#[derive(Debug)]
pub struct DialError {
    /// Resolving, connecting or the handshake.
    pub phase: Phase,
    /// What the system said.
    pub error: io::Error,
    /// What was tried, for the message.
    pub target: String,
}

impl DialError {
    /// Each address that was tried in vain, in the order of the attempts. Empty when there was only one: then that
    /// is the [`target`](Self::target).
    pub fn attempts(&self) -> &[FailedAttempt] {
        failures::Failures::of(&self.error).map_or(&[], |failures| &failures.attempts)
    }

    /// Whether `connect_timeout` was over. (An address that the system gave up by itself does not count.)
    pub fn timed_out(&self) -> bool {
        failures::Failures::of(&self.error).is_some_and(|failures| failures.timeout.is_some())
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.phase {
            Phase::Dns => write!(f, "cannot resolve {}: {}", self.target, self.error),
            Phase::Queue
            | Phase::Connect
            | Phase::Tls
            | Phase::Send
            | Phase::Wait
            | Phase::Receive => write!(f, "cannot connect to {}: {}", self.target, self.error),
        }
    }
}

impl std::error::Error for DialError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
