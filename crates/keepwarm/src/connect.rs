//! `Connector`: from an origin to a stream on which HTTP can be spoken.
//!
//! Owns the order dial, TLS, protocol, each within its own time limit, and the words for what goes wrong. Refuses to
//! know the pool and what is dialed for.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
#[cfg(feature = "tls")]
use std::sync::OnceLock;
use std::time::Duration;

use keepwarm_core::event::Opening;
use keepwarm_core::origin::{Origin, Scheme};
#[cfg(feature = "http2")]
use keepwarm_core::reason::CloseReason;
use keepwarm_core::reason::{Limit, Phase};

use crate::config::{Config, Settings, Versions};
use crate::conn::{Beyond, Facts, Opened, Protocol, Stream};
use crate::dial::{
    Addresses, Answer, BoxFuture, DialError, Dialed, Dialer, IpFamily, Resolver, TcpDialer,
    WithOverrides, open_files,
};
use crate::error::{Error, ErrorKind, Result};
use crate::proxy::{Handshake, Names, Proxy, Route, Routes, Target};

/// A step without a time limit still ends: nobody may hold a place without bound.
const LONGEST_STEP: Duration = Duration::from_secs(300);

/// How long a connection may take to open.
pub(crate) fn connect_timeout(settings: &Settings) -> Duration {
    settings.timeouts.connect.unwrap_or(LONGEST_STEP)
}

pub(crate) struct Connector {
    dialer: Arc<dyn Dialer>,
    /// Resolves what a SOCKS proxy does not.
    resolver: Arc<dyn Resolver>,
    family: IpFamily,
    routes: Routes,
    user_agent: Option<String>,
    #[cfg(feature = "tls")]
    tls: Tls,
}

/// The way to an origin: decided once for each.
pub(crate) struct Way {
    route: Route,
    /// What is dialed: the origin, or the proxy on the way.
    reached: Origin,
}

/// What a connection is opened for.
#[derive(Clone, Copy)]
pub(crate) struct Goal<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) way: &'a Way,
    pub(crate) settings: &'a Settings,
    /// What may be spoken: the settings' own choice, or less.
    pub(crate) versions: Versions,
    /// Whether what the server proves its name with is kept.
    #[cfg_attr(
        not(feature = "tls"),
        allow(dead_code, reason = "none is shown without TLS")
    )]
    pub(crate) keeps_certificate: bool,
}

impl Way {
    /// Whether no proxy is on it.
    pub(crate) fn is_direct(&self) -> bool {
        self.route.proxy().is_none()
    }

    /// The proxy that requests are written to, in absolute form.
    pub(crate) fn forward(&self) -> Option<&Proxy> {
        match &self.route {
            Route::Forward(proxy) => Some(proxy),
            Route::Direct | Route::Socks { .. } | Route::Tunnel(_) => None,
        }
    }
}

/// Whom TLS is spoken to, and what is offered, the preferred protocol first.
#[cfg(feature = "tls")]
struct Peer<'a> {
    origin: &'a Origin,
    offered: &'a [&'a [u8]],
    keeps_certificate: bool,
    limit: Option<Duration>,
}

/// Made for the first `https` origin: a client that speaks plain HTTP reads no certificates.
#[cfg(feature = "tls")]
struct Tls {
    settings: crate::tls::Tls,
    handshaker: OnceLock<std::result::Result<crate::tls::Handshaker, String>>,
}

impl Connector {
    pub(crate) fn new(config: &Config) -> Self {
        let resolver = WithOverrides::of(config);
        Self {
            dialer: dialer(config, &resolver),
            resolver,
            family: config.socket.addresses.family,
            routes: config.proxies.routes(),
            user_agent: config.user_agent.clone(),
            #[cfg(feature = "tls")]
            tls: Tls {
                settings: config.tls.clone(),
                handshaker: OnceLock::new(),
            },
        }
    }

    /// What is known of the origin's addresses, where the dialer learns it.
    pub(crate) fn addresses(&self, origin: &Origin) -> Option<Arc<Addresses>> {
        self.dialer.addresses(origin)
    }

