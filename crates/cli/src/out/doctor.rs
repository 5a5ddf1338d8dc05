//! The first screen of `keepwarm doctor`, and its line of progress.
//!
//! Owns the text: at most 24 lines of at most 100 characters. Refuses to judge.

use std::time::Duration;

use anstyle::Style;
use keepwarm::Human;
use keepwarm_doctor::defaults::{self, Kind};
use keepwarm_doctor::{
    Announced, Diagnosis, EndedBy, Finding, IdleTimeout, Life, Measured, Progress, Severity,
    Situation, Verdict,
};

use super::style::{BAD, CURE, DIM, GOOD, Painted, STRONG, WHY, wrap};

/// Lines of the first screen.
const SCREEN: usize = 24;
/// Characters of a line.
const WIDTH: usize = 96;
/// Findings that are told with evidence and cure; the others in a line.
const AT_LENGTH: usize = 2;

/// The first screen, without its last line end.
pub(crate) fn text(measured: &Measured, diagnosis: &Diagnosis) -> String {
    let mut lines = verdict(measured, diagnosis);
    lines.push(String::new());
    lines.extend(facts(measured, diagnosis));
    if !diagnosis.findings.is_empty() {
        lines.push(String::new());
        lines.extend(findings(&diagnosis.findings));
    }
    let recommended = recommendation(diagnosis);
    let room = SCREEN - recommended.len();
    if lines.len() > room {
        let left = lines.len() - room + 1;
        lines.truncate(room - 1);
        let more = format!("… {left} more lines: --json has everything");
        lines.push(Painted(DIM, more).to_string());
    }
    lines.extend(recommended);
    lines.join("\n")
}

fn verdict(measured: &Measured, diagnosis: &Diagnosis) -> Vec<String> {
    let (style, word) = match diagnosis.verdict {
        Verdict::Healthy => (GOOD, "healthy"),
        Verdict::Findings => (BAD, "findings"),
        Verdict::Inconclusive => (WHY, "inconclusive"),
    };
    let head = format!(
        "{}  {}",
        Painted(STRONG, &measured.url),
        Painted(style, word)
    );
    let mut lines = vec![head];
    lines.extend(wrap(&diagnosis.summary, WIDTH));
    lines
}

fn facts(measured: &Measured, diagnosis: &Diagnosis) -> Vec<String> {
    let mut facts: Vec<(&str, String)> = vec![
        ("protocol", protocol(measured, diagnosis)),
        ("reuse", reuse(measured)),
        ("idle timeout", idle(&diagnosis.idle)),
    ];
    facts.extend(before_request(measured).map(|said| ("before a request", said)));
    facts.extend(requests(measured, diagnosis).map(|said| ("requests", said)));
    facts.extend(measured.announced.map(|it| ("announced", announced(it))));
    if let Some(http10) = measured.http10 {
        let said = if http10.keep_alive {
            "kept alive when asked"
        } else {
            "not kept alive"
        };
        facts.push(("HTTP/1.0", said.to_owned()));
    }
    facts.extend(other_answers(measured).map(|said| ("other answers", said)));
    if let Some(product) = diagnosis.products.first() {
        let said = format!(
            "{} ({}): {}",
            product.name,
            product.confidence.word(),
            product.why
        );
        facts.push(("looks like", said));
    }
    let line = |(name, said): (&str, String)| {
        let name = Painted(DIM, format!("{name:<16}"));
        let said: String = said.chars().take(WIDTH - 17).collect();
        format!("{name} {said}")
    };
    facts.into_iter().map(line).collect()
}

fn protocol(measured: &Measured, diagnosis: &Diagnosis) -> String {
    let names: Vec<_> = diagnosis
        .protocols
        .iter()
        .map(|name| name.to_uppercase())
        .collect();
    let round_trip = Human(measured.pilot.round_trip);
    let (version, status) = (measured.pilot.version, measured.pilot.status);
    format!(
        "{} (examined: {version:?}), status {status}, round trip {round_trip}",
        names.join(", ")
    )
}

fn reuse(measured: &Measured) -> String {
    match measured.reuse {
        Some(true) => "yes: a second request on the same connection was answered".to_owned(),
        Some(false) => format!("no: {}", measured.pilot.reuse),
        None => "not known".to_owned(),
    }
}

fn idle(idle: &IdleTimeout) -> String {
    let by = idle.ended_by.map_or("", EndedBy::words);
    let connections = idle.connections;
    let text = match (idle.value, idle.at_least) {
        (Some(_), _) if idle.differs() => {
            let values: Vec<_> = idle.values.iter().map(|it| seconds(*it)).collect();
            format!(
                "{}, with {by} ({connections} connections)",
                values.join(" or ")
            )
        }
        (Some(value), None) => format!("{}, with {by} ({connections} connections)", seconds(value)),
        (Some(value), Some(_)) => {
            format!(
                "{}, with {by}; others of {connections} were still open",
                seconds(value)
            )
        }
        (None, Some(open)) => format!(
            "over {} ({connections} connections were still open)",
            seconds(open)
        ),
        (None, None) => "not measured".to_owned(),
    };
    if idle.uncertain {
        format!("{text}; uncertain, this machine was held up")
    } else {
        text
    }
}

