//! HTTP/2 over TLS: what ALPN chooses, who pays for handshakes, and servers that go away under load.
//!
//! The servers are nginx, HAProxy, Apache httpd and squid as Debian ships them, those of Node and Go, and the `h2`
//! crate's server side over rustls. Streams in the clear are in `http2`.
#![cfg(all(feature = "http2", feature = "tls"))]

#[path = "../tls/authority.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod authority;
#[path = "../tls/nginx_server.rs"]
mod nginx;
#[path = "../tls/server.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod server;
#[path = "../support/mod.rs"]
mod support;

mod alpn;
mod apache;
mod coalescing;
mod coalescing_ends;
mod coalescing_real;
mod cold;
mod crowds;
mod fallback;
mod go_server;
mod haproxy;
mod house;
mod net_http;
mod node;
mod peer;
mod real_server;
mod restarts;
mod sessions;
mod squid;
mod upgrade;
mod versions;
