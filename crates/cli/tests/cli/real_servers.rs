//! nginx and Apache httpd as Debian ships them: real input for `keepwarm get`.

use std::time::Duration;

use keepwarm::EstimateSource;
use keepwarm_servers::recipes::{apache, nginx};
use serde_json::json;

use crate::support::keepwarm;

#[test]
fn b1_nginx_serves_a_hundred_gets_on_one_connection() {
    let nginx = nginx::start("");
    let options = ["get", "--json", "--repeat", "100"];
    let done = keepwarm(&[&options[..], &[&nginx.url()]].concat()).with_code(0);
    let (exchanges, summary) = done.json();
    assert!(exchanges.iter().all(|it| it["connection"]["id"] == 1));
    assert_eq!(exchanges[99]["connection"]["requests"], 100);
    assert_eq!(
        (&summary["opened"], &summary["reused"]),
        (&json!(1), &json!(99))
    );
    assert_eq!(summary["closed"], json!({}));
    let text = keepwarm(&["get", "--repeat", "100", &nginx.url()]).with_code(0);
    text.says("100 requests, 1 connection: reused 99 %");
}

#[test]
fn b1_apache_serves_a_hundred_gets_on_one_connection() {
    let apache = apache::start("");
    let options = ["get", "--json", "--repeat", "100"];
    let done = keepwarm(&[&options[..], &[&apache.url()]].concat()).with_code(0);
    let (exchanges, summary) = done.json();
    assert!(
        exchanges.iter().all(|it| it["connection"]["id"] == 1),
        "{summary}"
    );
    assert_eq!(
        (&summary["opened"], &summary["reused"]),
        (&json!(1), &json!(99))
    );
}

#[test]
fn b7_a_request_limit_of_ten_in_nginx_is_ten_connections() {
    let nginx = nginx::start("keepalive_requests 10;");
    let options = ["get", "--json", "--repeat", "100"];
    let done = keepwarm(&[&options[..], &[&nginx.url()]].concat()).with_code(0);
    let (exchanges, summary) = done.json();
    assert_eq!(summary["opened"], 10);
    assert_eq!(summary["reused"], 90);
    assert_eq!(summary["closed"], json!({"peer-said-close": 10}));
    for exchange in &exchanges {
        let last = exchange["connection"]["requests"] == 10;
        let reasons = if last {
            json!(["peer-said-close"])
        } else {
            json!([])
        };
        assert_eq!(exchange["reuse"]["reasons"], reasons, "{exchange}");
    }
}

#[test]
fn b8_nginx_that_closes_after_a_second_is_seen_and_said() {
    let nginx = nginx::start("keepalive_timeout 1s;");
    let options = ["get", "--json", "--repeat", "3", "--gap", "1500ms"];
    let done = keepwarm(&[&options[..], &[&nginx.url()]].concat()).with_code(0);
    let (_, summary) = done.json();
    assert_eq!(summary["closed"], json!({"peer-closed-idle": 2}));
    assert_eq!(summary["opened"], 3);
    let text = keepwarm(&["get", "--repeat", "3", "--gap", "1500ms", &nginx.url()]).with_code(0);
    text.says("closed 2 × the server closed it after");
    text.says("keeps idle connections for about");
}

#[test]
fn b8_the_idle_timeout_of_nginx_is_learned() {
    let nginx = nginx::start("keepalive_timeout 1s;");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let client = keepwarm::Client::new();
        let url = nginx.url();
        for _ in 0..3 {
            let response = client.get(url.as_str()).send().await.expect("an answer");
            response.bytes().await.expect("a body");
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
        let stats = client.stats();
        assert_eq!(stats.total().closed_as("peer-closed-idle"), 3);
        let origin = stats.origin(&url).expect("it was called");
        let learned = origin.idle_timeout.expect("three closes were seen");
        assert_eq!(learned.source, EstimateSource::Measured);
        let timeout = learned.timeout.as_millis();
        assert!((900..1400).contains(&timeout), "{timeout} ms");
    });
}

#[test]
fn b8_the_idle_timeout_that_apache_announces_is_heeded() {
    let apache = apache::start("KeepAliveTimeout 3\nMaxKeepAliveRequests 0");
    // It announces only to those who ask. The gap ends a margin before what it announces; were it longer,
    // the connection would be gone just the same.
    let options = ["get", "--repeat", "2", "--gap", "2850ms", "-H"];
    let asks = "Connection: keep-alive";
    let done = keepwarm(&[&options[..], &[asks, &apache.url()]].concat()).with_code(0);
    done.says("2 requests, 2 connections");
    done.says("keeps idle connections for about 3 s (announced)");
}
