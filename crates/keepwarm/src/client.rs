//! `Client`: the handle everything starts from.
//!
//! Owns the public verbs. Refuses to hold state of its own: all of it is shared by its clones.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body::Body as HttpBody;
use keepwarm_core::origin::{Origin, OriginRef};

use crate::advice::{self, Advice};
use crate::body::Body;
use crate::calling::{Calling, Wishes};
use crate::config::{Config, Limits};
use crate::error::{Error, Result};
use crate::pool::{Handle, Shared, ShutdownReport, Stats};
use crate::request::{BoxError, RequestBody, RequestBuilder};
use crate::target::IntoUrl;
use crate::transport::call::{Outgoing, check_scheme};

/// An HTTP client that keeps its connections warm.
///
/// Cheap to clone; all clones share one pool, so build one and keep it. Calls need a tokio runtime with I/O and
/// time enabled; one client may serve several runtimes. When the last clone is dropped the idle connections close.
#[derive(Clone)]
pub struct Client(Handle);

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// A client with the default settings of [`Config`].
    pub fn new() -> Self {
        Self::start(Config::default())
    }

    /// The default settings, to be changed before the client is built.
    pub fn builder() -> Config {
        Config::default()
    }

    pub(crate) fn from_config(config: Config) -> Result<Self> {
        config.check()?;
        Ok(Self::start(config))
    }

    fn start(config: Config) -> Self {
        Self(Handle::new(Shared::new(config)))
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    /// A `GET` request.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// A `HEAD` request.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// A `POST` request.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// A `PUT` request.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// A `PATCH` request.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PATCH, url)
    }

    /// A `DELETE` request.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::DELETE, url)
    }

    /// A request with any method.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), method, url)
    }

    pub(crate) fn call(&self, request: Result<Outgoing>, wishes: Wishes) -> Calling {
        Calling::new(&self.0, request, wishes)
    }

    /// The numbers of the pool at this moment.
    pub fn stats(&self) -> Stats {
        self.shared().stats()
    }

    /// What in the settings, or in how the client is used, costs connections.
    pub fn advice(&self) -> Vec<Advice> {
        let shared = self.shared();
        advice::on(&shared.limits(), &shared.origins, &shared.stats())
    }

    /// Closes all idle connections. Those that become idle before the next call closes too, as in Go.
    pub fn close_idle(&self) {
        self.shared().close_idle();
    }

    /// Opens up to `count` connections to a URL's origin ahead of need; returns how many were started. Their
    /// opening goes on in the background.
    ///
    /// # Errors
    /// When the URL names no origin, there is no runtime, or the client is shut down.
    pub fn prewarm(&self, url: &str, count: usize) -> Result<usize> {
        let origin: Origin = url
            .parse()
            .map_err(|error| Error::usage(format!("{error}")))?;
        check_scheme(origin.scheme())?;
        self.shared().prewarm(&origin, count)
    }

    /// Changes the pool's limits while the client is in use: the one safe way. Idle connections above the new
    /// limits close; waiting calls profit from larger ones at once. Exchanges under way are not touched. What
    /// [`Config::origin`] set for an origin stays in force over them.
    ///
    /// # Errors
    /// When the limits contradict each other.
    pub fn retune(&self, limits: Limits) -> Result<()> {
        limits.check()?;
        self.shared().retune(limits);
        Ok(())
    }

    /// The pool's limits as they are now.
    pub fn limits(&self) -> Limits {
        (*self.shared().limits()).clone()
    }

    /// The pool's limits as they are now for the origin of a URL: with what [`Config::origin`] set for it.
    ///
    /// # Errors
    /// When the URL names no origin.
    pub fn limits_for(&self, url: impl IntoUrl) -> Result<Limits> {
        let target = url.into_target()?;
        let parts = OriginRef::of(&target.uri).map_err(|error| Error::usage(error.to_string()))?;
        let shared = self.shared();
        Ok(shared.origins.settings(&parts).limits(&shared.limits()))
    }

    /// Refuses new calls, lets running exchanges end within the time given, and closes every connection.
    /// Exchanges that run longer go on; their connections close as they end.
    pub async fn shutdown(&self, within: Duration) -> ShutdownReport {
        self.shared().shut_down(within).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("config", &self.shared().config)
            .finish_non_exhaustive()
    }
}

impl<B> tower_service::Service<http::Request<B>> for Client
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>>> + Send>>;

    /// Always ready: a call that finds no connection waits in the call.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let client = self.clone();
        let (parts, body) = request.into_parts();
        let request = Outgoing {
            method: parts.method,
            uri: parts.uri,
            headers: Some(Box::new(parts.headers)),
            body: RequestBody::stream(body),
        };
        let calling = client.call(Ok(request), Wishes::default());
        Box::pin(async move { calling.await.map(Into::into) })
    }
}
