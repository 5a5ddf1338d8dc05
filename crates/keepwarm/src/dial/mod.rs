//! Dialing: from an origin to an open stream.
//!
//! Owns the [`Dialer`] and [`Resolver`] traits and the plain implementations. Refuses to know the pool, TLS
//! and proxies. To log or count each new connection, wrap [`TcpDialer`] (see `examples/dialer.rs`).

pub(crate) mod open_files;
mod resolve;
mod tcp;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use keepwarm_core::origin::Origin;
use keepwarm_core::reason::Phase;

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
}

/// Turns a name into addresses, in the order in which they are to be tried.
pub trait Resolver: Send + Sync + 'static {
    /// The addresses of a host (never a literal address) with the port filled in.
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
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
