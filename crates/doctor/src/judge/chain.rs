//! `ChainDiagnosis`: hops from the edge to the application, and whether each outlives the idle time of the one before.
//!
//! Owns the rule, link by link: a hop ends its idle connections to the next one *before* that one does. Refuses to
//! measure: of a hop only the side towards its clients can be seen, so what it does towards the next is told by the
//! user, taken from the table of defaults, or supposed to be the same; which of these is said.

use std::time::Duration;

use super::sentence::seconds;
use super::server_side::{self, Wish};
use super::{Cause, Confidence, Diagnosis, Finding, IdleTimeout, Severity, Verdict, cure};
use crate::defaults::{self, Upstream};
use crate::measured::Measured;

/// Within this a measured time is what was configured: 2 s measured behind 1 s are a second apart.
const TOLERANCE: Duration = Duration::from_millis(50);

/// A hop that was examined.
#[derive(Clone, Debug)]
pub struct Hop {
    /// What was seen.
    pub measured: Measured,
    /// What it means.
    pub diagnosis: Diagnosis,
    /// How long the hop keeps idle connections towards the next one, when the user says so.
    pub upstream_idle: Option<Duration>,
}

impl Hop {
    /// A hop. What its diagnosis calls a short idle timeout is left to the links to judge.
    pub fn new(measured: Measured, diagnosis: Diagnosis, upstream_idle: Option<Duration>) -> Self {
        Self {
            diagnosis: diagnosis.in_chain(&measured),
            measured,
            upstream_idle,
        }
    }
}

/// Whether a hop gives up idle connections before the one behind it ends them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It does.
    Right,
    /// What was measured or told does not decide it.
    Undecided,
    /// It does not: requests meet connections that are just being closed.
    Wrong,
}

impl Order {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Undecided => "undecided",
            Self::Wrong => "wrong",
        }
    }
}

/// From one hop to the next.
#[derive(Clone, Debug)]
pub struct Link {
    /// The URL of the hop that connects.
    pub from: String,
    /// The URL of the hop that is connected to.
    pub to: String,
    /// How long `from` keeps idle connections to `to`; none when nothing tells.
    pub upstream_idle: Option<Duration>,
    /// Whether that is no more than likely: a product's default, or what `from` does towards its own clients.
    pub assumed: bool,
    /// After how long `to` ends idle connections; none when none ended.
    pub idle: Option<Duration>,
    /// Which comes first.
    pub order: Order,
    /// What decided, or is missing; a sentence.
    pub why: String,
    /// What would put it right, each by itself; empty unless the order is wrong.
    pub cures: Vec<LinkCure>,
}

/// What puts a link right.
#[derive(Clone, Debug)]
pub struct LinkCure {
    /// The URL of the hop where it is set.
    pub hop: String,
    /// Its likeliest product that has a known setting for it.
    pub product: Option<String>,
    /// What is set: towards its clients (`idle-timeout`), or towards the next hop (`upstream-idle`).
    pub what: &'static str,
    /// The time.
    pub time: Duration,
    /// Whether it is to be at least that long; else at most.
    pub at_least: bool,
    /// As it stands in the product's configuration.
    pub setting: Option<String>,
}

/// What a chain of hops does to its connections.
#[derive(Clone, Debug)]
pub struct ChainDiagnosis {
    /// That of the links and of the hops together.
    pub verdict: Verdict,
    /// The same in one sentence.
    pub summary: String,
    /// From each hop to the next.
    pub links: Vec<Link>,
    /// What is wrong with the links; what is wrong with a hop stands in its own diagnosis.
    pub findings: Vec<Finding>,
}

