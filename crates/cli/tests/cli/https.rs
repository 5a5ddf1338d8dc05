//! `keepwarm get` over TLS and HTTP/2, against nginx as Debian ships it.

use keepwarm_servers::recipes::nginx;
use serde_json::{Value, json};

use crate::get_json::{CONNECTION, EXCHANGE, keys_in_order};
use crate::support::{Done, keepwarm};

fn get(options: &[&str], url: &str) -> Done {
    keepwarm(&[&["get"], options, &[url]].concat())
}

/// The exchanges and the summary of `--json`.
fn json_of(options: &[&str], url: &str) -> (Vec<Value>, Value) {
    let options = [&["--json"], options].concat();
    get(&options, url).with_code(0).json()
}

/// The lines of standard error that begin like this.
fn lines<'a>(done: &'a Done, begin: &str) -> Vec<&'a str> {
    let lines = done.stderr.lines();
    lines.filter(|line| line.starts_with(begin)).collect()
}

#[test]
fn a_hundred_gets_share_one_http2_connection() {
    let nginx = nginx::start_secure("");
    let (exchanges, summary) = json_of(&["-k", "--repeat", "100"], &nginx.secure_url("/"));
    for (index, exchange) in (0_u64..).zip(&exchanges) {
        assert_eq!(exchange["protocol"], "h2");
        assert_eq!(exchange["connection"]["id"], 1);
        assert_eq!(exchange["connection"]["stream"], 2 * index + 1);
        assert_eq!(exchange["connection"]["reused"], index > 0);
        assert_eq!(exchange["reuse"]["verdict"], "keep");
    }
    let counts = (&summary["opened"], &summary["reused"], &summary["closed"]);
    assert_eq!(counts, (&json!(1), &json!(99), &json!({})));
    let text = get(&["-k", "--repeat", "100"], &nginx.secure_url("/")).with_code(0);
    text.says("h2, TLS 1.3");
    text.says("100 requests, 1 connection: reused 99 %");
}

#[test]
fn parallel_exchanges_share_one_http2_connection_and_each_has_its_verdict() {
    let nginx = nginx::start_secure("");
    let options = ["-k", "--repeat", "40", "--parallel", "8", "--body", "drop"];
    let (exchanges, summary) = json_of(&options, &nginx.secure_url("/"));
    assert_eq!(exchanges.len(), 40);
    let streams: std::collections::BTreeSet<_> = exchanges
        .iter()
        .map(|it| it["connection"]["stream"].as_u64())
        .collect();
    assert_eq!(streams.len(), 40);
    assert!(exchanges.iter().all(|it| it["reuse"]["verdict"] == "keep"));
    assert_eq!(summary["opened"], 1);
}

#[test]
fn the_json_of_an_exchange_tells_protocol_tls_and_stream() {
    let nginx = nginx::start_secure("");
    let options = ["-k", "--json", "--http2"];
    let done = get(&options, &nginx.secure_url("/")).with_code(0);
    let line = done.stdout.lines().next().expect("a line");
    let (exchanges, _) = done.json();
    let exchange = &exchanges[0];
    keys_in_order(line, exchange, EXCHANGE);
    keys_in_order(line, &exchange["connection"], CONNECTION);
    let tls = &exchange["connection"]["tls"];
    let order = ["version", "cipher", "alpn", "resumed"];
    let (_, rest) = line.split_once("\"tls\":").expect("tls");
    keys_in_order(rest, tls, &order);
    assert_eq!(exchange["protocol"], "h2");
    assert_eq!(exchange["connection"]["stream"], 1);
    assert_eq!(exchange["connection"]["via"], json!(null));
    assert_eq!(
        (&tls["version"], &tls["alpn"]),
        (&json!("1.3"), &json!("h2"))
    );
    assert_eq!(tls["resumed"], false);
    assert!(
        tls["cipher"]
            .as_str()
            .is_some_and(|name| name.starts_with("TLS_")),
        "{tls}"
    );
    assert!(exchange["timings_ms"]["tls"].as_f64() > Some(0.0));
}

