//! HTTP/2 for an examination: a connection that asks, waits, and tells what the server sent and when.
//!
//! The `h2` crate speaks; `Watch` only reads the heads of the frames that pass by, for the moments that `h2` keeps to
//! itself. Neither knows what is asked or why.

mod session;
mod tap;
mod watch;

pub(crate) use session::{Question, Session};
