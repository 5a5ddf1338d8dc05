//! `Handshake`: the limits on what is said to a proxy, and the words for its failures.
//!
//! Owns the time limit. Refuses to know what is said.

use std::fmt;
use std::io;
use std::time::Duration;

use keepwarm_core::h1;
use keepwarm_core::reason::{Limit, Phase, ProtocolFault};
use tokio::time::{Instant, timeout_at};

use super::Proxy;
use crate::clock;
use crate::error::{Error, ErrorKind, Result};

/// What a handshake with a proxy may take, and what of the client's settings it shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handshake<'a> {
    /// Time for the whole handshake (connecting and TLS not included). None: no limit.
    pub(crate) timeout: Option<Duration>,
    /// What the head of an answer to CONNECT may hold.
    pub(crate) heads: h1::Limits,
    /// The `User-Agent` of CONNECT. None: none is sent.
    pub(crate) user_agent: Option<&'a str>,
}

impl Handshake<'_> {
    /// When it must be over; none without a limit, or one beyond the clock's end.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let now = Instant::from_std(clock::now());
        self.timeout.and_then(|timeout| now.checked_add(timeout))
    }
}

/// Runs a handshake until its deadline.
pub(super) async fn before<T>(
    deadline: Option<Instant>,
    handshake: impl Future<Output = Result<T>>,
) -> Result<T> {
    match deadline {
        Some(deadline) => timeout_at(deadline, handshake)
            .await
            .unwrap_or_else(|_| Err(Error::timeout(Limit::ProxyHandshake, Phase::Connect))),
        None => handshake.await,
    }
}

/// The proxy failed.
pub(super) fn failed(proxy: &Proxy, what: impl fmt::Display) -> Error {
    Error::new(
        ErrorKind::Proxy,
        Phase::Connect,
        format!("the proxy {proxy} {what}"),
    )
}

/// The connection to the proxy failed.
pub(super) fn broken(proxy: &Proxy, error: io::Error) -> Error {
    let message = if error.kind() == io::ErrorKind::UnexpectedEof {
        "closed the connection before it agreed".to_owned()
    } else {
        format!("was lost before it agreed: {error}")
    };
    failed(proxy, message).with_source(error)
}

/// The proxy's answer is no HTTP, or more than the limits allow.
pub(super) fn faulty(proxy: &Proxy, fault: ProtocolFault) -> Error {
    let error = if fault == ProtocolFault::EndedInHead {
        failed(proxy, "closed the connection before it agreed")
    } else {
        failed(proxy, format_args!("answered CONNECT wrongly: {fault}"))
    };
    match fault.limit() {
        Some(limit) => error.with_limit(limit).with_source(fault),
        None => error.with_source(fault),
    }
}
