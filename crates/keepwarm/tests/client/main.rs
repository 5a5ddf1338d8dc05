//! The client as its users see it: requests, bodies, limits, upgrades, redirects, names. Against the lab.

#[path = "../common/mod.rs"]
mod common;

mod bodies;
mod cancellation;
#[cfg(any(
    feature = "brotli",
    feature = "deflate",
    feature = "gzip",
    feature = "zstd"
))]
mod decompression;
mod drain;
mod early_response;
mod events;
mod expect;
mod framing;
mod head_limits;
mod names;
mod names_again;
#[cfg(feature = "hickory")]
mod names_hickory;
mod redirects;
mod requests;
mod rfc9110_content_length;
mod rfc9110_expect;
mod rfc9110_request_timeout;
mod rfc9110_trace;
mod rfc9112_failures;
mod rfc9112_persistence;
mod rfc9112_pipelining;
mod rfc9112_request_target;
mod runtimes;
mod sockets;
mod timeouts;
mod tower;
mod upgrade;
mod uploads;
