//! `Connector`: from an origin to a stream on which HTTP can be spoken.
//!
//! Owns the order dial, TLS, protocol, each within its own time limit, and the words for what goes wrong. Refuses to
//! know the pool and what is dialed for.

use std::net::IpAddr;
use std::sync::Arc;
#[cfg(feature = "tls")]
use std::sync::OnceLock;
use std::time::Duration;

use keepwarm_core::h1;
use keepwarm_core::origin::{Origin, Scheme};
#[cfg(feature = "http2")]
use keepwarm_core::reason::CloseReason;
use keepwarm_core::reason::{Limit, Phase};

use crate::config::{Config, Versions};
use crate::conn::{Beyond, Facts, Opened, OpenedIn, Protocol, Stream};
use crate::dial::{
    Addresses, DialError, Dialed, Dialer, Resolver, TcpDialer, WithOverrides, open_files,
};
use crate::error::{Error, ErrorKind, Result};
use crate::proxy::{Handshake, Names, Proxy, Route, Routes, Target};

/// A step without a time limit still ends: nobody may hold a place without bound.
const LONGEST_STEP: Duration = Duration::from_secs(300);

pub(crate) struct Connector {
    dialer: Arc<dyn Dialer>,
    connect_timeout: Duration,
    /// Resolves what a SOCKS proxy does not.
    resolver: Arc<dyn Resolver>,
    routes: Routes,
    proxying: Proxying,
    #[cfg(feature = "http2")]
    http2: Http2,
    #[cfg(feature = "tls")]
    tls: Tls,
}

/// How a proxy is spoken to.
struct Proxying {
    timeout: Option<Duration>,
    heads: h1::Limits,
    user_agent: Option<String>,
}

/// The way to an origin: decided once for each.
pub(crate) struct Way {
    route: Route,
    /// What is dialed: the origin, or the proxy on the way.
    reached: Origin,
}

impl Way {
    /// The proxy that requests are written to, in absolute form.
    pub(crate) fn forward(&self) -> Option<&Proxy> {
        match &self.route {
            Route::Forward(proxy) => Some(proxy),
            Route::Direct | Route::Socks { .. } | Route::Tunnel(_) => None,
        }
    }
}

/// How an HTTP/2 connection is begun.
#[cfg(feature = "http2")]
struct Http2 {
    settings: crate::http2::Http2,
    head_bytes: u32,
}

/// Made for the first `https` origin: a client that speaks plain HTTP reads no certificates.
#[cfg(feature = "tls")]
struct Tls {
    settings: crate::tls::Tls,
    timeout: Duration,
    handshaker: OnceLock<std::result::Result<crate::tls::Handshaker, String>>,
}

impl Connector {
    pub(crate) fn new(config: &Config) -> Self {
        let resolver = WithOverrides::of(config);
        Self {
            dialer: dialer(config, &resolver),
            connect_timeout: config.timeouts.connect.unwrap_or(LONGEST_STEP),
            resolver,
            routes: config.proxies.routes(),
            proxying: Proxying {
                timeout: config.timeouts.proxy_handshake,
                heads: config.heads,
                user_agent: config.user_agent.clone(),
            },
            #[cfg(feature = "http2")]
            http2: Http2 {
                settings: config.http2.clone(),
                head_bytes: u32::try_from(config.heads.head_bytes).unwrap_or(u32::MAX),
            },
            #[cfg(feature = "tls")]
            tls: Tls {
                settings: config.tls.clone(),
                timeout: config.timeouts.tls_handshake.unwrap_or(LONGEST_STEP),
                handshaker: OnceLock::new(),
            },
        }
    }

    /// How long [`Connector::dial`] may take: its caller's clock limits it.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// What is known of the origin's addresses, where the dialer learns it.
    pub(crate) fn addresses(&self, origin: &Origin) -> Option<Arc<Addresses>> {
        self.dialer.addresses(origin)
    }

    /// The way to an origin: whether a proxy is on it, and what is dialed.
    ///
    /// # Errors
    /// When a proxy is demanded that cannot be used.
    pub(crate) fn way(&self, origin: &Origin, versions: Versions) -> Result<Way> {
        let route = self.routes.route(origin)?;
        if versions == Versions::Http2 && matches!(route, Route::Forward(_)) {
            let message = "HTTP/2 in the clear does not go through a proxy that forwards requests";
            return Err(Error::usage(message));
        }
        let reached = match route.proxy() {
            None => origin.clone(),
            Some(proxy) => format!("http://{}:{}", proxy.host(), proxy.port())
                .parse()
                .map_err(|error| Error::usage(format!("the proxy's address: {error}")))?,
        };
        Ok(Way { route, reached })
    }

    /// First step: opens a stream to the origin, or to the proxy on the way.
    pub(crate) async fn dial(&self, way: &Way) -> Result<Dialed> {
        self.dialer.dial(&way.reached).await.map_err(describe)
    }

