//! HTTP connections that stay warm, and that tell you why when they don't.
//!
//! A client whose reason to exist is the persistent connection: it does what Go's `http.Transport` does with them, and
//! gives a typed reason for every connection that was opened, refused or closed. This page is the book, a chapter for
//! each thing a user meets; its examples are compiled, and those that need no more than a server are run.
//!
#![doc = include_str!("guide/call.md")]
#![doc = include_str!("guide/pool.md")]
#![doc = include_str!("guide/reasons.md")]
#![doc = include_str!("guide/observe.md")]
#![doc = include_str!("guide/errors.md")]
#![cfg_attr(feature = "tls", doc = include_str!("guide/https.md"))]
#![cfg_attr(feature = "http2", doc = include_str!("guide/http2.md"))]
#![doc = include_str!("guide/proxy.md")]
#![doc = include_str!("guide/beyond.md")]
#![doc = include_str!("guide/around.md")]

pub mod advice;
mod authorization;
mod body;
mod calling;
mod client;
mod clock;
pub mod config;
mod conn;
mod connect;
mod decode;
pub mod dial;
mod error;
#[cfg(feature = "http2")]
pub mod http2;
pub mod observe;
mod pool;
pub mod proxy;
mod redirect;
mod request;
mod response;
mod target;
pub mod tls;
mod transport;

pub use body::Body;
pub use client::Client;
pub use config::{Config, Limits, OriginConfig, RetryPolicy, TcpKeepalive};
pub use conn::{Io, Stream};
pub use error::{Error, ErrorKind, Result};
pub use keepwarm_core::event;
pub use keepwarm_core::learn::{Estimate, Source as EstimateSource};
pub use keepwarm_core::origin::Origin;
pub use keepwarm_core::reason;
pub use keepwarm_core::time::Human;
#[cfg(feature = "report")]
pub use keepwarm_report as report;
pub use pool::{Counts, Ended, OriginStats, Retried, ShutdownReport, Stats};
pub use redirect::{Hop, NotFollowed, Redirects};
pub use request::{BoxError, RequestBody, RequestBuilder};
pub use response::Response;
pub use target::IntoUrl;
pub use transport::info::{ConnectionInfo, Protocol, Timings};
pub use transport::upgrade::Upgraded;

/// Compiles the README's example.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// Compiles what the page for users of Go shows.
#[cfg(all(doctest, feature = "tls"))]
#[doc = include_str!("../../../docs/from-go.md")]
struct FromGo;

/// Compiles what the page for users of reqwest shows.
#[cfg(all(doctest, feature = "tls"))]
#[doc = include_str!("../../../docs/from-reqwest.md")]
struct FromReqwest;
