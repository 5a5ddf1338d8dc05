//! `Response`: an answer, its connection and its body.
//!
//! Owns the face of what a call returns. Refuses to know how its body is read.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};
use keepwarm_core::reason::{Retry, Reuse};

use crate::error::{Error, Result};
use crate::transport::body::Body;
use crate::transport::call::Incoming;
use crate::transport::info::{ConnectionInfo, Timings};
use crate::transport::upgrade::Upgraded;

/// The answer to a call: its head has arrived, its body perhaps not yet.
#[derive(Debug)]
pub struct Response(Incoming);

impl Response {
    pub(crate) fn new(incoming: Incoming) -> Self {
        Self(incoming)
    }

    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.0.head.status
    }

    /// The version in the answer.
    pub fn version(&self) -> Version {
        self.0.head.version
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.head.headers
    }

    /// The connection that carried it.
    pub fn connection(&self) -> &ConnectionInfo {
        self.0.body.connection()
    }

    /// How long each phase took so far; complete once the body has ended.
    pub fn timings(&self) -> Timings {
        self.0.body.timings()
    }

    /// What was decided about failed attempts before this answer came; empty when there was none.
    pub fn retries(&self) -> &[Retry] {
        self.0.body.retries()
    }

    /// May the connection serve again? None until the body has ended.
    pub fn reuse(&self) -> Option<&Reuse> {
        self.0.body.reuse()
    }

    /// The body, to read piece by piece.
    pub fn body_mut(&mut self) -> &mut Body {
        &mut self.0.body
    }

    /// The body alone.
    pub fn into_body(self) -> Body {
        self.0.body
    }

    /// The next bytes of the body; none at its end.
    ///
    /// # Errors
    /// When the connection fails, the server breaks the protocol, or a time limit passes.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.0.body.chunk().await
    }

    /// The whole body.
    ///
    /// # Errors
    /// As [`Response::chunk`].
    pub fn bytes(self) -> impl Future<Output = Result<Bytes>> + Send {
        self.0.body.bytes()
    }

    /// The whole body as text; bytes that are no UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// As [`Response::chunk`].
    pub async fn text(self) -> Result<String> {
        self.0.body.text().await
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
        self.0.body.drain(bytes).await
    }

    /// The connection, after `101 Switching Protocols`.
    ///
    /// # Errors
    /// When the status is another.
    pub fn into_upgraded(self) -> Result<Upgraded> {
        let status = self.0.head.status;
        match self.0.upgraded {
            Some(upgraded) => Ok(*upgraded),
            None => Err(Error::usage(format!(
                "the server answered {status}, it did not switch protocols"
            ))),
        }
    }
}

impl From<Response> for http::Response<Body> {
    /// The form that tower and other crates take. An upgraded connection is put into the extensions.
    fn from(response: Response) -> Self {
        let Incoming {
            head,
            body,
            upgraded,
        } = response.0;
        let mut converted = Self::new(body);
        *converted.status_mut() = head.status;
        *converted.version_mut() = head.version;
        *converted.headers_mut() = head.headers.into_map();
        if let Some(upgraded) = upgraded {
            let shared = std::sync::Arc::new(std::sync::Mutex::new(Some(*upgraded)));
            converted.extensions_mut().insert(shared);
        }
        converted
    }
}