    /// Second step: what has to be said to a proxy, TLS when the scheme says so, and HTTP/2 when that is what will be
    /// spoken, each within a limit of its own.
    pub(crate) async fn secure(
        &self,
        dialed: Dialed,
        origin: &Origin,
        way: &Way,
        versions: Versions,
    ) -> Result<Opened> {
        let is_plain = origin.scheme() == Scheme::Http && versions != Versions::Http2;
        if is_plain && way.route.proxy().is_none() {
            return Ok(opened(dialed, None, Beyond::default()));
        }
        // Boxed: a dial of plain HTTP, of which there may be thousands, does not carry it.
        Box::pin(self.agree(dialed, origin, way, versions)).await
    }

    #[cfg_attr(
        not(any(feature = "http2", feature = "tls")),
        allow(unused_variables, reason = "there is one version to speak")
    )]
    async fn agree(
        &self,
        mut dialed: Dialed,
        origin: &Origin,
        way: &Way,
        versions: Versions,
    ) -> Result<Opened> {
        let via = way.route.proxy().map(|proxy| Arc::clone(proxy.via()));
        if way.route.is_tls_to_proxy() {
            dialed.stream = self.encrypt_to_proxy(dialed.stream, &way.reached).await?;
        }
        self.negotiate(&mut dialed.stream, origin, way).await?;
        match origin.scheme() {
            Scheme::Http => {
                let opened = opened(dialed, None, Beyond { tls: None, via });
                #[cfg(feature = "http2")]
                if versions == Versions::Http2 {
                    return self.share(opened).await;
                }
                Ok(opened)
            }
            #[cfg(feature = "tls")]
            Scheme::Https => self.encrypt(dialed, origin, versions, via).await,
            #[cfg(not(feature = "tls"))]
            Scheme::Https => Err(no_tls()),
        }
    }

    /// Says to the proxy what has to be said before the stream leads to the origin.
    async fn negotiate(&self, stream: &mut Stream, origin: &Origin, way: &Way) -> Result<()> {
        let target = match &way.route {
            Route::Direct | Route::Forward(_) => return Ok(()),
            Route::Tunnel(_) => Target::of(origin)?,
            Route::Socks { names, .. } => self.socks_target(origin, *names).await?,
        };
        let handshake = Handshake {
            timeout: self.proxying.timeout,
            heads: self.proxying.heads,
            user_agent: self.proxying.user_agent.as_deref(),
        };
        way.route.negotiate(stream, &target, &handshake).await
    }

    async fn socks_target(&self, origin: &Origin, names: Names) -> Result<Target> {
        let is_literal = origin
            .host()
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok();
        if is_literal || names == Names::Proxy {
            return Target::of(origin);
        }
        let (host, port) = (origin.host(), origin.port());
        let failed = |why: String| Error::new(ErrorKind::Connect, Phase::Dns, why);
        let resolving =
            tokio::time::timeout(self.connect_timeout, self.resolver.resolve(host, port));
        match resolving.await {
            Ok(Ok(found)) => match found.first() {
                Some(address) => Ok(Target::address(*address)),
                None => Err(failed(format!("{host} has no address"))),
            },
            Ok(Err(error)) => Err(failed(format!("cannot resolve {host}:{port}: {error}"))),
            Err(_elapsed) => Err(Error::timeout(Limit::Connect, Phase::Dns)),
        }
    }

    #[cfg(not(feature = "tls"))]
    async fn encrypt_to_proxy(&self, _: Stream, _: &Origin) -> Result<Stream> {
        Err(no_tls())
    }

    #[cfg(feature = "tls")]
    async fn encrypt_to_proxy(&self, stream: Stream, proxy: &Origin) -> Result<Stream> {
        let only = &[crate::tls::HTTP_1_1][..];
        let (stream, _) = self.shake_hands(stream, proxy, only).await?;
        Ok(stream)
    }

    #[cfg(feature = "tls")]
    async fn shake_hands(
        &self,
        stream: Stream,
        peer: &Origin,
        offered: &[&[u8]],
    ) -> Result<(Stream, crate::tls::TlsInfo)> {
        let made = self
            .tls
            .handshaker
            .get_or_init(|| crate::tls::Handshaker::new(&self.tls.settings));
        let handshaker = match made {
            Ok(handshaker) => handshaker,
            Err(message) => {
                return Err(Error::new(ErrorKind::Tls, Phase::Tls, message.as_str()));
            }
        };
        let handshake = handshaker.shake_hands(stream, peer.host(), peer.port(), offered);
        match tokio::time::timeout(self.tls.timeout, handshake).await {
            Ok(done) => done,
            Err(_elapsed) => Err(Error::timeout(Limit::TlsHandshake, Phase::Tls)),
        }
    }

    #[cfg(feature = "tls")]
    async fn encrypt(
        &self,
        mut dialed: Dialed,
        origin: &Origin,
        versions: Versions,
        via: Option<Arc<str>>,
    ) -> Result<Opened> {
        let began = crate::clock::now();
        let offered = offered(versions);
        let (stream, info) = self.shake_hands(dialed.stream, origin, offered).await?;
        dialed.stream = stream;
        let chosen = info.alpn.as_deref() == Some("h2");
        if versions == Versions::Http2 && !chosen {
            let message = format!("{origin} does not speak HTTP/2: ALPN chose it not");
            return Err(Error::new(ErrorKind::Tls, Phase::Tls, message));
        }
        let took = Some(crate::clock::now() - began);
        let beyond = Beyond {
            tls: Some(info),
            via,
        };
        let opened = opened(dialed, took, beyond);
        #[cfg(feature = "http2")]
        if chosen {
            return self.share(opened).await;
        }
        Ok(opened)
    }

    /// Begins HTTP/2: the stream goes to a task of its own, and calls share a link to it.
    #[cfg(feature = "http2")]
    async fn share(&self, opened: Opened) -> Result<Opened> {
        let Opened {
            mut stream, facts, ..
        } = opened;
        let wire = stream.take();
        let began = crate::http2::open(wire, &self.http2.settings, self.http2.head_bytes);
        let Ok(began) = tokio::time::timeout(self.connect_timeout, began).await else {
            return Err(Error::timeout(Limit::Connect, Phase::Connect));
        };
        let (link, driver) = began.map_err(|failure| {
            let broke = matches!(failure.reason(), CloseReason::PeerBrokeProtocol(_));
            let kind = if broke {
                ErrorKind::Protocol
            } else {
                ErrorKind::Connect
            };
            let message = format!("HTTP/2 could not be begun: {}", failure.message());
            Error::new(kind, Phase::Connect, message).with_reason(failure.reason())
        })?;
        tokio::spawn(driver);
        Ok(Opened {
            stream,
            facts: facts.of_http2(),
            link: Some(Box::new(link)),
        })
    }
}

