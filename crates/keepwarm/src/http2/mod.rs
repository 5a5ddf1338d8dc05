//! HTTP/2 connections as wires: one socket, many streams.
//!
//! A connection is a [`Link`] that calls share and a [driver](driver::Driver), the task that moves its frames; the
//! frames, the header compression and the flow control are the `h2` crate's. Owns the settings sent, the PINGs, and the
//! word of why a connection ended. Refuses to know requests and the pool.

mod control;
mod driver;
mod failure;
mod keep_alive;
mod link;
mod settings;

pub(crate) use driver::open;
pub(crate) use failure::Failure;
pub(crate) use link::Link;
pub use settings::Http2;
