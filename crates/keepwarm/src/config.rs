//! `Config`: every setting of a client, with its unit, its default and what none means.
//!
//! Owns the numbers and the presets. Refuses to change once a client is built from it: see `Client::retune`.

mod origins;
mod settings;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keepwarm_core::event::{Observer, PoolLimits};
use keepwarm_core::pool;

pub use keepwarm_core::retry::Policy as RetryPolicy;
pub use origins::OriginConfig;
pub(crate) use origins::Origins;
pub(crate) use settings::{Settings, Versions};

use crate::client::Client;
use crate::dial::{AddressOptions, Dialer, IpFamily, Resolver};
use crate::error::{Error, Result};
use crate::proxy::Proxies;
use crate::redirect::Redirects;

/// The settings of a client. Build one with [`Client::builder`] or a preset, then [`Config::build`].
///
/// Durations and counts given as `Option`: none means "no limit". Setters take the plain value or an `Option`.
#[derive(Clone)]
pub struct Config {
    pub(crate) limits: Limits,
    pub(crate) settings: Settings,
    origins: origins::Given,
    pub(crate) socket: SocketOptions,
    pub(crate) retry: RetryPolicy,
    pub(crate) redirects: Redirects,
    pub(crate) decompress: bool,
    pub(crate) user_agent: Option<String>,
    pub(crate) overrides: HashMap<(String, u16), Vec<SocketAddr>>,
    pub(crate) resolver: Option<Arc<dyn Resolver>>,
    pub(crate) dialer: Option<Arc<dyn Dialer>>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) proxies: Proxies,
    #[cfg(feature = "tls")]
    pub(crate) tls: crate::tls::Tls,
}

/// The settings of the pool: those that [`Client::retune`] may change while the client is in use.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Keep connections for further requests. Default true. False also sends `Connection: close`.
    pub keep_alive: bool,
    /// Idle connections over all origins. Default 100; none: no limit. Above it the one idle longest is closed.
    pub max_idle: Option<usize>,
    /// Idle connections per origin. Default 100; 0: keep none; none: no limit.
    pub max_idle_per_host: Option<usize>,
    /// Open connections (dialing, active, idle) over all origins. Default none.
    pub max_conns: Option<usize>,
    /// Open connections (dialing, active, idle) per origin. Default none.
    pub max_conns_per_host: Option<usize>,
    /// Connections of one origin being opened at the same time; further calls wait for these, or for one that is
    /// freed. Default 256, at least 1: more would only queue up before the server.
    pub max_dials_per_host: usize,
    /// How long a connection may be idle. Default 30 s; none: for ever.
    pub idle_timeout: Option<Duration>,
    /// How old a connection may get before it is not used again. Default none. Each connection draws up to a
    /// tenth off, so that connections opened together do not all end together.
    pub max_lifetime: Option<Duration>,
    /// Requests per connection. Default none.
    pub max_requests_per_connection: Option<u64>,
    /// Calls that may wait for a connection of one origin. Default 16 384; none: no limit.
    pub max_waiters: Option<usize>,
    /// Honour the server's `Keep-Alive: timeout=, max=`, less a margin. Default true.
    pub honour_server_hint: bool,
    /// Learn each server's idle timeout from the closes it makes. Default true.
    pub learning: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keep_alive: true,
            max_idle: Some(100),
            max_idle_per_host: Some(100),
            max_conns: None,
            max_conns_per_host: None,
            max_dials_per_host: 256,
            idle_timeout: Some(Duration::from_secs(30)),
            max_lifetime: None,
            max_requests_per_connection: None,
            max_waiters: Some(16_384),
            honour_server_hint: true,
            learning: true,
        }
    }
}

impl Limits {
    /// Refuses limits under which no call could ever be served.
    pub(crate) fn check(&self) -> Result<()> {
        let zero = [
            ("max_conns", self.max_conns == Some(0)),
            ("max_conns_per_host", self.max_conns_per_host == Some(0)),
            (
                "max_requests_per_connection",
                self.max_requests_per_connection == Some(0),
            ),
        ];
        match zero.iter().find(|(_, is_zero)| *is_zero) {
            Some((name, _)) => Err(Error::usage(format!(
                "{name} must not be 0: no call could be served (leave it out for no limit)"
            ))),
            None => Ok(()),
        }
    }

    /// What an observer is told of them.
    pub(crate) fn told(&self) -> PoolLimits {
        PoolLimits {
            keep_alive: self.keep_alive,
            max_idle: self.max_idle,
            max_idle_per_host: self.max_idle_per_host,
            max_conns: self.max_conns,
            max_conns_per_host: self.max_conns_per_host,
            idle_timeout: self.idle_timeout,
            max_lifetime: self.max_lifetime,
            max_requests_per_connection: self.max_requests_per_connection,
        }
    }

