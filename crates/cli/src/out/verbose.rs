//! The lines of `-v`, as users of curl know them: `*` for connections, `>` for what is sent, `<` for what comes.
//!
//! Owns their wording. Refuses to know when they are written.

use http::{HeaderMap, Method, StatusCode, Uri, Version};
use keepwarm::Human;
use keepwarm::NotFollowed;
use keepwarm::Origin;
use keepwarm::event::ConnectionId;
use keepwarm::reason::{CloseReason, Miss, Retry};
use keepwarm::tls::TlsInfo;
use keepwarm_core::h1::{BodyLength, HeadExtras, request_head};
use keepwarm_core::origin::OriginRef;

use super::style::ordinal;
use crate::args::transport::USER_AGENT;

pub(crate) fn connected(
    origin: &Origin,
    remote: Option<std::net::SocketAddr>,
    id: ConnectionId,
    miss: Option<&Miss>,
) -> String {
    let host = origin.host();
    let place = match remote {
        Some(remote) => format!("{host} ({}) port {}", remote.ip(), remote.port()),
        None => format!("{host} over a Unix socket"),
    };
    match miss {
        Some(Miss::Prewarm) | None => format!("* Connected to {place} ({id})"),
        Some(miss) => format!("* Connected to {place} ({id}), because {miss}"),
    }
}

/// The proxy that a connection goes through.
pub(crate) fn through(via: &str) -> String {
    format!("* Through the proxy {via}")
}

/// What its handshake agreed on.
pub(crate) fn encrypted(tls: &TlsInfo) -> String {
    let alpn = match &tls.alpn {
        Some(protocol) => format!("ALPN {protocol}"),
        None => "no ALPN".to_owned(),
    };
    let handshake = if tls.resumed {
        "resumed"
    } else {
        "full handshake"
    };
    format!("* {}, {}, {alpn}, {handshake}", tls.version, tls.cipher)
}

pub(crate) fn stream(id: ConnectionId, stream: u32) -> String {
    format!("* Stream {stream} of connection {id} (HTTP/2)")
}

/// A redirect that is followed.
pub(crate) fn redirected(to: &Uri) -> String {
    format!("* Redirected to {to}")
}

/// The request of a followed redirect; its fields are those of the first, without what is not meant for it.
pub(crate) fn following(method: &Method, uri: &Uri, protocol: Option<&str>) -> [String; 3] {
    let target = uri.path_and_query().map_or("/", |path| path.as_str());
    let version = version(protocol);
    let host = uri.authority().map_or("", |authority| authority.as_str());
    [
        format!("> {method} {target}{version}"),
        format!("> host: {host}"),
        ">".to_owned(),
    ]
}

/// The same where nobody told the URL.
pub(crate) fn following_somewhere(method: &Method, origin: &str) -> String {
    format!("* Redirected to {origin}, with {method}")
}

/// An answer of which the status is all that is known.
pub(crate) fn status(status: u16, protocol: Option<&str>) -> String {
    let phrase = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let line = match version(protocol).trim() {
        "" => format!("< {status} {phrase}"),
        version => format!("< {version} {status} {phrase}"),
    };
    line.trim_end().to_owned()
}

fn version(protocol: Option<&str>) -> &'static str {
    match protocol {
        Some("h1") => " HTTP/1.1",
        Some("h2") => " HTTP/2",
        Some(_) | None => "",
    }
}

pub(crate) fn decoding(coding: &str) -> String {
    format!("* The body is decoded from {coding}")
}

pub(crate) fn not_followed(why: NotFollowed) -> String {
    format!("* Not followed: {why}")
}

