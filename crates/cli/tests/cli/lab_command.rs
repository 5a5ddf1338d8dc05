//! `keepwarm lab`: the address on one line, a flag for each misbehaviour, counts at the end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout};
use std::time::Duration;

use serde_json::Value;

use crate::support::{command, interrupt, keepwarm, signal};

struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    line: String,
}

impl Running {
    fn start(options: &[&str]) -> Self {
        let mut child = command(&[&["lab"], options].concat())
            .spawn()
            .expect("it starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("its address");
        Self {
            child,
            stdout,
            line,
        }
    }

    fn address(&self) -> String {
        let line: Value = serde_json::from_str(&self.line).expect("JSON");
        line["listen"].as_str().expect("text").to_owned()
    }

    /// What it answers to a GET, until that is enough or it closes.
    fn answer(&self, is_enough: impl Fn(&str) -> bool) -> String {
        let mut socket = TcpStream::connect(self.address()).expect("it listens");
        let limit = Some(Duration::from_secs(20));
        socket.set_read_timeout(limit).expect("an option");
        socket
            .write_all(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
            .expect("it reads");
        let (mut answer, mut piece) = (String::new(), [0; 4096]);
        while !is_enough(&answer) {
            let Ok(length @ 1..) = socket.read(&mut piece) else {
                break;
            };
            answer.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
        answer
    }

    fn stop(mut self) -> (Option<i32>, String, String) {
        interrupt(&self.child);
        let (mut rest, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut rest).expect("text");
        let pipe = self.child.stderr.as_mut().expect("a pipe");
        pipe.read_to_string(&mut stderr).expect("text");
        (self.child.wait().expect("it ends").code(), rest, stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn json_is_one_line_with_the_real_address() {
    let lab = Running::start(&["--json"]);
    let address = lab.address();
    assert_eq!(
        lab.line,
        format!(
            "{{\"schema\":\"keepwarm.lab/1\",\"listen\":\"{address}\",\"url\":\"http://{address}/\"}}\n"
        )
    );
    assert!(!address.ends_with(":0"));
    let (code, rest, _) = lab.stop();
    assert_eq!((code, rest.as_str()), (Some(0), ""));
}

#[test]
fn its_log_and_its_counts_tell_what_it_saw() {
    let lab = Running::start(&["-v", "--max-requests", "2"]);
    let url = lab
        .line
        .split_whitespace()
        .find(|word| word.starts_with("http"))
        .expect("its URL");
    keepwarm(&["get", "--repeat", "4", url])
        .with_code(0)
        .says("4 requests, 2 connections");
    let (code, _, stderr) = lab.stop();
    assert_eq!(code, Some(0));
    assert!(stderr.contains("#1    GET / HTTP/1.1"), "{stderr}");
    assert!(
        stderr.contains("closed by the lab after 2 requests"),
        "{stderr}"
    );
    assert!(
        stderr.ends_with("2 connections, 4 requests: 2 closed by the lab\n"),
        "{stderr}"
    );
}

#[test]
fn it_stops_by_itself_or_when_terminated() {
    keepwarm(&["lab", "--for", "50ms"])
        .with_code(0)
        .complains("0 connections, 0 requests");
    let mut lab = Running::start(&[]);
    signal(&lab.child, "TERM");
    assert_eq!(lab.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_unix_socket_can_be_its_place() {
    let path = std::env::temp_dir().join(format!("keepwarm-lab-{}.sock", std::process::id()));
    let place = format!("unix:{}", path.display());
    let lab = Running::start(&["--json", "--listen", &place]);
    assert_eq!(lab.address(), place);
    let path = path.to_str().expect("text");
    keepwarm(&["get", "--unix-socket", path, "http://localhost/"])
        .with_code(0)
        .says("hello");
    assert_eq!(lab.stop().0, Some(0));
}

/// Options, and what must stand in the answer, in this order.
type Looks<'a> = &'a [(&'a [&'a str], &'a [&'a str])];

fn check_looks(looks: Looks<'_>) {
    for (options, expected) in looks {
        let lab = Running::start(&[&["--json"], *options].concat());
        let missing = |answer: &str| {
            let mut rest = answer.to_owned();
            let mut words = expected.iter().copied();
            words.find(|words| match rest.split_once(words) {
                Some((_, behind)) => {
                    rest = behind.to_owned();
                    false
                }
                None => true,
            })
        };
        let answer = lab.answer(|answer| missing(answer).is_none());
        assert_eq!(missing(&answer), None, "{options:?}: {answer:?}");
    }
}

#[test]
fn heads_look_as_their_options_say() {
    check_looks(&[
        (&["--http10"], &["HTTP/1.0 200 OK\r\n"]),
        (&["--connection", "close"], &["Connection: close\r\n"]),
        (
            &["--connection", "keep-alive"],
            &["Connection: keep-alive\r\n"],
        ),
        (&["--connection", "close-on=1"], &["Connection: close\r\n"]),
        (
            &["--keep-alive-header", "timeout=5, max=9"],
            &["Keep-Alive: timeout=5, max=9\r\n"],
        ),
        (&["--max-requests", "1"], &["Connection: close\r\n"]),
        (
            &["--status", "503", "--reason-phrase", "Not Now"],
            &["HTTP/1.1 503 Not Now\r\n"],
        ),
        (
            &["-H", "X-A: b", "--header", "X-C: d"],
            &["X-A: b\r\n", "X-C: d\r\n"],
        ),
        (
            &["--interim", "2"],
            &["HTTP/1.1 103 ", "HTTP/1.1 103 ", "HTTP/1.1 200 OK"],
        ),
        (
            &["--interim", "102x1"],
            &["HTTP/1.1 102 ", "HTTP/1.1 200 OK"],
        ),
        (&["--huge-head", "3x10"], &["x-huge-0: ", "x-huge-2: "]),
        (&["--wrong-length", "+5"], &["Content-Length: 18\r\n"]),
        (
            &["--wrong-length", "-5"],
            &["Content-Length: 8\r\n", "hello, world\n"],
        ),
    ]);
}

#[test]
fn bodies_look_as_their_options_say() {
    let chunked = [
        "--chunked",
        "5,8",
        "--chunk-extension",
        ";a=b",
        "--trailer",
        "X-T: u",
    ];
    let chunks = [
        "Transfer-Encoding: chunked\r\n",
        "\r\n5;a=b\r\nhello\r\n8;a=b\r\n",
        "X-T: u\r\n\r\n",
    ];
    check_looks(&[
        (
            &["--body", "own words"],
            &["Content-Length: 9\r\n", "\r\nown words"],
        ),
        (
            &["--body-size", "30"],
            &["Content-Length: 30\r\n", "\r\nabcdef"],
        ),
        (&chunked, &chunks),
        (&["--chunked"], &["\r\nd\r\nhello, world\n\r\n0\r\n"]),
        (&["--stray", "surplus"], &["hello, world\nsurplus"]),
        (
            &["--delay-head", "1ms", "--delay-body", "1ms"],
            &["hello, world"],
        ),
        (&["--delay-after", "1ms"], &["hello, world"]),
        (
            &["--piece-size", "4", "--delay-pieces", "1ms"],
            &["hello, world"],
        ),
        (&["--write-size", "2"], &["hello, world"]),
        (
            &["--fault", "close", "--fault-at", "body:5"],
            &["\r\n\r\nhello"],
        ),
    ]);
}

#[test]
fn no_answer_comes_where_none_should() {
    for options in [
        &["--reset"][..],
        &["--accept", "then-close"],
        &["--fault", "close"],
        &["--fault", "reset", "--fault-on", "from=1"],
    ] {
        let done = running_get(options, &[]);
        assert_eq!(done.code, Some(1), "{options:?} {done:#?}");
    }
    // Where this reset strikes, connecting or after, is for the system to say.
    let reset = running_get(&["--accept", "then-reset"], &[]);
    assert!(matches!(reset.code, Some(1 | 3)), "{reset:#?}");
    for (options, phase) in [
        (&["--hang"][..], "wait"),
        (&["--stall-after", "5"], "receive"),
        (&["--fault", "hang", "--fault-at", "head:9"], "wait"),
    ] {
        let limits = ["--timeout", "150ms", "--json"];
        let (exchanges, _) = running_get(options, &limits).with_code(1).json();
        assert_eq!(exchanges[0]["error"]["phase"], phase, "{options:?}");
        assert_eq!(exchanges[0]["error"]["limit"], "total", "{options:?}");
    }
    let limits = ["--connect-timeout", "150ms"];
    running_get(&["--accept", "refuse"], &limits).with_code(3);
    running_get(&["--accept", "never"], &limits).with_code(3);
}

fn running_get(lab: &[&str], get: &[&str]) -> crate::support::Done {
    let lab = Running::start(&[&["--json"], lab].concat());
    let url = format!("http://{}/", lab.address());
    keepwarm(&[&["get"], get, &[&url]].concat())
}

#[test]
fn connections_end_as_their_options_say() {
    for (options, reason) in [
        (
            &["--idle-timeout", "100ms", "--idle-jitter", "10ms"][..],
            "peer-closed-idle",
        ),
        (
            &["--idle-timeout", "100ms", "--idle-end", "408"],
            "peer-closed-idle",
        ),
        (
            &["--idle-timeout", "100ms", "--idle-end", "reset"],
            "peer-closed-idle",
        ),
        (&["--max-requests-silent", "1"], "peer-closed-idle"),
        (&["--max-age-silent", "0s"], "peer-closed-idle"),
        (&["--max-age", "0s"], "peer-said-close"),
        (&["--half-close"], "peer-closed-idle"),
        (
            &["--stray-idle", "psst", "--stray-idle-after", "20ms"],
            "stray-bytes",
        ),
        (&["--no-length"], "close-delimited"),
    ] {
        let get = ["--json", "--repeat", "2", "--gap", "400ms"];
        let (_, summary) = running_get(options, &get).with_code(0).json();
        assert!(
            summary["closed"][reason].as_u64() >= Some(1),
            "{options:?}: {summary}"
        );
        assert_eq!(summary["opened"], 2, "{options:?}: {summary}");
    }
}

#[test]
fn uploads_meet_what_their_options_say() {
    let body = "x".repeat(32 << 20);
    let file = std::env::temp_dir().join(format!("keepwarm-lab-body-{}", std::process::id()));
    std::fs::write(&file, body).expect("a file");
    let path = file.to_str().expect("text");
    let upload = ["--json", "--data-file", path, "--timeout", "10s"];
    let early = [
        "--early-answer",
        "10",
        "--status",
        "413",
        "--after-early",
        "stop-reading",
    ];
    let (exchanges, _) = running_get(&early, &upload).with_code(0).json();
    assert_eq!(exchanges[0]["status"], 413);
    assert_eq!(exchanges[0]["reuse"]["reasons"][0], "request-not-sent");
    let refused = [&upload[..], &["--expect-continue"]].concat();
    let (exchanges, _) = running_get(&["--expect", "417"], &refused)
        .with_code(0)
        .json();
    assert_eq!(exchanges[0]["status"], 417);
    let stalled = [
        "--json",
        "--data-file",
        path,
        "--write-stall-timeout",
        "300ms",
    ];
    let (exchanges, _) = running_get(&["--stop-reading", "10"], &stalled)
        .with_code(1)
        .json();
    assert_eq!(exchanges[0]["error"]["limit"], "write-stall");
    for expect in ["ignore", "after=50ms", "continue"] {
        let (exchanges, _) = running_get(&["--expect", expect], &refused)
            .with_code(0)
            .json();
        assert_eq!(exchanges[0]["status"], 200, "{expect}");
    }
    std::fs::remove_file(&file).expect("it was there");
}
