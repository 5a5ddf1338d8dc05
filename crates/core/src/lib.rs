//! The pure half of keepwarm: words and machines, no I/O.
//!
//! Nothing here opens a socket, reads a clock, takes a lock or waits. A machine takes an event and
//! the time it happened (`&mut self, event, now`) and answers with what to do; somebody else does it.
//! That is why the same HTTP/1.1 engine serves the client, a tap and a capture reader, and why the
//! pool can be tested against a naive model without a network.
//!
//! * Floor 0, the words: [`reason`], [`event`], [`origin`], [`time`].
//! * Floor 1, the machines: [`h1`], [`pool`], [`race`], [`retry`], [`learn`]. They do not know each other,
//!   except that each pool owns one learner.

pub mod event;
pub mod h1;
pub mod learn;
pub mod origin;
pub mod pool;
pub mod race;
pub mod reason;
pub mod retry;
#[cfg(feature = "serde")]
mod serial;
pub mod time;
