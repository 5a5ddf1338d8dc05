//! `TransportArgs`: the options of the transport, the same group for every command.
//!
//! Owns their names and the way to a `Config`: the preset first, single options over it.
//! Refuses to know what the numbers do; the library documents that.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use keepwarm::dial::IpFamily;
use keepwarm::http2::Http2;
use keepwarm::{Config, Redirects, RetryPolicy};

use super::origin::{self, OwnSettings};
use super::proxy::ProxyArgs;
use super::quantity::{self, Ceiling};
use super::tls::TlsArgs;

/// What the command calls itself unless `-H` says otherwise.
pub(crate) const USER_AGENT: &str = concat!("keepwarm/", env!("CARGO_PKG_VERSION"));

const POOL: &str = "Pool (counts: off = no limit)";
const TIMEOUTS: &str = "Timeouts (as 250ms, 5s, 2m; 0 or off = no limit)";
const EXCHANGE: &str = "Exchanges";
const PROTOCOL: &str = "Protocol";
const ADDRESS: &str = "Addresses";
const ORIGIN: &str = "Origins";

#[derive(Args, Clone, Debug)]
pub(crate) struct TransportArgs {
    /// Where the settings start from; single options override it
    #[arg(long, value_enum, default_value_t = Preset::Default, help_heading = POOL)]
    preset: Preset,
    /// Idle connections over all origins [default: 100; 0 = keep none]
    #[arg(long, value_name = "N", value_parser = quantity::count, help_heading = POOL)]
    max_idle: Option<Ceiling<usize>>,
    /// Idle connections per origin [default: 100; 0 = keep none]
    #[arg(long, value_name = "N", value_parser = quantity::count, help_heading = POOL)]
    max_idle_per_host: Option<Ceiling<usize>>,
    /// Open connections over all origins [default: off]
    #[arg(long, value_name = "N", value_parser = quantity::count, help_heading = POOL)]
    max_conns: Option<Ceiling<usize>>,
    /// Open connections per origin [default: off]
    #[arg(long, value_name = "N", value_parser = quantity::count, help_heading = POOL)]
    max_conns_per_host: Option<Ceiling<usize>>,
    /// How long a connection may be idle [default: 30s; 0 or off = for ever]
    #[arg(long, value_name = "TIME", value_parser = quantity::timeout, help_heading = POOL)]
    idle_timeout: Option<Ceiling<Duration>>,
    /// How old a connection may get [default: off]
    #[arg(long, value_name = "TIME", value_parser = quantity::timeout, help_heading = POOL)]
    max_lifetime: Option<Ceiling<Duration>>,
    /// Requests per connection [default: off]
    #[arg(long, value_name = "N", value_parser = quantity::count, help_heading = POOL)]
    max_requests_per_connection: Option<Ceiling<usize>>,
    /// Close each connection after one exchange, and say so
    #[arg(long, help_heading = POOL)]
    no_keep_alive: bool,
    /// Do not heed the server's Keep-Alive: timeout=, max=
    #[arg(long, help_heading = POOL)]
    ignore_server_hint: bool,
    /// Do not learn the server's idle timeout from its closes
    #[arg(long, help_heading = POOL)]
    no_learning: bool,

    /// To open a connection, name resolution included [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = quantity::timeout, help_heading = TIMEOUTS)]
    connect_timeout: Option<Ceiling<Duration>>,
    /// For the TLS handshake, on an open connection [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = quantity::timeout, help_heading = TIMEOUTS)]
    tls_handshake_timeout: Option<Ceiling<Duration>>,
    /// For a proxy to agree to a tunnel, on an open connection to it [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = quantity::timeout, help_heading = TIMEOUTS)]
    proxy_handshake_timeout: Option<Ceiling<Duration>>,
    /// From the request to the response head; also runs while an upload stalls [default: off]
    #[arg(long, value_name = "TIME", value_parser = quantity::timeout, help_heading = TIMEOUTS)]
    response_header_timeout: Option<Ceiling<Duration>>,
    /// Between two reads of a response body [default: off]
    #[arg(long, value_name = "TIME", value_parser = quantity::timeout, help_heading = TIMEOUTS)]
    read_idle_timeout: Option<Ceiling<Duration>>,
    /// Without one byte of the request written [default: off]
    #[arg(long, value_name = "TIME", value_parser = quantity::timeout, help_heading = TIMEOUTS)]
    write_stall_timeout: Option<Ceiling<Duration>>,
    /// To wait for a connection [default: off]
    #[arg(long, value_name = "TIME", value_parser = quantity::timeout, help_heading = TIMEOUTS)]
    queue_timeout: Option<Ceiling<Duration>>,
    /// For the whole call, retries and body included [default: off]
    #[arg(long, value_name = "TIME", value_parser = quantity::timeout, help_heading = TIMEOUTS)]
    timeout: Option<Ceiling<Duration>>,
    /// To wait for 100 Continue before the body is sent anyway [default: 1s; 0 or off = do not wait]
    #[arg(long, value_name = "TIME", value_parser = quantity::timeout, help_heading = TIMEOUTS)]
    expect_timeout: Option<Ceiling<Duration>>,

