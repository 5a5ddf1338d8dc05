//! Text for people: the table of exchanges, the verdict behind it, errors.
//!
//! Owns the layout. Refuses to word reasons and cures: the library does.

use std::time::Duration;

use keepwarm::advice::Advice;
use keepwarm::reason::{Retry, text as words};
use keepwarm::{Client, Ended, Error, Human};

use super::style::{BAD, CURE, DIM, GOOD, Painted, STRONG, WHY, ordinal, plural, wrap};
use crate::report::{ConnectionReport, ExchangeReport, Summary};

/// Up to so many exchanges are all listed; of longer lists the runs of exchanges alike are folded.
const ALL_LISTED: u64 = 12;
/// Exchanges of a run that are shown before the rest is folded.
const SHOWN_OF_RUN: u64 = 2;
/// Lines after which no exchange is listed any more: the verdict counts them all.
const LINES: usize = 40;
/// Width of cures and advice.
const WIDTH: usize = 88;

/// The table of exchanges, line by line.
pub(crate) struct Table {
    folds: bool,
    digits: usize,
    /// What the last exchanges have in common, and how many they are in a row.
    run: Option<(Kind, u64)>,
    folded: u64,
    folded_time: Duration,
    written: usize,
}

/// What makes two exchanges look alike.
#[derive(PartialEq)]
struct Kind {
    outcome: Result<u16, &'static str>,
    reused: Option<bool>,
    miss: Option<&'static str>,
    closed: Option<&'static str>,
    sent_again: usize,
}

impl Kind {
    fn of(report: &ExchangeReport) -> Self {
        let closed = report.reuse.as_ref().and_then(|reuse| reuse.primary());
        Self {
            outcome: report
                .outcome
                .as_ref()
                .copied()
                .map_err(|error| error.kind().slug()),
            reused: report.connection.as_ref().map(|it| it.reused),
            miss: report.miss.map(|miss| miss.slug()),
            closed: closed.map(|reason| reason.slug()),
            sent_again: report.retries.len(),
        }
    }
}

impl Table {
    pub(crate) fn new(total: u64) -> Self {
        Self {
            folds: total > ALL_LISTED,
            digits: total.to_string().len().max(2),
            run: None,
            folded: 0,
            folded_time: Duration::ZERO,
            written: 0,
        }
    }

    /// The lines this exchange adds.
    pub(crate) fn add(&mut self, report: &ExchangeReport) -> Vec<String> {
        if self.folds && self.is_folded(report) {
            self.folded += 1;
            self.folded_time += report.times.total;
            return Vec::new();
        }
        let mut lines = self.finish();
        lines.extend(self.lines(report));
        self.written += lines.len();
        lines
    }

    fn is_folded(&mut self, report: &ExchangeReport) -> bool {
        if self.written >= LINES {
            return true;
        }
        let kind = Kind::of(report);
        match &mut self.run {
            Some((known, length)) if *known == kind => {
                *length += 1;
                *length > SHOWN_OF_RUN
            }
            run => {
                *run = Some((kind, 1));
                false
            }
        }
    }

    /// The line for what is still folded.
    pub(crate) fn finish(&mut self) -> Vec<String> {
        let (folded, time) = (self.folded, self.folded_time);
        (self.folded, self.folded_time) = (0, Duration::ZERO);
        if folded == 0 {
            return Vec::new();
        }
        let alike = if self.written >= LINES {
            " (--json lists them all)"
        } else {
            " like it"
        };
        let each = Human(time / u32::try_from(folded).unwrap_or(u32::MAX)).to_string();
        let said = format!(
            "{:>w$}       {each:>8}  {folded} more{alike}",
            "⋮",
            w = self.digits
        );
        vec![Painted(DIM, said).to_string()]
    }

    fn lines(&self, report: &ExchangeReport) -> Vec<String> {
        let number = format!("{:>w$}", report.n, w = self.digits);
        let status = match &report.outcome {
            Ok(status) => format!("{status}"),
            Err(_) => Painted(BAD, "ERR").to_string(),
        };
        let time = Human(report.times.total).to_string();
        let id = report
            .connection
            .as_ref()
            .map_or_else(|| "-".to_owned(), |it| format!("#{}", it.id));
        let mut lines = vec![format!(
            "{number}  {status}  {time:>8}  {id:<4} {}",
            how(report)
        )];
        let mut detail = |text: String| {
            lines.push(format!("{:w$}  {text}", "", w = self.digits + 20));
        };
        for hop in &report.hops {
            let said = format!("{} led from {} to {}", hop.status, hop.url, hop.to);
            detail(Painted(DIM, said).to_string());
        }
        if let Some(why) = report.not_followed {
            detail(format!("not followed: {}", Painted(WHY, why)));
        }
        for retry in again(report) {
            detail(Painted(WHY, retry).to_string());
        }
        if let Err(error) = &report.outcome {
            detail(Painted(BAD, error).to_string());
        } else if let Some(reason) = report.reuse.as_ref().and_then(|reuse| reuse.primary()) {
            detail(format!("closed: {}", Painted(WHY, reason)));
        }
        lines
    }
}