#[test]
fn a_name_of_the_same_certificate_shares_the_connection_when_it_is_told_to() {
    let nginx = nginx::start_secure("");
    let (port, certificate) = (nginx.secure_port(), nginx.path("cert.pem"));
    let [a, b] = ["a.test", "b.test"].map(|name| format!("https://{name}:{port}/"));
    let [to_a, to_b] = ["a.test", "b.test"].map(|name| format!("{name}:{port}:127.0.0.1"));
    let common = ["get", "--resolve", &to_a, "--resolve", &to_b];
    let trust = ["--cacert", &certificate];
    let run = |options: &[&str]| {
        let words = [&common[..], options, &[&a, &b]].concat();
        keepwarm(&words).with_code(0)
    };
    let trusting = |options: &[&str]| run(&[&trust, options].concat());
    let (apart, summary) = trusting(&["--json"]).json();
    assert_eq!(summary["opened"], 2);
    assert_eq!(apart[1]["connection"]["coalesced_from"], json!(null));

    let (together, summary) = trusting(&["--json", "--coalesce"]).json();
    assert_eq!(
        (&summary["opened"], &summary["reused"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(together[0]["connection"]["coalesced_from"], json!(null));
    let second = &together[1]["connection"];
    assert_eq!(second["coalesced_from"], a.trim_end_matches('/'));
    assert_eq!((&second["id"], &second["stream"]), (&json!(1), &json!(3)));
    assert_eq!(
        (&second["reused"], &together[1]["miss"]),
        (&json!(true), &json!(null))
    );

    let told = trusting(&["-v", "--coalesce"]);
    let line = lines(&told, "* Reusing").concat();
    let covered = format!(", opened for https://a.test:{port}: its certificate covers b.test too");
    assert!(line.starts_with("* Reusing connection #1 ("), "{line}");
    assert!(line.ends_with(&covered), "{line}");
    // With verification switched off it says nothing of names.
    let (apart, _) = run(&["--json", "--coalesce", "-k"]).json();
    assert_eq!(apart[1]["connection"]["coalesced_from"], json!(null));
}

#[test]
fn versions_are_what_was_asked_for() {
    let nginx = nginx::start_secure("");
    let first = |options: &[&str]| {
        let options = [&["-k"], options].concat();
        let (exchanges, _) = json_of(&options, &nginx.secure_url("/"));
        exchanges[0].clone()
    };
    let old = first(&["--http1", "--tls-max", "1.2"]);
    assert_eq!(old["protocol"], "h1");
    assert_eq!(old["connection"]["tls"]["version"], "1.2");
    assert_eq!(old["connection"]["tls"]["alpn"], "http/1.1");
    assert_eq!(old["connection"]["stream"], json!(null));
    let new = first(&["--http2-prior-knowledge", "--tls-min", "1.3"]);
    assert_eq!(new["protocol"], "h2");
    assert_eq!(new["connection"]["tls"]["version"], "1.3");
    let plain = get(&["--json", "--http2"], &nginx.url()).with_code(0);
    assert_eq!(plain.json().0[0]["protocol"], "h1", "{plain:#?}");
}

#[test]
fn a_second_connection_resumes_the_session() {
    let nginx = nginx::start_secure("");
    let options = ["-k", "--http1", "--no-keep-alive", "--repeat", "2"];
    let (exchanges, _) = json_of(&options, &nginx.secure_url("/"));
    let resumed = |at: usize| exchanges[at]["connection"]["tls"]["resumed"].clone();
    assert_eq!((resumed(0), resumed(1)), (json!(false), json!(true)));
    let done = get(&[&["-v"], &options[..]].concat(), &nginx.secure_url("/")).with_code(0);
    let told = lines(&done, "* TLS ");
    assert!(
        told[0].ends_with(", ALPN http/1.1, full handshake"),
        "{done:#?}"
    );
    assert!(told[1].ends_with(", ALPN http/1.1, resumed"), "{done:#?}");
}

#[test]
fn a_certificate_that_signs_itself_needs_cacert_or_insecure() {
    let nginx = nginx::start_secure("");
    let url = nginx.secure_url("/");
    let refused = get(&[], &url).with_code(1);
    refused.complains("the server's certificate");
    refused.complains("self-signed");
    assert_eq!(refused.stdout, "");
    let (exchanges, summary) = get(&["--json"], &url).with_code(1).json();
    assert_eq!(exchanges[0]["error"]["kind"], "tls");
    assert_eq!(exchanges[0]["error"]["phase"], "tls");
    assert_eq!(exchanges[0]["connection"], json!(null));
    assert_eq!(summary["failed"], 1);
    get(&["--insecure"], &url).with_code(0).says("hello");
    let trusted = get(&["--cacert", &nginx.path("cert.pem")], &url).with_code(0);
    trusted.says("hello");
    // Another's certificate is no help, and takes the place of the system's.
    let other = nginx::start_secure("");
    get(&["--cacert", &other.path("cert.pem")], &url).with_code(1);
}

#[test]
fn a_client_certificate_is_shown_when_the_server_asks() {
    let nginx = nginx::start_secure(
        "ssl_verify_client optional_no_ca; location = /who { return 200 'client:$ssl_client_s_dn'; }",
    );
    let url = nginx.secure_url("/who");
    let (cert, key) = (nginx.path("cert.pem"), nginx.path("key.pem"));
    let shown = get(&["-k", "--cert", &cert, "--key", &key], &url).with_code(0);
    shown.says("client:CN=");
    let without = get(&["-k"], &url).with_code(0);
    assert_eq!(without.stdout, "client:");
    let key_missing = get(&["-k", "--cert", &cert], &url).with_code(2);
    key_missing.complains("cert.pem");
}

#[test]
fn keylog_writes_the_secrets_of_each_connection() {
    let nginx = nginx::start_secure("");
    let file = nginx.path("keys.log");
    let options = ["-k", "--keylog", &file];
    get(&options, &nginx.secure_url("/")).with_code(0);
    let first = std::fs::read_to_string(&file).expect("the log");
    for label in ["CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 "] {
        let begins = |line: &&str| line.starts_with(label);
        assert_eq!(first.lines().filter(begins).count(), 1, "{label}");
    }
    get(&options, &nginx.secure_url("/")).with_code(0);
    let both = std::fs::read_to_string(&file).expect("the log");
    assert!(both.starts_with(&first), "the second run appends");
    assert_eq!(both.lines().count(), 2 * first.lines().count());
}

#[test]
fn verbose_tells_tls_and_stream_in_their_order() {
    let nginx = nginx::start_secure("");
    let url = nginx.secure_url("/x");
    let done = get(&["-k", "-v", "--repeat", "2"], &url).with_code(0);
    let told: Vec<&str> = done.stderr.lines().collect();
    assert!(told[0].starts_with("* Connected to 127.0.0.1"), "{done:#?}");
    assert!(told[1].starts_with("* TLS 1.3, TLS_"), "{done:#?}");
    assert!(told[1].ends_with(", ALPN h2, full handshake"), "{done:#?}");
    assert_eq!(told[2], "> GET /x HTTP/2");
    assert_eq!(
        lines(&done, "* Stream "),
        [
            "* Stream 1 of connection #1 (HTTP/2)",
            "* Stream 3 of connection #1 (HTTP/2)",
        ]
    );
    assert_eq!(lines(&done, "< HTTP/2 200 OK").len(), 2);
    assert_eq!(lines(&done, "* TLS").len(), 1);
    assert_eq!(lines(&done, "* Connection #1 left intact").len(), 2);
}

#[test]
fn a_handshake_that_does_not_end_meets_its_limit() {
    let deaf = keepwarm_lab::Lab::spawn_thread(keepwarm_lab::scenario::hang());
    let url = format!("https://127.0.0.1:{}/", deaf.addr().port());
    let options = ["--json", "--tls-handshake-timeout", "60ms"];
    let (exchanges, _) = get(&options, &url).with_code(1).json();
    assert_eq!(exchanges[0]["error"]["kind"], "timeout");
    assert_eq!(exchanges[0]["error"]["limit"], "tls-handshake");
    assert_eq!(exchanges[0]["error"]["phase"], "tls");
}

#[test]
fn plain_http_on_a_tls_port_is_told() {
    let nginx = nginx::start_secure("");
    let url = format!("https://127.0.0.1:{}/", nginx.port());
    get(&[], &url)
        .with_code(1)
        .complains("plain HTTP on a TLS port");
}
