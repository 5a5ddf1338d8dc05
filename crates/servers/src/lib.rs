//! Real servers, each started with settings that are nobody's default, and what `keepwarm doctor` must find at them.
//!
//! Owns how they are started and what is expected: the tests of the command and `cargo xtask doctor-matrix` go through
//! the same list. For tests only, so what is missing panics and says what brings it. Refuses to know keepwarm's code:
//! it runs the command and reads its JSON.

#![forbid(unsafe_code)]

pub mod chain;
pub mod expected;
mod known_refusals;
pub mod matrix;
pub mod recipes;
pub mod refusals;
pub mod server;
pub mod table;

pub use server::{Place, Server, installed};
