//! The transport: one call, from the queue to the end of its body.
//!
//! A call takes a connection ([`call`]), writes its request and reads the answer's head on the caller's task
//! ([`exchange`]), and leaves the rest to the body ([`body`]), which gives the connection back before the caller
//! can see its end. A failed attempt is sent again only on evidence (`keepwarm_core::retry`).
//!
//! Owns the joining of machines and wires. Refuses to decide what they decide.

mod attempts;
pub(crate) mod body;
pub(crate) mod call;
mod exchange;
#[cfg(feature = "http2")]
mod http2;
pub(crate) mod info;
mod says;
mod sending;
mod span;
mod streaming;
mod timers;
pub(crate) mod upgrade;
pub(crate) mod upload;
