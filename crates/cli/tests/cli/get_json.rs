//! `keepwarm get --json`: both schemas to the letter, and what their fields say.

use std::time::Duration;

use keepwarm_lab::{Lab, scenario};
use serde_json::{Value, json};

use crate::support::{keepwarm, keepwarm_reading};

/// The keys of an object, in the order in which they are written.
pub(crate) fn keys_in_order(line: &str, object: &Value, order: &[&str]) {
    let found: Vec<&str> = object
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    let mut found_sorted = found;
    found_sorted.sort_unstable();
    assert_eq!(found_sorted, sorted, "{line}");
    let mut rest = line;
    for key in order {
        let key = format!("\"{key}\":");
        let at = rest
            .find(&key)
            .unwrap_or_else(|| panic!("{key} is not in its place: {line}"));
        rest = &rest[at + key.len()..];
    }
}

pub(crate) const EXCHANGE: &[&str] = &[
    "schema",
    "n",
    "method",
    "url",
    "status",
    "error",
    "protocol",
    "bytes",
    "connection",
    "miss",
    "reuse",
    "retries",
    "timings_ms",
    "hops",
    "not_followed",
    "decoded_from",
];
pub(crate) const CONNECTION: &[&str] = &[
    "id",
    "reused",
    "requests",
    "idle_ms",
    "age_ms",
    "local",
    "remote",
    "tls",
    "via",
    "stream",
    "coalesced_from",
];
pub(crate) const TIMINGS: &[&str] = &[
    "queue", "dns", "connect", "tls", "send", "wait", "receive", "total",
];
const ERROR: &[&str] = &[
    "kind",
    "phase",
    "limit",
    "message",
    "reused",
    "bytes_written",
    "bytes_read",
];
const SUMMARY: &[&str] = &[
    "schema",
    "exchanges",
    "ok",
    "failed",
    "opened",
    "reused",
    "closed",
    "retries",
];

#[test]
fn two_exchanges_and_a_summary_have_every_key_in_its_place() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let url = lab.url("/");
    let done = keepwarm(&["get", "--json", "--repeat", "2", &url]).with_code(0);
    let lines: Vec<&str> = done.stdout.lines().collect();
    let (exchanges, summary) = done.json();
    assert_eq!(lines.len(), 3);
    for (line, exchange) in lines.iter().zip(&exchanges) {
        keys_in_order(line, exchange, EXCHANGE);
        keys_in_order(line, &exchange["connection"], CONNECTION);
        keys_in_order(line, &exchange["reuse"], &["verdict", "reasons"]);
        keys_in_order(line, &exchange["timings_ms"], TIMINGS);
    }
    keys_in_order(lines[2], &summary, SUMMARY);
    let [first, second] = &exchanges[..] else {
        panic!("{done:#?}");
    };
    for (key, expected) in [
        ("schema", json!("keepwarm.exchange/1")),
        ("n", json!(1)),
        ("method", json!("GET")),
        ("url", json!(url)),
        ("status", json!(200)),
        ("error", json!(null)),
        ("protocol", json!("h1")),
        ("bytes", json!(13)),
        ("miss", json!("first-for-origin")),
        ("reuse", json!({"verdict": "keep", "reasons": []})),
        ("retries", json!([])),
        ("hops", json!([])),
        ("not_followed", json!(null)),
        ("decoded_from", json!(null)),
    ] {
        assert_eq!(first[key], expected, "{key}");
    }
    assert_eq!(first["connection"]["id"], 1);
    assert_eq!(first["connection"]["reused"], false);
    assert_eq!(first["connection"]["requests"], 1);
    assert_eq!(first["connection"]["idle_ms"], json!(null));
    assert_eq!(first["connection"]["remote"], lab.addr().to_string());
    for absent in ["tls", "via", "stream", "coalesced_from"] {
        assert_eq!(first["connection"][absent], json!(null), "{absent}");
    }
    assert_eq!(second["n"], 2);
    assert_eq!(second["miss"], json!(null));
    assert_eq!(second["connection"]["id"], 1);
    assert_eq!(second["connection"]["reused"], true);
    assert_eq!(second["connection"]["requests"], 2);
    assert!(second["connection"]["idle_ms"].is_number());
    assert_eq!(second["timings_ms"]["connect"], json!(null));
    let counts = r#""exchanges":2,"ok":2,"failed":0,"opened":1,"reused":1,"closed":{},"retries":0"#;
    assert_eq!(
        lines[2],
        format!(r#"{{"schema":"keepwarm.summary/1",{counts}}}"#)
    );
}

