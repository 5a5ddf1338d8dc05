//! Hostile peers and hostile callers: what a server sends to smuggle, desynchronise or exhaust ends in a named fault
//! or limit and never in another call's answer; what a caller passes in never leaves as bytes that frame.
//!
//! The corpora are data (`corpus`, `limits`); `desync` plays them through the public client.

#[path = "../common/mod.rs"]
mod common;

mod corpus;
mod desync;
mod limits;
mod memory;
mod requests;
mod slow;
mod stray;
