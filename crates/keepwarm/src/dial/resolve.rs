//! Name resolution: the system's, and the overrides before it.
//!
//! Owns the way from a host to addresses. Refuses to cache: the system does, or does not.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::Config;

use super::{Answer, BoxFuture, Lookup, Resolver};

/// The operating system's resolver (`getaddrinfo`, on tokio's blocking threads): one answer about both families, sorted
/// (RFC 6724), without a time to live.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }

    fn lookup<'a>(&'a self, host: &'a str, port: u16) -> Lookup<'a> {
        Lookup::Together(Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
            Ok(Answer::from(found))
        }))
    }
}

/// Addresses given by hand, before another resolver is asked.
pub(crate) struct WithOverrides {
    pub(crate) overrides: HashMap<(String, u16), Vec<SocketAddr>>,
    pub(crate) inner: Arc<dyn Resolver>,
}

impl WithOverrides {
    fn given(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let key = (host.to_ascii_lowercase(), port);
        self.overrides.get(&key).cloned()
    }
}

impl WithOverrides {
    /// The resolver of a client with these settings.
    pub(crate) fn of(config: &Config) -> Arc<dyn Resolver> {
        let inner = config.resolver.clone();
        Arc::new(Self {
            overrides: config.overrides.clone(),
            inner: inner.unwrap_or_else(|| Arc::new(SystemResolver)),
        })
    }
}

impl Resolver for WithOverrides {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        match self.given(host, port) {
            Some(addresses) => Box::pin(std::future::ready(Ok(addresses))),
            None => self.inner.resolve(host, port),
        }
    }

    fn lookup<'a>(&'a self, host: &'a str, port: u16) -> Lookup<'a> {
        match self.given(host, port) {
            Some(addresses) => Lookup::Known(addresses),
            None => self.inner.lookup(host, port),
        }
    }
}
