//! JSON Lines: what is written can be read, and is as `docs/event.schema.json` says.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, UNIX_EPOCH};

use keepwarm_report::{Beginning, Lines, Log, Record, Report};

use crate::{runs, schemas, words};

const SCHEMA: &str = "event.schema.json";

/// A moment in 2023 on the wall clock.
fn beginning() -> Beginning {
    Beginning {
        instant: Instant::now(),
        wall: UNIX_EPOCH + Duration::from_micros(1_700_000_000_000_000),
    }
}

fn written(records: impl IntoIterator<Item = Record>) -> String {
    let mut bytes = Vec::new();
    let mut lines = Lines::begin(&mut bytes, "test", beginning()).expect("memory");
    for record in records {
        lines.record(record).expect("memory");
    }
    lines.dropped(3).expect("memory");
    String::from_utf8(bytes).expect("text")
}

fn read(lines: &str) -> Log {
    keepwarm_report::read("test", lines.as_bytes()).expect("events")
}

#[test]
fn every_word_of_every_event_is_read_as_it_was_written() {
    let records = words::records();
    let first = written(records.clone());
    let log = read(&first);
    assert_eq!(log.records.len(), records.len());
    assert_eq!((log.began_us, log.dropped), (1_700_000_000_000_000, 3));
    assert_eq!(written(log.records), first);
}

#[test]
fn every_word_of_every_event_is_as_the_schema_says() {
    schemas::assert_valid(SCHEMA, &written(words::records()));
}

#[test]
fn events_of_real_calls_are_as_the_schema_says_and_read_as_they_were_written() {
    for run in [runs::many(), runs::two_clients(), runs::http2()] {
        schemas::assert_valid(SCHEMA, &run.lines);
        let log = read(&run.lines);
        assert_eq!(log.records.len(), run.log.records.len());
        let again = written(log.records.clone());
        let body = |lines: &str| -> Vec<String> {
            let lines = lines.lines().filter(|line| line.contains("\"event\""));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(body(&again), body(&run.lines));
        // The recorder kept the same, with its own beginning.
        let (of_file, of_memory) = (Report::of(&[log]), run.report());
        assert_eq!(of_file.opened(), of_memory.opened());
        assert_eq!(of_file.exchanges.len(), of_memory.exchanges.len());
        assert_eq!(of_file.findings.len(), of_memory.findings.len());
    }
}

#[test]
fn the_schema_refuses_what_no_event_says() {
    let header = r#"{"schema":"keepwarm.event/1","began_us":0,"program":"p","process":1}"#;
    let lines = [
        (header, true),
        (
            r#"{"schema":"keepwarm.event/2","began_us":0,"program":"p","process":1}"#,
            false,
        ),
        (
            r#"{"schema":"keepwarm.event/1","began_us":-1,"program":"p","process":1}"#,
            false,
        ),
        (r#"{"dropped":7}"#, true),
        (
            r#"{"at_us":1,"client":1,"event":"parked","connection":3}"#,
            true,
        ),
        (r#"{"at_us":1,"client":1,"event":"parked"}"#, false),
        (
            r#"{"at_us":1,"client":1,"event":"parked","connection":3,"colour":"red"}"#,
            false,
        ),
        (
            r#"{"at_us":1,"client":1,"event":"painted","connection":3}"#,
            false,
        ),
        (
            r#"{"at_us":1.5,"client":1,"event":"parked","connection":3}"#,
            false,
        ),
        (
            r#"{"at_us":1,"client":1,"event":"retry-decided","call":1,"retry":{"again":"budget"}}"#,
            false,
        ),
        (
            r#"{"at_us":1,"client":1,"event":"retry-decided","call":1,"retry":{"stop":"budget"}}"#,
            true,
        ),
    ];
    let problems = schemas::problems(SCHEMA, &lines.map(|(line, _)| line).join("\n"));
    for (number, (line, is_right)) in (1..).zip(lines) {
        let is_refused = problems.contains(&format!("line {number}: "));
        assert_eq!(is_refused, !is_right, "{line}: {problems}");
    }
}

#[test]
fn values_of_queries_are_written_only_when_asked_for() {
    assert!(written(words::records()).contains(r#""target":"/a?token=*""#));
    let mut bytes = Vec::new();
    let lines = Lines::begin(&mut bytes, "test", beginning()).expect("memory");
    let mut lines = lines.with_queries();
    for record in words::records() {
        lines.record(record).expect("memory");
    }
    let text = String::from_utf8(bytes).expect("text");
    assert!(text.contains("/a?token=secret"));
    let log = read(&text);
    let report = Report::of(std::slice::from_ref(&log));
    assert!(
        report
            .exchanges
            .iter()
            .all(|it| !it.target.contains("secret"))
    );
    let whole = Report::with_queries(&[log]);
    assert!(
        whole
            .exchanges
            .iter()
            .any(|it| it.target.contains("secret"))
    );
}

/// A page of `docs/`, and what stands in its blocks of this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let path = format!("{}/../../docs/{page}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the page");
    let begins = format!("```{language}\n");
    let parts = text.split(&begins).skip(1);
    let blocks = parts.map(|part| part.split("```").next().unwrap_or(part).to_owned());
    blocks.collect()
}

#[test]
fn the_examples_of_the_page_on_events_are_events_and_none_is_missing() {
    let examples = blocks("events.md", "json").concat();
    schemas::assert_valid(SCHEMA, &examples);
    let log = read(&examples);
    let names = |records: &[Record]| -> BTreeSet<String> {
        let json = records
            .iter()
            .map(|it| serde_json::to_value(it).expect("JSON"));
        json.map(|it| it["event"].to_string()).collect()
    };
    assert_eq!(names(&log.records), names(&words::records()));
    // The reader of the page has the same as the program: nothing is lost.
    let body = |text: &str| text.lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
    let again = written(log.records);
    let again: Vec<&str> = again
        .lines()
        .filter(|line| line.contains("\"event\""))
        .collect();
    assert_eq!(body(&examples), again);
}

#[test]
fn the_page_on_events_names_every_reason() {
    let path = format!("{}/../../docs/events.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(path).expect("the page");
    let reasons = words::close_reasons();
    let misses = words::misses();
    let slugs = (reasons.iter().map(|it| it.slug())).chain(misses.iter().map(|it| it.slug()));
    let slugs = slugs.chain(words::agains().into_iter().map(|it| it.slug()));
    let slugs = slugs.chain(words::stops().into_iter().map(|it| it.slug()));
    for slug in slugs.chain(words::phases().into_iter().map(|it| it.slug())) {
        assert!(page.contains(&format!("`{slug}`")), "{slug}");
    }
}