#[test]
fn milliseconds_have_one_to_three_decimals() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let done = keepwarm(&["get", "--json", "--repeat", "3", &lab.url("/")]).with_code(0);
    for line in done.stdout.lines().take(3) {
        let (_, timings) = line.split_once("\"timings_ms\":{").expect("timings");
        let (timings, _) = timings.split_once('}').expect("their end");
        for field in timings.split(',') {
            let (_, value) = field.split_once(':').expect("a value");
            if value != "null" {
                let (_, decimals) = value.split_once('.').unwrap_or_else(|| panic!("{field}"));
                assert!((1..=3).contains(&decimals.len()), "{field}");
            }
        }
    }
}

#[test]
fn b6_a_failed_exchange_names_phase_limit_and_connection() {
    let lab = Lab::spawn_thread(scenario::hang());
    let options = ["get", "--json", "--response-header-timeout", "60ms"];
    let done = keepwarm(&[&options[..], &[&lab.url("/")]].concat()).with_code(1);
    let (exchanges, summary) = done.json();
    let failed = &exchanges[0];
    let line = done.stdout.lines().next().expect("a line");
    keys_in_order(line, failed, EXCHANGE);
    keys_in_order(line, &failed["error"], ERROR);
    assert_eq!(failed["status"], json!(null));
    assert_eq!(failed["error"]["kind"], "timeout");
    assert_eq!(failed["error"]["phase"], "wait");
    assert_eq!(failed["error"]["limit"], "response-header");
    assert_eq!(failed["error"]["reused"], false);
    assert!(failed["error"]["bytes_written"].as_u64() > Some(0));
    assert_eq!(failed["error"]["bytes_read"], 0);
    assert!(
        failed["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("header timeout"))
    );
    assert_eq!(failed["connection"]["id"], 1);
    assert_eq!(failed["connection"]["requests"], 1);
    assert_eq!(failed["connection"]["remote"], lab.addr().to_string());
    assert_eq!(failed["miss"], "first-for-origin");
    assert_eq!(
        failed["reuse"],
        json!({"verdict": "close", "reasons": ["timed-out"]})
    );
    assert!(
        failed["timings_ms"]["wait"].as_f64() >= Some(50.0),
        "{failed}"
    );
    assert_eq!(summary["failed"], 1);
    assert_eq!(summary["closed"], json!({"timed-out": 1}));
}

#[test]
fn an_exchange_without_a_connection_says_so() {
    let lab = Lab::spawn_thread(scenario::refuse());
    let done = keepwarm(&["get", "--json", &lab.url("/")]).with_code(3);
    let (exchanges, summary) = done.json();
    keys_in_order(
        done.stdout.lines().next().expect("a line"),
        &exchanges[0],
        EXCHANGE,
    );
    assert_eq!(exchanges[0]["connection"], json!(null));
    assert_eq!(exchanges[0]["protocol"], json!(null));
    assert_eq!(exchanges[0]["miss"], json!(null));
    assert_eq!(exchanges[0]["error"]["kind"], "connect");
    assert_eq!(exchanges[0]["error"]["phase"], "connect");
    assert!(exchanges[0]["timings_ms"]["connect"].is_number());
    assert_eq!(exchanges[0]["timings_ms"]["wait"], json!(null));
    assert_eq!(
        (&summary["opened"], &summary["failed"]),
        (&json!(0), &json!(1))
    );
}

#[test]
fn a_request_lost_in_the_idle_close_race_lists_its_retry() {
    let lab = Lab::spawn_thread(scenario::close_instead_of_answer(2));
    let done = keepwarm(&["get", "--json", "--repeat", "2", &lab.url("/")]).with_code(0);
    let (exchanges, summary) = done.json();
    assert_eq!(exchanges[0]["retries"], json!([]));
    assert_eq!(exchanges[1]["retries"], json!(["idle-close-race"]));
    assert_eq!(exchanges[1]["connection"]["id"], 2);
    assert_eq!(summary["retries"], 1);
    assert_eq!(summary["opened"], 2);
    assert_eq!(summary["reused"], 0, "it ended on a connection of its own");
}

#[test]
fn a_post_lost_in_that_race_fails_with_the_evidence() {
    let lab = Lab::spawn_thread(scenario::close_instead_of_answer(2));
    let done = keepwarm(&["get", "--json", "--repeat", "2", "-d", "x", &lab.url("/")]).with_code(1);
    let (exchanges, summary) = done.json();
    assert_eq!(exchanges[1]["error"]["kind"], "closed");
    assert_eq!(exchanges[1]["error"]["reused"], true);
    assert_eq!(exchanges[1]["connection"]["requests"], 2);
    assert_eq!(exchanges[1]["connection"]["reused"], true);
    assert!(exchanges[1]["connection"]["idle_ms"].is_number());
    assert_eq!(exchanges[1]["miss"], json!(null));
    assert_eq!(exchanges[1]["retries"], json!([]));
    assert_eq!(exchanges[1]["reuse"]["verdict"], "close");
    assert_eq!((&summary["ok"], &summary["failed"]), (&json!(1), &json!(1)));
}

#[test]
fn the_verdict_on_a_dropped_body_waits_for_its_drain() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let (small, large) = (lab.url("/bytes/100000"), lab.url("/bytes/4000000"));
    let options = ["get", "--json", "--body", "drop", "--drain-time", "5s"];
    let done = keepwarm(&[&options[..], &[&small, &large]].concat()).with_code(0);
    let (exchanges, summary) = done.json();
    let find = |url: &str| {
        exchanges
            .iter()
            .find(|it| it["url"] == url)
            .expect("its line")
    };
    assert_eq!(
        find(&small)["reuse"],
        json!({"verdict": "keep", "reasons": []})
    );
    assert_eq!(
        find(&large)["reuse"],
        json!({"verdict": "close", "reasons": ["body-not-read"]})
    );
    assert_eq!(find(&large)["bytes"], 0);
    assert_eq!(summary["closed"], json!({"body-not-read": 1}));
}

