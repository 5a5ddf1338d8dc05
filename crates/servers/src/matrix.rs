//! The rows of the matrix: server, settings, what is expected. And the examining of one.
//!
//! Owns the list. Why a server closes later than it is told, where it does, stands here beside its row.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::expected::{Announced, Expected, Idle};
use crate::recipes::{apache, go, haproxy, java, lighttpd, nginx, node, python};
use crate::server::Server;

/// How often a server is examined anew when the result says that this machine was held up, or is not as expected: the
/// server is held up on a busy machine too, and only the machine knows. What is wrong stays wrong.
const TRIES: usize = 4;

/// A server with its settings.
pub struct Row {
    /// As the table calls it.
    pub server: &'static str,
    /// In the server's own words.
    pub settings: String,
    /// Asks the server for its version.
    pub version: fn() -> String,
    /// Starts it.
    start: Box<dyn Fn() -> Server + Send + Sync>,
    /// Whether it is examined over TLS.
    is_secure: bool,
    /// What must be found.
    pub expected: Expected,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.server, self.settings)
    }
}

/// What came of examining a row.
#[derive(Debug)]
pub struct Outcome {
    /// The doctor's JSON.
    pub found: Value,
    /// What is not as expected.
    pub complaints: Vec<String>,
}

impl Row {
    /// Starts the server, runs the doctor, and compares.
    ///
    /// # Panics
    /// When the server or the doctor does not run.
    pub fn examine(&self, keepwarm: &Path) -> Outcome {
        let server = (self.start)();
        let mut command = Command::new(keepwarm);
        command.args(["doctor", "--json"]);
        match self.is_secure {
            true => command
                .args(["--cacert", &server.path("cert.pem")])
                .arg(server.secure_url("/index.html")),
            false => command.arg(server.url()),
        };
        let mut tries = 0;
        loop {
            let done = command.output().expect("the doctor starts");
            let found: Value = serde_json::from_slice(&done.stdout)
                .unwrap_or_else(|_| panic!("{self:?}: {done:?}"));
            let complaints = self.expected.complaints(&found);
            tries += 1;
            if complaints.is_empty() || tries == TRIES {
                return Outcome { found, complaints };
            }
        }
    }
}

/// All rows, those of a server together.
pub fn rows() -> Vec<Row> {
    let groups = [
        nginx_rows(),
        apache_rows(),
        haproxy_rows(),
        lighttpd_rows(),
        node_rows(),
        go_rows(),
        http_server_rows(),
        uvicorn_rows(),
        gunicorn_rows(),
        hypercorn_rows(),
        jetty_rows(),
        tomcat_rows(),
    ];
    groups.into_iter().flatten().collect()
}

fn row(
    server: &'static str,
    version: fn() -> String,
    settings: String,
    expected: Expected,
    start: impl Fn() -> Server + Send + Sync + 'static,
) -> Row {
    Row {
        server,
        settings,
        version,
        start: Box::new(start),
        is_secure: false,
        expected,
    }
}

fn nginx_rows() -> Vec<Row> {
    let lines =
        |(idle, requests)| format!("keepalive_timeout {idle}ms; keepalive_requests {requests};");
    let expected = |(idle, requests)| Expected {
        requests: Some(requests),
        product: Some("nginx"),
        ..Expected::kept(Idle::exact(idle))
    };
    let plain = [(1_300, 17), (2_700, 240)].map(|values| {
        let lines = lines(values);
        let settings = lines.clone();
        row(
            "nginx",
            nginx::version,
            settings,
            expected(values),
            move || nginx::start(&lines),
        )
    });
    let secure = [(1_700, 130), (2_900, 45)].map(|values| {
        let lines = lines(values);
        let expected = Expected {
            protocols: &["h1", "h2"],
            ..expected(values)
        };
        let settings = lines.clone();
        Row {
            is_secure: true,
            ..row(
                "nginx, TLS",
                nginx::version,
                settings,
                expected,
                move || nginx::start_secure(&lines),
            )
        }
    });
    plain.into_iter().chain(secure).collect()
}

