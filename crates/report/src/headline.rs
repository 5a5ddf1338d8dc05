//! The verdict in one sentence.
//!
//! Owns its wording, which page and terminal share. Refuses to judge: what was avoidable, and why, the report says.

use crate::cause::Cause;
use crate::figures::{counted, duration, grouped};
use crate::report::{Finding, Report};

/// What came out, in one sentence without a full stop: `12 connections for 100 requests; 11 avoidable, because the
/// server closes after 3.0 s idle`.
pub fn headline(report: &Report) -> String {
    let opened = report.opened();
    let served = report.served();
    if opened == 0 && report.exchanges.is_empty() {
        return "No request, no connection".to_owned();
    }
    if opened == 0 {
        let requests = counted(report.exchanges.len() as u64, "request");
        return format!("No connection could be opened for {requests}");
    }
    let told = format!(
        "{} for {}",
        counted(opened, "connection"),
        counted(served, "request")
    );
    match report.avoidable() {
        0 => format!("{told}; none avoidable{}", forced(report)),
        avoidable => format!(
            "{told}; {} avoidable{}",
            grouped(avoidable),
            reason(report, avoidable)
        ),
    }
}

/// What no client could have avoided, for the server ends connections by a rule of its own.
fn forced(report: &Report) -> String {
    match report.origins.iter().map(|origin| origin.forced).sum() {
        0 => String::new(),
        forced => format!(", {} by a rule of the server", grouped(forced)),
    }
}

/// The cause of most openings; nothing when none is known.
fn reason(report: &Report, avoidable: u64) -> String {
    let caused = |finding: &&Finding| finding.openings > 0;
    // The first of those that are equal: the list has the worst first, `max_by_key` would give the last.
    let Some(finding) = report
        .findings
        .iter()
        .rev()
        .filter(caused)
        .max_by_key(|finding| finding.openings)
    else {
        return String::new();
    };
    let mostly = if finding.openings < avoidable {
        "mostly "
    } else {
        ""
    };
    format!(", {mostly}because {}", because(report, finding))
}

fn because(report: &Report, finding: &Finding) -> String {
    let learned = finding
        .origin
        .and_then(|origin| report.origins.get(origin))
        .and_then(|origin| origin.idle_timeout);
    if let (Cause::ServerIdleTimeout | Cause::ServerResetsIdle, Some(timeout)) =
        (finding.cause, learned)
    {
        return format!("the server closes after {} idle", duration(timeout.us));
    }
    clause(finding.cause).to_owned()
}

fn clause(cause: Cause) -> &'static str {
    match cause {
        Cause::AddressRotation => "the name's addresses change",
        Cause::BackendsDiffer => "backends with different idle timeouts stand behind one address",
        Cause::ClientBodyHeld => "responses are neither read nor dropped",
        Cause::ClientBodyNotDrained => "response bodies are not read to their end",
        Cause::ClientCancels => "the caller drops calls under way",
        Cause::ClientIdleCapTooSmall => "too few idle connections may be kept",
        Cause::ClientIdleTimeoutShort => {
            "our own idle timeout is shorter than the gaps between requests"
        }
        Cause::ClientKeepAliveOff => "keep-alive is switched off in the client",
        Cause::ClientMaxConnsTooSmall => "the limit on connections per host is too small",
        Cause::ClientMaxLifetime => "our own limits on a connection's age or requests close it",
        Cause::ClientPerRequest => "a client is built for each request",
        Cause::ClientRuntimes => "calls come from several runtimes, which cannot share connections",
        Cause::ClientSaysClose => "the requests themselves say “Connection: close”",
        Cause::ClientTimeout => "our own time limits end exchanges",
        Cause::ConnectFails => "connections cannot be opened",
        Cause::ErrorStatusClose => "error answers end their connection",
        Cause::ExpectationRefused => "“Expect: 100-continue” is answered by a final status",
        Cause::Http10Only => "the server answers HTTP/1.0 without keep-alive",
        Cause::IdleTimeoutOver120s => "our idle timeout is longer than the path keeps a connection",
        Cause::KeepAliveDisabled => "the server says “Connection: close” on every answer",
        Cause::OpenedUnused => "connections were opened that never served a request",
        Cause::ProxyBreaksKeepAlive => "a proxy on the way ends connections after each answer",
        Cause::RequestBodyRefused => "answers come before the request's body is sent",
        Cause::ResponseWithoutLength => "only the end of the connection ends a response",
        Cause::ServerBrokeProtocol => "answers were malformed or broken off",
        Cause::ServerGoAway => "the server ends connections by GOAWAY",
        Cause::ServerIdleTimeout => "the server closes idle connections before the next request",
        Cause::ServerMaxAge => "the server ends connections of a certain age",
        Cause::ServerMaxRequests => "the server ends connections after a number of requests",
        Cause::ServerResetsIdle => "idle connections are reset",
        Cause::ServerRestart => "the server closed many connections at once",
        Cause::ServerSaysClose => "the server says “Connection: close”",
        Cause::StaleReuseRace => "requests met connections that the server was just closing",
        Cause::StrayBytes => "bytes came on idle connections that belong to no answer",
        Cause::TlsNotResumed => "TLS sessions are not resumed",
        Cause::WriteAvoidsRace => {
            "requests that cannot be repeated avoid connections that may be closing"
        }
    }
}