    pub(crate) fn machine(&self) -> pool::Limits {
        pool::Limits {
            keep_alive: self.keep_alive,
            max_idle_per_host: self.max_idle_per_host,
            max_conns_per_host: self.max_conns_per_host,
            max_dials_per_host: Some(self.max_dials_per_host),
            idle_timeout: self.idle_timeout,
            max_lifetime: self.max_lifetime,
            lifetime_jitter: 0.1,
            max_requests_per_connection: self.max_requests_per_connection,
            max_waiters: self.max_waiters,
            honour_hint: self.honour_server_hint,
            learn: self.learning,
        }
    }
}

/// How sockets are opened.
#[derive(Clone, Debug)]
pub(crate) struct SocketOptions {
    pub(crate) nodelay: bool,
    pub(crate) keepalive: Option<TcpKeepalive>,
    pub(crate) local_address: Option<IpAddr>,
    pub(crate) user_timeout: Option<Duration>,
    pub(crate) unix_socket: Option<PathBuf>,
    pub(crate) addresses: AddressOptions,
}

/// Probing of silent TCP connections by the operating system (not HTTP keep-alive).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpKeepalive {
    /// Silence before the first probe. Default 15 s.
    pub idle: Duration,
    /// Time between probes. Default 15 s.
    pub interval: Duration,
    /// Unanswered probes until the connection is dead. Default 9.
    pub count: u32,
}

impl Default for TcpKeepalive {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(15),
            interval: Duration::from_secs(15),
            count: 9,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            settings: Settings::default(),
            origins: origins::Given::default(),
            socket: SocketOptions {
                nodelay: true,
                keepalive: Some(TcpKeepalive::default()),
                local_address: None,
                user_timeout: None,
                unix_socket: None,
                addresses: AddressOptions::default(),
            },
            retry: RetryPolicy::Go,
            redirects: Redirects::none(),
            decompress: false,
            user_agent: Some(concat!("keepwarm/", env!("CARGO_PKG_VERSION")).to_owned()),
            overrides: HashMap::new(),
            resolver: None,
            dialer: None,
            observer: None,
            proxies: Proxies::environment(),
            #[cfg(feature = "tls")]
            tls: crate::tls::Tls::new(),
        }
    }
}

impl Config {
    /// For services that call few hosts at high concurrency: 512 idle connections per origin and 4 096 in all,
    /// idle timeout 90 s, response header timeout 10 s. Check the limit on open files: [`Client::advice`] does.
    pub fn busy() -> Self {
        Self::default()
            .max_idle(4096)
            .max_idle_per_host(512)
            .idle_timeout(Duration::from_secs(90))
            .response_header_timeout(Duration::from_secs(10))
    }

    /// The numbers of Go 1.27's `http.DefaultTransport`: 2 idle connections per host, 100 in all, idle timeout
    /// 90 s, connect timeout 30 s, heads up to 10 MiB, no hint from the server and no learning.
    pub fn go() -> Self {
        Self::default()
            .max_idle(100)
            .max_idle_per_host(2)
            .idle_timeout(Duration::from_secs(90))
            .connect_timeout(Duration::from_secs(30))
            .max_head_bytes(10 * 1024 * 1024)
            .tcp_keepalive(TcpKeepalive {
                idle: Duration::from_secs(30),
                ..TcpKeepalive::default()
            })
            .honour_server_hint(false)
            .learning(false)
    }

    /// Builds the client. From here on the settings are fixed.
    ///
    /// # Errors
    /// When settings contradict each other or cannot work.
    pub fn build(self) -> Result<Client> {
        Client::from_config(self)
    }
}

/// One setter per field: `field(value)` sets `self.$path`. Those of optional fields take the plain value too.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty => $($path:ident).+;)*) => {
        impl Config {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(mut self, value: $type) -> Self {
                self.$($path).+ = value.into();
                self
            })*
        }
    };
}

