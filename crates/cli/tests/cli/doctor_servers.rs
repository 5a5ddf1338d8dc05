//! `keepwarm doctor` at real servers, each configured with values that are nobody's default.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::https::Secure;
use crate::real_servers::{Server, installed, write};
use crate::support::keepwarm;

/// How often an examination is made anew when it says that this machine was held up.
const TRIES: usize = 5;

fn examine(url: &str) -> Value {
    examine_with(&[], url)
}

fn examine_with(options: &[&str], url: &str) -> Value {
    let mut tries = 0;
    loop {
        let done = keepwarm(&[&["doctor", "--json"], options, &[url]].concat());
        let it: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:#?}"));
        tries += 1;
        if it["idle_timeout_ms"]["uncertain"] != true || tries == TRIES {
            return it;
        }
    }
}

#[track_caller]
fn idles(it: &Value, configured: u64) {
    let value = it["idle_timeout_ms"]["value"].as_f64();
    let value = Duration::from_secs_f64(value.unwrap_or_else(|| panic!("{it:#}")) / 1e3);
    let configured = Duration::from_millis(configured);
    let tolerance = Duration::from_millis(50).max(configured / 50);
    assert!(
        value.abs_diff(configured) <= tolerance,
        "{value:?} for {configured:?}: {it:#}"
    );
}

#[test]
fn nginx_is_measured_as_configured() {
    for (timeout, requests) in [(1300, 17), (2700, 240)] {
        let lines = format!("keepalive_timeout {timeout}ms;\nkeepalive_requests {requests};");
        let nginx = Server::nginx(&lines);
        let it = examine(&nginx.url());
        idles(&it, timeout);
        assert_eq!(it["idle_timeout_ms"]["ended_by"], "fin", "{it:#}");
        assert_eq!(it["max_requests"]["value"], requests, "{it:#}");
        assert_eq!(it["max_requests"]["announced"], true);
        assert_eq!(it["announced"]["timeout_s"], Value::Null);
        assert_eq!(it["http10"]["keep_alive"], true);
        assert_eq!(it["error_close"]["HEAD"], false);
        assert_eq!(it["product"][0]["name"], "nginx");
    }
}

#[test]
fn nginx_over_tls_is_measured_as_configured_and_agrees_to_http2() {
    let nginx = Secure::nginx("keepalive_timeout 1700ms;\nkeepalive_requests 130;");
    let it = examine_with(&["--cacert", &nginx.certificate()], &nginx.url("/"));
    idles(&it, 1_700);
    let by = it["idle_timeout_ms"]["ended_by"].as_str();
    assert!(matches!(by, Some("fin" | "close-notify")), "{it:#}");
    assert_eq!(it["max_requests"]["value"], 130);
    assert_eq!(it["protocols"], serde_json::json!(["h1", "h2"]));
    let done = keepwarm(&["doctor", &nginx.url("/")]).with_code(3);
    done.complains("TLS with 127.0.0.1");
}

#[test]
fn what_apache_announces_to_those_who_ask_is_true() {
    let apache = Server::apache("KeepAliveTimeout 3\nMaxKeepAliveRequests 40");
    let it = examine(&apache.url());
    idles(&it, 3_000);
    assert_eq!(it["announced"]["timeout_s"], 3, "{it:#}");
    assert_eq!(it["announced"]["max"], 40);
    assert_eq!(it["announced"]["only_when_asked"], true);
    // Its limit counts the answers after the first.
    assert_eq!(it["max_requests"]["value"], 41, "{it:#}");
    assert_eq!(it["error_close"]["404"], false);
    assert_eq!(it["product"][0]["name"], "Apache httpd");
}

/// Node closes a second later than it announces, in versions since 2025; which one this is says its answer.
#[test]
fn node_is_measured_with_its_second_of_grace() {
    for timeout in [1_400, 2_600] {
        let node = Server::start("node", &|folder, port, token| {
            let program = format!(
                "const server = require('http').createServer((_, answer) => answer.end('{token}'));\n\
                 server.keepAliveTimeout = {timeout};\nserver.listen({port}, '127.0.0.1');\n"
            );
            let mut command = Command::new(installed("/usr/bin/node"));
            command.arg(write(folder, "server.js", &program));
            command
        });
        let it = examine(&node.url());
        let value = it["idle_timeout_ms"]["value"].as_f64().expect("measured");
        let grace = if value > timeout as f64 + 500.0 {
            1_000
        } else {
            0
        };
        idles(&it, timeout + grace);
        assert_eq!(it["announced"]["timeout_s"], timeout / 1_000, "{it:#}");
        assert_eq!(it["max_requests"]["value"], Value::Null);
        assert_eq!(it["max_requests"]["at_least"], 1_100);
        assert_eq!(it["product"][0]["name"], "Node.js http");
    }
}

#[test]
fn pythons_server_is_found_to_speak_http10() {
    let python = Server::start("python", &|folder, port, token| {
        write(folder, "site/index.html", token);
        let mut command = Command::new("python3");
        command.args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"]);
        command
            .arg(Path::new(folder).join("site"))
            .arg(port.to_string());
        command
    });
    let it = examine(&python.url());
    assert_eq!(it["verdict"], "findings");
    assert_eq!(it["findings"][0]["cause"], "http10-only", "{it:#}");
    assert_eq!(it["reuse"], false);
    assert_eq!(it["http10"]["keep_alive"], false);
    assert_eq!(it["product"][0]["name"], "Python http.server");
}

#[test]
fn haproxy_is_measured_as_configured() {
    for timeout in [1_200, 2_400] {
        let haproxy = Server::start("haproxy", &|folder, port, token| {
            let config = format!(
                "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n \
                 timeout http-request 20s\n timeout http-keep-alive {timeout}ms\n\
                 frontend f\n bind 127.0.0.1:{port}\n \
                 http-request return status 404 if {{ path_beg /keepwarm-doctor }}\n \
                 http-request return status 200 content-type text/plain string {token}\n"
            );
            let mut command = Command::new(installed("/usr/sbin/haproxy"));
            command
                .arg("-db")
                .arg("-f")
                .arg(write(folder, "haproxy.cfg", &config));
            command
        });
        let it = examine(&haproxy.url());
        idles(&it, timeout);
        assert_eq!(it["error_close"]["404"], false, "{it:#}");
        assert_eq!(it["max_requests"]["value"], Value::Null);
        assert_eq!(it["reuse"], true);
    }
}
