//! One exchange: send, read as much as asked for, report.
//!
//! Owns the order of these steps. Refuses to know lanes and the form of the report.

use std::sync::Arc;
use std::time::Instant;

use http::header::{ACCEPT_ENCODING, AUTHORIZATION, RANGE};
use http::{HeaderMap, HeaderValue, Method};
use keepwarm::reason::{Phase, Retry, Reuse};
use keepwarm::{Client, Error, Response};
use keepwarm_core::origin::{OriginRef, Scheme};

use super::journal::{EXCHANGE, Journal, Trail};
use super::order::Order;
use super::script::{Answer, Asked};
use super::sink::Bodies;
use crate::args::get::Appetite;
use crate::args::target::Target;
use crate::args::transport::TransportArgs;
use crate::exit::Failure;
use crate::out::verbose::{self, Form, Sent};
use crate::report::{ExchangeReport, HopReport, Times};

/// What lanes share.
pub(super) struct Work {
    pub(super) client: Client,
    pub(super) order: Order,
    pub(super) journal: Arc<Journal>,
    pub(super) bodies: Bodies,
    pub(super) transport: TransportArgs,
    pub(super) verbose: bool,
}

/// Makes exchange `n`. Its report lacks the verdict while a dropped body is still being drained.
pub(super) async fn exchange(
    work: &Work,
    n: u64,
    target: &Target,
) -> Result<ExchangeReport, Failure> {
    work.journal.begin(n, asked(work, target));
    let started = Instant::now();
    let mut bytes = 0;
    let done = EXCHANGE
        .scope(n, converse(work, n, target, &mut bytes))
        .await?;
    let mut report = ExchangeReport {
        n,
        method: work.order.method.clone(),
        url: target.uri.to_string(),
        outcome: Ok(0),
        bytes,
        connection: None,
        miss: None,
        reuse: None,
        retries: Vec::new(),
        times: Times::default(),
        hops: Vec::new(),
        not_followed: None,
        decoded_from: None,
    };
    match done {
        Ok(conversation) => conversation.tell(&mut report),
        Err((error, retries)) => {
            let line = verbose::failed(&error);
            report.times.total = started.elapsed();
            report.retries = if error.retries().is_empty() {
                retries
            } else {
                error.retries().to_vec()
            };
            let trail = work.journal.failed(n, line);
            tell_failure(&mut report, error, trail);
        }
    }
    if report.reuse.is_some() {
        work.journal.forget(n);
    }
    Ok(report)
}

/// What is left of a response when its body has ended or was dropped.
struct Conversation {
    status: u16,
    connection: keepwarm::ConnectionInfo,
    retries: Vec<Retry>,
    reuse: Option<Reuse>,
    timings: keepwarm::Timings,
    hops: Vec<HopReport>,
    not_followed: Option<keepwarm::NotFollowed>,
    decoded_from: Option<&'static str>,
}

impl Conversation {
    fn tell(self, report: &mut ExchangeReport) {
        report.outcome = Ok(self.status);
        report.connection = Some((&self.connection).into());
        report.miss = self.connection.miss;
        report.reuse = self.reuse;
        report.retries = self.retries;
        report.times = self.timings.into();
        report.hops = self.hops;
        report.not_followed = self.not_followed;
        report.decoded_from = self.decoded_from;
    }
}

fn tell_failure(report: &mut ExchangeReport, error: Error, trail: Option<Trail>) {
    if let Some(trail) = trail {
        report.connection = trail.connection;
        report.miss = trail.miss;
        report.reuse = trail.reuse;
        report.times = trail.times;
        // One that got no connection spent its time where the error says.
        if report.connection.is_none() {
            let spent = report.times.queue.take();
            match error.phase() {
                Phase::Dns => report.times.dns = spent,
                Phase::Connect => report.times.connect = spent,
                Phase::Tls => report.times.tls = spent,
                Phase::Queue | Phase::Send | Phase::Wait | Phase::Receive => {
                    report.times.queue = spent;
                }
            }
        }
    }
    if report.reuse.is_none() {
        report.reuse = error.reason().map(|reason| Reuse::close(*reason));
    }
    report.outcome = Err(error);
}

