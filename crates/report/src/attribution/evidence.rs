//! What was seen, in a few sentences with times and connection numbers.
//!
//! Owns the choice of the few among many. Refuses to word what it means.

use std::time::Duration;

use crate::figures::duration;
use crate::history::History;
use crate::report::Connection;

/// Sentences about single connections; more would say the same again.
const FEW: usize = 4;

/// A connection as everybody calls it; with its client where there are several.
pub(super) fn name(history: &History, index: usize) -> String {
    let connection = &history.report.connections[index];
    if history.clients.len() > 1 {
        format!("#{} of client {}", connection.number, connection.client)
    } else {
        format!("#{}", connection.number)
    }
}

/// Reports shorter than this tell their moments in milliseconds.
const SHORT_US: u64 = 10_000_000;

/// A moment, counted from the beginning of the report.
pub(super) fn moment(history: &History, at_us: u64) -> String {
    let at = Duration::from_micros(at_us).as_secs_f64();
    if history.report.length_us < SHORT_US {
        format!("{:.1} ms", at * 1_000.0)
    } else {
        format!("{at:.3} s")
    }
}

/// Of the openings the first few, each with the connection that should have served; then the failed exchanges.
pub(super) fn of(history: &History, opened: &[usize], exchanges: &[usize]) -> Vec<String> {
    let report = &history.report;
    let openings = opened.iter().map(|index| opening(history, *index));
    let mut told: Vec<String> = openings.take(FEW).collect();
    if opened.len() > FEW {
        told.push(format!("… and {} more", opened.len() - FEW));
    }
    for index in exchanges.iter().take(FEW) {
        let it = &report.exchanges[*index];
        let on = it
            .connection
            .map_or_else(String::new, |on| format!(" on {}", name(history, on)));
        let nth = if it.nth > 0 {
            format!(", request {} there", it.nth)
        } else {
            String::new()
        };
        let then = match (it.again, &it.retry) {
            (true, Some(why)) => format!("sent again ({why})"),
            (false, Some(why)) => format!("not sent again ({why})"),
            (_, None) => "failed".to_owned(),
        };
        told.push(format!(
            "{} {}{on} at {}{nth}: {then}",
            it.method,
            it.target,
            moment(history, it.taken_us.unwrap_or(it.asked_us)),
        ));
    }
    told
}

fn opening(history: &History, index: usize) -> String {
    let connection = &history.report.connections[index];
    let blame = connection.blame.as_ref();
    let earlier = blame.and_then(|blame| blame.earlier);
    let before = match earlier {
        Some(earlier) => format!(
            "{} {}; ",
            name(history, earlier),
            fate(history, earlier, connection)
        ),
        None => String::new(),
    };
    format!(
        "{before}{} was opened at {} in {}",
        name(history, index),
        moment(history, connection.opened_us),
        duration(connection.handshake_us())
    )
}

/// What had become of a connection by the time another was opened in its place.
fn fate(history: &History, earlier: usize, opened: &Connection) -> String {
    let it = &history.report.connections[earlier];
    match it.end.as_ref().filter(|end| end.at_us <= opened.opened_us) {
        Some(end) => format!("ended at {} ({})", moment(history, end.at_us), end.text),
        None => "was open and not used".to_owned(),
    }
}
