//! `RequestBuilder`: a request as the caller writes it.
//!
//! Owns the convenient forms of URL, header and body; the first mistake is kept and told by `send`.
//! Refuses to send what is malformed.

use std::fmt;
use std::time::Duration;

use http::header::{AUTHORIZATION, EXPECT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::authorization;
use crate::calling::Wishes;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::redirect::Redirects;
use crate::response::Response;
use crate::target::{self, IntoUrl};
use crate::transport::call::Outgoing;
pub use crate::transport::upload::{BoxError, RequestBody};

/// A request that is being put together. Nothing happens until [`RequestBuilder::send`].
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder {
    client: Client,
    request: Result<Outgoing>,
    wishes: Wishes,
    /// What the URL's user information stands for.
    credentials: Option<Box<HeaderValue>>,
    expect_continue: bool,
}

impl RequestBuilder {
    pub(crate) fn new(client: Client, method: Method, url: impl IntoUrl) -> Self {
        let (request, credentials) = match url.into_target() {
            Ok(target) => {
                let request = Outgoing {
                    method,
                    uri: target.uri,
                    headers: None,
                    body: RequestBody::empty(),
                };
                (Ok(request), target.credentials)
            }
            Err(error) => (Err(error), None),
        };
        Self {
            client,
            request,
            wishes: Wishes::default(),
            credentials,
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

    /// Adds these pairs to the URL's query, encoded as forms are (`application/x-www-form-urlencoded`).
    pub fn query<I, K, V>(self, pairs: I) -> Self
    where
        I: IntoIterator,
        I::Item: std::borrow::Borrow<(K, V)>,
        K: AsRef<str>,
        V: AsRef<str>,
    {
        self.change(|request| {
            request.uri = target::with_query(&request.uri, pairs)?;
            Ok(())
        })
    }

    /// Sets `Authorization` to a user name and a password (RFC 7617). They are not shown by `Debug`.
    pub fn basic_auth(self, user: &str, password: &str) -> Self {
        self.authorization(authorization::basic(user, password))
    }

    /// Sets `Authorization` to a bearer token (RFC 6750). It is not shown by `Debug`.
    pub fn bearer_auth(self, token: &str) -> Self {
        self.authorization(authorization::bearer(token))
    }

    fn authorization(self, value: Result<HeaderValue>) -> Self {
        self.change(|request| {
            let headers = request.headers.get_or_insert_default();
            headers.insert(AUTHORIZATION, value?);
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

    /// Sets the body to this value as a form (`application/x-www-form-urlencoded`), and `Content-Type` with it:
    /// pairs, a map or a flat struct.
    #[cfg(feature = "form")]
    pub fn form(self, value: &impl serde::Serialize) -> Self {
        self.change(|request| {
            let text = serde_urlencoded::to_string(value)
                .map_err(|error| Error::usage(format!("the body cannot be a form: {error}")))?;
            request.headers.get_or_insert_default().insert(
                http::header::CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            );
            request.body = text.into();
            Ok(())
        })
    }

    /// Time for the whole call, retries, redirects and body included, instead of the client's `total_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.wishes.total = Some(timeout);
        self
    }

    /// Whether redirects are followed, instead of the client's setting ([`crate::Config::redirects`]).
    pub fn redirects(mut self, redirects: Redirects) -> Self {
        self.wishes.redirects = Some(redirects);
        self
    }

    /// Whether a compressed body is asked for and decoded, instead of the client's setting
    /// ([`crate::Config::decompress`]).
    pub fn decompress(mut self, decompress: bool) -> Self {
        self.wishes.decompress = Some(decompress);
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
        if let Some(value) = self.credentials
            && let Ok(request) = &mut self.request
        {
            // The request's own field wins, as in Go.
            let headers = request.headers.get_or_insert_default();
            headers.entry(AUTHORIZATION).or_insert(*value);
        }
        self.client.call(self.request, self.wishes)
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
