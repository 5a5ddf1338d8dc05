//! `Route`: the way to an origin.
//!
//! Owns the decision for one origin, and which handshake it needs. Refuses to open anything.

use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;
use keepwarm_core::origin::{self, Origin};
use keepwarm_core::reason::Phase;
use tokio::io::{AsyncRead, AsyncWrite};

use super::bypass::Bypass;
use super::settings::Choose;
use super::target::Host;
use super::{Handshake, Proxy, Scheme, Target, connect, socks};
use crate::error::{Error, ErrorKind, Result};

/// The way to an origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    /// No proxy.
    Direct,
    /// The proxy forwards plain requests: they are written to it in absolute form (RFC 9112 §3.2.2), with its
    /// `Proxy-Authorization`. One connection serves all `http` origins.
    Forward(Proxy),
    /// SOCKS5: the connection behind the handshake leads to the origin.
    Socks {
        /// The proxy.
        proxy: Proxy,
        /// Who resolves the origin's name.
        names: Names,
    },
    /// CONNECT: the connection behind the handshake leads to the origin.
    Tunnel(Proxy),
}

/// Who resolves the origin's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Names {
    /// We do.
    Here,
    /// The proxy does.
    Proxy,
}

impl Route {
    fn through(proxy: Proxy, scheme: origin::Scheme) -> Self {
        match (proxy.scheme(), scheme) {
            (Scheme::Http | Scheme::Https, origin::Scheme::Http) => Self::Forward(proxy),
            (Scheme::Http | Scheme::Https, origin::Scheme::Https) => Self::Tunnel(proxy),
            (Scheme::Socks5, origin::Scheme::Http | origin::Scheme::Https) => Self::Socks {
                proxy,
                names: Names::Here,
            },
            (Scheme::Socks5h, origin::Scheme::Http | origin::Scheme::Https) => Self::Socks {
                proxy,
                names: Names::Proxy,
            },
        }
    }

    /// The proxy on the way: its host and port are dialed instead of the origin's. None: there is none.
    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        match self {
            Self::Direct => None,
            Self::Forward(proxy) | Self::Tunnel(proxy) | Self::Socks { proxy, .. } => Some(proxy),
        }
    }

    /// Whether TLS is spoken to the proxy itself, before anything else.
    pub(crate) fn is_tls_to_proxy(&self) -> bool {
        self.proxy()
            .is_some_and(|proxy| proxy.scheme() == Scheme::Https)
    }

    /// Says to the proxy what has to be said before the stream leads to `target`. Nothing, without a proxy and with
    /// one that forwards.
    ///
    /// # Errors
    /// When the proxy refuses, breaks its protocol or does not agree in time.
    pub(crate) async fn negotiate<S>(
        &self,
        stream: &mut S,
        target: &Target,
        handshake: &Handshake<'_>,
    ) -> Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self {
            Self::Direct | Self::Forward(_) => Ok(()),
            Self::Socks { proxy, names: _ } => {
                socks::connect(stream, proxy, target, handshake).await
            }
            Self::Tunnel(proxy) => connect::tunnel(stream, proxy, target, handshake).await,
        }
    }
}

/// What a request to a proxy that forwards names as its target (RFC 9112 §3.2.2).
pub(crate) fn absolute_form(uri: &Uri) -> String {
    // `Uri` writes an empty path as "/", keeps no fragment, and an origin's has no user information.
    uri.to_string()
}

/// What is used for the origins of a scheme.
#[derive(Clone, Debug)]
pub(super) enum Pick {
    Direct,
    /// The setting cannot be used, and must not be passed over.
    Refused(Arc<str>),
    Through(Proxy),
}

/// How a proxy is chosen.
#[derive(Clone)]
pub(super) enum Rule {
    By(Arc<Choose>),
    EachScheme {
        http: Pick,
        https: Pick,
        /// Whether `localhost` and loopback addresses are reached through the proxy too.
        loopback: bool,
    },
}

/// The routes of one client: its settings, read and parsed once.
pub(crate) struct Routes {
    rule: Rule,
    except: Bypass,
}

impl Routes {
    pub(super) fn new(rule: Rule, except: Bypass) -> Self {
        Self { rule, except }
    }

    /// Whether no origin has a proxy.
    pub(crate) fn is_direct(&self) -> bool {
        match &self.rule {
            Rule::By(_) => false,
            Rule::EachScheme { http, https, .. } => {
                matches!((http, https), (Pick::Direct, Pick::Direct))
            }
        }
    }

    /// The way to an origin. To be asked once for each origin, and kept.
    ///
    /// # Errors
    /// When the environment demands a proxy that cannot be used.
    pub(crate) fn route(&self, origin: &Origin) -> Result<Route> {
        if self.is_direct() || self.except.covers(origin.host(), origin.port()) {
            return Ok(Route::Direct);
        }
        let pick = match &self.rule {
            Rule::By(choose) => choose(origin).into(),
            Rule::EachScheme {
                loopback: false, ..
            } if is_loopback(origin.host()) => Pick::Direct,
            Rule::EachScheme { http, https, .. } => match origin.scheme() {
                origin::Scheme::Http => http.clone(),
                origin::Scheme::Https => https.clone(),
            },
        };
        match pick {
            Pick::Direct => Ok(Route::Direct),
            Pick::Refused(why) => Err(Error::new(ErrorKind::Proxy, Phase::Connect, why.as_ref())),
            Pick::Through(proxy) => Ok(Route::through(proxy, origin.scheme())),
        }
    }
}

/// Whether a host is this machine, whatever its addresses (RFC 6761 §6.3).
fn is_loopback(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Address(address)) => match address {
            IpAddr::V4(address) => address.is_loopback(),
            IpAddr::V6(address) => address.to_canonical().is_loopback(),
        },
        Ok(Host::Name(name)) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            name == "localhost" || name.ends_with(".localhost")
        }
        Err(_) => false,
    }
}