fn again(report: &ExchangeReport) -> impl Iterator<Item = &Retry> {
    let retries = report.retries.iter();
    retries.filter(|retry| matches!(retry, Retry::Again(_)))
}

/// New or reused, and the circumstance that matters.
fn how(report: &ExchangeReport) -> String {
    let Some(connection) = &report.connection else {
        return Painted(DIM, "none").to_string();
    };
    if connection.reused {
        // One that others use at the same time was not idle.
        let idle = connection
            .idle
            .filter(|idle| !idle.is_zero())
            .map(|idle| format!(", idle {}", Human(idle)));
        let request = ordinal(connection.requests);
        let said = format!("({request} request{})", idle.unwrap_or_default());
        return format!("{} {}", Painted(GOOD, "reused"), Painted(DIM, said));
    }
    let new = match report.miss {
        Some(miss) => format!(
            "{}    {}",
            Painted(STRONG, "new"),
            Painted(DIM, format!("({miss})"))
        ),
        None => Painted(STRONG, "new").to_string(),
    };
    match beyond_tcp(connection) {
        Some(said) => format!("{new}{}", Painted(DIM, said)),
        None => new,
    }
}

/// What a new connection is beside TCP and HTTP/1.1.
fn beyond_tcp(connection: &ConnectionReport) -> Option<String> {
    let mut said = String::new();
    if let Some(protocol) = connection.protocol.filter(|_| connection.tls.is_some()) {
        said.push_str(&format!(", {protocol}"));
    } else if connection.protocol == Some("h2") {
        said.push_str(", h2");
    }
    if let Some(tls) = &connection.tls {
        said.push_str(&format!(", {}", tls.version));
        if tls.resumed {
            said.push_str(" resumed");
        }
    }
    if let Some(via) = &connection.via {
        said.push_str(&format!(", via {via}"));
    }
    (!said.is_empty()).then_some(said)
}

/// What all exchanges together mean: the numbers, each reason with its cure, and advice.
pub(crate) fn verdict(summary: &Summary, client: &Client, limits_raised: bool) -> Vec<String> {
    let mut lines = vec![String::new(), headline(summary)];
    for end in &summary.closed {
        lines.extend(ended(end));
    }
    let stats = client.stats();
    for origin in stats.origins() {
        if let Some(estimate) = &origin.idle_timeout {
            let said = format!(
                "{} keeps idle connections for about {} ({})",
                origin.origin,
                Human(estimate.timeout),
                estimate.source.slug()
            );
            lines.extend(indented("server", &said));
        }
    }
    for advice in client
        .advice()
        .iter()
        .filter(|advice| is_relevant(advice, limits_raised))
    {
        lines.extend(indented("advice", &advice.to_string()));
    }
    lines
}

fn headline(summary: &Summary) -> String {
    let percent = summary.reused_percent();
    let colour = match percent {
        90.. => GOOD,
        50..90 => WHY,
        0..50 => BAD,
    };
    let mut line = format!(
        "{}, {}",
        plural(summary.exchanges, "request"),
        plural(summary.opened, "connection")
    );
    if summary.opened > 0 {
        line.push_str(&format!(
            ": {}",
            Painted(colour, format!("reused {percent} %"))
        ));
    }
    if summary.failed > 0 {
        line.push_str(&format!(
            ", {}",
            Painted(BAD, format!("{} failed", summary.failed))
        ));
    }
    if summary.retries > 0 {
        line.push_str(&format!(", {} sent again", summary.retries));
    }
    if summary.interrupted {
        line.push_str(", interrupted");
    }
    line
}

fn ended(end: &Ended) -> Vec<String> {
    let reason = Painted(WHY, end.reason);
    let mut lines = vec![format!("  closed {} × {reason}", end.count)];
    if let Some(cure) = words::cure(&end.reason) {
        lines.extend(indented("cure", cure));
    }
    lines
}

fn indented(label: &str, sentence: &str) -> Vec<String> {
    let wrapped = wrap(sentence, WIDTH - 9);
    let lines = wrapped.iter().enumerate().map(|(index, line)| {
        let label = if index == 0 { label } else { "" };
        format!("  {} {line}", Painted(CURE, format!("{label:<6}")))
    });
    lines.collect()
}

/// The limit on open files matters to those who asked for many connections.
fn is_relevant(advice: &Advice, limits_raised: bool) -> bool {
    match advice {
        Advice::ClientPerRequest { .. }
        | Advice::IdleTimeoutLong { .. }
        | Advice::IdleTimeoutOverServer { .. } => true,
        Advice::OpenFilesTooFew { .. } => limits_raised,
    }
}

/// The error of a single exchange, on standard error.
pub(crate) fn complain(error: &Error) {
    let phase = error.phase().slug();
    anstream::eprintln!("keepwarm: {error} (in phase {phase})");
    if let Some(cure) = error.reason().and_then(words::cure) {
        anstream::eprintln!("  {} {cure}", Painted(CURE, "cure"));
    }
}
