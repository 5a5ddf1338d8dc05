//! `Response`: an answer, its connection and its body.
//!
//! Owns the face of what a call returns. Refuses to know how its body is read.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};
use keepwarm_core::h1::ResponseHead;
use keepwarm_core::reason::{Retry, Reuse};

use crate::body::Body;
use crate::error::{Error, Result};
use crate::redirect::following::Way;
use crate::redirect::{Hop, NotFollowed};
use crate::transport::call::Incoming;
use crate::transport::info::{ConnectionInfo, Timings};
use crate::transport::upgrade::Upgraded;

/// The answer to a call: its head has arrived, its body perhaps not yet.
#[derive(Debug)]
pub struct Response {
    head: ResponseHead,
    body: Body,
    upgraded: Option<Box<Upgraded>>,
    /// Boxed, for few answers have it.
    way: Option<Box<Way>>,
}

impl Response {
    /// The answer of one exchange, as it was sent.
    pub(crate) fn new(incoming: Incoming) -> Self {
        let Incoming {
            head,
            body,
            upgraded,
        } = incoming;
        Self {
            head,
            body: Body::plain(body),
            upgraded,
            way: None,
        }
    }

    pub(crate) fn of(
        head: ResponseHead,
        body: Body,
        upgraded: Option<Box<Upgraded>>,
        way: Way,
    ) -> Self {
        let is_known = !way.hops.is_empty() || way.not_followed.is_some();
        Self {
            head,
            body,
            upgraded,
            way: is_known.then(|| Box::new(way)),
        }
    }

    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// The version in the answer.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The connection that carried it.
    pub fn connection(&self) -> &ConnectionInfo {
        self.body.connection()
    }

    /// The redirects that were followed to this answer, in order; empty when none was. The last one's
    /// [`to`](Hop::to) is the URL that this answer is of.
    pub fn hops(&self) -> &[Hop] {
        self.way.as_ref().map_or(&[], |way| &way.hops)
    }

    /// Why this redirect was not followed; none when it is no redirect, or redirects are not followed at all.
    pub fn not_followed(&self) -> Option<NotFollowed> {
        self.way.as_ref()?.not_followed
    }

    /// The coding of the body that is undone while it is read, such as `gzip`. `Content-Encoding` and `Content-Length`
    /// are then not among the headers. None when the body is given as it was sent.
    pub fn decoded_from(&self) -> Option<&'static str> {
        self.body.decoded_from()
    }

    /// How long each phase took so far; complete once the body has ended. After redirects: of the last hop; the
    /// earlier ones have theirs in [`Response::hops`].
    pub fn timings(&self) -> Timings {
        self.body.timings()
    }

    /// What was decided about failed attempts before this answer came; empty when there was none.
    pub fn retries(&self) -> &[Retry] {
        self.body.retries()
    }

    /// May the connection serve again? None until the body has ended.
    pub fn reuse(&self) -> Option<&Reuse> {
        self.body.reuse()
    }

    /// The body, to read piece by piece.
    pub fn body_mut(&mut self) -> &mut Body {
        &mut self.body
    }

    /// The body alone.
    pub fn into_body(self) -> Body {
        self.body
    }

    /// The next bytes of the body; none at its end.
    ///
    /// # Errors
    /// When the connection fails, the server breaks the protocol, or a time limit passes.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.body.chunk().await
    }

    /// The whole body.
    ///
    /// # Errors
    /// As [`Response::chunk`].
    pub fn bytes(self) -> impl Future<Output = Result<Bytes>> + Send {
        self.body.bytes()
    }

    /// The whole body as text; bytes that are no UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// As [`Response::chunk`].
    pub async fn text(self) -> Result<String> {
        self.body.text().await
    }

    /// The whole body, read as JSON.
    ///
    /// # Errors
    /// As [`Response::chunk`]; and when it is not that JSON.
    #[cfg(feature = "json")]
    pub async fn json<T: serde::de::DeserializeOwned>(self) -> Result<T> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let message = format!("the body is not the JSON expected: {error}");
            let (kind, phase) = (
                crate::error::ErrorKind::Protocol,
                keepwarm_core::reason::Phase::Receive,
            );
            Error::new(kind, phase, message).with_source(error)
        })
    }

    /// Reads and forgets what is left of the body, at most so many bytes, to save the connection.
    pub async fn drain(&mut self, bytes: u64) -> Reuse {
        self.body.drain(bytes).await
    }

    /// The connection, after `101 Switching Protocols`.
    ///
    /// # Errors
    /// When the status is another.
    pub fn into_upgraded(self) -> Result<Upgraded> {
        let status = self.head.status;
        match self.upgraded {
            Some(upgraded) => Ok(*upgraded),
            None => Err(Error::usage(format!(
                "the server answered {status}, it did not switch protocols"
            ))),
        }
    }
}

impl From<Response> for http::Response<Body> {
    /// The form that tower and other crates take. An upgraded connection is put into the extensions, and so are the
    /// redirects that were followed, as `Arc<[Hop]>`.
    fn from(response: Response) -> Self {
        let Response {
            head,
            body,
            upgraded,
            way,
        } = response;
        let mut converted = Self::new(body);
        *converted.status_mut() = head.status;
        *converted.version_mut() = head.version;
        *converted.headers_mut() = head.headers.into_map();
        if let Some(upgraded) = upgraded {
            let shared = std::sync::Arc::new(std::sync::Mutex::new(Some(*upgraded)));
            converted.extensions_mut().insert(shared);
        }
        if let Some(way) = way {
            let hops: std::sync::Arc<[Hop]> = way.hops.into();
            converted.extensions_mut().insert(hops);
        }
        converted
    }
}
