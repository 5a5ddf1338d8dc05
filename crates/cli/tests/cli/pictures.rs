//! Pictures and records: of `get`, of `demo`, and from files of events.

use std::path::{Path, PathBuf};

use keepwarm_lab::{Lab, scenario};
use serde_json::Value;

use crate::support::{keepwarm, keepwarm_reading};

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("keepwarm-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

fn text(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn get_draws_writes_and_records_what_happened() {
    let folder = Folder::new("all");
    let lab = Lab::spawn_thread(scenario::max_requests(7));
    let file = |name| folder.file(name);
    let (page, har, trace, events) = (
        file("t.html"),
        file("t.har"),
        file("t.json"),
        file("t.jsonl"),
    );
    let done = keepwarm(&[
        "get",
        "--repeat",
        "20",
        "--timeline",
        &page,
        "--har",
        &har,
        "--trace",
        &trace,
        "--events",
        &events,
        "--timeline-text",
        &lab.url("/"),
    ])
    .with_code(0);
    assert!(
        done.stdout.contains("3 opened · 3 necessary"),
        "{}",
        done.stdout
    );
    assert!(
        done.stdout.contains("7× peer-said-close"),
        "{}",
        done.stdout
    );
    let page = text(&page);
    assert!(page.starts_with("<!doctype html>"), "{}", &page[..100]);
    assert!(page.contains("server-max-requests"));
    let entries = &json(&har)["log"]["entries"];
    let entries = entries.as_array().expect("a list");
    assert_eq!(entries.len(), 20);
    let of = |index: usize| {
        (
            &entries[index]["connection"],
            &entries[index]["timings"]["connect"],
        )
    };
    assert_eq!(of(0).0, of(6).0);
    assert_ne!(of(6).0, of(7).0);
    assert_eq!(of(6).1, -1);
    assert!(of(7).1.as_f64().expect("a number") >= 0.0);
    assert!(
        json(&trace)["traceEvents"]
            .as_array()
            .expect("a list")
            .len()
            > 60
    );
    let lines = text(&events);
    assert!(
        lines.starts_with("{\"schema\":\"keepwarm.event/1\""),
        "{lines}"
    );
    assert!(lines.lines().count() > 100);
}

#[test]
fn report_reads_what_get_recorded_and_finds_the_cause() {
    let folder = Folder::new("report");
    let lab = Lab::spawn_thread(scenario::peer_said_close());
    let events = folder.file("events.jsonl");
    keepwarm(&["get", "--repeat", "5", "--events", &events, &lab.url("/")]).with_code(0);
    let done = keepwarm(&["report", &events]).with_code(1);
    let first = done.stdout.lines().next().expect("a line");
    assert!(
        first.starts_with("5 connections for 5 requests; 4 avoidable"),
        "{first}"
    );
    assert!(
        done.stdout.contains("keep-alive-disabled (high)"),
        "{}",
        done.stdout
    );

    let page = folder.file("page.html");
    let done = keepwarm(&["report", "--json", "-o", &page, &events]).with_code(1);
    let report: Value = serde_json::from_str(&done.stdout).expect("one object");
    assert_eq!(report["origins"][0]["opened"], 5);
    assert_eq!(report["origins"][0]["avoidable"], 4);
    assert_eq!(report["findings"][0]["cause"], "keep-alive-disabled");
    assert_eq!(report["connections"][1]["blame"]["earlier"], 0);
    assert!(Path::new(&page).metadata().expect("a page").len() > 10_000);

    let done = keepwarm_reading(&["report", "-"], &text(&events)).with_code(1);
    assert!(
        done.stdout.contains("keep-alive-disabled"),
        "{}",
        done.stdout
    );
}

#[test]
fn events_of_several_machines_are_one_report() {
    let folder = Folder::new("merged");
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let (first, second) = (folder.file("a.jsonl"), folder.file("b.jsonl"));
    for events in [&first, &second] {
        keepwarm(&["get", "--repeat", "3", "--events", events, &lab.url("/")]).with_code(0);
    }
    let done = keepwarm(&["report", "--json", &first, &second]).with_code(0);
    let report: Value = serde_json::from_str(&done.stdout).expect("one object");
    assert_eq!(report["sources"].as_array().expect("a list").len(), 2);
    assert_eq!(report["exchanges"].as_array().expect("a list").len(), 6);
    assert_eq!(report["connections"][1]["source"], 1);
}

#[test]
fn secrets_stay_at_home_unless_they_are_asked_for() {
    let folder = Folder::new("secrets");
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let url = lab
        .url("/path?token=SECRET1")
        .replace("http://", "http://user:SECRET2@");
    let run = |names: [&str; 4], more: &[&str]| {
        let files = names.map(|name| folder.file(name));
        let mut arguments = vec![
            "get",
            "-H",
            "Authorization: SECRET3",
            "--timeline",
            &files[0],
        ];
        arguments.extend([
            "--har", &files[1], "--trace", &files[2], "--events", &files[3],
        ]);
        arguments.extend(more);
        arguments.push(&url);
        keepwarm(&arguments).with_code(0);
        files.map(|file| text(&file))
    };
    for written in run(["1.html", "1.har", "1.json", "1.jsonl"], &[]) {
        assert!(!written.contains("SECRET"), "{written}");
        assert!(written.contains("/path?token="), "{written}");
    }
    for written in run(
        ["2.html", "2.har", "2.json", "2.jsonl"],
        &["--with-queries"],
    ) {
        assert!(written.contains("SECRET1"));
        assert!(!written.contains("SECRET2") && !written.contains("SECRET3"));
    }
}

#[test]
fn what_cannot_be_read_or_written_is_said_with_its_place() {
    let folder = Folder::new("wrong");
    let url = "http://127.0.0.1:9/";
    let nowhere = folder.file("no/such/folder/t.html");
    for option in ["--timeline", "--har", "--trace", "--events"] {
        let done = keepwarm(&["get", option, &nowhere, url]).with_code(2);
        assert!(
            done.stderr.contains(&format!("(see {option})")),
            "{}",
            done.stderr
        );
    }
    let complaint = |content: &str| {
        let done = keepwarm_reading(&["report", "-"], content).with_code(2);
        done.stderr
    };
    let head = "{\"schema\":\"keepwarm.event/1\",\"began_us\":0,\"program\":\"x\",\"process\":1}\n";
    assert!(complaint("").contains("line 1: empty"));
    assert!(complaint("GET / HTTP/1.1\n").contains("line 1: not the beginning"));
    assert!(complaint(&head.replace("event/1", "event/9")).contains("'keepwarm.event/9'"));
    let garbage = format!("{head}{{\"event\":\"opened\"}}\n{{}}\n");
    assert!(
        complaint(&garbage).contains("line 2: no event"),
        "{}",
        complaint(&garbage)
    );
    let done = keepwarm(&["report", &folder.file("missing.jsonl")]).with_code(2);
    assert!(done.stderr.contains("missing.jsonl"), "{}", done.stderr);
    // A program that was killed leaves half a line: what stands before it counts.
    let cut = format!("{head}{{\"at_us\":1,\"cli");
    keepwarm_reading(&["report", "-"], &cut).with_code(0);
}

#[test]
fn the_demo_draws_its_story() {
    let folder = Folder::new("demo");
    let events = folder.file("demo.jsonl");
    keepwarm(&[
        "demo",
        "--timeline",
        &folder.file("demo.html"),
        "--events",
        &events,
    ])
    .with_code(0);
    let done = keepwarm(&["report", "--json", &events]).with_code(1);
    let report: Value = serde_json::from_str(&done.stdout).expect("one object");
    let findings = report["findings"].as_array().expect("a list");
    let causes: Vec<&str> = findings
        .iter()
        .filter_map(|finding| finding["cause"].as_str())
        .collect();
    for cause in [
        "client-body-not-drained",
        "client-idle-cap-too-small",
        "client-per-request",
        "client-says-close",
        "keep-alive-disabled",
        "server-idle-timeout",
    ] {
        assert!(causes.contains(&cause), "{cause}: {causes:?}");
    }
}

#[test]
fn an_examination_can_be_drawn_and_recorded() {
    let folder = Folder::new("doctor");
    let lab = Lab::spawn_thread(scenario::max_requests(7));
    let file = |name| folder.file(name);
    let (page, har, events) = (file("t.html"), file("t.har"), file("t.jsonl"));
    let url = lab.url("/a?token=q7x9zz");
    let options = ["--wait", "1s", "--timeline", &page, "--har", &har];
    let more = ["--events", &events, "--timeline-text", &url];
    let done = keepwarm(&[&["doctor"][..], &options, &more].concat()).with_code(1);
    done.says("max-requests-low");
    done.says("7× peer-said-close");
    let report: Value =
        serde_json::from_str(&keepwarm(&["report", "--json", &events]).with_code(0).stdout)
            .expect("JSON");
    let connections = report["connections"].as_array().expect("a list");
    assert_eq!(connections.len() as u64, lab.connections().accepted);
    assert!(connections.iter().all(|it| it["end"].is_object()));
    let entries = json(&har)["log"]["entries"].as_array().map(Vec::len);
    assert_eq!(entries, report["exchanges"].as_array().map(Vec::len));
    for path in [page, har, events] {
        assert!(!text(&path).contains("q7x9zz"), "{path}");
    }
}
