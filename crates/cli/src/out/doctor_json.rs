//! `keepwarm.doctor/1`: one object.
//!
//! Owns the schema (`docs/doctor.md`): every key is always there, in this order, and null is what was not measured.

use std::collections::BTreeMap;
use std::time::Duration;

use keepwarm_doctor::defaults::Resends;
use keepwarm_doctor::{
    AfterTheirs, ClientFit, Diagnosis, EndedBy, Finding, IdleTimeout, Life, MaxRequests, Measured,
    Pipelining, Sample, ServerSide, SilentDrop, Unreachable, UnreadBody,
};
use serde::Serialize;

#[derive(Default, Serialize)]
struct Doctor<'a> {
    schema: &'static str,
    url: &'a str,
    verdict: &'static str,
    summary: &'a str,
    error: Option<Fault<'a>>,
    protocols: Vec<&'static str>,
    reuse: Option<bool>,
    idle_timeout_ms: Idle,
    silent_drop: Silent,
    max_age_ms: Age,
    max_requests: Requests,
    announced: Announced,
    http10: Http10,
    error_close: BTreeMap<&'a str, bool>,
    unread_body: Vec<Body>,
    pipelining: Option<&'static str>,
    half_close: Half,
    tls: Option<Tls<'a>>,
    alt_svc: Option<&'a str>,
    product: Vec<Product<'a>>,
    http2: Http2,
    findings: Vec<Found<'a>>,
    client: Option<Client<'a>>,
    recommend: Recommend,
    server_side: Vec<Change>,
    addresses: Vec<String>,
    samples: Vec<Wait>,
    notes: &'a [String],
    took_ms: Option<f64>,
    interrupted: bool,
}

#[derive(Serialize)]
struct Fault<'a> {
    kind: &'static str,
    message: &'a str,
}

#[derive(Default, Serialize)]
struct Idle {
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    at_least: Option<f64>,
    ended_by: Option<&'static str>,
    values: Vec<f64>,
    uncertain: bool,
}

#[derive(Default, Serialize)]
struct Silent {
    found: Option<bool>,
    last_good_ms: Option<f64>,
    first_bad_ms: Option<f64>,
    tcp_keepalive_helps: Option<bool>,
}

#[derive(Default, Serialize)]
struct Age {
    value: Option<f64>,
    at_least: Option<f64>,
}

#[derive(Default, Serialize)]
struct Requests {
    value: Option<u64>,
    at_least: Option<u64>,
    announced: Option<bool>,
    seen: Vec<u64>,
}

#[derive(Default, Serialize)]
struct Announced {
    timeout_s: Option<u64>,
    max: Option<u64>,
    only_when_asked: Option<bool>,
}

#[derive(Default, Serialize)]
struct Http10 {
    keep_alive: Option<bool>,
}

#[derive(Serialize)]
struct Body {
    size: u64,
    expect: bool,
    status: Option<u16>,
    sent: u64,
    closes: bool,
    announced: bool,
    answer_lost: bool,
    continued: bool,
}

impl From<&UnreadBody> for Body {
    fn from(seen: &UnreadBody) -> Self {
        Self {
            size: seen.size,
            expect: seen.expect,
            status: seen.status,
            sent: seen.sent,
            closes: seen.closes,
            announced: seen.announced,
            answer_lost: seen.answer_lost,
            continued: seen.continued,
        }
    }
}

#[derive(Default, Serialize)]
struct Half {
    answers_after_ours: Option<bool>,
    after_theirs: Option<&'static str>,
}

#[derive(Serialize)]
struct Tls<'a> {
    version: &'static str,
    resumed: Option<bool>,
    alpn: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct Http2 {
    examined: bool,
    idle_timeout_ms: Idle,
    ping_counts: Option<bool>,
    max_concurrent_streams: Option<u32>,
    max_requests: Requests,
    goaway: Option<GoAway>,
}

#[derive(Serialize)]
struct GoAway {
    code: String,
    last_stream: u32,
    stages: u32,
    after_ms: f64,
    closed_ms: Option<f64>,
    closed_by: Option<&'static str>,
}

#[derive(Serialize)]
struct Product<'a> {
    name: &'a str,
    confidence: &'static str,
    why: &'a str,
}

#[derive(Serialize)]
pub(super) struct Found<'a> {
    cause: &'static str,
    severity: &'static str,
    summary: &'a str,
    evidence: &'a [String],
    cure: &'static str,
}

