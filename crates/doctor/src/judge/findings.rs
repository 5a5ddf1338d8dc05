//! `Finding`: what is wrong with a server, with evidence; and the looking for it.
//!
//! Owns the thresholds, each beside its reason. Refuses to recommend settings.

use std::time::Duration;

use http::Version;

use super::sentence::seconds;
use super::{Cause, IdleTimeout, Severity};
use crate::ending::EndedBy;
use crate::measured::Measured;

/// What is wrong, with evidence.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What.
    pub cause: Cause,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence with the numbers of this case.
    pub summary: String,
    /// What was seen, a sentence each; few.
    pub evidence: Vec<String>,
    /// What to do.
    pub cure: &'static str,
}

/// Below this, requests that a person makes meet closed connections: most servers keep 5 s or more.
const SHORT: Duration = Duration::from_millis(4_900);
/// Below this, hardly any gap between requests is shorter.
const VERY_SHORT: Duration = Duration::from_secs(1);
/// The default of keepwarm: above it there is nothing to heed.
const OURS: Duration = Duration::from_secs(30);
/// So soon after an answer an end is no timeout.
const AT_ONCE: Duration = Duration::from_millis(20);
/// The smallest limit on requests that a server has by default, among those in the table of defaults.
const FEW_REQUESTS: u64 = 100;
/// An announced time and a measured one are the same within this, or 2 %.
const SAME: Duration = Duration::from_millis(50);

/// All findings, the worst first.
pub(super) fn of(
    measured: &Measured,
    idle: &IdleTimeout,
    max_requests: Option<u64>,
    min_idle: Option<Duration>,
) -> Vec<Finding> {
    let ends_at_once = idle.high.is_some_and(|high| high < AT_ONCE);
    let mut found = Vec::new();
    found.extend(not_kept(measured, ends_at_once));
    if found.is_empty() {
        found.extend(short_idle(idle, min_idle));
        found.extend(announcement(measured, idle));
        found.extend(backends(idle));
        found.extend(kind_of_end(idle));
        found.extend(few_requests(measured, max_requests));
        found.extend(error_close(measured));
    }
    found.extend(dead_addresses(measured));
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}

fn finding(cause: Cause, severity: Severity, summary: String, evidence: Vec<String>) -> Finding {
    Finding {
        cause,
        severity,
        summary,
        evidence,
        cure: cause.cure(),
    }
}

/// Why no connection serves twice, when none does.
fn not_kept(measured: &Measured, ends_at_once: bool) -> Option<Finding> {
    let pilot = &measured.pilot;
    let line = format!("the first answer: {:?} {}", pilot.version, pilot.status);
    if pilot.reuse.is_keep() {
        return ends_at_once.then(|| {
            let summary = "The server ends each connection after one answer, without saying so.";
            let seen = match measured.reuse {
                Some(true) => "a second request sent at once was still answered",
                Some(false) | None => "no second request was answered",
            };
            let evidence = vec![
                format!(
                    "every connection ended within {} ms of its answer",
                    AT_ONCE.as_millis()
                ),
                seen.to_owned(),
            ];
            finding(
                Cause::KeepAliveDisabled,
                Severity::High,
                summary.to_owned(),
                evidence,
            )
        });
    }
    let mut evidence = vec![line];
    if let Some(value) = pilot.header("connection") {
        evidence.push(format!("Connection: {value}"));
    }
    let asked = measured.http10.is_some_and(|http10| http10.keep_alive);
    let (cause, summary) = if pilot.is_closed_for("close-delimited") {
        (
            Cause::ResponseWithoutLength,
            "The answer has no length: only the end of the connection ends it.",
        )
    } else if pilot.version == Version::HTTP_10 {
        if asked {
            evidence.push("with Connection: keep-alive in the request it is kept".to_owned());
        }
        (
            Cause::Http10Only,
            "The server answers HTTP/1.0 and ends each connection after one answer.",
        )
    } else {
        (
            Cause::KeepAliveDisabled,
            "The server ends each connection after one answer.",
        )
    };
    Some(finding(cause, Severity::High, summary.to_owned(), evidence))
}

fn short_idle(idle: &IdleTimeout, min_idle: Option<Duration>) -> Option<Finding> {
    let value = idle.value?;
    let low = idle.low.unwrap_or(value);
    let wanted = min_idle.filter(|least| low < *least);
    let severity = match wanted {
        Some(_) => Severity::High,
        None if value < VERY_SHORT => Severity::High,
        None if value < SHORT => Severity::Medium,
        None if value < OURS => Severity::Info,
        None => return None,
    };
    let mut summary = format!("The server ends idle connections after {}", seconds(value));
    if let Some(least) = wanted {
        summary.push_str(&format!("; {} are asked for", seconds(least)));
    } else if severity == Severity::Info {
        summary.push_str("; clients that keep theirs longer meet closed ones");
    }
    summary.push('.');
    let by = idle.ended_by.map_or("", EndedBy::words);
    let (low, high) = (seconds(low), seconds(idle.high.unwrap_or(value)));
    let connections = idle.connections;
    let when = match low == high {
        true => format!("after {low}"),
        false => format!("between {low} and {high}"),
    };
    let evidence = vec![format!("{connections} connections, {when}, with {by}")];
    Some(finding(
        Cause::IdleTimeoutShort,
        severity,
        summary,
        evidence,
    ))
}