#[test]
fn so_many_bytes_of_a_body_are_read_and_no_more() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let done =
        keepwarm(&["get", "--json", "--body", "64k", &lab.url("/bytes/4000000")]).with_code(0);
    let (exchanges, _) = done.json();
    let bytes = exchanges[0]["bytes"].as_u64().expect("a number");
    assert!((65_536..2_000_000).contains(&bytes), "{bytes}");
}

#[test]
fn lines_come_in_order_of_completion() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let (slow, fast) = (lab.url("/delay/300"), lab.url("/"));
    let done = keepwarm(&["get", "--json", "--parallel", "2", &slow, &fast]).with_code(0);
    let (exchanges, _) = done.json();
    let order: Vec<_> = exchanges.iter().map(|it| it["n"].as_u64()).collect();
    assert_eq!(order, [Some(2), Some(1)]);
    let done = keepwarm(&["get", "--json", &slow, &fast]).with_code(0);
    let order: Vec<_> = done.json().0.iter().map(|it| it["n"].as_u64()).collect();
    assert_eq!(order, [Some(1), Some(2)]);
}

#[test]
fn a_gap_longer_than_the_servers_patience_shows_in_the_summary() {
    let lab = Lab::spawn_thread(scenario::idle_timeout(Duration::from_millis(100)));
    let options = ["get", "--json", "--repeat", "3", "--gap", "400ms"];
    let done = keepwarm(&[&options[..], &[&lab.url("/")]].concat()).with_code(0);
    let (_, summary) = done.json();
    assert_eq!(summary["closed"], json!({"peer-closed-idle": 2}));
    assert_eq!(
        (&summary["opened"], &summary["reused"]),
        (&json!(3), &json!(0))
    );
}

