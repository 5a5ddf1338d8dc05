//! HTTPS: settings, handshakes, and what an answer tells of them.
//!
//! Owns everything that knows the TLS library (rustls, with aws-lc-rs); none of its types leaves this module.
//! Refuses to know dialing, proxies and what is spoken upon it.
//!
//! `https` origins need the feature `tls`, which is on by default. Without settings the platform's certificates are
//! trusted:
//!
//! ```no_run
//! # async fn example() -> keepwarm::Result<()> {
//! let client = keepwarm::Client::new();
//! let response = client.get("https://example.com/").send().await?;
//! println!("{}", response.connection()); // #1 new (…), h1, TLS 1.3, 192.0.2.1:443
//! # Ok(()) }
//! ```
//!
#![cfg_attr(
    feature = "tls",
    doc = "[`Tls`] has everything else: roots, client certificates, versions, names, sessions."
)]

#[cfg(feature = "tls")]
mod certificate;
#[cfg(feature = "tls")]
mod connector;
#[cfg(feature = "tls")]
mod failure;
mod fault;
#[cfg(feature = "tls")]
mod handshake;
#[cfg(feature = "tls")]
mod key_log;
#[cfg(feature = "tls")]
mod material;
#[cfg(not(feature = "tls"))]
mod no_certificate;
#[cfg(feature = "tls")]
mod settings;
#[cfg(feature = "tls")]
mod stream;
#[cfg(feature = "tls")]
mod verify;

#[cfg(feature = "tls")]
pub(crate) use certificate::Certificate;
#[cfg(feature = "tls")]
pub use connector::TlsConnector;
pub(crate) use fault::TlsFault;
#[cfg(feature = "tls")]
pub(crate) use handshake::{Agreed, Asked, HTTP_1_1, Handshaker};
pub use keepwarm_core::event::{TlsInfo, TlsVersion};
#[cfg(not(feature = "tls"))]
pub(crate) use no_certificate::Certificate;
#[cfg(feature = "tls")]
pub use settings::Tls;
