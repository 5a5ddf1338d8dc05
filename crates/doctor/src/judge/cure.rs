//! What to do about each cause, in a sentence.
//!
//! Owns the sentences. The pages in `docs/causes` say it at length, and for each product.

use super::Cause;

/// On the server's side, or on the client's when that is easier.
const CURES: [(Cause, &str); Cause::ALL.len()] = [
    (
        Cause::AnnouncedMaxWrong,
        "Let Keep-Alive: max say what the server does, or announce nothing: clients that believe it retire \
        connections too late or too soon.",
    ),
    (
        Cause::AnnouncedTimeoutWrong,
        "Let Keep-Alive: timeout say what the server does, or announce nothing; until then, keep clients' idle \
        timeout below what was measured.",
    ),
    (
        Cause::BackendsDiffer,
        "Give all backends behind this address the same idle timeout; until then, clients stay below the \
        shortest.",
    ),
    (
        Cause::ChainOrderWrong,
        "Let each hop keep idle connections for longer than the one before it: raise the idle timeout of the \
        hop behind, or lower the one towards it.",
    ),
    (
        Cause::ConnectFails,
        "Take the address out of DNS or let the server listen on it: each client may try it first.",
    ),
    (
        Cause::ErrorStatusClose,
        "Let error answers keep their connection (no Connection: close from handlers or middleware), or errors \
        become reconnect storms.",
    ),
    (
        Cause::ExpectationRefused,
        "Answer Expect: 100-continue with 100, or with the refusal itself; until then, clients send bodies \
        without it.",
    ),
    (
        Cause::HalfClosedIdle,
        "Close idle connections whole, or after a short linger; clients look at a connection before they use \
        it, and bound their wait for an answer.",
    ),
    (
        Cause::Http10Only,
        "Serve HTTP/1.1, or put a proxy before it that does: without it each request needs a connection.",
    ),
    (
        Cause::Http2Broken,
        "Mend HTTP/2 on the server or the proxy before it, or let it offer HTTP/1.1 alone: clients take what ALPN \
        chooses and do not try again.",
    ),
    (
        Cause::Http2FewStreams,
        "Allow a hundred streams or more (nginx: http2_max_concurrent_streams), or let clients open further \
        connections when all streams are taken.",
    ),
    (
        Cause::IdleTimeoutShort,
        "Raise the server's keep-alive timeout above the gaps between requests, or let clients drop idle \
        connections sooner.",
    ),
    (
        Cause::KeepAliveDisabled,
        "Switch keep-alive on in the server (nginx: keepalive_timeout above 0; Apache: KeepAlive On) and find \
        who adds Connection: close.",
    ),
    (
        Cause::MaxRequestsLow,
        "Raise the limit (nginx: keepalive_requests; Apache: MaxKeepAliveRequests), and let the last answer \
        say Connection: close.",
    ),
    (
        Cause::ProxyBreaksKeepAlive,
        "Let the proxy speak HTTP/1.1 and keep connections, or go around it; examine the server behind it \
        directly, it may be well.",
    ),
    (
        Cause::RequestBodyRefused,
        "Read refused bodies to their end, or linger before closing; clients ask with Expect: 100-continue \
        before they send much.",
    ),
    (
        Cause::ResponseWithoutLength,
        "Send Content-Length or Transfer-Encoding: chunked; only then can the connection serve again.",
    ),
    (
        Cause::ServerMaxAge,
        "Raise the greatest age (nginx: keepalive_time; Envoy: max_connection_duration), and let the last \
        answer announce the end; clients may retire connections a little sooner.",
    ),
    (
        Cause::ServerResetsIdle,
        "Close idle connections with FIN (no SO_LINGER of 0): a reset can destroy an answer on its way.",
    ),
    (
        Cause::SilentDrop,
        "Let clients drop idle connections before that, with TCP keepalive on; on the way, raise the idle time \
        of the balancer, NAT or firewall, or let it send resets.",
    ),
    (
        Cause::StaleReuseRace,
        "Let the client drop idle connections a second before the server does (--snippets has the setting), \
        and send again what is safe to repeat.",
    ),
    (
        Cause::StrayBytes,
        "Find who writes on idle connections; keep clients' idle timeout below the moment it happens.",
    ),
    (
        Cause::TlsNotResumed,
        "Switch session tickets or a session cache on, with keys that all servers behind this address share.",
    ),
];

pub(super) fn of(cause: Cause) -> &'static str {
    let known = CURES.iter().find(|(it, _)| *it == cause);
    known.map_or("", |(_, cure)| cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_a_cure() {
        for cause in Cause::ALL {
            assert!(of(cause).ends_with('.'), "{}", cause.slug());
        }
    }
}
