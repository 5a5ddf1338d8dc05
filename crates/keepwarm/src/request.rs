//! `RequestBuilder`: a request as the caller writes it.
//!
//! Owns the convenient forms of URL, header and body; the first mistake is kept and told by `send`.
//! Refuses to send what is malformed.

use std::fmt;
use std::time::Duration;

use http::header::EXPECT;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::client::Client;
use crate::error::{Error, Result};
use crate::response::Response;
use crate::transport::call::Outgoing;
pub use crate::transport::upload::{BoxError, RequestBody};

/// A request that is being put together. Nothing happens until [`RequestBuilder::send`].
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    client: Client,
    request: Result<Outgoing>,
    total: Option<Duration>,
    expect_continue: bool,
}

impl RequestBuilder {
    pub(crate) fn new<U>(client: Client, method: Method, url: U) -> Self
    where
        U: TryInto<Uri>,
        U::Error: fmt::Display,
    {
        let request = url
            .try_into()
            .map_err(|error| Error::usage(format!("the URL is malformed: {error}")))
            .map(|uri| Outgoing {
                method,
                uri,
                headers: None,
                body: RequestBody::empty(),
            });
        Self {
            client,
            request,
            total: None,
            expect_continue: false,
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Outgoing) -> Result<()>) -> Self {
        if let Ok(request) = &mut self.request
            && let Err(error) = change(request)
        {
            self.request = Err(error);
        }
        self
    }

    /// Adds a header field; a name may be added several times.
    pub fn header<N, V>(self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        N::Error: fmt::Display,
        V: TryInto<HeaderValue>,
        V::Error: fmt::Display,
    {
        self.change(|request| {
            let name = name
                .try_into()
                .map_err(|error| Error::usage(format!("the header name is malformed: {error}")))?;
            let value = value.try_into().map_err(|error| {
                Error::usage(format!("the value of header {name} is malformed: {error}"))
            })?;
            let headers = request.headers.get_or_insert_default();
            headers.append(name, value);
            Ok(())
        })
    }

    /// Replaces all header fields.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.change(|request| {
            request.headers = Some(Box::new(headers));
            Ok(())
        })
    }

    /// Sets the body: text or bytes, [`RequestBody::replayable`], or [`RequestBody::stream`].
    pub fn body(self, body: impl Into<RequestBody>) -> Self {
        self.change(|request| {
            request.body = body.into();
            Ok(())
        })
    }

    /// Sets the body to this value as JSON, and `Content-Type` with it.
    #[cfg(feature = "json")]
    pub fn json(self, value: &impl serde::Serialize) -> Self {
        self.change(|request| {
            let text = serde_json::to_vec(value)
                .map_err(|error| Error::usage(format!("the body cannot be JSON: {error}")))?;
            request.headers.get_or_insert_default().insert(
                http::header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
            request.body = text.into();
            Ok(())
        })
    }

    /// Time for the whole call, retries and body included, instead of the client's `total_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.total = Some(timeout);
        self
    }

    /// Asks the server before the body is sent (`Expect: 100-continue`). Without a body it does nothing.
    pub fn expect_continue(mut self) -> Self {
        self.expect_continue = true;
        self
    }

    /// Closes the connection after this exchange (`Connection: close`).
    pub fn close(self) -> Self {
        self.header(http::header::CONNECTION, HeaderValue::from_static("close"))
    }

    /// Sends it. Ready when the response's head is here.
    ///
    /// # Errors
    /// When the request is malformed, no connection is to be had, the exchange fails, or a limit is met.
    /// Statuses are no errors.
    pub fn send(mut self) -> impl Future<Output = Result<Response>> + Send {
        if self.expect_continue
            && let Ok(request) = &mut self.request
            && !request.body.is_empty()
        {
            let headers = request.headers.get_or_insert_default();
            headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
        }
        self.client.call(self.request, self.total)
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
