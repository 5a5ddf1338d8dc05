//! `Cause`: what may be wrong with a server, as a closed list.
//!
//! Owns the stable names. Refuses to know how each is recognised.

/// What may be wrong. Where a cause is also one of the report's (`docs/causes/`), it has the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// `Keep-Alive: max` does not say how many requests a connection serves.
    AnnouncedMaxWrong,
    /// `Keep-Alive: timeout` does not say when connections end.
    AnnouncedTimeoutWrong,
    /// Idle timeouts cluster at two or more values: several backends stand behind one address.
    BackendsDiffer,
    /// A hop keeps idle connections to the next one for longer than that one does.
    ChainOrderWrong,
    /// An address of the name cannot be connected to.
    ConnectFails,
    /// Answers other than the plain one end their connection.
    ErrorStatusClose,
    /// `Expect: 100-continue` is answered 417.
    ExpectationRefused,
    /// The server ends its half of idle connections and keeps the other.
    HalfClosedIdle,
    /// The server answers HTTP/1.0 without keep-alive.
    Http10Only,
    /// The server chooses HTTP/2, and requests over it fail although they do not over HTTP/1.1.
    Http2Broken,
    /// The server allows few HTTP/2 streams at once.
    Http2FewStreams,
    /// Idle connections end soon.
    IdleTimeoutShort,
    /// The server ends each connection after one answer.
    KeepAliveDisabled,
    /// A connection serves few requests, or ends after some without a word.
    MaxRequestsLow,
    /// A proxy answers, and keeps no connection.
    ProxyBreaksKeepAlive,
    /// A request body that nobody wants ends its connection, or loses its answer.
    RequestBodyRefused,
    /// Only the end of the connection ends the body.
    ResponseWithoutLength,
    /// Connections end for their age.
    ServerMaxAge,
    /// Idle connections are reset, not closed.
    ServerResetsIdle,
    /// Idle connections die, and neither side is told.
    SilentDrop,
    /// Requests of a client meet closes of the server now and then.
    StaleReuseRace,
    /// Bytes come on idle connections that belong to no answer.
    StrayBytes,
    /// Each TLS handshake is a full one.
    TlsNotResumed,
}

impl Cause {
    /// All of them, by name.
    pub const ALL: [Self; 23] = [
        Self::AnnouncedMaxWrong,
        Self::AnnouncedTimeoutWrong,
        Self::BackendsDiffer,
        Self::ChainOrderWrong,
        Self::ConnectFails,
        Self::ErrorStatusClose,
        Self::ExpectationRefused,
        Self::HalfClosedIdle,
        Self::Http10Only,
        Self::Http2Broken,
        Self::Http2FewStreams,
        Self::IdleTimeoutShort,
        Self::KeepAliveDisabled,
        Self::MaxRequestsLow,
        Self::ProxyBreaksKeepAlive,
        Self::RequestBodyRefused,
        Self::ResponseWithoutLength,
        Self::ServerMaxAge,
        Self::ServerResetsIdle,
        Self::SilentDrop,
        Self::StaleReuseRace,
        Self::StrayBytes,
        Self::TlsNotResumed,
    ];

    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::AnnouncedMaxWrong => "announced-max-wrong",
            Self::AnnouncedTimeoutWrong => "announced-timeout-wrong",
            Self::BackendsDiffer => "backends-differ",
            Self::ChainOrderWrong => "chain-order-wrong",
            Self::ConnectFails => "connect-fails",
            Self::ErrorStatusClose => "error-status-close",
            Self::ExpectationRefused => "expectation-refused",
            Self::HalfClosedIdle => "half-closed-idle",
            Self::Http10Only => "http10-only",
            Self::Http2Broken => "http2-broken",
            Self::Http2FewStreams => "http2-few-streams",
            Self::IdleTimeoutShort => "idle-timeout-short",
            Self::KeepAliveDisabled => "keep-alive-disabled",
            Self::MaxRequestsLow => "max-requests-low",
            Self::ProxyBreaksKeepAlive => "proxy-breaks-keep-alive",
            Self::RequestBodyRefused => "request-body-refused",
            Self::ResponseWithoutLength => "response-without-length",
            Self::ServerMaxAge => "server-max-age",
            Self::ServerResetsIdle => "server-resets-idle",
            Self::SilentDrop => "silent-drop",
            Self::StaleReuseRace => "stale-reuse-race",
            Self::StrayBytes => "stray-bytes",
            Self::TlsNotResumed => "tls-not-resumed",
        }
    }

    /// The cause of a stable name.
    pub fn of_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.slug() == slug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_unique_and_found_again() {
        let slugs: Vec<_> = Cause::ALL.iter().map(|cause| cause.slug()).collect();
        assert!(slugs.is_sorted());
        for cause in Cause::ALL {
            assert_eq!(Cause::of_slug(cause.slug()), Some(cause));
        }
        assert_eq!(Cause::of_slug("none"), None);
    }
}
