//! `HickoryResolver`: names resolved in this process, by hickory.
//!
//! Owns the questions for A and AAAA, each on its own, and what becomes of their answers. Refuses to let a type of
//! hickory's out. Cache and TTLs are hickory's.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::{Duration, Instant};

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup as Found;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use tokio::sync::oneshot;

use super::{Answer, BoxFuture, Lookup, Resolver};

/// How long a question that nobody waits for any more goes on: its answer serves the next dial (RFC 8305 §5).
const LINGER: Duration = Duration::from_secs(1);

/// Resolves names without the system's `getaddrinfo`: no blocking thread for each name, A and AAAA asked for apart, so
/// that connecting begins with the first answer (RFC 8305 §3), and each answer kept for as long as its TTL says.
///
/// Of the system it honours `/etc/resolv.conf` (servers, search list, timeout, attempts) and `/etc/hosts`, as they are
/// when it is made; not `nsswitch.conf`, mDNS and the like. A question runs on the runtime of the dial that needs it.
pub struct HickoryResolver {
    inner: TokioResolver,
    hosts: Hosts,
}

impl fmt::Debug for HickoryResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HickoryResolver").finish_non_exhaustive()
    }
}

impl HickoryResolver {
    /// As the system is configured.
    ///
    /// # Errors
    /// When its configuration cannot be read.
    pub fn from_system() -> io::Result<Self> {
        let builder = TokioResolver::builder_tokio().map_err(io::Error::other)?;
        Self::build(builder)
    }

    /// Asks these name servers, by UDP, and by TCP when an answer is too long for it. `/etc/hosts` goes before.
    ///
    /// # Errors
    /// When the resolver cannot be made.
    pub fn with_name_servers(servers: &[SocketAddr]) -> io::Result<Self> {
        let servers = servers.iter().map(|server| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
            let connections = connections.map(|mut connection| {
                connection.port = server.port();
                connection
            });
            NameServerConfig::new(server.ip(), true, connections.into())
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        let provider = TokioRuntimeProvider::default();
        let builder = TokioResolver::builder_with_config(config, provider);
        Self::build(builder.with_options(ResolverOpts::default()))
    }

    /// Uses this text, in the format of `/etc/hosts`, instead of that file.
    ///
    /// # Errors
    /// When it cannot be read as such.
    pub fn with_hosts(mut self, text: &str) -> io::Result<Self> {
        let mut hosts = Hosts::default();
        hosts.read_hosts_conf(text.as_bytes())?;
        self.hosts = hosts;
        Ok(self)
    }

    fn build(
        mut builder: hickory_resolver::ResolverBuilder<TokioRuntimeProvider>,
    ) -> io::Result<Self> {
        // Read here, below: hickory would ask DNS for the family that the file does not have.
        builder.options_mut().use_hosts_file = ResolveHosts::Never;
        Ok(Self {
            inner: builder.build().map_err(io::Error::other)?,
            hosts: Hosts::from_system().unwrap_or_default(),
        })
    }

    /// What the hosts file says; none: nothing, DNS is asked.
    fn listed(&self, name: &Name, port: u16) -> Option<Vec<SocketAddr>> {
        let mut listed = Vec::new();
        for kind in [RecordType::AAAA, RecordType::A] {
            let query = Query::query(name.clone(), kind);
            if let Some(found) = self.hosts.lookup_static_host(&query) {
                listed.extend(addresses(&found, port));
            }
        }
        (!listed.is_empty()).then_some(listed)
    }

    /// Asks one question, in a task that outlives its dial a little.
    async fn ask(&self, name: Name, kind: RecordType, port: u16) -> io::Result<Answer> {
        let resolver = self.inner.clone();
        let (mut answer, answered) = oneshot::channel();
        tokio::spawn(async move {
            let found = resolver.lookup(name, kind);
            tokio::pin!(found);
            let outcome = tokio::select! {
                biased;
                outcome = &mut found => outcome,
                () = answer.closed() => {
                    // Only for the cache.
                    let _ = tokio::time::timeout(LINGER, found).await;
                    return;
                }
            };
            let _ = answer.send(outcome);
        });
        let gone = || io::Error::other("the runtime that resolved the name is gone");
        read(answered.await.map_err(|_| gone())?, port)
    }
}

fn read(outcome: Result<Found, NetError>, port: u16) -> io::Result<Answer> {
    match outcome {
        Ok(found) => Ok(Answer {
            addresses: addresses(&found, port).collect(),
            valid_for: Some(
                found
                    .valid_until()
                    .saturating_duration_since(Instant::now()),
            ),
        }),
        // The name is there, and has no address of this family.
        Err(NetError::Dns(DnsError::NoRecordsFound(none)))
            if none.response_code == ResponseCode::NoError =>
        {
            Ok(Answer {
                addresses: Vec::new(),
                valid_for: none.negative_ttl.map(|ttl| Duration::from_secs(ttl.into())),
            })
        }
        Err(error) if error.is_nx_domain() => {
            Err(io::Error::new(io::ErrorKind::NotFound, "no such name"))
        }
        Err(error @ NetError::Timeout) => Err(io::Error::new(io::ErrorKind::TimedOut, error)),
        Err(error) => Err(io::Error::other(error)),
    }
}

fn addresses(found: &Found, port: u16) -> impl Iterator<Item = SocketAddr> {
    let address = move |ip: IpAddr| SocketAddr::new(ip, port);
    let records = found.answers().iter();
    records.filter_map(move |record| record.data.ip_addr().map(address))
}

impl Resolver for HickoryResolver {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            match self.lookup(host, port) {
                Lookup::Apart { v4, v6 } => match tokio::join!(v6, v4) {
                    (Ok(v6), Ok(v4)) => Ok([v6.addresses, v4.addresses].concat()),
                    (Ok(one), Err(_)) | (Err(_), Ok(one)) if !one.addresses.is_empty() => {
                        Ok(one.addresses)
                    }
                    (Err(error), _) | (_, Err(error)) => Err(error),
                },
                Lookup::Known(addresses) => Ok(addresses),
                Lookup::Together(asked) => Ok(asked.await?.addresses),
            }
        })
    }

    fn lookup<'a>(&'a self, host: &'a str, port: u16) -> Lookup<'a> {
        let name = match Name::from_str(host) {
            Ok(name) => name,
            Err(error) => {
                let error = io::Error::new(io::ErrorKind::InvalidInput, error);
                return Lookup::Together(Box::pin(std::future::ready(Err(error))));
            }
        };
        match self.listed(&name, port) {
            Some(listed) => Lookup::Known(listed),
            None => Lookup::Apart {
                v4: Box::pin(self.ask(name.clone(), RecordType::A, port)),
                v6: Box::pin(self.ask(name, RecordType::AAAA, port)),
            },
        }
    }
}
