//! `Cause`: why connections are lost, as a closed list.
//!
//! Owns the stable names. Refuses to know how a cause is recognised (`crate::attribution`) and what is said about it
//! (the pages in `docs/causes/`).

use std::fmt;

use serde::{Serialize, Serializer};

/// Why connections are lost, or not used again. Each has a page, `docs/causes/SLUG.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// The name's addresses change, and connections to those that left are retired.
    AddressRotation,
    /// Idle timeouts cluster at two or more values: several backends stand behind one address.
    BackendsDiffer,
    /// A response body is neither read nor dropped: its connection stays taken.
    ClientBodyHeld,
    /// A response body was not read to its end, so its connection was closed.
    ClientBodyNotDrained,
    /// The caller drops calls under way; an HTTP/1.1 connection cannot survive that.
    ClientCancels,
    /// Fewer idle connections may be kept than calls are under way at once.
    ClientIdleCapTooSmall,
    /// Our own `idle_timeout` is shorter than the gaps between requests.
    ClientIdleTimeoutShort,
    /// Keep-alive is switched off in the client.
    ClientKeepAliveOff,
    /// Calls wait in the queue because `max_conns_per_host` is reached.
    ClientMaxConnsTooSmall,
    /// Our own `max_lifetime` or `max_requests_per_connection` closes connections.
    ClientMaxLifetime,
    /// A client is built for each request, so no pool is shared.
    ClientPerRequest,
    /// Calls come from several runtimes, which cannot share connections.
    ClientRuntimes,
    /// The request itself says `Connection: close`.
    ClientSaysClose,
    /// A time limit of ours ended the exchange, and with it the connection.
    ClientTimeout,
    /// Connections cannot be opened.
    ConnectFails,
    /// Answers with certain statuses end their connection.
    ErrorStatusClose,
    /// `Expect: 100-continue` was answered by a final status.
    ExpectationRefused,
    /// The server answers HTTP/1.0 without keep-alive.
    Http10Only,
    /// `idle_timeout` is longer than most servers and middleboxes keep a connection.
    IdleTimeoutOver120s,
    /// The server ends every connection after its first answer.
    KeepAliveDisabled,
    /// Connections were opened and never served a request.
    OpenedUnused,
    /// A proxy on the way ends connections after each answer.
    ProxyBreaksKeepAlive,
    /// The final answer came before the request's body was sent.
    RequestBodyRefused,
    /// Only the end of the connection ends the response's body.
    ResponseWithoutLength,
    /// An answer was malformed or broken off.
    ServerBrokeProtocol,
    /// HTTP/2: the server ends connections by GOAWAY.
    ServerGoAway,
    /// The server closes idle connections sooner than the next request comes.
    ServerIdleTimeout,
    /// The server ends connections of a certain age.
    ServerMaxAge,
    /// The server ends connections after a certain number of requests.
    ServerMaxRequests,
    /// Idle connections are reset, not closed.
    ServerResetsIdle,
    /// The server closed many connections at the same moment.
    ServerRestart,
    /// The server ends connections after an answer, without a pattern.
    ServerSaysClose,
    /// A request was sent on a connection that the server was just closing.
    StaleReuseRace,
    /// Bytes came on an idle connection that belong to no answer.
    StrayBytes,
    /// New connections make full TLS handshakes although the server was met before.
    TlsNotResumed,
    /// A request that cannot be repeated got a new connection, for the idle ones may be closed any moment.
    WriteAvoidsRace,
}

impl Cause {
    /// All of them, by name.
    pub const ALL: [Self; 36] = [
        Self::AddressRotation,
        Self::BackendsDiffer,
        Self::ClientBodyHeld,
        Self::ClientBodyNotDrained,
        Self::ClientCancels,
        Self::ClientIdleCapTooSmall,
        Self::ClientIdleTimeoutShort,
        Self::ClientKeepAliveOff,
        Self::ClientMaxConnsTooSmall,
        Self::ClientMaxLifetime,
        Self::ClientPerRequest,
        Self::ClientRuntimes,
        Self::ClientSaysClose,
        Self::ClientTimeout,
        Self::ConnectFails,
        Self::ErrorStatusClose,
        Self::ExpectationRefused,
        Self::Http10Only,
        Self::IdleTimeoutOver120s,
        Self::KeepAliveDisabled,
        Self::OpenedUnused,
        Self::ProxyBreaksKeepAlive,
        Self::RequestBodyRefused,
        Self::ResponseWithoutLength,
        Self::ServerBrokeProtocol,
        Self::ServerGoAway,
        Self::ServerIdleTimeout,
        Self::ServerMaxAge,
        Self::ServerMaxRequests,
        Self::ServerResetsIdle,
        Self::ServerRestart,
        Self::ServerSaysClose,
        Self::StaleReuseRace,
        Self::StrayBytes,
        Self::TlsNotResumed,
        Self::WriteAvoidsRace,
    ];

    /// The stable name, as in JSON, in the report and as the name of its page.
    pub fn slug(self) -> &'static str {
        match self {
            Self::AddressRotation => "address-rotation",
            Self::BackendsDiffer => "backends-differ",
            Self::ClientBodyHeld => "client-body-held",
            Self::ClientBodyNotDrained => "client-body-not-drained",
            Self::ClientCancels => "client-cancels",
            Self::ClientIdleCapTooSmall => "client-idle-cap-too-small",
            Self::ClientIdleTimeoutShort => "client-idle-timeout-short",
            Self::ClientKeepAliveOff => "client-keep-alive-off",
            Self::ClientMaxConnsTooSmall => "client-max-conns-too-small",
            Self::ClientMaxLifetime => "client-max-lifetime",
            Self::ClientPerRequest => "client-per-request",
            Self::ClientRuntimes => "client-runtimes",
            Self::ClientSaysClose => "client-says-close",
            Self::ClientTimeout => "client-timeout",
            Self::ConnectFails => "connect-fails",
            Self::ErrorStatusClose => "error-status-close",
            Self::ExpectationRefused => "expectation-refused",
            Self::Http10Only => "http10-only",
            Self::IdleTimeoutOver120s => "idle-timeout-over-120s",
            Self::KeepAliveDisabled => "keep-alive-disabled",
            Self::OpenedUnused => "opened-unused",
            Self::ProxyBreaksKeepAlive => "proxy-breaks-keep-alive",
            Self::RequestBodyRefused => "request-body-refused",
            Self::ResponseWithoutLength => "response-without-length",
            Self::ServerBrokeProtocol => "server-broke-protocol",
            Self::ServerGoAway => "server-go-away",
            Self::ServerIdleTimeout => "server-idle-timeout",
            Self::ServerMaxAge => "server-max-age",
            Self::ServerMaxRequests => "server-max-requests",
            Self::ServerResetsIdle => "server-resets-idle",
            Self::ServerRestart => "server-restart",
            Self::ServerSaysClose => "server-says-close",
            Self::StaleReuseRace => "stale-reuse-race",
            Self::StrayBytes => "stray-bytes",
            Self::TlsNotResumed => "tls-not-resumed",
            Self::WriteAvoidsRace => "write-avoids-race",
        }
    }

    /// Whether the server ends connections by a rule of its own that no client can change, and that is no fault.
    pub fn is_rule_of_the_server(self) -> bool {
        matches!(
            self,
            Self::AddressRotation
                | Self::ServerGoAway
                | Self::ServerMaxAge
                | Self::ServerMaxRequests
        )
    }

    /// The cause of a stable name.
    pub fn of_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.slug() == slug)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.slug())
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.slug())
    }
}
