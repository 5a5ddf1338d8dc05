//! `keepwarm doctor` over TLS, at nginx: handshakes, sessions, what waits before a request.

use serde_json::{Value, json};

use crate::support::keepwarm;
use keepwarm_servers::Server;
use keepwarm_servers::recipes::nginx;

/// How often an examination is made anew when it says that this machine was held up.
const TRIES: usize = 5;

fn examine(nginx: &Server) -> Value {
    let (certificate, url) = (nginx.path("cert.pem"), nginx.secure_url("/"));
    let mut tries = 0;
    loop {
        let done = keepwarm(&[
            "doctor",
            "--json",
            "--wait",
            "20s",
            "--cacert",
            &certificate,
            &url,
        ]);
        let it: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:#?}"));
        tries += 1;
        let samples = it["samples"].as_array().expect("a list");
        if tries == TRIES || samples.iter().all(|sample| sample["uncertain"] != true) {
            return it;
        }
    }
}

fn causes(it: &Value) -> Vec<&Value> {
    let findings = it["findings"].as_array().expect("a list");
    findings.iter().map(|finding| &finding["cause"]).collect()
}

/// When the connection that was left in this situation ended.
fn ended(it: &Value, situation: &str) -> Option<f64> {
    let samples = it["samples"].as_array().expect("a list");
    let sample = samples
        .iter()
        .find(|sample| sample["situation"] == situation);
    sample.unwrap_or_else(|| panic!("{situation}: {it:#}"))["ended_ms"].as_f64()
}

#[test]
fn what_waits_before_a_request_is_told_for_tcp_and_for_tls() {
    let nginx = nginx::start_secure(
        "keepalive_timeout 2s; client_header_timeout 1s;\n\
         add_header Alt-Svc 'h3=\":443\"; ma=86400' always;",
    );
    let it = examine(&nginx);
    for situation in ["connect-only", "tls-only"] {
        let ended = ended(&it, situation).expect("it ended");
        assert!(
            (ended - 1_000.0).abs() <= 50.0,
            "{situation}: {ended}: {it:#}"
        );
    }
    let tls = json!({"version": "1.3", "resumed": true, "alpn": "http/1.1"});
    assert_eq!(it["tls"], tls, "{it:#}");
    assert!(!causes(&it).contains(&&json!("tls-not-resumed")), "{it:#}");
    assert_eq!(it["alt_svc"], "h3=\":443\"; ma=86400");
    assert_eq!(it["protocols"], json!(["h1", "h2"]));
    // What the server's FIN leaves behind cannot be told from above TLS.
    assert_eq!(it["half_close"]["after_theirs"], Value::Null);
    let url = nginx.secure_url("/");
    let text = keepwarm(&["doctor", "--cacert", &nginx.path("cert.pem"), &url]).stdout;
    assert!(text.contains("H1, H2; h3 advertised"), "{text}");
    assert!(text.contains("(after the handshake)"), "{text}");
    assert!(text.lines().count() <= 24, "{text}");
}

#[test]
fn sessions_that_are_never_taken_up_again_are_found() {
    let nginx = nginx::start_secure(
        "keepalive_timeout 1s; ssl_session_tickets off; ssl_session_cache off;",
    );
    let it = examine(&nginx);
    assert_eq!(it["tls"]["resumed"], false, "{it:#}");
    assert!(causes(&it).contains(&&json!("tls-not-resumed")), "{it:#}");
    assert_eq!(it["alt_svc"], Value::Null);
}