setters! {
    /// See [`Limits::keep_alive`].
    keep_alive: bool => limits.keep_alive;
    /// See [`Limits::max_idle`].
    max_idle: impl Into<Option<usize>> => limits.max_idle;
    /// See [`Limits::max_idle_per_host`].
    max_idle_per_host: impl Into<Option<usize>> => limits.max_idle_per_host;
    /// See [`Limits::max_conns`].
    max_conns: impl Into<Option<usize>> => limits.max_conns;
    /// See [`Limits::max_conns_per_host`].
    max_conns_per_host: impl Into<Option<usize>> => limits.max_conns_per_host;
    /// See [`Limits::max_dials_per_host`].
    max_dials_per_host: usize => limits.max_dials_per_host;
    /// See [`Limits::idle_timeout`].
    idle_timeout: impl Into<Option<Duration>> => limits.idle_timeout;
    /// See [`Limits::max_lifetime`].
    max_lifetime: impl Into<Option<Duration>> => limits.max_lifetime;
    /// See [`Limits::max_requests_per_connection`].
    max_requests_per_connection: Option<u64> => limits.max_requests_per_connection;
    /// See [`Limits::max_waiters`].
    max_waiters: impl Into<Option<usize>> => limits.max_waiters;
    /// See [`Limits::honour_server_hint`].
    honour_server_hint: bool => limits.honour_server_hint;
    /// See [`Limits::learning`].
    learning: bool => limits.learning;
    /// Time to open a connection, name resolution included. Default 10 s; none: as long as the system tries.
    connect_timeout: impl Into<Option<Duration>> => settings.timeouts.connect;
    /// Time for the TLS handshake, once the connection is open. Default 10 s; none: as long as the server takes, up
    /// to five minutes.
    tls_handshake_timeout: impl Into<Option<Duration>> => settings.timeouts.tls_handshake;
    /// Time to the response head, counted from the last byte of the request that could be written: it also runs
    /// while an upload stalls. Default none. Does not include the body.
    response_header_timeout: impl Into<Option<Duration>> => settings.timeouts.response_header;
    /// Time in which not one byte of the request could be written. Default none.
    write_stall_timeout: impl Into<Option<Duration>> => settings.timeouts.write_stall;
    /// Time between two reads of a response body, while the caller is waiting. Default none.
    read_idle_timeout: impl Into<Option<Duration>> => settings.timeouts.read_idle;
    /// Time a call may wait for a connection. Default none. Includes the time its own dial takes.
    queue_timeout: impl Into<Option<Duration>> => settings.timeouts.queue;
    /// Time for the whole call, retries and body included. Default none.
    total_timeout: impl Into<Option<Duration>> => settings.timeouts.total;
    /// How long to wait for `100 Continue` before the body is sent anyway. Default 1 s; none: do not wait.
    expect_timeout: impl Into<Option<Duration>> => settings.expect_timeout;
    /// How many bytes of an unread body may be drained to save its connection; what remains counts, not the
    /// whole. Default 256 KiB; 0: never drain what has not arrived.
    drain_bytes: u64 => settings.drain_bytes;
    /// How long draining may take. Default 50 ms.
    drain_time: Duration => settings.drain_time;
    /// Bytes of a response head. Default 64 KiB.
    max_head_bytes: usize => settings.heads.head_bytes;
    /// Header fields of a response head. Default 256.
    max_header_fields: usize => settings.heads.header_fields;
    /// Which requests are sent again after the idle-close race. Default [`RetryPolicy::Go`].
    retry: RetryPolicy => retry;
    /// Whether redirects are followed. Default [`Redirects::none`], as Go's `http.Transport`. Holds for the tower face
    /// too.
    redirects: Redirects => redirects;
    /// Ask for compressed bodies and decode them, in the codings whose cargo features are on (`gzip`, `deflate`,
    /// `brotli`, `zstd`). Default false: bodies are given as they were sent. Nothing is asked for when a request has a
    /// `Range` or an `Accept-Encoding` of its own, or is a `HEAD`; and nothing is decoded that was not asked for.
    decompress: bool => decompress;
    /// How many times as long as its coded form a decoded body may become, once it is longer than 1 MiB; more is an
    /// error that names the limit `decode-ratio`. Default 1000; none: no limit. Gzip cannot exceed 1032.
    max_decode_ratio: impl Into<Option<u64>> => settings.max_decode_ratio;
    /// The `User-Agent` when a request has none. Default `keepwarm/VERSION`; none: none is sent.
    user_agent: impl Into<Option<String>> => user_agent;
    /// Send small packets at once (`TCP_NODELAY`). Default true.
    tcp_nodelay: bool => socket.nodelay;
    /// Probing of silent connections by the operating system. Default 15 s, 15 s, 9; none: off.
    tcp_keepalive: impl Into<Option<TcpKeepalive>> => socket.keepalive;
    /// How long sent bytes may stay unacknowledged (`TCP_USER_TIMEOUT`, Linux). Default none: the system's.
    tcp_user_timeout: impl Into<Option<Duration>> => socket.user_timeout;
    /// The address to connect from. Default none: the system chooses.
    local_address: impl Into<Option<IpAddr>> => socket.local_address;
    /// Which proxy is used for which origin; a [`Proxy`](crate::proxy::Proxy) is used for all. Default: those that the
    /// environment names when the client is built (`HTTP_PROXY` and its like), as in Go.
    proxies: impl Into<Proxies> => proxies;
    /// Time for a proxy to agree to a tunnel (CONNECT or SOCKS), on an open connection to it. Default 10 s; none: no
    /// limit. Its own TLS handshake has [`tls_handshake_timeout`](Self::tls_handshake_timeout).
    proxy_handshake_timeout: impl Into<Option<Duration>> => settings.timeouts.proxy_handshake;
    /// Connect to this Unix socket, whatever the URL's host says. Default none.
    unix_socket: impl Into<Option<PathBuf>> => socket.unix_socket;
    /// Which addresses of a name are used. Default both families, raced (RFC 8305). A literal address is used as it is.
    ip_family: IpFamily => socket.addresses.family;
    /// From one attempt's start to the next address's, while the first has neither connected nor failed. Default
    /// 250 ms (RFC 8305 §5), taken as at least 10 ms and at most 2 s; none: one after the other. Go starts the second
    /// family after 300 ms, and tries the addresses of one family one after the other.
    attempt_delay: impl Into<Option<Duration>> => socket.addresses.attempt_delay;
    /// How long IPv4 addresses wait for the answer about IPv6, where a resolver asks for them apart. Default 50 ms
    /// (RFC 8305 §3), at most 2 s; 0: do not wait.
    resolution_delay: Duration => socket.addresses.resolution_delay;
    /// Begin each dial with the next address of the name, so that connections are spread over all of them. Default
    /// false: in the resolver's order (as Go does), the address that worked last before one that did not.
    spread_addresses: bool => socket.addresses.spread;
}

