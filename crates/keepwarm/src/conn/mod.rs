//! Connections as wires: a byte stream, what is known of it, and the buffers it borrows while it works.
//!
//! Owns bytes in and out. Refuses to know HTTP and the pool.

pub(crate) mod buffers;
mod connection;
mod stream;

pub(crate) use connection::{Connection, Quiet};
pub use stream::{Io, Stream};
