//! HAR: what a validator, a viewer and a reader of the numbers find in it.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::slice;

use keepwarm_core::event::Protocol;
use keepwarm_report::{Log, Report, har};
use serde_json::Value;

use crate::samples::{self, Story};
use crate::{runs, schemas};

fn har_of(report: &Report) -> Value {
    let mut bytes = Vec::new();
    har::write(report, &mut bytes).expect("memory");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn entries(har: &Value) -> &[Value] {
    har["log"]["entries"].as_array().expect("a list")
}

fn of_log(log: &Log) -> Value {
    har_of(&Report::of(slice::from_ref(log)))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

/// What holds for every entry, whatever happened.
fn check(har: &Value, report: &Report) {
    let entries = entries(har);
    assert_eq!(entries.len(), report.exchanges.len());
    let starts = entries.iter().map(|it| it["startedDateTime"].as_str());
    assert!(starts.is_sorted());
    let mut connections = HashMap::new();
    for (entry, exchange) in entries.iter().zip(&report.exchanges) {
        let timings = &entry["timings"];
        let phases = ["blocked", "dns", "connect", "send", "wait", "receive"];
        let sum: f64 = phases.iter().map(|it| number(&timings[*it]).max(0.0)).sum();
        assert!((sum - number(&entry["time"])).abs() < 1e-6, "{entry}");
        assert!(number(&timings["ssl"]) <= number(&timings["connect"]));
        let happens = |it: &str| number(&timings[it]) >= 0.0;
        assert!(
            ["blocked", "send", "wait", "receive"]
                .into_iter()
                .all(happens)
        );
        if entry["_reused"] == true {
            let opening = ["dns", "connect", "ssl"].map(|it| number(&timings[it]));
            assert!(opening.iter().all(|it| *it < 0.0), "{entry}");
        }
        assert_eq!(entry["_reused"], exchange.is_reuse());
        match exchange.connection {
            Some(index) => {
                let name = entry["connection"].as_str().expect("a name");
                let known = connections.entry(name).or_insert(index);
                assert_eq!(*known, index, "two connections have one name");
            }
            None => {
                assert_eq!(entry["response"]["status"], 0);
                assert!(entry.get("connection").is_none());
                assert!(entry["response"]["_error"].is_string());
            }
        }
    }
    let used = report.exchanges.iter().filter_map(|it| it.connection);
    assert_eq!(connections.len(), used.collect::<HashSet<_>>().len());
}

#[test]
fn a_validator_of_har_accepts_every_entry() {
    let mut lines = String::new();
    let mut entries_checked = 0;
    let both = [samples::encrypted(), samples::shared()];
    let reports = [
        runs::many().report(),
        runs::two_clients().report(),
        runs::http2().report(),
        Report::of(&both),
        Report::default(),
    ];
    for report in reports {
        let har = har_of(&report);
        check(&har, &report);
        entries_checked += entries(&har).len();
        lines += &format!("{har}\n");
    }
    schemas::assert_valid("har", &lines);
    assert!(entries_checked > 30, "{entries_checked}");
}

/// The validator is not one that accepts everything.
#[test]
fn a_validator_of_har_refuses_what_is_none() {
    let har = of_log(&samples::encrypted());
    let places = [
        ("/log/version", Value::from(1.2)),
        ("/log/entries/0/connection", Value::from(3)),
        ("/log/entries/0/startedDateTime", Value::from("yesterday")),
        ("/log/entries/0/request/url", Value::from("no URL")),
        ("/log/entries/0/timings/send", Value::from("1 ms")),
        (
            "/log/entries/0/serverIPAddress",
            Value::from("203.0.113.7:443"),
        ),
    ];
    let wrong = places.clone().map(|(place, value)| {
        let mut wrong = har.clone();
        *wrong.pointer_mut(place).expect("a place") = value;
        wrong.to_string()
    });
    let said = schemas::problems("har", &wrong.join("\n"));
    for (number, (place, _)) in (1..).zip(places) {
        assert!(said.contains(&format!("line {number}: {place}")), "{said}");
    }
}

#[test]
fn the_first_exchange_of_a_connection_has_its_opening_and_the_second_none() {
    let har = of_log(&samples::encrypted());
    let [first, second, lost, moved, running] = entries(&har) else {
        panic!("{har}");
    };
    let timings = |entry: &Value| {
        let names = [
            "blocked", "dns", "connect", "ssl", "send", "wait", "receive",
        ];
        names.map(|name| number(&entry["timings"][name]))
    };
    // Asked at 1.0, dialed at 1.1, open at 5.35, taken at 5.4.
    assert_eq!(timings(first), [0.15, 0.2, 4.05, 3.0, 0.1, 20.0, 0.5]);
    assert_eq!(first["time"], 25);
    assert_eq!(first["startedDateTime"], "2023-11-14T22:13:20.001Z");
    assert_eq!(first["connection"], "1");
    assert_eq!(first["serverIPAddress"], "203.0.113.7");
    assert_eq!(first["_requestIndex"], 1);
    assert!(first.get("_idleBefore").is_none());
    assert_eq!(timings(second), [0.003, -1.0, -1.0, -1.0, 0.097, 20.0, 0.0]);
    assert_eq!(second["_idleBefore"], 100.003);
    assert_eq!(second["_requestIndex"], 2);
    assert_eq!(lost["response"]["status"], 0);
    assert!(lost["response"]["_error"].is_string());
    assert_eq!(lost["_retry"], "idle-close-race");
    assert_eq!(lost["_outcome"], "failed");
    assert_eq!(lost["_closeReason"], "peer-closed-idle");
    assert_eq!(lost["_connectionClosedBy"], "peer");
    assert_eq!(moved["connection"], "2");
    assert_eq!(moved["_cause"], "stale-reuse-race");
    assert_eq!(moved["timings"]["dns"], -1);
    assert_eq!(running["_outcome"], "running");
    assert_eq!(running["response"]["status"], 0);
}

#[test]
fn an_opening_that_began_before_the_call_counts_from_the_call_on() {
    let mut story = Story::new("prewarm", "https://api.example");
    story.dial(0, 1);
    story.call(2_000, 1, "/");
    story.opened(4_000, 1, Protocol::H1, [500, 1_000, 2_500]);
    story.taken(4_000, 1, 1, 1, None);
    story.ended(5_000, 1, 1);
    story.dial(6_000, 2);
    story.opened(9_000, 2, Protocol::H1, [500, 1_000, 1_500]);
    story.call(10_000, 2, "/");
    story.taken(10_000, 2, 2, 1, Some(1_000));
    story.ended(11_000, 2, 2);
    let har = of_log(&story.end());
    let timings = &entries(&har)[0]["timings"];
    assert_eq!(timings["blocked"], 0);
    assert_eq!(
        (&timings["dns"], &timings["connect"]),
        (&Value::from(-1), &Value::from(2))
    );
    assert_eq!(timings["ssl"], 2);
    // All of it was over when the call came.
    let timings = &entries(&har)[1]["timings"];
    let opening = ["dns", "connect", "ssl"].map(|it| timings[it].clone());
    assert_eq!(opening, [-1, -1, -1].map(Value::from));
}

#[test]
fn connections_of_several_clients_and_sources_have_different_names() {
    let both = [samples::encrypted(), samples::shared()];
    for report in [Report::of(&both), runs::two_clients().report()] {
        check(&har_of(&report), &report);
    }
}

#[test]
fn a_retry_and_a_failure_of_a_real_run_are_told() {
    let report = runs::many().report();
    let har = har_of(&report);
    let has = |name: &str, value: &str| entries(&har).iter().any(|entry| entry[name] == value);
    assert!(has("_retry", "idle-close-race"));
    assert!(has("_retry", "not-replayable"));
    assert!(has("_cause", "server-says-close") || has("_cause", "keep-alive-disabled"));
    assert!(has("_closeReason", "peer-said-close"));
    assert!(has("_closeReason", "shut-down"));
    assert!(has("_verdict", "cancelled"));
}

#[test]
fn a_har_holds_no_value_of_a_query() {
    let text = of_log(&samples::encrypted()).to_string();
    assert!(!text.contains("secret"));
    let har = of_log(&samples::encrypted());
    assert_eq!(
        entries(&har)[0]["request"]["url"],
        "https://api.example/a?key=*&*"
    );
    let whole = Report::with_queries(&[samples::encrypted()]);
    assert!(har_of(&whole).to_string().contains("key=secret"));
}

/// Counts what is written and keeps nothing.
#[derive(Default)]
struct Largest {
    bytes: usize,
    largest: usize,
}

impl Write for Largest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len();
        self.largest = self.largest.max(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A report of so many exchanges, copies of real ones.
fn large(count: usize) -> Report {
    let mut report = runs::many().report();
    let few = report.exchanges.clone();
    report.exchanges = few.iter().cycle().take(count).cloned().collect();
    report
}

#[test]
fn a_hundred_thousand_exchanges_are_written_one_at_a_time() {
    let report = large(100_000);
    for write in [har::write, keepwarm_report::trace::write] {
        let mut out = Largest::default();
        write(&report, &mut out).expect("no failure");
        assert!(out.bytes > 10_000_000, "{}", out.bytes);
        assert!(out.largest < 4_000, "{}", out.largest);
    }
}

/// A disk that is full.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_failure_of_the_writer_is_told() {
    let report = runs::two_clients().report();
    for write in [har::write, keepwarm_report::trace::write] {
        let error = write(&report, &mut Full).expect_err("it is full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}

#[test]
fn only_what_could_have_been_avoided_has_a_cause() {
    let report = runs::many().report();
    let har = har_of(&report);
    let caused = entries(&har).iter().filter(|it| it.get("_cause").is_some());
    assert_eq!(caused.count() as u64, report.avoidable());
}
