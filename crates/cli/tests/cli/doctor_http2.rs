//! `keepwarm doctor` over HTTP/2 at real servers, each configured with values that are nobody's default.

use std::process::Command;
use std::time::Duration;

use keepwarm_servers::recipes::nginx;
use keepwarm_servers::{Place, Server, installed};
use serde_json::{Value, json};

use crate::support::keepwarm;

/// How often an examination is made anew when it says that this machine was held up.
const TRIES: usize = 5;
/// Where the idle timeouts stand: that of the whole, and that of HTTP/2.
const IDLE: &str = "/idle_timeout_ms";
const HTTP2_IDLE: &str = "/http2/idle_timeout_ms";

/// Examines anew while it says that this machine was held up, or the server seems to have been: it was late then with
/// one of the idle timeouts that it has.
fn examine(options: &[&str], url: &str, configured: &[(&str, u64)]) -> Value {
    let mut tries = 0;
    loop {
        let done = keepwarm(&[&["doctor", "--json"], options, &[url]].concat());
        let it: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:#?}"));
        tries += 1;
        let samples = it["samples"].as_array().expect("a list");
        let is_held_up = samples.iter().any(|sample| sample["uncertain"] == true);
        let is_late = |(place, millis): &(&str, u64)| {
            let configured = Duration::from_millis(*millis);
            idle(&it, place).is_some_and(|value| value > configured + tolerance(configured))
        };
        if tries < TRIES && (is_held_up || configured.iter().any(is_late)) {
            continue;
        }
        for (place, millis) in configured {
            let configured = Duration::from_millis(*millis);
            let value = idle(&it, place).unwrap_or_else(|| panic!("{place}: {it:#}"));
            let off = value.abs_diff(configured);
            assert!(off <= tolerance(configured), "{value:?} at {place}: {it:#}");
        }
        return it;
    }
}

fn tolerance(configured: Duration) -> Duration {
    Duration::from_millis(50).max(configured / 50)
}

fn idle(it: &Value, place: &str) -> Option<Duration> {
    let value = it.pointer(place)?["value"].as_f64()?;
    Some(Duration::from_secs_f64(value / 1e3))
}

fn sample<'a>(it: &'a Value, situation: &str) -> &'a Value {
    let samples = it["samples"].as_array().expect("a list");
    let mut found = samples.iter().filter(|it| it["situation"] == situation);
    found
        .next()
        .unwrap_or_else(|| panic!("{situation}: {it:#}"))
}

fn causes(it: &Value) -> Vec<&str> {
    let findings = it["findings"].as_array().expect("a list");
    let causes = findings.iter().filter_map(|it| it["cause"].as_str());
    causes.collect()
}

#[test]
fn nginx_over_tls_is_measured_as_configured_in_both_versions() {
    for (timeout, requests) in [(1_300, 17), (2_700, 240)] {
        let lines = format!(
            "keepalive_timeout {timeout}ms;\nkeepalive_requests {requests};\n\
             http2_max_concurrent_streams 111;"
        );
        let nginx = nginx::start_secure(&lines);
        let configured = [(IDLE, timeout), (HTTP2_IDLE, timeout)];
        let options = ["--cacert", &nginx.path("cert.pem")];
        let it = examine(&options, &nginx.secure_url("/"), &configured);
        let http2 = &it["http2"];
        assert_eq!(http2["examined"], true, "{it:#}");
        assert_eq!(http2["idle_timeout_ms"]["ended_by"], "goaway");
        assert_eq!(http2["max_requests"]["value"], requests, "{it:#}");
        assert_eq!(http2["max_requests"]["announced"], true);
        assert_eq!(http2["max_concurrent_streams"], 111);
        let go_away = &http2["goaway"];
        assert_eq!(go_away["code"], "NO_ERROR", "{it:#}");
        assert_eq!(
            (&go_away["last_stream"], &go_away["stages"]),
            (&json!(1), &json!(1))
        );
        let after = |key| go_away[key].as_f64().expect("both were seen");
        assert!(after("closed_ms") >= after("after_ms"));
        assert_eq!(sample(&it, "h2")["ended_by"], "goaway");
        assert_eq!(it["recommend"]["http_version"], "h2");
        // What holds for both versions is told once.
        let said: Vec<_> = causes(&it);
        assert_eq!(
            said.iter()
                .filter(|it| **it == "idle-timeout-short")
                .count(),
            1
        );
        assert_eq!(
            said.iter().filter(|it| **it == "max-requests-low").count(),
            1
        );
    }
}

