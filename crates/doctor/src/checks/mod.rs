//! The checks: each asks one thing on connections of its own, and puts what it saw on the board.
//!
//! Owns what is asked. Refuses to judge, and to end: the examination drops them when its time is over.

pub(crate) mod aggressive;
pub(crate) mod announced;
pub(crate) mod errors;
pub(crate) mod half_close;
pub(crate) mod http10;
pub(crate) mod http2;
pub(crate) mod idle;
mod pipelining;
mod refusals;
pub(crate) mod resumption;
pub(crate) mod series;
pub(crate) mod staggered;
pub(crate) mod steady;
mod uploads;