#[test]
fn b3_a_pool_smaller_than_the_concurrency_closes_what_does_not_fit() {
    let lab = Lab::spawn_thread(scenario::slow_head(Duration::from_millis(100)));
    let options = [
        "get",
        "--json",
        "--repeat",
        "4",
        "--parallel",
        "4",
        "--max-idle-per-host",
        "1",
    ];
    let done = keepwarm(&[&options[..], &[&lab.url("/")]].concat()).with_code(0);
    let (_, summary) = done.json();
    assert_eq!(summary["opened"], 4);
    assert_eq!(summary["closed"], json!({"host-full": 3}));
}

#[test]
fn each_reason_a_server_gives_has_its_slug() {
    for (server, slug) in [
        (scenario::peer_said_close(), "peer-said-close"),
        (scenario::http10(), "http10"),
        (scenario::close_delimited(), "close-delimited"),
        (scenario::stray_bytes(), "stray-bytes"),
    ] {
        let lab = Lab::spawn_thread(server);
        let done = keepwarm(&["get", "--json", "--repeat", "3", &lab.url("/")]).with_code(0);
        let (exchanges, summary) = done.json();
        for exchange in exchanges {
            assert_eq!(exchange["reuse"]["verdict"], "close", "{slug}");
            assert_eq!(exchange["reuse"]["reasons"][0], slug);
        }
        assert_eq!(summary["closed"], json!({slug: 3}));
        assert_eq!(summary["opened"], 3);
    }
}

#[test]
fn each_reason_the_client_gives_has_its_slug() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let url = lab.url("/");
    for (options, slug, opened) in [
        (&["--no-keep-alive"][..], "pool-off", 3),
        (&["-H", "Connection: close"], "we-said-close", 3),
        (&["--max-requests-per-connection", "2"], "used-up", 2),
        (&["--max-idle-per-host", "0"], "host-full", 3),
        (
            &["--idle-timeout", "50ms", "--gap", "300ms"],
            "idle-too-long",
            3,
        ),
    ] {
        let arguments = [&["get", "--json", "--repeat", "3"], options, &[&url]].concat();
        let (_, summary) = keepwarm(&arguments).with_code(0).json();
        assert!(
            summary["closed"][slug].as_u64() > Some(0),
            "{slug}: {summary}"
        );
        assert_eq!(summary["opened"], opened, "{slug}: {summary}");
    }
}

#[test]
fn settings_of_an_origin_hold_there_and_nowhere_else() {
    let (lab, other) = (
        Lab::spawn_thread(scenario::well_behaved()),
        Lab::spawn_thread(scenario::well_behaved()),
    );
    let own = format!("{},max-requests-per-connection=1", lab.url("/"));
    for (lab, closed) in [(&lab, json!({"used-up": 2})), (&other, json!({}))] {
        let url = lab.url("/");
        let options = ["get", "--json", "--repeat", "2", "--origin", &own, &url];
        let (_, summary) = keepwarm(&options).with_code(0).json();
        assert_eq!(summary["closed"], closed);
    }
    let own = format!("{},no-keep-alive", lab.url("/"));
    for (lab, says_close) in [(&lab, true), (&other, false)] {
        let done = keepwarm(&["get", "-v", "--origin", &own, &lab.url("/")]).with_code(0);
        let mut shown = done.stderr.lines().map(str::to_ascii_lowercase);
        let is_shown = shown.any(|line| line == "> connection: close");
        assert_eq!(is_shown, says_close, "{}", done.stderr);
        let transcript = lab.transcript();
        let last = transcript.requests().into_iter().next_back();
        let said = last.expect("a request").header("connection");
        assert_eq!(said, says_close.then_some("close"));
    }
}

