//! Each cause, in a setting in which it is the cause, and in one like it in which it is not.

#![cfg(all(feature = "report", feature = "tls", feature = "http2"))]

#[path = "../tls/authority.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod authority;
mod client;
mod limits;
#[path = "../http2/peer.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod peer;
mod precision;
mod protocol;
mod server;
mod stage;
#[path = "../support/mod.rs"]
mod support;
#[path = "../tls/server.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod tls_server;
mod transport;
