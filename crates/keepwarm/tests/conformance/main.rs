//! The numbered behaviours that Go's own tests hold, and those it lacks, driven through the public `Client`.
//!
//! Owns the entries that no other test file holds already; `docs/conformance.md` lists all of them. Refuses to test
//! how something is done: only what a caller and a server can see.

#[path = "../common/mod.rs"]
mod common;
#[path = "../support/mod.rs"]
mod support;

mod cancellation;
mod dialing;
mod extra;
mod framing;
mod interim;
mod request_bodies;
mod request_heads;
mod retries;
mod reuse;
mod streams;