pub(crate) fn reusing(
    id: ConnectionId,
    idle: Option<std::time::Duration>,
    requests: u64,
    coalesced: Option<Coalesced<'_>>,
) -> String {
    let request = ordinal(requests);
    // One that others use at the same time was not idle.
    let line = match idle.filter(|idle| !idle.is_zero()) {
        Some(idle) => format!(
            "* Reusing connection {id} (idle {}, {request} request)",
            Human(idle)
        ),
        None => format!("* Reusing connection {id} ({request} request)"),
    };
    match coalesced {
        None => line,
        Some(Coalesced { from, called }) => {
            let host = called.host();
            format!("{line}, opened for {from}: its certificate covers {host} too")
        }
    }
}

/// A connection of one origin that serves a call to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coalesced<'a> {
    pub(crate) from: &'a Origin,
    pub(crate) called: &'a Origin,
}

pub(crate) fn left_intact(id: ConnectionId) -> String {
    format!("* Connection {id} left intact")
}

pub(crate) fn closing(id: ConnectionId, reason: &CloseReason) -> String {
    format!("* Closing connection {id}: {reason}")
}

pub(crate) fn decided(retry: Retry) -> String {
    let sentence = retry.to_string();
    let mut letters = sentence.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    format!("* {}{}", first.unwrap_or_default(), letters.as_str())
}

pub(crate) fn failed(error: &keepwarm::Error) -> String {
    format!("* {error}")
}

/// What is sent for a request beside its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body_bytes: usize,
    pub(crate) expect_continue: bool,
    pub(crate) keep_alive: bool,
    pub(crate) form: Form,
}

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    /// HTTP/1.1, with the whole URL, for a proxy.
    Forwarded,
    Http1,
    Http2,
}

/// Fields that HTTP/2 does not send (RFC 9113 §8.2.2).
const OF_A_CONNECTION: [&str; 5] = [
    "connection:",
    "keep-alive:",
    "proxy-connection:",
    "transfer-encoding:",
    "upgrade:",
];

/// The lines of a request's head, made by the writer that makes the real ones.
pub(crate) fn request(sent: &Sent<'_>) -> Vec<String> {
    let origin = OriginRef::of(sent.uri).ok();
    let length = match sent.body_bytes {
        0 => BodyLength::Empty,
        bytes => BodyLength::Known(bytes as u64),
    };
    let extras = HeadExtras {
        host: origin.as_ref().map(Into::into),
        close: !sent.keep_alive && sent.form != Form::Http2,
        length,
        expect_continue: sent.expect_continue && sent.body_bytes > 0,
        user_agent: Some(USER_AGENT),
    };
    let path = sent.uri.path_and_query().map_or("/", |path| path.as_str());
    let whole = sent.uri.to_string();
    let target = match sent.form {
        Form::Forwarded => whole.as_str(),
        Form::Http1 | Form::Http2 => path,
    };
    let mut head = Vec::new();
    request_head(&mut head, sent.method, target, sent.headers, &extras);
    let head = String::from_utf8_lossy(&head);
    let mut lines: Vec<&str> = head.trim_end().lines().chain([""]).collect();
    let first = format!("{} {target} HTTP/2", sent.method);
    if sent.form == Form::Http2 {
        lines[0] = &first;
        lines.retain(|line| !OF_A_CONNECTION.iter().any(|name| line.starts_with(name)));
    }
    lines
        .into_iter()
        .map(|line| format!("> {line}").trim_end().to_owned())
        .collect()
}

/// The lines of a response's head.
pub(crate) fn response(version: Version, status: StatusCode, headers: &HeaderMap) -> Vec<String> {
    let phrase = status.canonical_reason().unwrap_or_default();
    let version = match version {
        Version::HTTP_2 => "HTTP/2".to_owned(),
        other => format!("{other:?}"),
    };
    let status = format!("< {version} {} {phrase}", status.as_str());
    let fields = headers
        .iter()
        .map(|(name, value)| format!("< {name}: {}", String::from_utf8_lossy(value.as_bytes())));
    let mut lines = vec![status.trim_end().to_owned()];
    lines.extend(fields);
    lines.push("<".to_owned());
    lines
}
