//! JSON lines: `keepwarm.exchange/1`, `keepwarm.summary/1`, `keepwarm.lab/1`.
//!
//! Owns the schemas: every key is always there, in this order. Refuses to round up what it does not know: null.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use keepwarm::Error;
use keepwarm::reason::Retry;
use keepwarm::tls::TlsInfo;
use serde::Serialize;

use crate::report::{ConnectionReport, ExchangeReport, HopReport, Summary, Times};

#[derive(Serialize)]
struct Exchange<'a> {
    schema: &'static str,
    n: u64,
    method: &'a str,
    url: &'a str,
    status: Option<u16>,
    error: Option<Fault>,
    protocol: Option<&'static str>,
    bytes: u64,
    connection: Option<Connection<'a>>,
    miss: Option<&'static str>,
    reuse: Verdict,
    retries: Vec<&'static str>,
    timings_ms: Timings,
    hops: Vec<Hop<'a>>,
    not_followed: Option<&'static str>,
    decoded_from: Option<&'static str>,
}

#[derive(Serialize)]
struct Hop<'a> {
    method: &'a str,
    url: &'a str,
    status: u16,
    to: &'a str,
    protocol: Option<&'static str>,
    connection: Connection<'a>,
    miss: Option<&'static str>,
    timings_ms: Timings,
}

#[derive(Serialize)]
struct Fault {
    kind: &'static str,
    phase: &'static str,
    limit: Option<&'static str>,
    message: String,
    reused: bool,
    bytes_written: u64,
    bytes_read: u64,
}

#[derive(Serialize)]
struct Connection<'a> {
    id: u64,
    reused: bool,
    requests: u64,
    idle_ms: Option<f64>,
    age_ms: f64,
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    tls: Option<Tls<'a>>,
    via: Option<&'a str>,
    stream: Option<u32>,
    coalesced_from: Option<&'a str>,
}

#[derive(Serialize)]
struct Tls<'a> {
    version: &'static str,
    cipher: &'a str,
    alpn: Option<&'a str>,
    resumed: bool,
}

#[derive(Serialize)]
struct Verdict {
    verdict: &'static str,
    reasons: Vec<&'static str>,
}

#[derive(Serialize)]
struct Timings {
    queue: Option<f64>,
    dns: Option<f64>,
    connect: Option<f64>,
    tls: Option<f64>,
    send: Option<f64>,
    wait: Option<f64>,
    receive: Option<f64>,
    total: f64,
}

#[derive(Serialize)]
struct Sum<'a> {
    schema: &'static str,
    exchanges: u64,
    ok: u64,
    failed: u64,
    opened: u64,
    reused: u64,
    closed: BTreeMap<&'a str, u64>,
    retries: u64,
}

#[derive(Serialize)]
struct Lab<'a> {
    schema: &'static str,
    listen: &'a str,
    url: &'a str,
}

/// The line of one exchange, without its line end.
pub(crate) fn exchange(report: &ExchangeReport) -> String {
    line(&Exchange {
        schema: "keepwarm.exchange/1",
        n: report.n,
        method: report.method.as_str(),
        url: &report.url,
        status: report.outcome.as_ref().ok().copied(),
        error: report.outcome.as_ref().err().map(fault),
        protocol: report.connection.as_ref().and_then(|it| it.protocol),
        bytes: report.bytes,
        connection: report.connection.as_ref().map(connection),
        miss: report.miss.as_ref().map(|miss| miss.slug()),
        reuse: verdict(report),
        retries: again(&report.retries),
        timings_ms: timings(&report.times),
        hops: report.hops.iter().map(hop).collect(),
        not_followed: report.not_followed.map(|why| why.slug()),
        decoded_from: report.decoded_from,
    })
}

/// The line behind all exchanges.
pub(crate) fn summary(summary: &Summary) -> String {
    let mut closed = BTreeMap::new();
    for end in &summary.closed {
        *closed.entry(end.reason.slug()).or_default() += end.count;
    }
    line(&Sum {
        schema: "keepwarm.summary/1",
        exchanges: summary.exchanges,
        ok: summary.ok,
        failed: summary.failed,
        opened: summary.opened,
        reused: summary.reused,
        closed,
        retries: summary.retries,
    })
}

/// Where a lab listens.
pub(crate) fn lab(listen: &str, url: &str) -> String {
    line(&Lab {
        schema: "keepwarm.lab/1",
        listen,
        url,
    })
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("numbers and text with text for keys are always JSON")
}

fn fault(error: &Error) -> Fault {
    Fault {
        kind: error.kind().slug(),
        phase: error.phase().slug(),
        limit: error.limit().map(|limit| limit.slug()),
        message: error.to_string(),
        reused: error.was_reused(),
        bytes_written: error.bytes_written(),
        bytes_read: error.bytes_read(),
    }
}

fn hop(report: &HopReport) -> Hop<'_> {
    Hop {
        method: report.method.as_str(),
        url: &report.url,
        status: report.status,
        to: &report.to,
        protocol: report.connection.protocol,
        connection: connection(&report.connection),
        miss: report.miss.as_ref().map(|miss| miss.slug()),
        timings_ms: timings(&report.times),
    }
}

fn connection(report: &ConnectionReport) -> Connection<'_> {
    Connection {
        id: report.id,
        reused: report.reused,
        requests: report.requests,
        idle_ms: report.idle.map(milliseconds),
        age_ms: milliseconds(report.age),
        local: report.local,
        remote: report.remote,
        tls: report.tls.as_ref().map(tls),
        via: report.via.as_deref(),
        stream: report.stream,
        coalesced_from: report.coalesced_from.as_deref(),
    }
}

fn tls(info: &TlsInfo) -> Tls<'_> {
    Tls {
        version: info.version.number(),
        cipher: &info.cipher,
        alpn: info.alpn.as_deref(),
        resumed: info.resumed,
    }
}

fn verdict(report: &ExchangeReport) -> Verdict {
    let reasons = report
        .reuse
        .as_ref()
        .map_or(&[][..], |reuse| reuse.reasons());
    let keep = report.reuse.as_ref().is_some_and(|reuse| reuse.is_keep());
    Verdict {
        verdict: if keep { "keep" } else { "close" },
        reasons: reasons.iter().map(|reason| reason.slug()).collect(),
    }
}

fn again(retries: &[Retry]) -> Vec<&'static str> {
    let again = retries
        .iter()
        .filter(|retry| matches!(retry, Retry::Again(_)));
    again.map(|retry| retry.slug()).collect()
}

fn timings(times: &Times) -> Timings {
    Timings {
        queue: times.queue.map(milliseconds),
        dns: times.dns.map(milliseconds),
        connect: times.connect.map(milliseconds),
        tls: times.tls.map(milliseconds),
        send: times.send.map(milliseconds),
        wait: times.wait.map(milliseconds),
        receive: times.receive.map(milliseconds),
        total: milliseconds(times.total),
    }
}

/// Milliseconds with at most three decimals.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