impl ChainDiagnosis {
    /// The diagnosis of hops, the one nearest to the clients first.
    pub fn of(hops: &[Hop]) -> Self {
        let links: Vec<_> = hops
            .windows(2)
            .map(|pair| link(&pair[0], &pair[1]))
            .collect();
        let findings: Vec<_> = links.iter().filter_map(finding).collect();
        let has = |verdict| hops.iter().any(|hop| hop.diagnosis.verdict == verdict);
        let is_open = links.iter().any(|link| link.order == Order::Undecided);
        let verdict = if !findings.is_empty() || has(Verdict::Findings) {
            Verdict::Findings
        } else if is_open || has(Verdict::Inconclusive) {
            Verdict::Inconclusive
        } else {
            Verdict::Healthy
        };
        Self {
            summary: summary(hops, &links, verdict),
            verdict,
            links,
            findings,
        }
    }
}

/// A time that lies between two bounds, or above one.
#[derive(Clone, Copy, Debug)]
struct Span {
    least: Duration,
    most: Option<Duration>,
}

impl Span {
    fn exactly(time: Duration) -> Self {
        Self {
            least: time,
            most: Some(time),
        }
    }

    /// The idle time of a hop, with the bounds that matter to whoever wants to stay below it.
    fn of_ends(idle: &IdleTimeout) -> Option<Self> {
        let least = idle.safe()?;
        Some(Self {
            least,
            most: idle.value,
        })
    }

    /// The idle time of a hop, with the bounds that matter to whoever wants to stay above it.
    fn of_longest(idle: &IdleTimeout) -> Option<Self> {
        match (idle.value, idle.at_least) {
            (Some(value), None) => Some(Self {
                least: value,
                most: Some(idle.high.unwrap_or(value)),
            }),
            (_, Some(open)) => Some(Self {
                least: open,
                most: None,
            }),
            (None, None) => None,
        }
    }
}

/// What is supposed about a hop's idle connections to the next one, and why.
struct Supposed {
    span: Span,
    assumed: bool,
    /// Where it is from, in brackets behind the number.
    source: String,
}

fn link(from: &Hop, to: &Hop) -> Link {
    let round_trip = to.measured.pilot.round_trip;
    let ends = Span::of_ends(&to.diagnosis.idle).filter(|_| to.measured.reuse == Some(true));
    let supposed = supposed(from);
    let first = supposed.first();
    let (order, decisive, why) = match (first, ends) {
        (None, _) => (
            Order::Undecided,
            None,
            "how long idle connections are kept towards the next hop is not known".to_owned(),
        ),
        (Some(_), None) => (Order::Undecided, first, not_measured(to)),
        (Some(first), Some(ends)) => decide(first, supposed.get(1), ends, round_trip),
    };
    let upstream = decisive.map(|it| it.span.least);
    let is_wrong = order == Order::Wrong;
    let cures = match (upstream, ends) {
        (Some(upstream), Some(ends)) if is_wrong => {
            let below = super::recommend::with_margin(ends.least, round_trip);
            vec![raise(to, above(upstream)), lower(from, below)]
        }
        _ => Vec::new(),
    };
    Link {
        from: from.measured.url.clone(),
        to: to.measured.url.clone(),
        upstream_idle: upstream,
        assumed: decisive.is_some_and(|it| it.assumed),
        idle: to.diagnosis.idle.value,
        order,
        why,
        cures,
    }
}

fn raise(hop: &Hop, time: Duration) -> LinkCure {
    let found = server_side::likeliest(&hop.diagnosis.products, Wish::Idle(time));
    let (product, setting) = found.unzip();
    LinkCure {
        hop: hop.measured.url.clone(),
        product,
        what: "idle-timeout",
        time,
        at_least: true,
        setting,
    }
}

fn lower(hop: &Hop, time: Duration) -> LinkCure {
    // Whole seconds, which every product takes; but not more than asked for.
    let whole = Duration::from_secs((time + TOLERANCE).as_secs());
    let time = if whole.is_zero() { time } else { whole };
    let found = server_side::likeliest(&hop.diagnosis.products, Wish::Upstream(time));
    let found = found.filter(|_| time == whole);
    let (product, setting) = found.unzip();
    LinkCure {
        hop: hop.measured.url.clone(),
        product,
        what: "upstream-idle",
        time,
        at_least: false,
        setting,
    }
}