fn announcement(measured: &Measured, idle: &IdleTimeout) -> Option<Finding> {
    let told = measured.announced.and_then(|announced| announced.timeout)?;
    let same = SAME.max(told / 50);
    let evidence = |seen: String| vec![format!("Keep-Alive: timeout={}", told.as_secs()), seen];
    let cause = Cause::AnnouncedTimeoutWrong;
    let announced = seconds(told);
    match (idle.value, idle.at_least) {
        (Some(value), _) if value + same < told => {
            let value = seconds(value);
            let summary = format!(
                "The server announces {announced} and ends idle connections after {value}."
            );
            let seen = format!("measured {value}, on {} connections", idle.connections);
            Some(finding(cause, Severity::High, summary, evidence(seen)))
        }
        // Servers that add a second of grace are careful, not wrong.
        (Some(value), _) if value > told + same + Duration::from_millis(1_500) => {
            let value = seconds(value);
            let summary =
                format!("The server announces {announced} and keeps connections for {value}.");
            let seen = format!("measured {value}, on {} connections", idle.connections);
            Some(finding(cause, Severity::Info, summary, evidence(seen)))
        }
        (None, Some(open)) if open > told + told / 4 + Duration::from_secs(2) => {
            let open = seconds(open);
            let summary =
                format!("The server announces {announced}; connections were open after {open}.");
            Some(finding(
                cause,
                Severity::Info,
                summary,
                evidence(format!("open after {open}")),
            ))
        }
        (Some(_) | None, _) => None,
    }
}

fn backends(idle: &IdleTimeout) -> Option<Finding> {
    if !idle.differs() {
        return None;
    }
    let values: Vec<_> = idle.values.iter().map(|value| seconds(*value)).collect();
    let mut values = values.join(" and ");
    if idle.at_least.is_some() {
        values.push_str(" or more");
    }
    let summary = format!(
        "Idle connections end after {values}: several backends answer here, and they differ."
    );
    let evidence = vec![format!(
        "{} connections, in groups that agree",
        idle.connections
    )];
    Some(finding(
        Cause::BackendsDiffer,
        Severity::Medium,
        summary,
        evidence,
    ))
}

fn kind_of_end(idle: &IdleTimeout) -> Option<Finding> {
    let (by, value) = (idle.ended_by?, seconds(idle.value?));
    let evidence = vec![format!("after {value}, with {}", by.words())];
    match by {
        EndedBy::Fin | EndedBy::CloseNotify => None,
        EndedBy::Rst => {
            let summary = format!(
                "The server resets idle connections after {value} instead of closing them."
            );
            Some(finding(
                Cause::ServerResetsIdle,
                Severity::Medium,
                summary,
                evidence,
            ))
        }
        EndedBy::StrayBytes {
            request_timeout: true,
        } => {
            let summary = format!(
                "The server sends a 408 on idle connections after {value}, which answers nothing."
            );
            Some(finding(Cause::StrayBytes, Severity::Low, summary, evidence))
        }
        EndedBy::StrayBytes {
            request_timeout: false,
        } => {
            let summary =
                format!("Bytes that nobody asked for come on idle connections after {value}.");
            Some(finding(
                Cause::StrayBytes,
                Severity::High,
                summary,
                evidence,
            ))
        }
    }
}

fn few_requests(measured: &Measured, max_requests: Option<u64>) -> Option<Finding> {
    let known = measured.max_requests.as_ref()?;
    let least = *known.counts.iter().min()?;
    let silent = !known.announced;
    let severity = if silent || least < FEW_REQUESTS {
        Severity::Medium
    } else {
        Severity::Info
    };
    let mut summary = match max_requests {
        Some(most) => format!("The server ends each connection after {most} requests"),
        None => format!("The server ends connections after {least} requests or more"),
    };
    summary.push_str(if silent {
        ", without announcing it."
    } else {
        "."
    });
    let counts: Vec<_> = known.counts.iter().map(u64::to_string).collect();
    let last = if silent {
        "the last answer announced nothing"
    } else {
        "the last answer said Connection: close"
    };
    let evidence = vec![format!(
        "{} requests, one after the other; {last}",
        counts.join(" and ")
    )];
    Some(finding(Cause::MaxRequestsLow, severity, summary, evidence))
}

fn error_close(measured: &Measured) -> Option<Finding> {
    let closing: Vec<_> = measured
        .error_close
        .iter()
        .filter(|(_, it)| it.closes)
        .collect();
    let (first, _) = closing.first()?;
    let names: Vec<_> = closing.iter().map(|(name, _)| name.as_str()).collect();
    let evidence = closing.iter().map(|(name, it)| match it.announced {
        true => format!("{name}: the answer said so"),
        false => format!("{name}: the next request was not answered"),
    });
    let what = if names.len() == 1 && first.as_str() == "HEAD" {
        "An answer to HEAD ends its connection.".to_owned()
    } else {
        format!(
            "Answers of these kinds end their connection: {}.",
            names.join(", ")
        )
    };
    Some(finding(
        Cause::ErrorStatusClose,
        Severity::Medium,
        what,
        evidence.collect(),
    ))
}

fn dead_addresses(measured: &Measured) -> Option<Finding> {
    let (first, why) = measured.dead_addresses.first()?;
    let severity = if measured.is_loopback {
        Severity::Info
    } else {
        Severity::Medium
    };
    let dead = measured.dead_addresses.len();
    let all = dead + measured.addresses.len();
    let summary = format!("{dead} of {all} addresses cannot be connected to.");
    let evidence = vec![format!("{first}: {why}")];
    Some(finding(Cause::ConnectFails, severity, summary, evidence))
}
