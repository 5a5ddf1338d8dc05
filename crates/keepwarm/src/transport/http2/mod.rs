//! A call on an HTTP/2 stream: the same promises as on a connection of its own.
//!
//! Owns the joining of a pool's [`crate::pool::Seat`] and a stream. Refuses to know what else the connection carries.

mod body;
mod exchange;
mod head;
mod upload;

pub(super) use body::StreamBody;
pub(super) use exchange::{Answer as StreamAnswer, StreamExchange};
pub(super) use head::request as stream_head;