#[test]
fn nginx_in_the_clear_is_measured_with_prior_knowledge() {
    for (timeout, requests) in [(1_500, 33), (2_300, 150)] {
        let nginx = nginx::start_with(&|place| {
            let port = place.secure_port;
            format!(
                "keepalive_timeout {timeout}ms;\nkeepalive_requests {requests};\n\
                 server {{ listen 127.0.0.1:{port} http2; location / {{ return 200 'hello'; }} }}"
            )
        });
        let url = nginx.secure_url("/").replace("https:", "http:");
        let it = examine(&["--http2-prior-knowledge"], &url, &[(IDLE, timeout)]);
        assert_eq!(it["protocols"], json!(["h2"]));
        assert_eq!(it["idle_timeout_ms"]["ended_by"], "goaway");
        assert_eq!(it["max_requests"]["value"], requests, "{it:#}");
        assert_eq!(it["idle_timeout_ms"], it["http2"]["idle_timeout_ms"]);
        assert_eq!(
            (&it["reuse"], &it["http10"]["keep_alive"]),
            (&json!(true), &Value::Null)
        );
        assert_eq!(it["error_close"], json!({}));
        assert_eq!(it["product"][0]["name"], "nginx");
        let quick = keepwarm(&["doctor", "--quick", "--http2-prior-knowledge", &url]);
        assert!(quick.stdout.lines().count() <= 24, "{}", quick.stdout);
        quick.says("(examined: HTTP/2.0)");
        let done = keepwarm(&["doctor", &url]).with_code(3);
        done.complains("--http2-prior-knowledge");
    }
}

/// Node with HTTP/2 and HTTP/1.1 on its secure port.
fn node(place: &Place, http1: u64, http2: u64) -> Command {
    place.certify();
    let (port, secure, token) = (place.port, place.secure_port, &place.token);
    let program = format!(
        "const read = name => require('fs').readFileSync(__dirname + '/' + name);\n\
         const answer = (_, answer) => answer.end('{token}');\n\
         require('http').createServer(answer).listen({port}, '127.0.0.1');\n\
         const server = require('http2').createSecureServer({{allowHTTP1: true,\n\
         key: read('key.pem'), cert: read('cert.pem'), settings: {{maxConcurrentStreams: 5}}}}, answer);\n\
         server.keepAliveTimeout = {http1};\n\
         server.setTimeout({http2});\n\
         server.listen({secure}, '127.0.0.1');\n"
    );
    let mut command = Command::new(installed("/usr/bin/node"));
    command.arg(place.write("server.js", &program));
    command
}

/// Node's HTTP/2 ends sessions by their own timeout; its HTTP/1.1 by another.
#[test]
fn node_is_measured_as_configured_in_both_versions() {
    for (http1, http2) in [(1_400, 2_600), (2_600, 1_400)] {
        let node = Server::start("node", &|place| node(place, http1, http2));
        let url = node.secure_url("/");
        let options = ["--cacert", &node.path("cert.pem")];
        let it = examine(&options, &url, &[(HTTP2_IDLE, http2)]);
        assert_eq!(it["http2"]["max_requests"]["at_least"], 1_100, "{it:#}");
        assert_eq!(it["http2"]["max_concurrent_streams"], 5);
        assert!(causes(&it).contains(&"http2-few-streams"), "{it:#}");
        // Its HTTP/1.1 has another: what HTTP/2 does is told beside it.
        let findings = it["findings"].as_array().expect("a list");
        let summaries = findings.iter().filter_map(|it| it["summary"].as_str());
        let mut told = summaries.filter(|it| it.contains("idle HTTP/2 connections"));
        assert!(told.next().is_some(), "{it:#}");
    }
}

