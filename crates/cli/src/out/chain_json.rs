//! A chain of hops as one JSON object, `keepwarm.doctor-chain/1`.
//!
//! Owns its schema (`docs/doctor.md`): every key is always there, in this order. The objects of the hops are those of
//! `keepwarm.doctor/1`, as they are.

use keepwarm_doctor::{ChainDiagnosis, Hop, Link, LinkCure};
use serde::Serialize;
use serde_json::value::RawValue;

use super::doctor_json::{self, Found, found, milliseconds};

const SCHEMA: &str = "keepwarm.doctor-chain/1";

#[derive(Serialize)]
struct Chain<'a> {
    schema: &'static str,
    verdict: &'static str,
    summary: &'a str,
    links: Vec<Between<'a>>,
    hops: Vec<Box<RawValue>>,
    findings: Vec<Found<'a>>,
    recommend: Vec<Cure<'a>>,
}

#[derive(Serialize)]
struct Between<'a> {
    from: &'a str,
    to: &'a str,
    upstream_idle_ms: Option<f64>,
    assumed: bool,
    idle_ms: Option<f64>,
    order: &'static str,
    why: &'a str,
}

#[derive(Serialize)]
struct Cure<'a> {
    link: usize,
    hop: &'a str,
    what: &'static str,
    at_least_ms: Option<f64>,
    at_most_ms: Option<f64>,
    product: Option<&'a str>,
    setting: Option<&'a str>,
}

/// The object of a chain.
pub(crate) fn examined(hops: &[Hop], chain: &ChainDiagnosis) -> String {
    let objects: Vec<_> = hops
        .iter()
        .map(|hop| doctor_json::examined(&hop.measured, &hop.diagnosis))
        .collect();
    let cures = chain.links.iter().enumerate();
    let cures = cures.flat_map(|(link, it)| it.cures.iter().map(move |it| cure(link, it)));
    line(&Chain {
        schema: SCHEMA,
        verdict: chain.verdict.slug(),
        summary: &chain.summary,
        links: chain.links.iter().map(link).collect(),
        hops: raw(&objects),
        findings: chain.findings.iter().map(found).collect(),
        recommend: cures.collect(),
    })
}

/// The object of a chain of which a hop cannot be examined, with those of its hops.
pub(crate) fn unreachable(hops: &[String]) -> String {
    unlinked("unreachable", "A hop cannot be examined.", hops)
}

/// The object of a chain that was broken off before the first answers.
pub(crate) fn interrupted(urls: &[String]) -> String {
    let hops: Vec<_> = urls
        .iter()
        .map(|url| doctor_json::interrupted(url))
        .collect();
    unlinked(
        "inconclusive",
        "Interrupted before the first answers.",
        &hops,
    )
}

fn unlinked(verdict: &'static str, summary: &str, hops: &[String]) -> String {
    line(&Chain {
        schema: SCHEMA,
        verdict,
        summary,
        links: Vec::new(),
        hops: raw(hops),
        findings: Vec::new(),
        recommend: Vec::new(),
    })
}

fn line(value: &Chain<'_>) -> String {
    serde_json::to_string(value).expect("numbers, text and JSON are always JSON")
}

fn raw(objects: &[String]) -> Vec<Box<RawValue>> {
    let objects = objects.iter().cloned().map(RawValue::from_string);
    objects.map(|it| it.expect("it is JSON")).collect()
}

fn link(link: &Link) -> Between<'_> {
    Between {
        from: &link.from,
        to: &link.to,
        upstream_idle_ms: link.upstream_idle.map(milliseconds),
        assumed: link.assumed,
        idle_ms: link.idle.map(milliseconds),
        order: link.order.slug(),
        why: &link.why,
    }
}

fn cure(link: usize, cure: &LinkCure) -> Cure<'_> {
    let time = milliseconds(cure.time);
    Cure {
        link,
        hop: &cure.hop,
        what: cure.what,
        at_least_ms: cure.at_least.then_some(time),
        at_most_ms: (!cure.at_least).then_some(time),
        product: cure.product.as_deref(),
        setting: cure.setting.as_deref(),
    }
}