/// Its limit counts the answers after the first. It announces whole seconds, to who asks; with no limit, no maximum.
fn apache_rows() -> Vec<Row> {
    let rows = [("3", 3_000, 40), ("1500ms", 1_500, 25), ("2", 2_000, 0)];
    let rows = rows.map(|(written, idle, requests)| {
        let limit = (requests > 0).then_some(requests);
        let expected = Expected {
            requests: limit.map(|limit| limit + 1),
            announced: Announced {
                timeout: Some(idle / 1_000),
                max: limit,
                only_when_asked: Some(true),
            },
            product: Some("Apache httpd"),
            ..Expected::kept(Idle::exact(idle))
        };
        let settings = format!("KeepAliveTimeout {written}, MaxKeepAliveRequests {requests}");
        let lines = settings.replace(", ", "\n");
        row(
            "Apache httpd",
            apache::version,
            settings,
            expected,
            move || apache::start(&lines),
        )
    });
    rows.into()
}

/// Nothing of it tells who it is.
fn haproxy_rows() -> Vec<Row> {
    let rows = [1_200, 2_400].map(|idle| {
        let settings = format!("timeout http-keep-alive {idle}ms");
        let expected = Expected::kept(Idle::exact(idle));
        row("HAProxy", haproxy::version, settings, expected, move || {
            haproxy::start(idle)
        })
    });
    rows.into()
}

/// Its clock has whole seconds, and it closes when more than the timeout has passed on that (`connections.c`): up to a
/// second late, depending on when in a second the answer was written. Its limit counts the answers after the first.
fn lighttpd_rows() -> Vec<Row> {
    let rows = [(1, 37), (3, 64)].map(|(idle, requests)| {
        let settings =
            format!("max-keep-alive-idle = {idle}, max-keep-alive-requests = {requests}");
        let expected = Expected {
            requests: Some(requests + 1),
            product: Some("lighttpd"),
            ..Expected::kept(Idle {
                step: 1_000,
                ..Idle::exact(1_000 * idle)
            })
        };
        row(
            "lighttpd",
            lighttpd::version,
            settings,
            expected,
            move || lighttpd::start(idle, requests),
        )
    });
    rows.into()
}

/// Versions since 2025 close a second later than they announce; which one this is says Node itself.
fn node_rows() -> Vec<Row> {
    let rows = [(1_400, 0), (2_600, 33)].map(|(idle, requests)| {
        let limit = (requests > 0).then_some(requests);
        let settings = format!("keepAliveTimeout = {idle}, maxRequestsPerSocket = {requests}");
        let expected = Expected {
            requests: limit,
            announced: Announced {
                timeout: Some(idle / 1_000),
                max: limit,
                only_when_asked: Some(false),
            },
            // It answers HTTP/1.0 with an end of the connection, whatever was asked.
            http10: Some(false),
            product: Some("Node.js http"),
            ..Expected::kept(Idle {
                grace: node::grace(),
                ..Idle::exact(idle)
            })
        };
        row("Node http", node::version, settings, expected, move || {
            node::start(idle, requests)
        })
    });
    rows.into()
}

/// Nothing of it tells who it is.
fn go_rows() -> Vec<Row> {
    let rows = [1_300, 2_500].map(|idle| {
        let settings = format!("IdleTimeout: {idle}ms");
        let expected = Expected::kept(Idle::exact(idle));
        row("Go net/http", go::version, settings, expected, move || {
            go::start(idle)
        })
    });
    rows.into()
}

/// With HTTP/1.1 it ends the connection of each error (`send_error` says `Connection: close`).
fn http_server_rows() -> Vec<Row> {
    let version = python::version;
    let rows = [
        ("HTTP/1.0", 1_500),
        ("HTTP/1.1", 1_600),
        ("HTTP/1.1", 2_800),
    ];
    let rows = rows.map(|(protocol, idle)| {
        let settings = format!(
            "protocol_version = {protocol:?}, timeout = {:?}",
            idle as f64 / 1e3
        );
        let expected = Expected {
            product: Some("Python http.server"),
            closes: &[("404", true), ("HEAD", false)],
            ..Expected::kept(Idle::exact(idle))
        };
        let expected = match protocol {
            "HTTP/1.0" => Expected {
                product: expected.product,
                ..Expected::closed(&["http10-only"])
            },
            _ => Expected {
                causes: &["error-status-close"],
                ..expected
            },
        };
        row(
            "Python http.server",
            version,
            settings,
            expected,
            move || python::start_http_server(protocol, idle),
        )
    });
    rows.into()
}