fn not_measured(to: &Hop) -> String {
    if to.measured.reuse == Some(false) {
        "the next hop keeps no connection".to_owned()
    } else {
        "the idle timeout of the next hop was not measured".to_owned()
    }
}

/// What may be supposed about the hop, the likeliest first; nothing but what the user says when they do.
fn supposed(hop: &Hop) -> Vec<Supposed> {
    if let Some(told) = hop.upstream_idle {
        return vec![Supposed {
            span: Span::exactly(told),
            assumed: false,
            source: "as you say".to_owned(),
        }];
    }
    let default = default_of(hop).map(|(product, span)| Supposed {
        span,
        assumed: true,
        source: format!("the default of {product}, assumed"),
    });
    let keeps = hop.measured.reuse == Some(true);
    let same = Span::of_longest(&hop.diagnosis.idle).filter(|_| keeps);
    let same = same.map(|span| Supposed {
        span,
        assumed: true,
        source: "as towards clients, assumed".to_owned(),
    });
    default.into_iter().chain(same).collect()
}

/// The default of its product towards servers, where that is a setting of its own.
fn default_of(hop: &Hop) -> Option<(&'static str, Span)> {
    let product = hop.diagnosis.products.first()?;
    if product.confidence == Confidence::Low {
        return None;
    }
    let mut rows = defaults::all()
        .iter()
        .filter(|row| row.product == product.name);
    rows.find_map(|row| match row.upstream {
        Some(Upstream::Own { seconds }) => Some((
            row.product.as_str(),
            Span::exactly(Duration::from_secs_f64(seconds)),
        )),
        Some(Upstream::Same) | None => None,
    })
}

/// What the times say. Whoever set a hop's timeout towards clients below the next hop's did not leave the other one at
/// its default: what was measured then decides, and what the default would be is told.
fn decide<'a>(
    first: &'a Supposed,
    other: Option<&'a Supposed>,
    ends: Span,
    round_trip: Duration,
) -> (Order, Option<&'a Supposed>, String) {
    let order = compare(first.span, ends, round_trip);
    let other = other.map(|it| (it, compare(it.span, ends, round_trip)));
    let kept = kept(first.span);
    let ended = match ends.most {
        Some(value) => format!("the next hop ends them after {}", seconds(value)),
        None => format!("open at the next hop after {}", seconds(ends.least)),
    };
    let source = &first.source;
    match (order, other) {
        (Order::Wrong, Some((other, Order::Right))) => {
            let same = self::kept(other.span);
            let why = format!(
                "kept {same} ({}), unless {kept} ({source}); {ended}",
                other.source
            );
            (Order::Right, Some(other), why)
        }
        (Order::Right | Order::Undecided | Order::Wrong, _) => (
            order,
            Some(first),
            format!("kept {kept} ({source}); {ended}"),
        ),
    }
}

fn kept(span: Span) -> String {
    match span.most {
        Some(_) => format!("for {}", seconds(span.least)),
        None => format!("for over {}", seconds(span.least)),
    }
}

fn compare(upstream: Span, ends: Span, round_trip: Duration) -> Order {
    let is_enough = |upstream: Duration, ends: Duration| {
        ends + TOLERANCE >= upstream + margin(upstream, round_trip)
    };
    if upstream
        .most
        .is_some_and(|upstream| is_enough(upstream, ends.least))
    {
        Order::Right
    } else if ends
        .most
        .is_some_and(|ends| !is_enough(upstream.least, ends))
    {
        Order::Wrong
    } else {
        Order::Undecided
    }
}

/// By how much a hop must outlive the one before it: a second (of short times a half), two round trips, or the
/// tolerance of what was measured. It is no tenth: 65 s behind 60 s and 620 s behind 600 s are what the makers of
/// balancers ask for.
fn margin(upstream: Duration, round_trip: Duration) -> Duration {
    let second = Duration::from_secs(1).min(upstream / 2);
    second.max(2 * round_trip).max(upstream / 50)
}

