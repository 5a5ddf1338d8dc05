//! `TcpDialer`: TCP and Unix sockets, with the options a client may set.
//!
//! Owns socket options and the way from an origin to an attempt. Refuses to decide which address is tried when: the
//! race does.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keepwarm_core::origin::Origin;
use keepwarm_core::race::{Families, Family, First, Race, Settings};
use keepwarm_core::reason::Phase;
use tokio::net::{TcpSocket, TcpStream, UnixStream};

use super::addresses::{Addresses, Book};
use super::failures::{self, Failures};
use super::racing::{self, Queries};
use super::resolve::WithOverrides;
use super::{Answer, BoxFuture, DialError, Dialed, Dialer, IpFamily, Lookup, Resolver};
use crate::clock;
use crate::config::{Config, SocketOptions, TcpKeepalive};
use crate::conn::Stream;

/// How much earlier than `connect_timeout` a race ends by itself: whoever gave that time then hears what each address
/// met, and not only that it is over.
const NOTICE: Duration = Duration::from_millis(5);

/// The dialer a client uses unless another is set: resolves a name, then races for its addresses.
///
/// Happy Eyeballs (RFC 8305): attempts begin 250 ms apart, or at once when one has failed, IPv6 and IPv4 in turn.
/// While other addresses are left, each has its share of `connect_timeout`, at least 2 s (as Go's). When the address
/// that won was not the first, it goes first for the next ten minutes. A dropped dial leaves no socket behind, and no
/// task but what the resolver keeps.
pub struct TcpDialer {
    options: SocketOptions,
    resolver: Arc<dyn Resolver>,
    timeout: Option<Duration>,
    book: Book,
}

impl Default for TcpDialer {
    /// The default options and the system's resolver: a start for a dialer that wraps this one.
    fn default() -> Self {
        Self::of(&Config::default())
    }
}

impl std::fmt::Debug for TcpDialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TcpDialer")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl TcpDialer {
    /// The dialer that a client with these settings uses by itself: a start for one that wraps it.
    pub fn of(config: &Config) -> Self {
        let resolver = WithOverrides::of(config);
        Self::new(
            config.socket.clone(),
            resolver,
            config.settings.timeouts.connect,
        )
    }

    pub(crate) fn new(
        options: SocketOptions,
        resolver: Arc<dyn Resolver>,
        timeout: Option<Duration>,
    ) -> Self {
        Self {
            options,
            resolver,
            timeout,
            book: Book::default(),
        }
    }

    async fn dial_unix(&self, path: &Path) -> Result<Dialed, DialError> {
        let began = clock::now();
        let stream = UnixStream::connect(path).await.map_err(|error| DialError {
            phase: Phase::Connect,
            error,
            target: path.display().to_string(),
        })?;
        Ok(Dialed {
            stream: Stream::from(stream),
            local: None,
            remote: None,
            resolved_in: Duration::ZERO,
            connected_in: clock::now() - began,
        })
    }

    async fn dial_tcp(
        &self,
        origin: &Origin,
        limit: Option<Duration>,
    ) -> Result<Dialed, DialError> {
        let began = clock::now();
        let limit = limit.map(|limit| limit - NOTICE.min(limit / 10));
        let order = Order {
            origin,
            began,
            limit,
        };
        let address = match literal(origin) {
            Some(address) => address,
            // Boxed: gone before the connecting, of which there may be thousands.
            None => match Box::pin(self.dial_name(order)).await? {
                Named::Connected(dialed) => return Ok(dialed),
                Named::Only(address) => address,
            },
        };
        self.connect_to(address, began).await
    }

    /// Resolves, and races when that brings several addresses.
    async fn dial_name(&self, order: Order<'_>) -> Result<Named, DialError> {
        let (host, port) = (order.origin.host(), order.origin.port());
        let known = self.book.of(host, port);
        let mut queries = Queries::default();
        let addresses = match self.resolver.lookup(host, port) {
            Lookup::Apart { v4, v6 } => {
                // What is not wanted is not asked for.
                let families = self.options.addresses.family.families();
                queries.v4 = families.has(Family::V4).then_some(v4);
                queries.v6 = families.has(Family::V6).then_some(v6);
                None
            }
            Lookup::Known(addresses) => Some(addresses),
            Lookup::Together(asked) => {
                let answer = order.in_time(asked).await?;
                known.record(clock::now(), IpFamily::Any, &answer);
                Some(answer.addresses)
            }
        };
        if let Some([address]) = addresses.as_deref()
            && self.options.addresses.family.has(address)
        {
            return Ok(Named::Only(*address));
        }
        let race = self.race(order, &known, queries, addresses);
        race.await.map(Named::Connected)
    }

    /// The only address there is: no race, and nothing of it kept in memory.
    async fn connect_to(&self, address: SocketAddr, began: Instant) -> Result<Dialed, DialError> {
        let connecting = clock::now();
        let attempt = async { self.socket(address)?.connect(address).await };
        match attempt.await {
            Ok(stream) => Ok(dialed(stream, address, began, connecting)),
            Err(error) => Err(DialError {
                phase: Phase::Connect,
                error,
                target: address.to_string(),
            }),
        }
    }

    /// Races for the addresses that an answer had, or that the queries bring.
    async fn race(
        &self,
        order: Order<'_>,
        known: &Addresses,
        queries: Queries<'_>,
        answer: Option<Vec<SocketAddr>>,
    ) -> Result<Dialed, DialError> {
        let (options, began) = (&self.options.addresses, order.began);
        let families = options.family.families();
        let first = if options.spread {
            First::Rotated(known.next_turn())
        } else {
            let good = known.last_good(began);
            good.map_or(First::AsResolved, First::LastGood)
        };
        let settings = Settings {
            families,
            first,
            resolution_delay: options.resolution_delay,
            attempt_delay: options.attempt_delay,
            connect_timeout: order.limit,
            ..Settings::default()
        };
        let mut race = Race::new(settings, began);
        if let Some(addresses) = answer {
            race.on_resolved(clock::now(), Families::Both, &addresses);
        }
        let heard = |family, answer: &Answer| {
            let about = match family {
                Family::V4 => IpFamily::V4,
                Family::V6 => IpFamily::V6,
            };
            known.record(clock::now(), about, answer);
        };
        let connect = async |address| self.socket(address)?.connect(address).await;
        match racing::run(race, queries, heard, connect).await {
            Ok(won) => {
                known.won(clock::now(), won.address, won.was_first);
                Ok(dialed(won.stream, won.address, began, won.connecting))
            }
            Err(lost) => Err(failures::describe(
                lost.why,
                lost.race,
                target(order.origin),
            )),
        }
    }

    fn socket(&self, address: SocketAddr) -> io::Result<TcpSocket> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        if self.options.nodelay {
            socket.set_nodelay(true)?;
        }
        let raw = socket2::SockRef::from(&socket);
        if let Some(TcpKeepalive {
            idle,
            interval,
            count,
        }) = self.options.keepalive
        {
            let probes = socket2::TcpKeepalive::new()
                .with_time(idle)
                .with_interval(interval)
                .with_retries(count);
            raw.set_tcp_keepalive(&probes)?;
        }
        #[cfg(target_os = "linux")]
        if let Some(timeout) = self.options.user_timeout {
            raw.set_tcp_user_timeout(Some(timeout))?;
        }
        if let Some(local) = self.options.local_address {
            socket.bind(SocketAddr::new(local, 0))?;
        }
        Ok(socket)
    }
}

