//! HTTP connections that stay warm, and that tell you why when they don't.
//!
//! A client whose reason to exist is the persistent connection. Connections are kept and reused without any
//! header to set; each answer says which connection carried it and whether that one may serve again:
//!
//! ```no_run
//! # async fn example() -> keepwarm::Result<()> {
//! let client = keepwarm::Client::new();
//! let response = client.get("http://127.0.0.1:8080/").send().await?;
//! println!("{}", response.connection()); // #1 reused (4th request, idle 1.2 s), h1, 127.0.0.1:8080
//! let text = response.text().await?;
//! # drop(text); Ok(()) }
//! ```
//!
//! Every limit and timeout is a setting with a stated default ([`Config`]):
//!
//! ```no_run
//! use std::time::Duration;
//! # fn example() -> keepwarm::Result<()> {
//! let client = keepwarm::Client::builder()
//!     .max_idle_per_host(200)
//!     .idle_timeout(Duration::from_secs(90))
//!     .response_header_timeout(Duration::from_secs(10))
//!     .build()?;
//! # drop(client); Ok(()) }
//! ```
//!
//! And when connections are not reused, the pool says why, with numbers:
//!
//! ```no_run
//! # let client = keepwarm::Client::new();
//! let stats = client.stats();
//! println!("{:.0} % reused", stats.total().reuse_ratio() * 100.0);
//! for end in stats.closed() {
//!     println!("{} × {}", end.count, end.reason); // 3 × the server closed it after 5 s idle
//! }
//! ```
//!
//! Settings are fixed once a client is built; what was a setting then is no method now:
//!
//! ```compile_fail
//! let client = keepwarm::Client::new();
//! client.max_idle(5);
//! ```
//!
//! `https` needs nothing but the URL; what else there is to choose is in [`tls`]:
//!
#![cfg_attr(feature = "tls", doc = "```no_run")]
#![cfg_attr(not(feature = "tls"), doc = "```ignore")]
//! use keepwarm::tls::{Tls, TlsVersion};
//! # async fn example() -> keepwarm::Result<()> {
//! let client = keepwarm::Client::builder()
//!     .tls(Tls::new().roots_file("company-root.pem").lowest_version(TlsVersion::V1_3))
//!     .build()?;
//! let response = client.get("https://internal.example/").send().await?;
//! println!("{}", response.connection()); // #1 new (…), h1, TLS 1.3, 192.0.2.1:443
//! # Ok(()) }
//! ```
//!
//! [`Client::retune`] is the one safe way to change limits while the client is in use.
//!
//! Who knows another client finds each of its settings in `docs/from-go.md` and `docs/from-reqwest.md` of the
//! repository.

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
pub use config::{Config, Limits, RetryPolicy, TcpKeepalive};
pub use conn::{Io, Stream};
pub use error::{Error, ErrorKind, Result};
pub use keepwarm_core::event;
pub use keepwarm_core::learn::{Estimate, Source as EstimateSource};
pub use keepwarm_core::origin::Origin;
pub use keepwarm_core::reason;
pub use keepwarm_core::time::Human;
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
