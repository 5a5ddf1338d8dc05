//! HAR 1.2: each exchange as an entry, for the viewers that people have.
//!
//! Owns the form, and what of a report can be said in it. Refuses to hold headers and bodies: the report has none, and
//! of queries no values unless they were asked for.
//!
//! Beside what HAR knows, an entry has fields of our own, which begin with `_` as HAR wants it:
//!
//! | field | what it says |
//! |---|---|
//! | `_reused` | whether the connection had served before |
//! | `_requestIndex` | which request on its connection, from 1 |
//! | `_idleBefore` | milliseconds for which the connection had been idle |
//! | `_connectionClosedBy`, `_closeReason` | on the last exchange of a connection: who ended it and why |
//! | `_verdict` | what stands against a further use of the connection |
//! | `_retry` | what was decided about sending the request again |
//! | `_cause` | on the exchange that opened a connection which need not have been opened: why it was |
//! | `_outcome` | `failed`, or `running` when the events end before the exchange does |

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, UNIX_EPOCH};

use http::StatusCode;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Serialize, Serializer};

use crate::axis::{Phases, Span, Steps};
use crate::cause::Cause;
use crate::elements::Elements;
use crate::report::{Connection, Exchange, Necessity, Outcome, Report};

/// What stands in a target that servers take, and must not in a URI (RFC 3986 §2).
const NOT_IN_URIS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The last moment that is written: years have four digits.
const LAST_MOMENT: Duration = Duration::from_millis(253_402_300_799_999);

/// Writes the report as HAR 1.2, an entry at a time in the order of their start. `out` should be buffered.
///
/// # Errors
/// Those of the writer.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let head = format!(
        "{{\"log\":{{\"version\":\"1.2\",\"creator\":{{\"name\":\"keepwarm\",\"version\":\"{version}\"}},\
         \"pages\":[],\"entries\":["
    );
    let mut entries = Elements::begin(out, &head)?;
    let names = Names::of(report);
    for (index, exchange) in report.exchanges.iter().enumerate() {
        entries.add(&entry(report, &names, index, exchange))?;
    }
    entries.end("}}\n")
}

/// How connections are told apart.
struct Names {
    /// Whether their own numbers do: not when several clients count each for itself.
    are_numbers: bool,
}

impl Names {
    fn of(report: &Report) -> Self {
        let mut seen = HashSet::new();
        Self {
            are_numbers: (report.connections.iter()).all(|it| seen.insert(it.number)),
        }
    }

    fn name(&self, index: usize, connection: &Connection) -> String {
        if self.are_numbers {
            connection.number.to_string()
        } else {
            (index + 1).to_string()
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    started_date_time: String,
    time: Millis,
    request: Request<'a>,
    response: Response<'a>,
    cache: Empty,
    timings: Timings,
    #[serde(rename = "serverIPAddress", skip_serializing_if = "Option::is_none")]
    server_ip_address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    #[serde(flatten)]
    ours: Ours<'a>,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct Ours<'a> {
    #[serde(rename = "_reused")]
    reused: bool,
    #[serde(rename = "_requestIndex", skip_serializing_if = "Option::is_none")]
    request_index: Option<u64>,
    #[serde(rename = "_idleBefore", skip_serializing_if = "Option::is_none")]
    idle_before: Option<Millis>,
    #[serde(
        rename = "_connectionClosedBy",
        skip_serializing_if = "Option::is_none"
    )]
    connection_closed_by: Option<&'a str>,
    #[serde(rename = "_closeReason", skip_serializing_if = "Option::is_none")]
    close_reason: Option<&'a str>,
    #[serde(rename = "_verdict", skip_serializing_if = "Option::is_none")]
    verdict: Option<&'a str>,
    #[serde(rename = "_retry", skip_serializing_if = "Option::is_none")]
    retry: Option<&'a str>,
    #[serde(rename = "_cause", skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    #[serde(rename = "_outcome", skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    method: &'a str,
    url: String,
    http_version: &'static str,
    cookies: [Empty; 0],
    headers: [Empty; 0],
    query_string: Vec<Pair<'a>>,
    headers_size: i64,
    body_size: i64,
}

#[derive(Serialize)]
struct Pair<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    status: u16,
    status_text: &'static str,
    http_version: &'static str,
    cookies: [Empty; 0],
    headers: [Empty; 0],
    content: Content,
    #[serde(rename = "redirectURL")]
    redirect_url: &'static str,
    headers_size: i64,
    body_size: i64,
    #[serde(rename = "_transferSize")]
    transfer_size: u64,
    #[serde(rename = "_error", skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    size: i64,
    mime_type: &'static str,
}

/// A time in milliseconds; none did not happen, which HAR writes as -1.
struct Millis(Option<u64>);

impl Millis {
    fn of(span: Span) -> Self {
        Self(Some(span.length()))
    }
}

impl Serialize for Millis {
    #[expect(
        clippy::cast_precision_loss,
        reason = "2^52 microseconds are 142 years"
    )]
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            None => out.serialize_i64(-1),
            Some(us) if us % 1000 == 0 => out.serialize_u64(us / 1000),
            Some(us) => out.serialize_f64(us as f64 / 1000.0),
        }
    }
}

#[derive(Serialize)]
struct Timings {
    blocked: Millis,
    dns: Millis,
    connect: Millis,
    ssl: Millis,
    send: Millis,
    wait: Millis,
    receive: Millis,
}

