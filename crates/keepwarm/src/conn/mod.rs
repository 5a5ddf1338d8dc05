//! Connections as wires: a byte stream, what is known of it, and the buffers it borrows while it works.
//!
//! Owns bytes in and out. Refuses to know HTTP and the pool.

pub(crate) mod buffers;
mod connection;
mod facts;
#[cfg(not(feature = "http2"))]
mod no_link;
mod stream;

#[cfg(feature = "http2")]
pub(crate) use crate::http2::Link;
pub(crate) use connection::{Connection, Opened, Quiet};
pub(crate) use facts::{Beyond, Facts};
pub use keepwarm_core::event::Protocol;
#[cfg(not(feature = "http2"))]
pub(crate) use no_link::Link;
pub use stream::{Io, Stream};
#[cfg(feature = "tls")]
pub(crate) use stream::{Layer, Look};
