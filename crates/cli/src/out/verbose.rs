//! The lines of `-v`, as users of curl know them: `*` for connections, `>` for what is sent, `<` for what comes.
//!
//! Owns their wording. Refuses to know when they are written.

use http::{HeaderMap, Method, StatusCode, Uri, Version};
use keepwarm::Human;
use keepwarm::Origin;
use keepwarm::event::ConnectionId;
use keepwarm::reason::{CloseReason, Miss, Retry};
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

pub(crate) fn reusing(
    id: ConnectionId,
    idle: Option<std::time::Duration>,
    requests: u64,
) -> String {
    let request = ordinal(requests);
    match idle {
        Some(idle) => format!(
            "* Reusing connection {id} (idle {}, {request} request)",
            Human(idle)
        ),
        None => format!("* Reusing connection {id} ({request} request)"),
    }
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
}

/// The lines of a request's head, made by the writer that makes the real ones.
pub(crate) fn request(sent: &Sent<'_>) -> Vec<String> {
    let origin = OriginRef::of(sent.uri).ok();
    let length = match sent.body_bytes {
        0 => BodyLength::Empty,
        bytes => BodyLength::Known(bytes as u64),
    };
    let extras = HeadExtras {
        host: origin.as_ref().map(Into::into),
        close: !sent.keep_alive,
        length,
        expect_continue: sent.expect_continue && sent.body_bytes > 0,
        user_agent: Some(USER_AGENT),
    };
    let target = sent.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut head = Vec::new();
    request_head(&mut head, sent.method, target, sent.headers, &extras);
    let head = String::from_utf8_lossy(&head);
    let lines = head.trim_end().lines().chain([""]);
    lines
        .map(|line| format!("> {line}").trim_end().to_owned())
        .collect()
}

/// The lines of a response's head.
pub(crate) fn response(version: Version, status: StatusCode, headers: &HeaderMap) -> Vec<String> {
    let phrase = status.canonical_reason().unwrap_or_default();
    let status = format!("< {version:?} {} {phrase}", status.as_str());
    let fields = headers
        .iter()
        .map(|(name, value)| format!("< {name}: {}", String::from_utf8_lossy(value.as_bytes())));
    let mut lines = vec![status.trim_end().to_owned()];
    lines.extend(fields);
    lines.push("<".to_owned());
    lines
}