/// A good idle time behind such a one, in whole seconds: 65 s behind 60 s, 620 s behind 600 s.
fn above(upstream: Duration) -> Duration {
    let wanted = upstream + Duration::from_secs(5).max(upstream / 30);
    Duration::from_secs(wanted.as_secs_f64().round() as u64)
}

fn finding(link: &Link) -> Option<Finding> {
    if link.order != Order::Wrong {
        return None;
    }
    let (from, to) = (&link.from, &link.to);
    let (kept, ended) = (link.upstream_idle?, link.idle?);
    let summary = format!(
        "{from} keeps idle connections to {to} for {}, which ends them after {}.",
        seconds(kept),
        seconds(ended)
    );
    Some(Finding {
        cause: Cause::ChainOrderWrong,
        severity: Severity::High,
        summary,
        evidence: vec![link.why.clone()],
        cure: cure::of(Cause::ChainOrderWrong),
    })
}

fn summary(hops: &[Hop], links: &[Link], verdict: Verdict) -> String {
    let wrong = links.iter().filter(|it| it.order == Order::Wrong).count();
    let open = links
        .iter()
        .filter(|it| it.order == Order::Undecided)
        .count();
    let all = links.len();
    let why = "a hop keeps idle connections for longer than the next";
    match (wrong, all) {
        (0, _) => {}
        (1, 1) => return format!("The link is in the wrong order: {why}."),
        (1, _) => return format!("1 of {all} links is in the wrong order: {why}."),
        (_, _) => return format!("{wrong} of {all} links are in the wrong order: {why}."),
    }
    let order = match open {
        0 => "Each hop gives up idle connections before the next one ends them".to_owned(),
        _ if all == 1 => "The order of the link is not decided".to_owned(),
        _ => format!("The order of {open} of {all} links is not decided"),
    };
    let ill = hops
        .iter()
        .filter(|hop| hop.diagnosis.verdict == Verdict::Findings)
        .count();
    match verdict {
        Verdict::Findings => format!("{order}; {ill} of {} hops have findings.", hops.len()),
        Verdict::Healthy | Verdict::Inconclusive => format!("{order}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn order(upstream: u64, ends: u64) -> Order {
        compare(Span::exactly(MS(upstream)), Span::exactly(MS(ends)), MS(1))
    }

    #[test]
    fn what_makers_of_balancers_ask_for_is_right() {
        for (upstream, ends) in [(60_000, 65_000), (600_000, 620_000), (90_000, 95_000)] {
            assert_eq!(order(upstream, ends), Order::Right, "{upstream} {ends}");
            assert_eq!(order(upstream, upstream), Order::Wrong);
            assert_eq!(order(ends, upstream), Order::Wrong);
            assert_eq!(above(MS(upstream)), MS(ends));
        }
        assert_eq!(order(60_000, 60_200), Order::Wrong);
        assert_eq!(order(1_000, 2_000), Order::Right);
        assert_eq!(order(2_000, 3_000), Order::Right);
        assert_eq!(order(2_000, 1_000), Order::Wrong);
    }

    #[test]
    fn bounds_decide_what_they_can() {
        let over = |time| Span {
            least: MS(time),
            most: None,
        };
        let exactly = |time| Span::exactly(MS(time));
        let compare = |upstream, ends| compare(upstream, ends, MS(1));
        assert_eq!(compare(exactly(60_000), over(79_000)), Order::Right);
        assert_eq!(compare(exactly(60_000), over(7_000)), Order::Undecided);
        assert_eq!(compare(over(79_000), exactly(60_000)), Order::Wrong);
        assert_eq!(compare(over(7_000), exactly(60_000)), Order::Undecided);
        assert_eq!(compare(over(7_000), over(7_000)), Order::Undecided);
    }

    #[test]
    fn a_long_way_needs_a_longer_margin() {
        let far = |ends| compare(Span::exactly(MS(5_000)), Span::exactly(MS(ends)), MS(900));
        assert_eq!(far(6_400), Order::Wrong);
        assert_eq!(far(7_000), Order::Right);
    }
}