fn dialer(config: &Config, resolver: &Arc<dyn Resolver>) -> Arc<dyn Dialer> {
    match &config.dialer {
        Some(dialer) => Arc::clone(dialer),
        None => {
            let (timeout, resolver) = (config.timeouts.connect, Arc::clone(resolver));
            Arc::new(TcpDialer::new(config.socket.clone(), resolver, timeout))
        }
    }
}

fn opened(dialed: Dialed, handshake: Option<Duration>, beyond: Beyond) -> Opened {
    let opened_in = OpenedIn {
        resolving: dialed.resolved_in,
        connecting: dialed.connected_in,
        handshake,
    };
    let (local, remote) = (dialed.local, dialed.remote);
    Opened {
        facts: Facts::new(local, remote, Protocol::H1, beyond, opened_in),
        stream: dialed.stream,
        link: None,
    }
}

/// What is offered in the handshake, the preferred first.
#[cfg(feature = "tls")]
fn offered(versions: Versions) -> &'static [&'static [u8]] {
    use crate::tls::HTTP_1_1;
    const HTTP_2: &[u8] = b"h2";
    match versions {
        Versions::Both => &[HTTP_2, HTTP_1_1],
        Versions::Http1 => &[HTTP_1_1],
        Versions::Http2 => &[HTTP_2],
    }
}

/// Refuses what cannot be spoken.
pub(crate) fn check_scheme(scheme: Scheme) -> Result<()> {
    match scheme {
        Scheme::Http => Ok(()),
        #[cfg(feature = "tls")]
        Scheme::Https => Ok(()),
        #[cfg(not(feature = "tls"))]
        Scheme::Https => Err(no_tls()),
    }
}

#[cfg(not(feature = "tls"))]
fn no_tls() -> Error {
    let message = "https is not built in: enable the feature `tls` of the crate `keepwarm`";
    Error::new(ErrorKind::Tls, Phase::Tls, message)
}

/// Turns a dial's failure into the caller's error, and foresees the commonest: no more files.
fn describe(error: DialError) -> Error {
    const NO_MORE_FILES_PROCESS: i32 = 24;
    const NO_MORE_FILES_SYSTEM: i32 = 23;
    let phase = error.phase;
    if matches!(
        error.error.raw_os_error(),
        Some(NO_MORE_FILES_PROCESS | NO_MORE_FILES_SYSTEM)
    ) {
        let limit =
            open_files::limit().map_or_else(String::new, |limit| format!(" (limit {limit})"));
        let message = format!(
            "too many open files{limit}: set max_conns or max_conns_per_host below it, \
             lower max_idle, or raise it (ulimit -n)"
        );
        return Error::new(ErrorKind::Connect, phase, message)
            .with_limit(Limit::OpenFiles)
            .with_source(error);
    }
    if error.timed_out() {
        let timeout = Error::new(ErrorKind::Timeout, phase, error.to_string());
        return timeout.with_limit(Limit::Connect).with_source(error);
    }
    let kind = if phase == Phase::Tls {
        ErrorKind::Tls
    } else {
        ErrorKind::Connect
    };
    Error::new(kind, phase, error.to_string()).with_source(error)
}