/// What is to be dialed.
#[derive(Clone, Copy)]
struct Order<'a> {
    origin: &'a Origin,
    began: Instant,
    /// The time for a race, [`NOTICE`] taken off.
    limit: Option<Duration>,
}

impl Order<'_> {
    /// The answer to one question about both families.
    async fn in_time(&self, asked: BoxFuture<'_, io::Result<Answer>>) -> Result<Answer, DialError> {
        let answer = match self.limit {
            Some(limit) => tokio::time::timeout(limit, asked)
                .await
                .unwrap_or_else(|_| Err(Failures::unresolved_in(limit))),
            None => asked.await,
        };
        answer.map_err(|error| DialError {
            phase: Phase::Dns,
            error,
            target: target(self.origin),
        })
    }
}

/// The address that stands in the origin instead of a name.
fn literal(origin: &Origin) -> Option<SocketAddr> {
    let bare = origin.host().trim_matches(['[', ']']);
    // An IPv6 zone (`fe80::1%eth0`) is no part of the address that `IpAddr` reads.
    let literal = bare.parse::<IpAddr>().ok()?;
    Some(SocketAddr::new(literal, origin.port()))
}

fn target(origin: &Origin) -> String {
    format!("{}:{}", origin.host(), origin.port())
}

fn dialed(stream: TcpStream, remote: SocketAddr, began: Instant, connecting: Instant) -> Dialed {
    Dialed {
        local: stream.local_addr().ok(),
        remote: Some(remote),
        stream: Stream::from(stream),
        resolved_in: connecting - began,
        connected_in: clock::now() - connecting,
    }
}

/// What became of a name.
enum Named {
    Connected(Dialed),
    /// It has this address and no other: no race.
    Only(SocketAddr),
}

impl Dialer for TcpDialer {
    fn dial<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        self.dial_within(origin, self.timeout)
    }

    fn dial_within<'a>(
        &'a self,
        origin: &'a Origin,
        limit: Option<Duration>,
    ) -> BoxFuture<'a, Result<Dialed, DialError>> {
        match &self.options.unix_socket {
            Some(path) => Box::pin(self.dial_unix(path)),
            None => Box::pin(self.dial_tcp(origin, limit)),
        }
    }

    fn addresses(&self, origin: &Origin) -> Option<Arc<Addresses>> {
        if self.options.unix_socket.is_some() || literal(origin).is_some() {
            return None;
        }
        Some(self.book.of(origin.host(), origin.port()))
    }

    fn ask_again<'a>(&'a self, origin: &'a Origin) -> Option<BoxFuture<'a, ()>> {
        let known = self.addresses(origin)?;
        Some(Box::pin(async move {
            let note = async |about, asked: BoxFuture<'_, io::Result<Answer>>| {
                // Without an answer nothing is known that was not before.
                if let Ok(answer) = asked.await {
                    known.record(clock::now(), about, &answer);
                }
            };
            match self.resolver.lookup(origin.host(), origin.port()) {
                Lookup::Apart { v4, v6 } => match self.options.addresses.family {
                    IpFamily::Any => {
                        tokio::join!(note(IpFamily::V6, v6), note(IpFamily::V4, v4));
                    }
                    IpFamily::V4 => note(IpFamily::V4, v4).await,
                    IpFamily::V6 => note(IpFamily::V6, v6).await,
                },
                Lookup::Known(_) => {}
                Lookup::Together(asked) => note(IpFamily::Any, asked).await,
            }
        }))
    }
}