#[test]
fn bodies_come_from_text_file_and_standard_input() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let url = lab.url("/echo");
    let file = std::env::temp_dir().join(format!("keepwarm-cli-body-{}", std::process::id()));
    std::fs::write(&file, "from a file").expect("a file");
    let path = file.to_str().expect("text");
    keepwarm(&["get", "-d", "a text", &url])
        .with_code(0)
        .says("a text");
    keepwarm(&["get", "--data-file", path, &url])
        .with_code(0)
        .says("from a file");
    keepwarm_reading(
        &["get", "-X", "PUT", "--data-file", "-", &url],
        "from stdin",
    )
    .with_code(0)
    .says("from stdin");
    keepwarm(&[
        "get",
        "-d",
        "asked first",
        "--expect-continue",
        "-H",
        "X-Note: a b",
        &url,
    ])
    .with_code(0)
    .says("asked first");
    std::fs::remove_file(&file).expect("it was there");
    let transcript = lab.transcript();
    let methods: Vec<_> = transcript
        .requests()
        .iter()
        .map(|it| it.method.clone())
        .collect();
    assert_eq!(methods, ["POST", "POST", "PUT", "POST"]);
    assert_eq!(
        transcript.request(4, 1).header("expect"),
        Some("100-continue")
    );
    assert_eq!(transcript.request(4, 1).header("x-note"), Some("a b"));
}

/// Two labs that differ in their loopback address alone.
fn two_of_a_port() -> [Lab; 2] {
    let second = |port| {
        let address = std::net::SocketAddr::from(([127, 0, 0, 2], port));
        Lab::listen_on_thread(address, scenario::well_behaved())
    };
    loop {
        let first = Lab::spawn_thread(scenario::well_behaved());
        if let Ok(second) = second(first.addr().port()) {
            return [first, second];
        }
    }
}

#[test]
fn connections_are_spread_over_a_names_addresses_on_request() {
    let labs = two_of_a_port();
    let port = labs[0].addr().port();
    let url = format!("http://keepwarm.test:{port}/");
    let [one, two] = [1, 2].map(|last| format!("keepwarm.test:{port}:127.0.0.{last}"));
    for (option, accepted) in [(None, [4, 0]), (Some("--spread-addresses"), [2, 2])] {
        let before = labs.each_ref().map(|lab| lab.connections().accepted);
        let options = ["get", "--json", "--repeat", "4", "--no-keep-alive"];
        let addresses = ["--resolve", &one, "--resolve", &two];
        let arguments: Vec<&str> = (options.into_iter().chain(addresses).chain(option))
            .chain([url.as_str()])
            .collect();
        keepwarm(&arguments).with_code(0);
        let after = labs.each_ref().map(|lab| lab.connections().accepted);
        assert_eq!([after[0] - before[0], after[1] - before[1]], accepted);
    }
}

#[test]
fn names_can_be_given_addresses_and_sockets() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let port = lab.addr().port();
    let url = format!("http://keepwarm.test:{port}/");
    let resolve = format!("keepwarm.test:{port}:127.0.0.1");
    let options = [
        "get",
        "--json",
        "--resolve",
        &resolve,
        "--local-address",
        "127.0.0.2",
        &url,
    ];
    let (exchanges, _) = keepwarm(&options).with_code(0).json();
    let local = exchanges[0]["connection"]["local"]
        .as_str()
        .expect("an address");
    assert!(local.starts_with("127.0.0.2:"), "{local}");

    let socket = std::env::temp_dir().join(format!("keepwarm-cli-{}.sock", std::process::id()));
    let unix = Lab::listen_on_thread(socket.clone(), scenario::well_behaved()).expect("a socket");
    let path = socket.to_str().expect("text");
    let options = [
        "get",
        "--json",
        "--repeat",
        "2",
        "--unix-socket",
        path,
        "http://any.test/",
    ];
    let (exchanges, summary) = keepwarm(&options).with_code(0).json();
    assert_eq!(exchanges[0]["connection"]["remote"], json!(null));
    assert_eq!(summary["reused"], 1);
    assert_eq!(
        unix.transcript().request(1, 1).header("host"),
        Some("any.test")
    );
}