fn before_request(measured: &Measured) -> Option<String> {
    let sample = measured
        .samples
        .iter()
        .find(|it| it.situation == Situation::ConnectOnly)?;
    match sample.life {
        Life::Ended { after, by, .. } => Some(format!("{}, with {}", seconds(after), by.words())),
        Life::Open(_) => None,
    }
}

fn requests(measured: &Measured, diagnosis: &Diagnosis) -> Option<String> {
    let known = measured.max_requests.as_ref()?;
    let how = if known.announced {
        "announced"
    } else {
        "without announcing it"
    };
    Some(match diagnosis.max_requests {
        Some(most) => format!("{most} on a connection, then it ends, {how}"),
        None if known.counts.is_empty() => {
            format!("{} on one connection, and it was open", known.at_least)
        }
        None => {
            let counts: Vec<_> = known.counts.iter().map(u64::to_string).collect();
            format!("ended after {}, {how}", counts.join(" and "))
        }
    })
}

fn announced(announced: Announced) -> String {
    let parts: Vec<_> = [
        announced
            .timeout
            .map(|it| format!("timeout={}", it.as_secs())),
        announced.max.map(|it| format!("max={it}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        return "nothing, even when asked".to_owned();
    }
    let asked = if announced.only_when_asked {
        " (only when asked)"
    } else {
        ""
    };
    format!("Keep-Alive: {}{asked}", parts.join(", "))
}

fn other_answers(measured: &Measured) -> Option<String> {
    let said: Vec<_> = measured
        .error_close
        .iter()
        .map(|(name, it)| format!("{name} {}", if it.closes { "closes" } else { "keeps" }))
        .collect();
    (!said.is_empty()).then(|| said.join(", "))
}

fn findings(findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, finding) in findings.iter().enumerate() {
        let severity = Painted(style(finding.severity), finding.severity.slug());
        let cause = Painted(STRONG, finding.cause.slug());
        let head = format!("{severity} {cause}");
        if finding.severity == Severity::Info || place >= AT_LENGTH {
            let used = finding.severity.slug().len() + finding.cause.slug().len() + 3;
            let summary: String = finding.summary.chars().take(WIDTH - used).collect();
            lines.push(format!("{head}  {summary}"));
            continue;
        }
        lines.push(format!("{head}  {}", finding.evidence.join("; ")));
        for line in wrap(finding.cure, WIDTH - 2) {
            lines.push(format!("  {}", Painted(CURE, line)));
        }
    }
    lines
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::High => BAD,
        Severity::Medium | Severity::Low => WHY,
        Severity::Info => DIM,
    }
}

fn recommendation(diagnosis: &Diagnosis) -> Vec<String> {
    let recommended = &diagnosis.recommendation;
    let mut settings = Vec::new();
    let more = match recommended.may_be_longer {
        true => " (seen to be safe; more may be)",
        false => "",
    };
    let idle = recommended.idle_timeout;
    settings.extend(idle.map(|it| format!("idle_timeout {}{more}", seconds(it))));
    settings.extend(
        recommended
            .max_idle_per_host
            .map(|it| format!("max_idle_per_host {it}")),
    );
    settings.extend(recommended.retries.map(|it| format!("retry policy {it}")));
    if settings.is_empty() {
        return Vec::new();
    }
    let said = format!("keepwarm settings that fit: {}", settings.join(", "));
    let mut lines = vec![String::new()];
    let said = wrap(&said, WIDTH).into_iter();
    lines.extend(said.map(|line| Painted(CURE, line).to_string()));
    lines
}

/// `480 ms`, `5.01 s`: two decimals, for a server's timer has no more.
fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        return format!("{} ms", time.as_millis());
    }
    let text = format!("{:.2}", time.as_secs_f64());
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} s")
}

/// How far it is, in one line.
pub(crate) fn progress(progress: &Progress) -> String {
    let left = progress.limit.saturating_sub(progress.elapsed).as_secs();
    let mut line = format!("at most {left} s left");
    if let Some((after, by)) = progress.ended.first() {
        let (count, after) = (progress.ended.len(), seconds(*after));
        line.push_str(&format!(
            " · {count} ended, the first after {after} with {}",
            by.words()
        ));
    }
    if let Some(open) = progress.open_for {
        let whole = Duration::from_secs(open.as_secs());
        line.push_str(&format!(" · idle and open for {}", seconds(whole)));
        let excluded = excluded(open);
        if !excluded.is_empty() && progress.ended.is_empty() {
            line.push_str(&format!(": no default of {}", excluded.join(", ")));
        }
    }
    line.chars().take(WIDTH).collect()
}

/// Servers whose default would have ended a connection by now, the longest default first.
fn excluded(open: Duration) -> Vec<&'static str> {
    let open = open.as_secs_f64() - 1.5;
    let mut found: Vec<_> = defaults::all()
        .iter()
        .filter(|entry| entry.kind == Kind::Server)
        .filter_map(|entry| {
            Some((
                entry.seconds.filter(|seconds| *seconds < open)?,
                entry.product.as_str(),
            ))
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, name)| name).take(3).collect()
}
