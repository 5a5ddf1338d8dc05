//! What is wrong with how idle connections end: when, how, and what was announced.
//!
//! Owns the thresholds of idle times. Refuses to know how they were measured.

use std::time::Duration;

use super::{Finding, finding};
use crate::ending::EndedBy;
use crate::judge::sentence::seconds;
use crate::judge::{Cause, IdleTimeout, Severity};
use crate::measured::Measured;

/// Below this, requests that a person makes meet closed connections: most servers keep 5 s or more.
const SHORT: Duration = Duration::from_millis(4_900);
/// Below this, hardly any gap between requests is shorter.
const VERY_SHORT: Duration = Duration::from_secs(1);
/// The default of keepwarm: above it there is nothing to heed.
const OURS: Duration = Duration::from_secs(30);
/// An announced time and a measured one are the same within this, or 2 %.
const SAME: Duration = Duration::from_millis(50);

pub(super) fn short_idle(idle: &IdleTimeout, min_idle: Option<Duration>) -> Option<Finding> {
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
    let mut summary = format!("The server ends {} after {}", idle.what(), seconds(value));
    if let Some(least) = wanted {
        summary.push_str(&format!("; {} are asked for", seconds(least)));
    } else if severity == Severity::Info {
        summary.push_str("; clients that keep theirs longer meet closed ones");
    }
    summary.push('.');
    let by = idle.ended_by.map_or("", EndedBy::words);
    let (low, high) = (seconds(low), seconds(idle.high.unwrap_or(value)));
    let connections = connections(idle.connections);
    let when = match low == high {
        true => format!("after {low}"),
        false if idle.is_jittered() => format!("jittered, between {low} and {high}"),
        false => format!("between {low} and {high}"),
    };
    let evidence = vec![format!("{connections}, {when}, with {by}")];
    Some(finding(
        Cause::IdleTimeoutShort,
        severity,
        summary,
        evidence,
    ))
}

fn connections(count: usize) -> String {
    match count {
        1 => "1 connection".to_owned(),
        count => format!("{count} connections"),
    }
}

pub(super) fn announcement(measured: &Measured, idle: &IdleTimeout) -> Option<Finding> {
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
        // Announced are whole seconds; who adds one of grace is careful, and who looks every second or two is late:
        // not wrong.
        (Some(value), _) if value > told + same + Duration::from_secs(3) => {
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

pub(super) fn backends(idle: &IdleTimeout) -> Option<Finding> {
    if !idle.differs() {
        return None;
    }
    let what = match idle.is_http2 {
        true => "Idle HTTP/2",
        false => "Idle",
    };
    let values: Vec<_> = idle.values.iter().map(|value| seconds(*value)).collect();
    let mut values = values.join(" and ");
    if idle.at_least.is_some() {
        values.push_str(" or more");
    }
    let summary = format!(
        "{what} connections end after {values}: several backends answer here, and they differ."
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

pub(super) fn kind_of_end(idle: &IdleTimeout) -> Option<Finding> {
    let (by, value, what) = (idle.ended_by?, seconds(idle.value?), idle.what());
    let evidence = vec![format!("after {value}, with {}", by.words())];
    match by {
        // GOAWAY is better than FIN: it tells which requests were not looked at.
        EndedBy::CloseNotify | EndedBy::Fin | EndedBy::GoAway => None,
        EndedBy::Rst => {
            let summary =
                format!("The server resets {what} after {value} instead of closing them.");
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
            let summary =
                format!("The server sends a 408 on {what} after {value}, which answers nothing.");
            Some(finding(Cause::StrayBytes, Severity::Low, summary, evidence))
        }
        EndedBy::StrayBytes {
            request_timeout: false,
        } => {
            let summary = format!("Bytes that nobody asked for come on {what} after {value}.");
            Some(finding(
                Cause::StrayBytes,
                Severity::High,
                summary,
                evidence,
            ))
        }
    }
}