type Failed = (Error, Vec<Retry>);

async fn converse(
    work: &Work,
    n: u64,
    target: &Target,
    bytes: &mut u64,
) -> Result<Result<Conversation, Failed>, Failure> {
    let order = &work.order;
    let mut request = work
        .client
        .request(order.method.clone(), &target.text)
        .headers(order.headers.clone());
    if !order.body.is_empty() {
        request = request.body(order.body.clone());
    }
    if order.expect_continue {
        request = request.expect_continue();
    }
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Ok(Err((error, Vec::new()))),
    };
    if work.verbose {
        work.journal.head(n, answer(&response));
    }
    if let Err(error) = read(work, &mut response, bytes).await? {
        return Ok(Err((error, response.retries().to_vec())));
    }
    // What was not asked for is dropped here, as a program would drop it.
    Ok(Ok(Conversation {
        status: response.status().as_u16(),
        connection: response.connection().clone(),
        retries: response.retries().to_vec(),
        reuse: response.reuse().cloned(),
        timings: response.timings(),
        hops: response.hops().iter().map(HopReport::from).collect(),
        not_followed: response.not_followed(),
        decoded_from: response.decoded_from(),
    }))
}

/// Reads as much of the body as was asked for.
async fn read(
    work: &Work,
    response: &mut Response,
    bytes: &mut u64,
) -> Result<Result<(), Error>, Failure> {
    let wanted = match work.order.appetite {
        Appetite::All => None,
        Appetite::Nothing => return Ok(Ok(())),
        Appetite::UpTo(wanted) => Some(wanted),
    };
    while wanted.is_none_or(|wanted| *bytes < wanted) {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                *bytes += chunk.len() as u64;
                work.bodies.write(&chunk)?;
            }
            Ok(None) => break,
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(()))
}

/// What `-v` tells of an answer.
fn answer(response: &Response) -> Answer<'_> {
    let (version, status) = (response.version(), response.status());
    let mut lines = verbose::response(version, status, response.headers());
    lines.extend(response.decoded_from().map(verbose::decoding));
    lines.extend(response.not_followed().map(verbose::not_followed));
    Answer {
        connection: response.connection(),
        hops: response.hops(),
        lines,
    }
}

/// What `-v` tells of a request.
fn asked(work: &Work, target: &Target) -> Asked {
    let origin = OriginRef::of(&target.uri).ok();
    let scheme = origin.map(|origin| origin.scheme);
    let is_encrypted = scheme == Some(Scheme::Https);
    if !work.verbose {
        return Asked {
            is_encrypted,
            ..Asked::default()
        };
    }
    let order = &work.order;
    let headers = completed(work, target);
    let limits = work.client.limits_for(&target.uri);
    let keep_alive = limits.is_ok_and(|limits| limits.keep_alive);
    let lines = |form| {
        verbose::request(&Sent {
            method: &order.method,
            uri: &target.uri,
            headers: &headers,
            body_bytes: order.body.len(),
            expect_continue: order.expect_continue,
            keep_alive,
            form,
        })
    };
    Asked {
        http1: lines(Form::Http1),
        forwarded: lines(Form::Forwarded),
        http2: lines(Form::Http2),
        is_encrypted,
    }
}

/// The fields of a request with those that the library adds for options and URL, credentials hidden.
fn completed(work: &Work, target: &Target) -> HeaderMap {
    let mut headers = work.order.headers.clone();
    let speaks_for_itself = headers.contains_key(ACCEPT_ENCODING) || headers.contains_key(RANGE);
    if work.transport.decompresses() && work.order.method != Method::HEAD && !speaks_for_itself {
        let all = HeaderValue::from_static("gzip, deflate, br, zstd");
        headers.insert(ACCEPT_ENCODING, all);
    }
    if target.has_credentials && !headers.contains_key(AUTHORIZATION) {
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic ***"));
    }
    headers
}