#[derive(Serialize)]
struct Client<'a> {
    name: &'a str,
    product: &'a str,
    idle_timeout_ms: Option<f64>,
    idle_per_host: Option<u32>,
    resends: Option<Resends>,
    rate_per_s: f64,
    races_per_million: Option<f64>,
    worst_races_per_million: Option<f64>,
    fits: Option<bool>,
    why: &'a str,
}

#[derive(Serialize)]
struct Change {
    cause: &'static str,
    wanted: Option<String>,
    settings: Vec<Setting>,
    cure: &'static str,
}

#[derive(Serialize)]
struct Setting {
    product: String,
    confidence: &'static str,
    text: String,
}

#[derive(Default, Serialize)]
struct Recommend {
    idle_timeout_ms: Option<f64>,
    max_idle_per_host: Option<usize>,
    retries: Option<&'static str>,
    tcp_keepalive_s: Option<f64>,
    snippets: BTreeMap<&'static str, String>,
    http_version: Option<&'static str>,
}

#[derive(Serialize)]
struct Wait {
    situation: &'static str,
    address: String,
    ended_ms: Option<f64>,
    open_ms: Option<f64>,
    lost_ms: Option<f64>,
    ended_by: Option<&'static str>,
    uncertain: bool,
}

const SCHEMA: &str = "keepwarm.doctor/1";
const BEFORE_THE_FIRST_ANSWER: &str = "Interrupted before the first answer.";

/// The object of an examination.
pub(crate) fn examined(measured: &Measured, diagnosis: &Diagnosis) -> String {
    let recommended = &diagnosis.recommendation;
    let closes = measured.error_close.iter();
    line(&Doctor {
        schema: SCHEMA,
        url: &measured.url,
        verdict: diagnosis.verdict.slug(),
        summary: &diagnosis.summary,
        error: None,
        protocols: diagnosis.protocols.clone(),
        reuse: measured.reuse,
        idle_timeout_ms: idle(&diagnosis.idle),
        silent_drop: silent(&diagnosis.silent_drop),
        max_age_ms: Age {
            value: diagnosis.max_age.value.map(milliseconds),
            at_least: diagnosis.max_age.at_least.map(milliseconds),
        },
        max_requests: requests(measured.max_requests.as_ref(), diagnosis.max_requests),
        announced: announced(measured),
        http10: Http10 {
            keep_alive: measured.http10.map(|it| it.keep_alive),
        },
        error_close: closes
            .map(|(name, it)| (name.as_str(), it.closes))
            .collect(),
        unread_body: measured.unread_body.iter().map(Body::from).collect(),
        pipelining: measured.pipelining.map(Pipelining::slug),
        half_close: Half {
            answers_after_ours: measured.half_close.answers_after_ours,
            after_theirs: measured.half_close.after_theirs.map(AfterTheirs::slug),
        },
        tls: measured.tls.as_ref().map(|seen| Tls {
            version: seen.version.number(),
            resumed: seen.resumed,
            alpn: seen.alpn.as_deref(),
        }),
        alt_svc: measured.pilot.header("alt-svc"),
        product: products(diagnosis),
        http2: http2(measured, diagnosis),
        findings: diagnosis.findings.iter().map(found).collect(),
        client: diagnosis.client.as_ref().map(client),
        recommend: Recommend {
            idle_timeout_ms: recommended.idle_timeout.map(milliseconds),
            max_idle_per_host: recommended.max_idle_per_host,
            retries: recommended.retries,
            tcp_keepalive_s: recommended.tcp_keepalive.map(|it| it.as_secs_f64()),
            snippets: recommended.snippets.clone(),
            http_version: recommended.http_version,
        },
        server_side: diagnosis.server_side().into_iter().map(change).collect(),
        addresses: measured.addresses.iter().map(ToString::to_string).collect(),
        samples: measured.samples.iter().map(wait).collect(),
        notes: &measured.notes,
        took_ms: Some(milliseconds(measured.took)),
        interrupted: measured.interrupted,
    })
}

/// The object of a target that could not be examined.
pub(crate) fn unreachable(url: &str, unreachable: &Unreachable) -> String {
    line(&Doctor {
        schema: SCHEMA,
        url,
        verdict: "unreachable",
        summary: &unreachable.message,
        error: Some(Fault {
            kind: unreachable.kind.slug(),
            message: &unreachable.message,
        }),
        ..Doctor::default()
    })
}

/// The object of an examination that was broken off before the first answer.
pub(crate) fn interrupted(url: &str) -> String {
    line(&Doctor {
        schema: SCHEMA,
        url,
        verdict: "inconclusive",
        summary: BEFORE_THE_FIRST_ANSWER,
        interrupted: true,
        ..Doctor::default()
    })
}

