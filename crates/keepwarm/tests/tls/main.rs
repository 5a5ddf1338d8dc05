//! HTTPS: handshakes, certificates, resumption, what an idle connection may say, and every error in words.
//!
//! The servers are rustls' own server side with certificates made on the spot, and nginx as Debian ships it.
#![cfg(feature = "tls")]

#[path = "../support/mod.rs"]
mod support;

mod authority;
mod bodies;
mod errors;
mod idle;
mod nginx;
#[allow(dead_code, reason = "each test program uses a part of it")]
mod nginx_server;
mod proxies;
mod proxy_ways;
mod reuse;
mod server;
mod settings;
mod told;
