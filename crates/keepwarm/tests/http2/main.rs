//! HTTP/2: streams on shared connections, with the pool's promises.
//!
//! Driven against the server side of the `h2` crate, and frames written by hand, in the clear and with prior knowledge;
//! what TLS adds (ALPN, the pioneer) is in `http2_tls`.
#![cfg(feature = "http2")]

#[path = "../common/mod.rs"]
mod common;
mod peer;
mod raw;

mod account;
mod bodies;
#[cfg(feature = "gzip")]
mod compression;
mod ends;
mod expect;
mod floods;
mod heads;
mod leaving;
mod limits;
mod messages;
mod order;
mod runtimes;
mod sharing;
