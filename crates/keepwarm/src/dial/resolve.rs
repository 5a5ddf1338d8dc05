//! Name resolution: the system's, and the overrides before it.
//!
//! Owns the way from a host to addresses. Refuses to cache: the system does, or does not.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::{BoxFuture, Resolver};

/// The operating system's resolver (`getaddrinfo`, on tokio's blocking threads).
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
}

/// Addresses given by hand, before another resolver is asked.
pub(crate) struct WithOverrides {
    pub(crate) overrides: HashMap<(String, u16), Vec<SocketAddr>>,
    pub(crate) inner: Arc<dyn Resolver>,
}

impl Resolver for WithOverrides {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        match self.overrides.get(&(host.to_ascii_lowercase(), port)) {
            Some(addresses) => Box::pin(std::future::ready(Ok(addresses.clone()))),
            None => self.inner.resolve(host, port),
        }
    }
}