fn uvicorn_rows() -> Vec<Row> {
    let version = || python::version_of("uvicorn");
    let rows = [1, 3].map(|idle| {
        let settings = format!("--timeout-keep-alive {idle}");
        let expected = Expected {
            // h11 ends the connection of each request of HTTP/1.0.
            http10: Some(false),
            product: Some("uvicorn"),
            ..Expected::kept(Idle::exact(1_000 * idle))
        };
        row("uvicorn", version, settings, expected, move || {
            python::start_uvicorn(idle)
        })
    });
    rows.into()
}

/// The threaded worker looks once a second, and whenever something else happens (`select` with a timeout of a second
/// in `gthread.py`): up to a second late. The sync worker keeps nothing, whatever it is told.
fn gunicorn_rows() -> Vec<Row> {
    let version = || python::version_of("gunicorn");
    let start = |worker: &'static str, idle, expected| {
        let settings = format!("--worker-class {worker} --keep-alive {idle}");
        row("gunicorn", version, settings, expected, move || {
            python::start_gunicorn(worker, idle)
        })
    };
    let threaded = [1, 3].map(|idle| {
        let expected = Expected {
            product: Some("gunicorn, gthread and async workers"),
            ..Expected::kept(Idle {
                step: 1_000,
                ..Idle::exact(1_000 * idle)
            })
        };
        start("gthread", idle, expected)
    });
    let sync = Expected {
        product: Some("gunicorn, sync worker"),
        ..Expected::closed(&["keep-alive-disabled"])
    };
    threaded
        .into_iter()
        .chain([start("sync", 3, sync)])
        .collect()
}

fn hypercorn_rows() -> Vec<Row> {
    let version = || python::version_of("hypercorn");
    let rows = [(1_300, 41, false), (2_400, 23, false), (1_700, 52, true)];
    let rows = rows.map(|(idle, requests, is_secure)| {
        let idle_seconds = idle as f64 / 1e3;
        let settings =
            format!("keep_alive_timeout = {idle_seconds:?}, keep_alive_max_requests = {requests}");
        let expected = Expected {
            requests: Some(requests),
            // h11 ends the connection of each request of HTTP/1.0.
            http10: Some(false),
            product: Some("hypercorn"),
            protocols: if is_secure { &["h1", "h2"] } else { &["h1"] },
            ..Expected::kept(Idle::exact(idle))
        };
        let server = if is_secure {
            "hypercorn, TLS"
        } else {
            "hypercorn"
        };
        Row {
            is_secure,
            ..row(server, version, settings, expected, move || {
                python::start_hypercorn(idle, requests)
            })
        }
    });
    rows.into()
}

fn jetty_rows() -> Vec<Row> {
    let rows = [1_400, 2_300].map(|idle| {
        let settings = format!("idleTimeout = {idle}");
        let expected = Expected {
            product: Some("Jetty"),
            ..Expected::kept(Idle::exact(idle))
        };
        row(
            "Jetty",
            java::jetty_version,
            settings,
            expected,
            move || java::start_jetty(idle),
        )
    });
    rows.into()
}

/// Its poller looks for timeouts once a second (`selectorTimeout`, NioEndpoint): up to a second late. It announces
/// whole seconds, to who asks, and no maximum.
fn tomcat_rows() -> Vec<Row> {
    let rows = [(1_500, 40), (2_600, 75)].map(|(idle, requests)| {
        let settings = format!("keepAliveTimeout = {idle}, maxKeepAliveRequests = {requests}");
        let expected = Expected {
            requests: Some(requests),
            announced: Announced {
                timeout: Some(idle / 1_000),
                max: None,
                only_when_asked: Some(true),
            },
            ..Expected::kept(Idle {
                step: 1_000,
                ..Idle::exact(idle)
            })
        };
        row(
            "Tomcat",
            java::tomcat_version,
            settings,
            expected,
            move || java::start_tomcat(idle, requests),
        )
    });
    rows.into()
}
