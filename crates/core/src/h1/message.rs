//! The messages of an exchange as values: what goes in and what comes out of the machines.
//!
//! Owns the types only. Refuses to know how they are read or written.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};

use super::HeaderBlock;

/// How the length of a request body is declared (RFC 9112 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// There is no body.
    Empty,
    /// So many bytes, declared with `Content-Length`.
    Known(u64),
    /// Unknown until it ends: `Transfer-Encoding: chunked`.
    Chunked,
}

/// What of a request decides how its answer is framed and whether its connection may serve again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestShape {
    /// The method is `HEAD`: the answer has no body whatever its fields say.
    pub head: bool,
    /// The method is `CONNECT`: a 2xx answer turns the connection into a tunnel.
    pub connect: bool,
    /// The request said `Connection: close`.
    pub close: bool,
    /// The request asked to switch protocols (`Upgrade`).
    pub upgrade: bool,
    /// The request said `Expect: 100-continue`.
    pub expect_continue: bool,
    /// Its body.
    pub body: BodyLength,
}

/// The same, packed: thousands of exchanges may run at once, and none asks how long its own body is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) head: bool,
    pub(super) connect: bool,
    pub(super) close: bool,
    pub(super) upgrade: bool,
    pub(super) expect_continue: bool,
    pub(super) has_body: bool,
}

impl From<RequestShape> for Asked {
    fn from(shape: RequestShape) -> Self {
        Self {
            head: shape.head,
            connect: shape.connect,
            close: shape.close,
            upgrade: shape.upgrade,
            expect_continue: shape.expect_continue,
            has_body: shape.body != BodyLength::Empty,
        }
    }
}

/// The head of a response.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The status code, 100 to 999.
    pub status: StatusCode,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The fields, made into a map at the first look.
    pub headers: HeaderBlock,
}

/// The head of a request, as the passive side sees it.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The request target as written.
    pub target: Bytes,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The fields, made into a map at the first look.
    pub headers: HeaderBlock,
}

/// The next thing of a response.
#[derive(Clone, Debug)]
pub enum Received {
    /// An interim (1xx) response; the final one is still to come.
    Interim(ResponseHead),
    /// The final response's head.
    Head(ResponseHead),
    /// A part of the body, never empty.
    Data(Bytes),
    /// The trailer fields of a chunked body; `End` follows.
    Trailers(HeaderMap),
    /// The response is over. Given once.
    End,
    /// The protocol was switched (101, or 2xx to CONNECT): what follows belongs to the caller.
    Switched(ResponseHead),
}

/// What the server announced with `Keep-Alive: timeout=…, max=…`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAliveHint {
    /// How long it will keep the connection idle; none when it did not say.
    pub timeout: Option<Duration>,
    /// How many more requests it will take; none when it did not say.
    pub max: Option<u64>,
}
