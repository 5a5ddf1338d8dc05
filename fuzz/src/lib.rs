//! What each fuzz target does with its bytes. The targets themselves are in `targets/`, one line each.
//!
//! Owns the reading of the bytes and the promises that must hold whatever they are. Every input of the four
//! targets that read HTTP, and of the two that play a script, is text that a person can read and write.

#![forbid(unsafe_code)]

pub mod body_framing;
pub mod client;
pub mod differential;
pub mod pool_machine;
pub mod response_head;

mod engine;
mod hyper_client;
mod plan;
mod pool_script;
mod words;

// The model that the machine's own tests hold it against.
#[path = "../../crates/core/tests/pool/naive.rs"]
mod naive;
#[path = "../../crates/core/tests/pool/naive_returns.rs"]
mod naive_returns;
