//! The table: measured against configured, for people.

use serde_json::Value;

use crate::matrix::{Outcome, Row};
use crate::refusals;

/// The columns.
const HEAD: &[&str] = &[
    "server",
    "version",
    "configured",
    "idle timeout, measured",
    "off by",
    "ended by",
    "requests",
    "announced",
    "ends with",
    "keeps with",
    "bodies; expecting",
    "pipelining",
    "HTTP/2: idle, requests, streams",
    "first guess",
    "findings",
];

/// The whole table as Markdown, its columns aligned.
pub fn markdown(rows: &[(Row, Outcome)]) -> String {
    let mut lines = vec![HEAD.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|(row, outcome)| line(row, outcome)));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<_> = (0..HEAD.len())
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
        if number == 0 {
            let rules: Vec<_> = widths.iter().map(|width| "-".repeat(*width)).collect();
            text.push_str(&format!("| {} |\n", rules.join(" | ")));
        }
    }
    text
}

fn line(row: &Row, outcome: &Outcome) -> Vec<String> {
    let found = &outcome.found;
    let idle = &found["idle_timeout_ms"];
    let off = row.expected.off(idle);
    let [ends, keeps, bodies, pipelining] =
        refusals::cells(&outcome.refused, row.expected.refusals.as_ref());
    vec![
        row.server.to_owned(),
        (row.version)(),
        format!("`{}`", row.settings),
        range(idle),
        off.map_or_else(|| "-".to_owned(), |off| format!("{off:.0} ms")),
        word(&idle["ended_by"]),
        requests(&found["max_requests"]),
        announced(&found["announced"]),
        ends,
        keeps,
        bodies,
        pipelining,
        http2(&found["http2"]),
        guess(&found["product"][0]),
        causes(&found["findings"]),
    ]
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}

fn range(idle: &Value) -> String {
    let seconds = |name: &str| {
        idle[name]
            .as_f64()
            .map(|value| format!("{:.3}", value / 1e3))
    };
    match (seconds("value"), seconds("low"), seconds("high")) {
        (Some(value), Some(low), Some(high)) => format!("{value} s ({low} to {high})"),
        _ => "-".to_owned(),
    }
}

fn http2(found: &Value) -> String {
    if found["examined"] != true {
        return "-".to_owned();
    }
    let idle = &found["idle_timeout_ms"];
    let idle = idle["value"]
        .as_f64()
        .map(|it| format!("{:.3} s ({})", it / 1e3, word(&idle["ended_by"])));
    let streams = found["max_concurrent_streams"].as_u64();
    let streams = streams.map_or_else(|| "-".to_owned(), |it| it.to_string());
    format!(
        "{}, {}, {streams}",
        idle.unwrap_or_else(|| "-".to_owned()),
        requests(&found["max_requests"])
    )
}

fn requests(found: &Value) -> String {
    match (found["value"].as_u64(), found["at_least"].as_u64()) {
        (Some(value), _) => value.to_string(),
        (None, Some(open)) => format!("over {open}"),
        (None, None) => "-".to_owned(),
    }
}

fn announced(found: &Value) -> String {
    let part = |name: &str, key: &str| found[key].as_u64().map(|value| format!("{name}={value}"));
    let parts: Vec<_> = [part("timeout", "timeout_s"), part("max", "max")]
        .into_iter()
        .flatten()
        .collect();
    match (parts.is_empty(), found["only_when_asked"].as_bool()) {
        (true, _) => "-".to_owned(),
        (false, Some(true)) => format!("{}, if asked", parts.join(", ")),
        (false, Some(false) | None) => parts.join(", "),
    }
}

fn causes(found: &Value) -> String {
    let found = found.as_array().into_iter().flatten();
    let causes: Vec<_> = found.map(|it| word(&it["cause"])).collect();
    causes.join(", ")
}

fn guess(found: &Value) -> String {
    match (found["name"].as_str(), found["confidence"].as_str()) {
        (Some(name), Some(confidence)) => format!("{name} ({confidence})"),
        _ => "-".to_owned(),
    }
}