/// Of the servers here the only one that takes a PING for use.
#[test]
fn apache_keeps_connections_that_are_pinged() {
    let apache = Server::start("apache2", &apache);
    let options = ["--cacert", &apache.path("cert.pem")];
    let it = examine(&options, &apache.secure_url("/"), &[(HTTP2_IDLE, 2_000)]);
    assert_eq!(it["http2"]["ping_counts"], true, "{it:#}");
    assert_eq!(it["http2"]["idle_timeout_ms"]["ended_by"], "goaway");
}

fn apache(place: &Place) -> Command {
    place.certify();
    let (at, port, secure) = (place.folder.display(), place.port, place.secure_port);
    let module =
        |name: &str| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n");
    let modules = ["mpm_event", "authz_core", "dir", "ssl", "http2"].map(module);
    let config = format!(
        "ServerRoot {at}\nServerName localhost\nPidFile {at}/httpd.pid\nErrorLog {at}/error.log\n\
         DefaultRuntimeDir {at}\nListen 127.0.0.1:{port}\nListen 127.0.0.1:{secure}\n{}\
         User www-data\nGroup www-data\nDocumentRoot {at}/site\n\
         <Directory {at}/site>\nRequire all granted\n</Directory>\n\
         KeepAlive On\nKeepAliveTimeout 2\nProtocols h2 http/1.1\n\
         <VirtualHost 127.0.0.1:{secure}>\nDocumentRoot {at}/site\nSSLEngine on\n\
         SSLCertificateFile {at}/cert.pem\nSSLCertificateKeyFile {at}/key.pem\n</VirtualHost>\n",
        modules.concat()
    );
    let mut command = Command::new(installed("/usr/sbin/apache2"));
    command
        .arg("-X")
        .arg("-f")
        .arg(place.write("httpd.conf", &config));
    command
}

/// A proxy that ends TLS, offers HTTP/2, and hands the bytes to a server that knows only HTTP/1.1.
#[test]
fn http2_that_is_chosen_and_then_fails_is_found() {
    let behind = nginx::start("");
    let haproxy = Server::start("haproxy", &|place| haproxy(place, behind.port()));
    let url = haproxy.secure_url("/");
    let options = ["--wait", "3s", "--cacert", &haproxy.path("cert.pem")];
    let it = examine(&options, &url, &[]);
    assert_eq!(it["findings"][0]["cause"], "http2-broken", "{it:#}");
    assert_eq!(it["findings"][0]["severity"], "high");
    assert_eq!(
        (&it["reuse"], &it["http2"]["examined"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(it["recommend"]["http_version"], "h1");
    let text = keepwarm(&[&["doctor"], &options[..], &[&url]].concat()).with_code(1);
    text.says("chosen by ALPN, and then fails");
}

fn haproxy(place: &Place, behind: u16) -> Command {
    place.certify();
    let read = |name: &str| std::fs::read_to_string(place.folder.join(name)).expect("a file");
    let pem = place.write("both.pem", &(read("cert.pem") + &read("key.pem")));
    let (pem, token) = (pem.display(), &place.token);
    let (port, secure) = (place.port, place.secure_port);
    let config = format!(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n\
         frontend plain\n mode http\n bind 127.0.0.1:{port}\n \
         http-request return status 200 content-type text/plain string {token}\n\
         frontend tls\n bind 127.0.0.1:{secure} ssl crt {pem} alpn h2,http/1.1\n default_backend behind\n\
         backend behind\n server one 127.0.0.1:{behind}\n"
    );
    let mut command = Command::new(installed("/usr/sbin/haproxy"));
    command.arg("-db").arg("-f");
    command.arg(place.write("haproxy.cfg", &config));
    command
}
