//! The race of addresses alone: scenarios, and random races against a referee. No sockets, virtual time.

mod bench;
mod limits;
mod model;
mod referee;
mod scenarios;