impl Timings {
    /// `time` is the sum of them all without `ssl`, which lies within `connect`.
    fn of(phases: &Phases, connection: Option<&Connection>, exchange: &Exchange) -> Self {
        // Only the first one on a connection waited for its opening, and only for what of it came after it asked.
        let opened = connection.filter(|it| !it.is_older && exchange.nth == 1);
        let steps = opened.map(Steps::of);
        let part = |span: fn(&Steps) -> Span| {
            let step = steps.as_ref().map(span)?;
            step.within(phases.queue).map(Span::length)
        };
        let (dns, connect) = (part(|it| it.dns), part(|it| it.connect));
        let opening = dns.unwrap_or(0) + connect.unwrap_or(0);
        Self {
            blocked: Millis(Some(phases.queue.length() - opening)),
            dns: Millis(dns),
            connect: Millis(connect),
            ssl: Millis(part(|it| it.tls)),
            send: Millis::of(phases.send),
            wait: Millis::of(phases.wait),
            receive: Millis::of(phases.receive),
        }
    }
}

fn entry<'a>(report: &'a Report, names: &Names, index: usize, exchange: &'a Exchange) -> Entry<'a> {
    let at = exchange.connection;
    let connection = at.and_then(|at| report.connections.get(at));
    let phases = Phases::of(exchange, report.length_us);
    let origin = report.origins.get(exchange.origin);
    let version = connection.map_or("unknown", |it| match it.protocol.as_str() {
        "h2" => "HTTP/2",
        _ => "HTTP/1.1",
    });
    Entry {
        started_date_time: moment(report.began_us.saturating_add(exchange.asked_us)),
        time: Millis::of(phases.whole()),
        request: Request {
            method: &exchange.method,
            url: url(origin.map_or("", |it| &it.name), &exchange.target),
            http_version: version,
            cookies: [],
            headers: [],
            query_string: query(&exchange.target),
            headers_size: -1,
            body_size: -1,
        },
        response: response(exchange, version),
        cache: Empty {},
        timings: Timings::of(&phases, connection, exchange),
        server_ip_address: connection.and_then(remote),
        connection: connection.zip(at).map(|(it, at)| names.name(at, it)),
        ours: ours(index, exchange, connection),
    }
}

fn ours<'a>(index: usize, exchange: &'a Exchange, connection: Option<&'a Connection>) -> Ours<'a> {
    let is = |it: Option<&usize>| it == Some(&index);
    let last = connection.filter(|it| is(it.exchanges.last()));
    let end = last.and_then(|it| it.end.as_ref());
    let avoidable = connection.filter(|it| it.necessity == Necessity::Avoidable);
    let opened = avoidable.filter(|it| is(it.exchanges.first()));
    Ours {
        reused: exchange.is_reuse(),
        request_index: connection.map(|_| exchange.nth),
        idle_before: exchange.idle_us.map(|us| Millis(Some(us))),
        connection_closed_by: end.map(|end| end.by.as_str()),
        close_reason: end.map(|end| end.reason.as_str()),
        verdict: exchange.verdict.as_deref(),
        retry: exchange.retry.as_deref(),
        cause: opened.and_then(|it| it.blame).map(|blame| blame.cause),
        outcome: match exchange.outcome {
            Outcome::Answered => None,
            Outcome::Failed | Outcome::Running => Some(exchange.outcome.slug()),
        },
    }
}

fn response<'a>(exchange: &'a Exchange, version: &'static str) -> Response<'a> {
    let status = exchange.status.unwrap_or(0);
    let known = StatusCode::from_u16(status).ok();
    let error = match exchange.outcome {
        Outcome::Answered => None,
        Outcome::Failed if exchange.connection.is_none() => Some("it got no connection"),
        Outcome::Failed => Some(exchange.verdict_text.as_deref().unwrap_or("it failed")),
        Outcome::Running => Some("the events end before it does"),
    };
    Response {
        status,
        status_text: known.and_then(|it| it.canonical_reason()).unwrap_or(""),
        http_version: version,
        cookies: [],
        headers: [],
        // What is counted has head and framing in it: the size of the content is not known, nor its type.
        content: Content {
            size: -1,
            mime_type: "x-unknown",
        },
        redirect_url: "",
        headers_size: -1,
        body_size: -1,
        transfer_size: exchange.received_bytes,
        error: error.filter(|_| exchange.status.is_none()),
    }
}

/// The address that was connected to.
fn remote(connection: &Connection) -> Option<IpAddr> {
    let remote: SocketAddr = connection.remote.as_deref()?.parse().ok()?;
    Some(remote.ip())
}

fn url(origin: &str, target: &str) -> String {
    // `OPTIONS *` asks the server as a whole, which has no path (RFC 9112 §3.2.4).
    let target = if target == "*" { "" } else { target };
    let encoded: Cow<'_, str> = utf8_percent_encode(target, NOT_IN_URIS).into();
    format!("{origin}{encoded}")
}

fn query(target: &str) -> Vec<Pair<'_>> {
    let pairs = target.split_once('?').map_or("", |(_, query)| query);
    let pairs = pairs.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Pair { name, value }
        })
        .collect()
}

/// ISO 8601 in UTC, with milliseconds.
fn moment(us: u64) -> String {
    let since = Duration::from_micros(us).min(LAST_MOMENT);
    humantime::format_rfc3339_millis(UNIX_EPOCH + since).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_with_milliseconds_however_far_they_are() {
        assert_eq!(moment(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(moment(1_700_000_000_123_456), "2023-11-14T22:13:20.123Z");
        assert_eq!(moment(u64::MAX), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn what_a_target_may_hold_is_made_a_uri() {
        assert_eq!(url("http://a", "*"), "http://a");
        assert_eq!(
            url("http://a", "/{b|c}?d=\"e\""),
            "http://a/%7Bb%7Cc%7D?d=%22e%22"
        );
    }
}