impl Config {
    /// Uses this address for a host and port instead of asking the resolver. May be given several times.
    #[must_use]
    pub fn resolve(mut self, host: &str, port: u16, address: SocketAddr) -> Self {
        let key = (host.to_ascii_lowercase(), port);
        self.overrides.entry(key).or_default().push(address);
        self
    }

    /// Replaces name resolution. Default: the operating system's.
    #[must_use]
    pub fn resolver(mut self, resolver: impl Resolver) -> Self {
        self.resolver = Some(Arc::new(resolver));
        self
    }

    /// Speaks HTTP/1.1 only. Default: on `https`, what the server chooses of HTTP/2 and HTTP/1.1 (ALPN); on `http`,
    /// HTTP/1.1.
    #[must_use]
    pub fn http1_only(mut self) -> Self {
        self.settings.versions = Versions::Http1;
        self
    }

    /// Speaks HTTP/2 only: on `http` with prior knowledge (RFC 9113 §3.3), on `https` a server that does not choose it
    /// is an error.
    #[cfg(feature = "http2")]
    #[must_use]
    pub fn http2_only(mut self) -> Self {
        self.settings.versions = Versions::Http2;
        self
    }

    /// The numbers of HTTP/2: windows, streams, PINGs.
    #[cfg(feature = "http2")]
    #[must_use]
    pub fn http2(mut self, http2: crate::http2::Http2) -> Self {
        self.settings.http2 = http2;
        self
    }

    /// How `https` origins are spoken to. Default: certificates verified as the platform does, TLS 1.2 and 1.3.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: crate::tls::Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Wraps or replaces the dialing of connections; TLS comes on top of what it opens. Default:
    /// [`crate::dial::TcpDialer`].
    #[must_use]
    pub fn dialer(mut self, dialer: impl Dialer) -> Self {
        self.dialer = Some(Arc::new(dialer));
        self
    }

    /// Sends every event to an observer. Default none: then events cost nothing.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The pool's settings, as [`Client::retune`] takes them.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Refuses settings that cannot work.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(agent) = &self.user_agent
            && http::HeaderValue::from_str(agent).is_err()
        {
            return Err(Error::usage("user_agent must not hold control characters"));
        }
        #[cfg(feature = "tls")]
        self.tls.check()?;
        if self.decompress {
            crate::decode::check()?;
        }
        self.settings.check()?;
        self.limits.check()?;
        self.origins.check(&self.limits, &self.settings)
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("limits", &self.limits)
            .field("settings", &self.settings)
            .field("origins", &self.origins)
            .field("socket", &self.socket)
            .field("retry", &self.retry)
            .field("proxies", &self.proxies)
            .finish_non_exhaustive()
    }
}
