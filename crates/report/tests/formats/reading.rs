//! Reading events: what is wrong is told with its line, and nothing that a file may hold makes the reader fall.

use std::time::{Duration, Instant, UNIX_EPOCH};

use keepwarm_report::{Beginning, Lines, Log, MAX_LINE_BYTES, Report, har, json, read, trace};
use proptest::prelude::*;

use crate::samples::{self, BEGAN_US};
use crate::words;

const HEADER: &str = r#"{"schema":"keepwarm.event/1","began_us":5,"program":"p","process":1}"#;
const PARKED: &str = r#"{"at_us":1,"client":1,"event":"parked","connection":3}"#;

fn lines_of(log: &Log) -> String {
    let beginning = Beginning {
        instant: Instant::now(),
        wall: UNIX_EPOCH + Duration::from_micros(log.began_us),
    };
    let mut bytes = Vec::new();
    let mut lines = Lines::begin(&mut bytes, &log.name, beginning).expect("memory");
    for record in &log.records {
        lines.record(record.clone()).expect("memory");
    }
    String::from_utf8(bytes).expect("text")
}

fn error(bytes: &[u8]) -> String {
    read("test", bytes).expect_err("it is no log").to_string()
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let after = |line: &str| error(format!("{HEADER}\n{PARKED}\n\n{line}\n{PARKED}\n").as_bytes());
    for (line, says) in [
        ("garbage", "expected value"),
        ("{}", "missing field"),
        ("[1]", "invalid type"),
        ("null", "invalid type"),
        (
            r#"{"at_us":1,"client":1,"event":"painted"}"#,
            "unknown variant `painted`",
        ),
        (
            r#"{"at_us":1,"client":1,"event":"parked"}"#,
            "missing field `connection`",
        ),
        (
            r#"{"at_us":-1,"client":1,"event":"parked","connection":3}"#,
            "invalid value",
        ),
        (
            r#"{"client":1,"event":"parked","connection":3}"#,
            "missing field `at_us`",
        ),
        (r#"{"dropped":"many"}"#, "invalid type"),
        (r#"{"at_us":1,"client":1,"event":"opened""#, "EOF"),
    ] {
        let error = after(line);
        assert!(error.starts_with("line 4: "), "{error}");
        assert!(error.contains(says), "{line}: {error}");
        assert!(error.len() < 500, "{error}");
    }
    assert!(error(b"").starts_with("line 1: empty"));
    assert!(error(b"\n").starts_with("line 1: empty"));
    assert!(error(PARKED.as_bytes()).contains("not the beginning"));
    let newer = HEADER.replace("event/1", "event/2");
    assert!(error(newer.as_bytes()).contains("its form is 'keepwarm.event/2'"));
    let mut bytes = format!("{HEADER}\n").into_bytes();
    bytes.extend(b"\xff\xfe{}\n");
    assert!(error(&bytes).starts_with("line 2: "));
}

#[test]
fn a_line_that_is_too_long_is_refused_before_it_is_read_whole() {
    let limit = usize::try_from(MAX_LINE_BYTES).expect("a small number");
    let long = format!("{HEADER}\n{{\"at_us\":1,{}\n", " ".repeat(limit));
    let said = error(long.as_bytes());
    assert_eq!(said, format!("line 2: longer than {MAX_LINE_BYTES} bytes"));
    // An endless line is given up at the limit.
    let endless = std::io::BufReader::new(std::io::repeat(b'x'));
    let said = read("test", endless).expect_err("no log").to_string();
    assert!(said.contains("line 1: longer than"), "{said}");
}

#[test]
fn a_last_line_that_was_cut_off_is_left_out() {
    let whole = lines_of(&samples::encrypted());
    let count = |text: &str| read("test", text.as_bytes()).expect("a log").records.len();
    let all = count(&whole);
    let last = whole.trim_end().rfind('\n').expect("lines") + 1;
    for end in last..whole.len() - 1 {
        assert_eq!(count(&whole[..end]), all - 1, "{}", &whole[last..end]);
    }
    // Whole but for its end of line, it counts.
    assert_eq!(count(whole.trim_end()), all);
}

#[test]
fn unknown_fields_are_for_later_versions() {
    let line = PARKED.replace('}', r#","colour":{"of":["the","future"]}}"#);
    let header = HEADER.replace('}', r#","host":"a"}"#);
    let log = read("test", format!("{header}\n{line}\n").as_bytes()).expect("a log");
    assert_eq!(log.records.len(), 1);
}

#[test]
fn logs_of_two_machines_merge_on_the_wall_clock() {
    let first = samples::encrypted();
    // It begins 150 ms later.
    let mut second = samples::shared();
    second.began_us += 150_000;
    let logs = [&second, &first].map(|log| {
        let lines = lines_of(log);
        read(&log.name, lines.as_bytes()).expect("a log")
    });
    let report = Report::of(&logs);
    assert_eq!(report.began_us, BEGAN_US + 1_000);
    let names: Vec<&str> = report.sources.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["h2", "tls"]);
    assert_eq!(report.origins.len(), 1);
    let started = report.exchanges.iter().map(|it| it.asked_us);
    assert!(started.is_sorted());
    let shared = report.exchanges.iter().filter(|it| it.source == 0);
    let asked: Vec<u64> = shared.map(|it| it.asked_us).collect();
    assert_eq!(asked, [149_000, 150_995, 155_995]);
    assert_eq!(report.connections.len(), 3);
}

/// Everything that is made of a log.
fn all_faces(log: &Log) {
    let report = Report::of(std::slice::from_ref(log));
    for write in [har::write, trace::write, json::write] {
        let mut bytes = Vec::new();
        write(&report, &mut bytes).expect("memory");
        serde_json::from_slice::<serde_json::Value>(&bytes).expect("JSON");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        drop(read("test", &bytes[..]));
        let mut lines = format!("{HEADER}\n").into_bytes();
        lines.extend(&bytes);
        drop(read("test", &lines[..]));
    }

    /// A file whose bytes were damaged here and there.
    #[test]
    fn damaged_events_are_read_or_refused(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = lines_of(&samples::encrypted()).into_bytes();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(log) = read("test", &bytes[..]) {
            all_faces(&log);
        }
    }

    /// Events in any order, at any time, of any client: a file that somebody edited, or a capture with holes.
    #[test]
    fn any_events_make_a_report_and_its_faces(
        picked in proptest::collection::vec(
            (any::<prop::sample::Index>(), any::<u64>(), 0_u32..64, 1_u64..3),
            0..60,
        ),
        began_us in any::<u64>(),
    ) {
        let mut words = words::records();
        words.extend(samples::encrypted().records);
        words.extend(samples::shared().records);
        let records = picked.into_iter().map(|(index, at, bits, client)| {
            let mut record = words[index.index(words.len())].clone();
            // Times of all magnitudes.
            record.at_us = at >> bits;
            record.client.0 = client;
            record
        });
        let log = Log { name: "any".to_owned(), began_us, records: records.collect(), dropped: 0 };
        all_faces(&log);
    }
}