    /// Asks for the addresses of the origin's name again, for [`Connector::addresses`]; none when the dialer cannot.
    pub(crate) fn ask_again<'a>(&'a self, origin: &'a Origin) -> Option<BoxFuture<'a, ()>> {
        self.dialer.ask_again(origin)
    }

    /// Whether servers prove their names to this client by their certificates.
    pub(crate) fn proves_names(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.settings.proves_names();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// The addresses of the origin's name, without dialing.
    pub(crate) async fn look_up(&self, origin: &Origin) -> io::Result<Answer> {
        let lookup = self.resolver.lookup(origin.host(), origin.port());
        lookup.whole(self.family).await
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

    /// First step: opens a stream to the origin, or to the proxy on the way. It may take [`connect_timeout`]: its
    /// caller's clock limits it.
    pub(crate) async fn dial(&self, goal: Goal<'_>) -> Result<Dialed> {
        let limit = goal.settings.timeouts.connect;
        let dialing = self.dialer.dial_within(&goal.way.reached, limit);
        let dialed = dialing.await.map_err(describe);
        match goal.way.route.proxy() {
            Some(proxy) => dialed.map_err(|error| error.of_proxy(proxy.via())),
            None => dialed,
        }
    }

    /// Second step: what has to be said to a proxy, TLS when the scheme says so, and HTTP/2 when that is what will be
    /// spoken, each within a limit of its own.
    pub(crate) async fn secure(&self, dialed: Dialed, goal: Goal<'_>) -> Result<Opened> {
        let is_plain = goal.origin.scheme() == Scheme::Http && goal.versions != Versions::Http2;
        if is_plain && goal.way.route.proxy().is_none() {
            return Ok(opened(dialed, None, Beyond::default()));
        }
        // Boxed: a dial of plain HTTP, of which there may be thousands, does not carry it.
        Box::pin(self.agree(dialed, goal)).await
    }

    async fn agree(&self, mut dialed: Dialed, goal: Goal<'_>) -> Result<Opened> {
        let route = &goal.way.route;
        let via = route.proxy().map(|proxy| Arc::clone(proxy.via()));
        if route.is_tls_to_proxy() {
            dialed.stream = self.encrypt_to_proxy(dialed.stream, goal).await?;
        }
        self.negotiate(&mut dialed.stream, goal).await?;
        match goal.origin.scheme() {
            Scheme::Http => {
                let beyond = Beyond {
                    via,
                    ..Beyond::default()
                };
                let opened = opened(dialed, None, beyond);
                #[cfg(feature = "http2")]
                if goal.versions == Versions::Http2 {
                    return share(opened, goal.settings).await;
                }
                Ok(opened)
            }
            #[cfg(feature = "tls")]
            Scheme::Https => self.encrypt(dialed, goal, via).await,
            #[cfg(not(feature = "tls"))]
            Scheme::Https => Err(no_tls()),
        }
    }

    /// Says to the proxy what has to be said before the stream leads to the origin.
    async fn negotiate(&self, stream: &mut Stream, goal: Goal<'_>) -> Result<()> {
        let target = match &goal.way.route {
            Route::Direct | Route::Forward(_) => return Ok(()),
            Route::Tunnel(_) => Target::of(goal.origin)?,
            Route::Socks { names, .. } => self.socks_target(goal, *names).await?,
        };
        let handshake = Handshake {
            timeout: goal.settings.timeouts.proxy_handshake,
            heads: goal.settings.heads,
            user_agent: self.user_agent.as_deref(),
        };
        let route = &goal.way.route;
        route.negotiate(stream, &target, &handshake).await
    }

    async fn socks_target(&self, goal: Goal<'_>, names: Names) -> Result<Target> {
        let origin = goal.origin;
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
        let resolving = self.resolver.resolve(host, port);
        match tokio::time::timeout(connect_timeout(goal.settings), resolving).await {
            Ok(Ok(found)) => match found.first() {
                Some(address) => Ok(Target::address(*address)),
                None => Err(failed(format!("{host} has no address"))),
            },
            Ok(Err(error)) => Err(failed(format!("cannot resolve {host}:{port}: {error}"))),
            Err(_elapsed) => Err(Error::timeout(Limit::Connect, Phase::Dns)),
        }
    }

    #[cfg(not(feature = "tls"))]
    async fn encrypt_to_proxy(&self, _: Stream, _: Goal<'_>) -> Result<Stream> {
        Err(no_tls())
    }

    #[cfg(feature = "tls")]
    async fn encrypt_to_proxy(&self, stream: Stream, goal: Goal<'_>) -> Result<Stream> {
        let proxy = Peer {
            origin: &goal.way.reached,
            offered: &[crate::tls::HTTP_1_1],
            keeps_certificate: false,
            limit: goal.settings.timeouts.tls_handshake,
        };
        Ok(self.shake_hands(stream, &proxy).await?.stream)
    }

    #[cfg(feature = "tls")]
    async fn shake_hands(&self, stream: Stream, peer: &Peer<'_>) -> Result<crate::tls::Agreed> {
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
        let asked = crate::tls::Asked {
            host: peer.origin.host(),
            port: peer.origin.port(),
            protocols: peer.offered,
            keeps_certificate: peer.keeps_certificate,
        };
        let handshake = handshaker.shake_hands(stream, &asked);
        let limit = peer.limit.unwrap_or(LONGEST_STEP);
        match tokio::time::timeout(limit, handshake).await {
            Ok(done) => done,
            Err(_elapsed) => Err(Error::timeout(Limit::TlsHandshake, Phase::Tls)),
        }
    }

    #[cfg(feature = "tls")]
    async fn encrypt(
        &self,
        mut dialed: Dialed,
        goal: Goal<'_>,
        via: Option<Arc<str>>,
    ) -> Result<Opened> {
        let began = crate::clock::now();
        let peer = Peer {
            origin: goal.origin,
            offered: offered(goal.versions),
            keeps_certificate: goal.keeps_certificate,
            limit: goal.settings.timeouts.tls_handshake,
        };
        let agreed = self.shake_hands(dialed.stream, &peer).await?;
        dialed.stream = agreed.stream;
        let chosen = agreed.info.alpn.as_deref() == Some("h2");
        if goal.versions == Versions::Http2 && !chosen {
            let message = format!("{} does not speak HTTP/2: ALPN chose it not", goal.origin);
            return Err(Error::new(ErrorKind::Tls, Phase::Tls, message));
        }
        let took = Some(crate::clock::now() - began);
        let beyond = Beyond {
            tls: Some(agreed.info),
            via,
            certificate: agreed.certificate.filter(|_| chosen).map(Arc::new),
            coalesced_from: None,
        };
        let opened = opened(dialed, took, beyond);
        #[cfg(feature = "http2")]
        if chosen {
            return share(opened, goal.settings).await;
        }
        Ok(opened)
    }
}

/// Begins HTTP/2: the stream goes to a task of its own, and calls share a link to it.
#[cfg(feature = "http2")]
async fn share(opened: Opened, settings: &Settings) -> Result<Opened> {
    let Opened {
        mut stream, facts, ..
    } = opened;
    let wire = stream.take();
    let began = crate::http2::open(wire, &settings.http2, settings.heads.head_bytes);
    let Ok(began) = tokio::time::timeout(connect_timeout(settings), began).await else {
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

fn dialer(config: &Config, resolver: &Arc<dyn Resolver>) -> Arc<dyn Dialer> {
    match &config.dialer {
        Some(dialer) => Arc::clone(dialer),
        None => {
            let (timeout, resolver) = (config.settings.timeouts.connect, Arc::clone(resolver));
            Arc::new(TcpDialer::new(config.socket.clone(), resolver, timeout))
        }
    }
}

fn opened(dialed: Dialed, handshake: Option<Duration>, beyond: Beyond) -> Opened {
    let took = Opening {
        resolving: dialed.resolved_in,
        connecting: dialed.connected_in,
        handshake,
    };
    let (local, remote) = (dialed.local, dialed.remote);
    Opened {
        facts: Facts::new(local, remote, Protocol::H1, beyond, took),
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
