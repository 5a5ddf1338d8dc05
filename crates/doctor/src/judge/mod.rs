//! `Diagnosis`: what was measured, as a verdict, findings and a recommendation.
//!
//! Owns the judgement as a function of [`Measured`]. Refuses to measure and to print.

mod age;
mod cause;
mod chain;
mod clients;
mod cure;
mod findings;
mod http2;
mod idle;
mod product;
mod race;
mod recommend;
mod sentence;
mod server_side;
mod silence;
pub mod snippets;
mod traits;

use std::time::Duration;

pub use age::MaxAge;
pub use cause::Cause;
pub use chain::{ChainDiagnosis, Hop, Link, LinkCure, Order};
pub use clients::ClientFit;
pub use findings::Finding;
pub use http2::Http2Diagnosis;
pub use idle::IdleTimeout;
pub(crate) use idle::has_outlier;
pub use keepwarm_report::Severity;
pub use product::{Confidence, Product};
pub use recommend::Recommendation;
pub use sentence::seconds;
pub use server_side::ServerSide;
pub use silence::SilentDrop;

use crate::defaults;
use crate::measured::{MaxRequests, Measured};

/// What the findings come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing worse than worth knowing.
    Healthy,
    /// At least one finding of low severity or more.
    Findings,
    /// It was interrupted, or this machine was held up, before enough was known.
    Inconclusive,
}

impl Verdict {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Findings => "findings",
            Self::Healthy => "healthy",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// What a server does to connections, and what to do about it.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// The verdict.
    pub verdict: Verdict,
    /// The same in one sentence.
    pub summary: String,
    /// `h1`, `h2`: what it was seen to speak or agreed to.
    pub protocols: Vec<&'static str>,
    /// How long it keeps idle connections.
    pub idle: IdleTimeout,
    /// How old a connection becomes.
    pub max_age: MaxAge,
    /// Whether idle connections die without a word.
    pub silent_drop: SilentDrop,
    /// Requests it serves on a connection, when it ends every one after the same number; else none.
    pub max_requests: Option<u64>,
    /// The same numbers, and more, over HTTP/2. Where it is all that is spoken, `idle` and `max_requests` are its.
    pub http2: Http2Diagnosis,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// What it may be, the likeliest first.
    pub products: Vec<Product>,
    /// Settings that fit.
    pub recommendation: Recommendation,
    /// How a client with its defaults gets on with it, when one was [considered](Self::consider).
    pub client: Option<ClientFit>,
    min_idle: Option<Duration>,
}

impl Diagnosis {
    /// The diagnosis. `min_idle` is how long idle connections are to be kept at least, when the user says so.
    pub fn of(measured: &Measured, min_idle: Option<Duration>) -> Self {
        let idle = IdleTimeout::of(measured);
        let max_requests = measured.max_requests.as_ref().and_then(same_count);
        let silent_drop = SilentDrop::of(measured);
        let http2 = Http2Diagnosis::of(measured);
        let mut findings = findings::of(measured, &idle, max_requests, &http2, min_idle);
        findings.extend(findings::silent_drop(&silent_drop));
        let max_age = MaxAge::of(measured, &idle, max_requests);
        findings.extend(findings::max_age(measured, &max_age));
        let protocols = protocols(measured);
        let mut diagnosis = Self {
            summary: String::new(),
            verdict: Verdict::Healthy,
            protocols,
            products: product::guess(measured, &idle, max_requests),
            recommendation: Recommendation::of(measured, &idle, &silent_drop, &http2.idle),
            client: None,
            min_idle,
            http2,
            idle,
            silent_drop,
            max_age,
            max_requests,
            findings,
        };
        diagnosis.settle(measured);
        diagnosis
    }
}

impl Diagnosis {
    /// Adds how the client of this name, with its defaults and so many requests a second on one connection, gets on
    /// with the server; nothing when the table of defaults knows none of the name.
    pub fn consider(&mut self, measured: &Measured, client: &str, rate_per_s: f64) {
        let Some((row, facts)) = defaults::client(client) else {
            return;
        };
        let fit = ClientFit::of(measured, &self.idle, row, facts, client, rate_per_s);
        self.findings.extend(fit.finding());
        self.settle(measured);
        self.client = Some(fit);
    }

    /// The same of a hop in a chain: how long it is to keep idle connections depends on the hop before it, so a time
    /// that is short for clients in general is no finding, unless it is very short or less than the user wants.
    fn in_chain(mut self, measured: &Measured) -> Self {
        for finding in &mut self.findings {
            if finding.cause == Cause::IdleTimeoutShort && finding.severity < Severity::High {
                finding.severity = Severity::Info;
            }
        }
        self.settle(measured);
        self
    }

    /// What to change on the server's side for what was found, in the products that it may be.
    pub fn server_side(&self) -> Vec<ServerSide> {
        server_side::of(self, self.min_idle)
    }

    /// What the findings come to: their order, the verdict and its sentence.
    fn settle(&mut self, measured: &Measured) {
        let (idle, min_idle) = (&self.idle, self.min_idle);
        self.findings
            .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let is_known = measured.pilot.reuse.is_keep() && measured.reuse == Some(true);
        let is_unsure = measured.interrupted || idle.uncertain || (is_known && !idle.is_told());
        let mut findings = self.findings.iter();
        self.verdict = if findings.any(|finding| finding.severity > Severity::Info) {
            Verdict::Findings
        } else if is_unsure || min_idle.is_some_and(|least| idle.may_be_below(least)) {
            Verdict::Inconclusive
        } else {
            Verdict::Healthy
        };
        let (max_requests, findings) = (self.max_requests, &self.findings);
        self.summary = sentence::summary(measured, idle, max_requests, findings, self.verdict);
    }
}

/// The number after which every connection ended, when it is one number.
fn same_count(known: &MaxRequests) -> Option<u64> {
    let first = *known.counts.first()?;
    let agree = known.counts.iter().all(|count| *count == first);
    (agree && known.at_least <= first).then_some(first)
}

fn protocols(measured: &Measured) -> Vec<&'static str> {
    match measured.alpn.as_deref() {
        _ if measured.is_http2_only() => vec!["h2"],
        Some("h2") => vec!["h1", "h2"],
        Some(_) | None => vec!["h1"],
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::measured::Pilot;

    /// An examination that has only seen a first answer, and a connection that is kept.
    pub(crate) fn measured() -> Measured {
        Measured::of(
            "http://127.0.0.1/".to_owned(),
            Pilot {
                status: 200,
                version: http::Version::HTTP_11,
                headers: http::HeaderMap::new(),
                reuse: keepwarm_core::reason::Reuse::Keep,
                body: 2,
                round_trip: Duration::from_millis(1),
            },
        )
    }

    #[test]
    fn what_saw_nothing_wrong_and_nothing_else_is_not_called_healthy() {
        let mut seen = measured();
        seen.reuse = Some(true);
        let it = Diagnosis::of(&seen, None);
        assert_eq!((it.verdict, it.findings.len()), (Verdict::Inconclusive, 0));
    }
}
