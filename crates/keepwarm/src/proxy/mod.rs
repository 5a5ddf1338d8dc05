//! Proxies: which one a connection goes through, and what is said to it before the connection is ours.
//!
//! Owns the settings ([`Proxies`], [`Proxy`]), the reading of the environment, and the CONNECT and SOCKS5 handshakes
//! over a stream that is already open. Refuses to open connections, to resolve names and to speak TLS: the floor
//! above joins those.
//!
//! By default a client goes through the proxies that the environment names, as `curl` and Go do:
//!
//! | variable (either letter case, upper case first) | meaning |
//! |---|---|
//! | `HTTP_PROXY` | the proxy for `http` origins |
//! | `HTTPS_PROXY` | the proxy for `https` origins |
//! | `ALL_PROXY` | for those of both that have no variable of their own |
//! | `NO_PROXY` | what is called without a proxy: see [`Proxies::except`] |
//!
//! The variables are read once, when the client is built. `localhost` and loopback addresses are never reached
//! through a proxy that the environment names. In a CGI program (`REQUEST_METHOD` is set) `HTTP_PROXY` may come from
//! a request's `Proxy` header, so calls that would go through it fail instead, as in Go. A variable that names no
//! usable proxy makes the calls it is meant for fail: they never go around it in silence.
//!
//! ```
//! use keepwarm::proxy::{Proxies, Proxy};
//! # fn example() -> keepwarm::Result<()> {
//! let proxy = Proxy::new("http://proxy.example:3128")?.credentials("me", "secret")?;
//! let proxies = Proxies::all(proxy).except(".internal, 10.0.0.0/8");
//! let client = keepwarm::Client::builder().proxies(proxies).build()?;
//! let without = keepwarm::Client::builder().proxies(Proxies::none()).build()?;
//! # drop((client, without)); Ok(()) }
//! # example().unwrap();
//! ```
//!
//! Credentials go to the proxy and nowhere else: no `Debug`, `Display`, error or event holds them.

mod bypass;
mod connect;
mod credentials;
mod endpoint;
mod environment;
mod handshake;
mod refused;
mod route;
mod settings;
mod socks;
mod target;
#[cfg(test)]
mod tests;

pub use endpoint::{Proxy, Scheme};
pub use refused::Refused;
pub use settings::Proxies;

pub(crate) use handshake::Handshake;
pub(crate) use route::{Names, Route, Routes, absolute_form};
pub(crate) use target::Target;
