//! The pool machine alone: scenarios, and random histories against a naive model. No sockets, virtual time.

mod bench;
mod dials;
mod model;
mod naive;
mod naive_returns;
mod scenarios;
mod sharing;
mod witness;