    /// Speak HTTP/1.1 only
    #[arg(long, group = "versions", help_heading = PROTOCOL)]
    http1: bool,
    /// On https prefer HTTP/2, which the server may decline (ALPN); on http speak HTTP/1.1. This is the default
    #[arg(long, group = "versions", help_heading = PROTOCOL)]
    http2: bool,
    /// Speak HTTP/2 only, on http too, without asking first
    #[arg(long, group = "versions", help_heading = PROTOCOL)]
    http2_prior_knowledge: bool,
    /// On https use an HTTP/2 connection of another origin when its certificate covers the name and the name leads to
    /// its address
    #[arg(long, conflicts_with = "http1", help_heading = PROTOCOL)]
    coalesce: bool,

    /// Other settings for one origin; may be given several times. The names are those of these options, without
    /// dashes: https://host:port,max-conns-per-host=4,idle-timeout=5s,http1
    #[arg(long, value_name = "ORIGIN,NAME=VALUE,...", value_parser = origin::typed, help_heading = ORIGIN)]
    origin: Vec<origin::Typed>,

    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    proxy: ProxyArgs,

    /// Follow redirects; credentials go to the first origin only
    #[arg(short = 'L', long, help_heading = EXCHANGE)]
    location: bool,
    /// Redirects followed at most; one more is an error
    #[arg(long, value_name = "N", default_value_t = 10, requires = "location", help_heading = EXCHANGE)]
    max_redirs: usize,
    /// Ask for compressed bodies (gzip, deflate, br, zstd) and write them decoded
    #[arg(long, help_heading = EXCHANGE)]
    compressed: bool,
    /// Bytes of an unread body that may be drained to save its connection [default: 256k]
    #[arg(long, value_name = "BYTES", value_parser = quantity::size, help_heading = EXCHANGE)]
    drain_bytes: Option<u64>,
    /// How long draining may take [default: 50ms; 0 = not at all]
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, help_heading = EXCHANGE)]
    drain_time: Option<Duration>,
    /// Bytes of a response head [default: 64k]
    #[arg(long, value_name = "BYTES", value_parser = quantity::length, help_heading = EXCHANGE)]
    max_head_bytes: Option<usize>,
    /// Which requests are sent again when the server closed the idle connection they met
    #[arg(long, value_enum, default_value_t = Retry::Go, help_heading = EXCHANGE)]
    retry: Retry,

    /// Use this address for a host and port; may be given several times
    #[arg(long, value_name = "HOST:PORT:ADDR", value_parser = resolve, help_heading = ADDRESS)]
    resolve: Vec<(String, SocketAddr)>,
    /// Connect to this Unix socket, whatever the URL's host says
    #[arg(long, value_name = "PATH", help_heading = ADDRESS)]
    unix_socket: Option<PathBuf>,
    /// Connect from this address
    #[arg(long, value_name = "IP", help_heading = ADDRESS)]
    local_address: Option<IpAddr>,
    /// Use the IPv4 addresses of names only
    #[arg(short = '4', long, conflicts_with_all = ["ipv6", "unix_socket"], help_heading = ADDRESS)]
    ipv4: bool,
    /// Use the IPv6 addresses of names only
    #[arg(short = '6', long, conflicts_with = "unix_socket", help_heading = ADDRESS)]
    ipv6: bool,
    /// Begin each new connection with the next address of the name, instead of the resolver's first
    #[arg(long, conflicts_with = "unix_socket", help_heading = ADDRESS)]
    spread_addresses: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Preset {
    /// 100 idle connections, 30 s
    Default,
    /// For few hosts at high concurrency: 512 idle per host, 90 s, response head within 10 s
    Busy,
    /// The numbers of Go's http.DefaultTransport: 2 idle per host, 90 s, no learning
    Go,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Retry {
    /// GET, HEAD, OPTIONS, TRACE, and what carries an Idempotency-Key
    Go,
    /// As go, and PUT and DELETE
    Rfc,
    /// None
    Never,
}

/// Applies the options that were given: `set!(config, self; setter <- field via conversion; …)`.
macro_rules! set {
    ($config:ident, $args:ident; $($setter:ident <- $field:ident via $convert:expr;)*) => {
        $(if let Some(value) = $args.$field.clone() {
            $config = $config.$setter($convert(value));
        })*
    };
}

impl TransportArgs {
    /// The settings that these options mean.
    ///
    /// # Errors
    /// A sentence about options that contradict each other or cannot be read.
    pub(crate) fn config(&self) -> Result<Config, String> {
        let mut config = match self.preset {
            Preset::Default => Config::default(),
            Preset::Busy => Config::busy(),
            Preset::Go => Config::go(),
        };
        set! { config, self;
            max_idle <- max_idle via Ceiling::limit;
            max_idle_per_host <- max_idle_per_host via Ceiling::limit;
            max_conns <- max_conns via Ceiling::limit;
            max_conns_per_host <- max_conns_per_host via Ceiling::limit;
            idle_timeout <- idle_timeout via Ceiling::limit;
            max_lifetime <- max_lifetime via Ceiling::limit;
            max_requests_per_connection <- max_requests_per_connection via quantity::wide;
            connect_timeout <- connect_timeout via Ceiling::limit;
            tls_handshake_timeout <- tls_handshake_timeout via Ceiling::limit;
            proxy_handshake_timeout <- proxy_handshake_timeout via Ceiling::limit;
            response_header_timeout <- response_header_timeout via Ceiling::limit;
            read_idle_timeout <- read_idle_timeout via Ceiling::limit;
            write_stall_timeout <- write_stall_timeout via Ceiling::limit;
            queue_timeout <- queue_timeout via Ceiling::limit;
            total_timeout <- timeout via Ceiling::limit;
            expect_timeout <- expect_timeout via Ceiling::limit;
            drain_bytes <- drain_bytes via |bytes| bytes;
            drain_time <- drain_time via |time| time;
            max_head_bytes <- max_head_bytes via |bytes| bytes;
            unix_socket <- unix_socket via |path| path;
            local_address <- local_address via |address| address;
        }
        if self.no_keep_alive {
            config = config.keep_alive(false);
        }
        if self.ignore_server_hint {
            config = config.honour_server_hint(false);
        }
        if self.no_learning {
            config = config.learning(false);
        }
        for (host, address) in &self.resolve {
            config = config.resolve(host, address.port(), *address);
        }
        config = self.versions(config).http2(Http2 {
            coalesce: self.coalesce,
            ..Http2::default()
        });
        for origin::Typed(own) in &self.origin {
            let own = own
                .as_ref()
                .map_err(|mistake| format!("--origin: {mistake}"))?;
            config = config.origin(&own.url, own.changes.clone());
        }
        Ok(config
            .tls(self.tls.settings()?)
            .proxies(self.proxy.settings()?)
            .ip_family(self.family()?)
            .spread_addresses(self.spread_addresses)
            .redirects(self.redirects())
            .decompress(self.compressed)
            .user_agent(USER_AGENT.to_owned())
            .retry(match self.retry {
                Retry::Go => RetryPolicy::Go,
                Retry::Never => RetryPolicy::Never,
                Retry::Rfc => RetryPolicy::Rfc,
            }))
    }

    /// `--http2` is the default, in words.
    fn versions(&self, config: Config) -> Config {
        if self.http1 {
            config.http1_only()
        } else if self.http2_prior_knowledge {
            config.http2_only()
        } else {
            config
        }
    }

    fn own_settings(&self) -> impl DoubleEndedIterator<Item = &OwnSettings> {
        self.origin.iter().filter_map(|typed| typed.0.as_ref().ok())
    }

    fn family(&self) -> Result<IpFamily, String> {
        let family = match (self.ipv4, self.ipv6) {
            (true, _) => IpFamily::V4,
            (false, true) => IpFamily::V6,
            (false, false) => IpFamily::Any,
        };
        let local = self
            .local_address
            .map(|address| SocketAddr::new(address, 0));
        match local {
            Some(local) if !family.has(&local) => Err(format!(
                "--local-address {} cannot reach addresses of the other family (see -4, -6)",
                local.ip()
            )),
            Some(_) | None => Ok(family),
        }
    }

    fn redirects(&self) -> Redirects {
        if self.location {
            Redirects::up_to(self.max_redirs)
        } else {
            Redirects::none()
        }
    }

    /// Whether compressed bodies are asked for.
    pub(crate) fn decompresses(&self) -> bool {
        self.compressed
    }

    /// Whether these options ask for more connections than the defaults do.
    pub(crate) fn raises_limits(&self) -> bool {
        self.preset == Preset::Busy
            || [
                self.max_idle,
                self.max_idle_per_host,
                self.max_conns,
                self.max_conns_per_host,
            ]
            .iter()
            .any(Option::is_some)
            || self.own_settings().any(|own| own.raises_limits)
    }
}

fn resolve(text: &str) -> Result<(String, SocketAddr), String> {
    let parts = text.split_once(':').and_then(|(host, rest)| {
        let (port, address) = rest.split_once(':')?;
        let port: u16 = port.parse().ok()?;
        let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
        (!host.is_empty()).then(|| (host.to_owned(), SocketAddr::new(address, port)))
    });
    parts.ok_or_else(|| "write HOST:PORT:ADDRESS, like example.test:8080:127.0.0.1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        transport: TransportArgs,
    }

    fn parse(options: &[&str]) -> TransportArgs {
        let words = std::iter::once("keepwarm").chain(options.iter().copied());
        Alone::parse_from(words).transport
    }

    #[test]
    fn without_options_the_settings_are_the_defaults() {
        assert_eq!(
            parse(&[]).config().unwrap().limits(),
            Config::default().limits()
        );
        assert!(!parse(&[]).raises_limits());
    }

    #[test]
    fn single_options_override_the_preset_wherever_they_stand() {
        for order in [
            ["--max-idle=7", "--preset=go"],
            ["--preset=go", "--max-idle=7"],
        ] {
            let config = parse(&order).config().unwrap();
            assert_eq!(config.limits().max_idle, Some(7));
            assert_eq!(config.limits().max_idle_per_host, Some(2));
            assert!(!config.limits().learning);
        }
        let busy = parse(&["--preset", "busy", "--idle-timeout", "off"])
            .config()
            .unwrap();
        assert_eq!(busy.limits().max_idle_per_host, Some(512));
        assert_eq!(busy.limits().idle_timeout, None);
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused_in_a_sentence() {
        for (options, words) in [
            (&["--tls-min=1.3", "--tls-max=1.2"][..], "--tls-min 1.3"),
            (&["-6", "--local-address=127.0.0.1"], "127.0.0.1"),
            (&["--proxy=ftp://me:secret@h"], "--proxy"),
        ] {
            let mistake = parse(options).config().unwrap_err();
            assert!(mistake.contains(words), "{mistake}");
            assert!(!mistake.contains("secret"), "{mistake}");
        }
        assert!(parse(&["-4", "--local-address=127.0.0.1"]).config().is_ok());
        let printed = format!("{:?}", parse(&["--proxy=http://me:secret@h"]));
        assert!(!printed.contains("secret"), "{printed}");
    }

    #[test]
    fn settings_of_an_origin_hold_there() {
        let options = parse(&[
            "--idle-timeout=10s",
            "--origin=https://a.test,idle-timeout=off,max-conns-per-host=4",
            "--origin=https://a.test,max-waiters=0",
        ]);
        assert!(options.raises_limits());
        let client = options.config().unwrap().build().unwrap();
        let own = client.limits_for("https://a.test/").unwrap();
        assert_eq!((own.idle_timeout, own.max_conns_per_host), (None, Some(4)));
        assert_eq!(own.max_waiters, Some(0));
        let other = client.limits_for("http://a.test/").unwrap();
        assert_eq!(other.idle_timeout, Some(Duration::from_secs(10)));
    }

    #[test]
    fn an_address_for_a_name_may_be_ipv6() {
        let expected = "[::1]:80".parse().unwrap();
        assert_eq!(
            resolve("a.test:80:[::1]"),
            Ok(("a.test".to_owned(), expected))
        );
        assert_eq!(
            resolve("a.test:80:::1"),
            Ok(("a.test".to_owned(), expected))
        );
        for wrong in [
            "a.test",
            "a.test:80",
            ":80:127.0.0.1",
            "a:b:127.0.0.1",
            "a:80:b",
        ] {
            assert!(resolve(wrong).is_err(), "{wrong}");
        }
    }
}
