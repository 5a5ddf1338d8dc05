//! `Error`: what went wrong with a call, in which phase, and whether trying again is safe.
//!
//! Owns the public error and the failures inside the crate. Refuses to expose other crates' error types.

use std::fmt;
use std::io;
use std::sync::Arc;

use keepwarm_core::reason::{CloseReason, Limit, Phase, ProtocolFault, Retry, text};

use crate::tls::TlsFault;

/// What kind of failure ended a call. The slugs are those of the command's JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The client was shut down, or the connection ended before an answer came.
    Closed,
    /// No connection could be opened (name, address, refusal).
    Connect,
    /// Reading or writing failed.
    Io,
    /// A size or count limit was exceeded.
    Limit,
    /// The peer broke HTTP.
    Protocol,
    /// The proxy did not open the way: it refused, hung up, or broke its protocol.
    Proxy,
    /// No connection became free: the queue is full or its time ran out.
    Queue,
    /// A time limit passed.
    Timeout,
    /// TLS failed, in its handshake or later, or it is not built in.
    Tls,
    /// The request itself cannot be sent.
    Usage,
}

impl ErrorKind {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Connect => "connect",
            Self::Io => "io",
            Self::Limit => "limit",
            Self::Protocol => "protocol",
            Self::Proxy => "proxy",
            Self::Queue => "queue",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Usage => "usage",
        }
    }
}

/// A failed call.
///
/// Cheap to clone: several callers may wait for one dial and share its failure.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    phase: Phase,
    limit: Option<Limit>,
    message: String,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    reason: Option<CloseReason>,
    retries: Vec<Retry>,
    reused: bool,
    bytes_written: u64,
    bytes_read: u64,
    redirects: usize,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, phase: Phase, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            phase,
            limit: None,
            message: message.into(),
            source: None,
            reason: None,
            retries: Vec::new(),
            reused: false,
            bytes_written: 0,
            bytes_read: 0,
            redirects: 0,
        }))
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, Phase::Queue, message)
    }

    pub(crate) fn timeout(limit: Limit, phase: Phase) -> Self {
        let kind = if limit == Limit::Queue {
            ErrorKind::Queue
        } else {
            ErrorKind::Timeout
        };
        let message = format!("the {} ran out", text::limit_name(limit));
        Self::new(kind, phase, message).edit(|inner| {
            inner.limit = Some(limit);
            inner.reason = Some(CloseReason::TimedOut(limit));
        })
    }

    pub(crate) fn io(error: io::Error, phase: Phase) -> Self {
        let kind = error.kind();
        let ours = if error.get_ref().is_some_and(|inner| inner.is::<TlsFault>()) {
            ErrorKind::Tls
        } else {
            ErrorKind::Io
        };
        Self::new(ours, phase, error.to_string()).edit(|inner| {
            inner.reason = Some(CloseReason::IoError { kind });
            inner.source = Some(Arc::new(error));
        })
    }

    pub(crate) fn protocol(fault: ProtocolFault, phase: Phase) -> Self {
        let ended = matches!(
            fault,
            ProtocolFault::EndedInHead | ProtocolFault::EndedInBody { .. }
        );
        let kind = match fault.limit() {
            Some(_) => ErrorKind::Limit,
            None if ended => ErrorKind::Closed,
            None => ErrorKind::Protocol,
        };
        Self::new(kind, phase, fault.to_string()).edit(|inner| {
            inner.limit = fault.limit();
            inner.reason = Some(CloseReason::PeerBrokeProtocol(fault));
            inner.source = Some(Arc::new(fault));
        })
    }

    /// The same of a proxy on the way: nothing was wrong with the origin.
    pub(crate) fn of_proxy(self, proxy: &str) -> Self {
        self.edit(|inner| {
            inner.message = format!("the proxy {proxy} cannot be reached: {}", inner.message);
        })
    }

    pub(crate) fn with_limit(self, limit: Limit) -> Self {
        self.edit(|inner| inner.limit = Some(limit))
    }

    pub(crate) fn with_source(
        self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.edit(|inner| inner.source = Some(Arc::from(source.into())))
    }

    pub(crate) fn with_reason(self, reason: CloseReason) -> Self {
        self.edit(|inner| inner.reason = Some(reason))
    }

    pub(crate) fn with_evidence(self, reused: bool, written: u64, read: u64) -> Self {
        self.edit(|inner| {
            inner.reused = reused;
            inner.bytes_written = written;
            inner.bytes_read = read;
        })
    }

    pub(crate) fn after_redirects(self, count: usize) -> Self {
        if count == 0 {
            return self;
        }
        self.edit(|inner| inner.redirects = count)
    }

    pub(crate) fn with_retries(self, retries: &[Retry]) -> Self {
        self.edit(|inner| inner.retries = retries.to_vec())
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Where in the call it happened.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// The limit that was met; none when no limit was.
    pub fn limit(&self) -> Option<Limit> {
        self.0.limit
    }

    /// Why the call's connection ended; none when there was none yet.
    pub fn reason(&self) -> Option<&CloseReason> {
        self.0.reason.as_ref()
    }

    /// What was decided about sending again, one entry per failed attempt.
    pub fn retries(&self) -> &[Retry] {
        &self.0.retries
    }

    /// Whether a time limit passed.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Timeout)
            || matches!(self.0.limit, Some(Limit::Queue | Limit::Connect))
    }

    /// Whether no connection could be opened: name, address, or TLS handshake, whatever failed (a certificate too)
    /// and whether its time ran out. TLS that fails later is not meant.
    pub fn is_connect(&self) -> bool {
        matches!(self.0.phase, Phase::Dns | Phase::Connect | Phase::Tls)
    }

    /// Whether the last attempt was on a connection that had served before.
    pub fn was_reused(&self) -> bool {
        self.0.reused
    }

    /// Bytes of the request that the last attempt wrote.
    pub fn bytes_written(&self) -> u64 {
        self.0.bytes_written
    }

    /// Bytes of an answer that the last attempt read.
    pub fn bytes_read(&self) -> u64 {
        self.0.bytes_read
    }

    /// Redirects that were answered before the last attempt; 0 when none are followed.
    pub fn redirects(&self) -> usize {
        self.0.redirects
    }

    /// Whether no server can have seen the request: sending it again does nothing twice.
    pub fn is_safe_to_retry(&self) -> bool {
        let was_answered = self.0.redirects > 0 || self.0.phase == Phase::Receive;
        self.0.bytes_written == 0 && !was_answered && !matches!(self.0.kind, ErrorKind::Usage)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("phase", &self.0.phase)
            .field("limit", &self.0.limit)
            .field("message", &self.0.message)
            .field("reused", &self.0.reused)
            .field("bytes_written", &self.0.bytes_written)
            .field("bytes_read", &self.0.bytes_read)
            .field("retries", &self.0.retries)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.0.source.as_deref()?;
        Some(source)
    }
}

/// The result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;