fn line(value: &Doctor<'_>) -> String {
    serde_json::to_string(value).expect("numbers and text with text for keys are always JSON")
}

fn idle(idle: &IdleTimeout) -> Idle {
    Idle {
        value: idle.value.map(milliseconds),
        low: idle.low.map(milliseconds),
        high: idle.high.map(milliseconds),
        at_least: idle.at_least.map(milliseconds),
        ended_by: idle.ended_by.map(EndedBy::slug),
        values: idle.values.iter().copied().map(milliseconds).collect(),
        uncertain: idle.uncertain,
    }
}

fn silent(seen: &SilentDrop) -> Silent {
    Silent {
        found: seen.found,
        last_good_ms: seen.last_good.map(milliseconds),
        first_bad_ms: seen.first_bad.map(milliseconds),
        tcp_keepalive_helps: seen.tcp_keepalive_helps,
    }
}

fn http2(measured: &Measured, diagnosis: &Diagnosis) -> Http2 {
    let seen = &measured.http2;
    let judged = &diagnosis.http2;
    Http2 {
        examined: seen.examined,
        idle_timeout_ms: idle(&judged.idle),
        ping_counts: judged.ping_counts,
        max_concurrent_streams: seen.max_concurrent_streams,
        max_requests: requests(seen.max_requests.as_ref(), judged.max_requests),
        goaway: seen.go_away.map(|it| GoAway {
            code: it.code_name(),
            last_stream: it.last_stream,
            stages: it.stages,
            after_ms: milliseconds(it.after),
            closed_ms: it.closed.map(|(_, after)| milliseconds(after)),
            closed_by: it.closed.map(|(by, _)| by.slug()),
        }),
    }
}

fn requests(known: Option<&MaxRequests>, value: Option<u64>) -> Requests {
    let Some(known) = known else {
        return Requests::default();
    };
    Requests {
        value,
        at_least: (known.at_least > 0).then_some(known.at_least),
        announced: (!known.counts.is_empty()).then_some(known.announced),
        seen: known.counts.clone(),
    }
}

fn announced(measured: &Measured) -> Announced {
    let Some(announced) = measured.announced else {
        return Announced::default();
    };
    let said = announced.timeout.is_some() || announced.max.is_some();
    Announced {
        timeout_s: announced.timeout.map(|timeout| timeout.as_secs()),
        max: announced.max,
        only_when_asked: said.then_some(announced.only_when_asked),
    }
}

fn products(diagnosis: &Diagnosis) -> Vec<Product<'_>> {
    let products = diagnosis.products.iter();
    products
        .map(|product| Product {
            name: &product.name,
            confidence: product.confidence.word(),
            why: &product.why,
        })
        .collect()
}

pub(super) fn found(finding: &Finding) -> Found<'_> {
    Found {
        cause: finding.cause.slug(),
        severity: finding.severity.slug(),
        summary: &finding.summary,
        evidence: &finding.evidence,
        cure: finding.cure,
    }
}

fn client(fit: &ClientFit) -> Client<'_> {
    Client {
        name: &fit.name,
        product: &fit.product,
        idle_timeout_ms: fit.idle_timeout.map(milliseconds),
        idle_per_host: fit.idle_per_host,
        resends: fit.resends,
        rate_per_s: fit.rate_per_s,
        races_per_million: fit.races_per_million.map(thousandths),
        worst_races_per_million: fit.worst_per_million.map(thousandths),
        fits: fit.fits,
        why: &fit.why,
    }
}

fn change(change: ServerSide) -> Change {
    let settings = change.settings.into_iter();
    Change {
        cause: change.cause.slug(),
        wanted: change.wanted,
        settings: settings
            .map(|(product, confidence, text)| Setting {
                product,
                confidence: confidence.word(),
                text,
            })
            .collect(),
        cure: change.cure,
    }
}

/// At most three decimals.
fn thousandths(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

fn wait(sample: &Sample) -> Wait {
    let mut wait = Wait {
        situation: sample.situation.slug(),
        address: sample.address.to_string(),
        ended_ms: None,
        open_ms: None,
        lost_ms: None,
        ended_by: None,
        uncertain: false,
    };
    match sample.life {
        Life::Ended {
            after,
            by,
            uncertain,
            ..
        } => {
            wait.ended_ms = Some(milliseconds(after));
            wait.ended_by = Some(by.slug());
            wait.uncertain = uncertain;
        }
        Life::Lost(lost) => wait.lost_ms = Some(milliseconds(lost)),
        Life::Open(open) => wait.open_ms = Some(milliseconds(open)),
    }
    wait
}

/// Milliseconds with at most three decimals.
pub(super) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
