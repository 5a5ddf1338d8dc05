//! `TcpDialer`: TCP and Unix sockets, with the options a client may set.
//!
//! Owns socket options and the trying of addresses one after the other. Refuses to race them (not there yet).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keepwarm_core::origin::Origin;
use keepwarm_core::reason::Phase;
use tokio::net::{TcpSocket, TcpStream, UnixStream};

use super::{BoxFuture, DialError, Dialed, Dialer, Resolver, SystemResolver};
use crate::clock;
use crate::config::{SocketOptions, TcpKeepalive};
use crate::conn::Stream;

/// The dialer a client uses unless another is set: resolves, then tries the addresses in order.
///
/// With several addresses each attempt gets its share of the time there is, at least 2 s, as Go's does.
pub struct TcpDialer {
    options: SocketOptions,
    resolver: Arc<dyn Resolver>,
    timeout: Option<Duration>,
}

impl Default for TcpDialer {
    /// The default options and the system's resolver: a start for a dialer that wraps this one.
    fn default() -> Self {
        let config = crate::config::Config::default();
        Self::new(
            config.socket,
            Arc::new(SystemResolver),
            config.timeouts.connect,
        )
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
    pub(crate) fn new(
        options: SocketOptions,
        resolver: Arc<dyn Resolver>,
        timeout: Option<Duration>,
    ) -> Self {
        Self {
            options,
            resolver,
            timeout,
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

    async fn addresses(&self, origin: &Origin) -> io::Result<Vec<SocketAddr>> {
        let bare = origin.host().trim_matches(['[', ']']);
        // An IPv6 zone (`fe80::1%eth0`) is no part of the address that `IpAddr` reads.
        if let Ok(literal) = bare.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(literal, origin.port())]);
        }
        let found = self.resolver.resolve(origin.host(), origin.port()).await?;
        if found.is_empty() {
            return Err(io::Error::other("the name has no address"));
        }
        Ok(found)
    }

    async fn dial_tcp(&self, origin: &Origin) -> Result<Dialed, DialError> {
        let began = clock::now();
        let failed = |phase, error, target| DialError {
            phase,
            error,
            target,
        };
        let host = || format!("{}:{}", origin.host(), origin.port());
        let addresses = self
            .addresses(origin)
            .await
            .map_err(|error| failed(Phase::Dns, error, host()))?;
        let resolved_in = clock::now() - began;
        let connecting = clock::now();
        let mut first: Option<DialError> = None;
        for (index, address) in addresses.iter().enumerate() {
            let left = addresses.len() - index;
            match self.connect(*address, began, left).await {
                Ok(stream) => {
                    return Ok(Dialed {
                        local: stream.local_addr().ok(),
                        remote: Some(*address),
                        stream: Stream::from(stream),
                        resolved_in,
                        connected_in: clock::now() - connecting,
                    });
                }
                Err(error) => {
                    first.get_or_insert(failed(Phase::Connect, error, address.to_string()));
                }
            }
        }
        Err(first.unwrap_or_else(|| {
            failed(
                Phase::Dns,
                io::Error::other("the name has no address"),
                host(),
            )
        }))
    }

    /// One attempt. All but the last get a share of the time, so that one dead address cannot use it up.
    async fn connect(
        &self,
        address: SocketAddr,
        began: Instant,
        left: usize,
    ) -> io::Result<TcpStream> {
        let attempt = self.socket(address)?.connect(address);
        let (Some(timeout), true) = (self.timeout, left > 1) else {
            return attempt.await;
        };
        let there_is = timeout.saturating_sub(clock::now() - began);
        let share =
            (there_is / u32::try_from(left).unwrap_or(u32::MAX)).max(Duration::from_secs(2));
        // Boxed: the dial to a single address, of which there may be thousands, does not carry it.
        Box::pin(tokio::time::timeout(share, attempt))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
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

impl Dialer for TcpDialer {
    fn dial<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        match &self.options.unix_socket {
            Some(path) => Box::pin(self.dial_unix(path)),
            None => Box::pin(self.dial_tcp(origin)),
        }
    }
}
