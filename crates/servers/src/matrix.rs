//! The rows of the matrix: server, settings, what is expected. And the examining of one.
//!
//! Owns the list. Why a server closes later than it is told, where it does, stands here beside its row.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::expected::{Announced, Expected, Http2, Idle};
use crate::known_refusals as refusals;
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
    /// The JSON of another run, with `--aggressive`; null where nothing is expected of that.
    pub refused: Value,
    /// What is not as expected.
    pub complaints: Vec<String>,
}

impl Row {
    fn secure(self) -> Self {
        Self {
            is_secure: true,
            ..self
        }
    }

    /// Starts the server, runs the doctor, and compares.
    ///
    /// # Panics
    /// When the server or the doctor does not run.
    pub fn examine(&self, keepwarm: &Path) -> Outcome {
        let server = (self.start)();
        let doctor = |more: &[&str]| {
            let mut command = Command::new(keepwarm);
            command.args(["doctor", "--json"]).args(more);
            match self.is_secure {
                true => command
                    .args(["--cacert", &server.path("cert.pem")])
                    .arg(server.secure_url("/index.html")),
                false => command.arg(server.url()),
            };
            let done = command.output().expect("the doctor starts");
            serde_json::from_slice::<Value>(&done.stdout)
                .unwrap_or_else(|_| panic!("{self:?}: {done:?}"))
        };
        let (found, mut complaints) = (1..=TRIES)
            .map(|number| (number, doctor(&[])))
            .map(|(number, found)| (number, self.expected.complaints(&found), found))
            .find(|(number, complaints, _)| complaints.is_empty() || *number == TRIES)
            .map(|(_, complaints, found)| (found, complaints))
            .expect("there is a last one");
        // A run of its own: a refusal speaks for some products, and the guess is to be held without. Once more when
        // this machine was too busy for all of it.
        let mut refused = Value::Null;
        if let Some(refusals) = &self.expected.refusals {
            let ask = || doctor(&["--aggressive", "--wait", "30s"]);
            refused = ask();
            if !refusals.complaints(&refused).is_empty() {
                refused = ask();
            }
            complaints.extend(refusals.complaints(&refused));
        }
        Outcome {
            found,
            refused,
            complaints,
        }
    }
}

type Group = (&'static str, fn() -> Vec<Row>);

/// Servers and their rows.
const GROUPS: &[Group] = &[
    ("nginx", nginx_rows),
    ("nginx, TLS", nginx_secure_rows),
    ("Apache httpd", apache_rows),
    ("HAProxy", haproxy_rows),
    ("lighttpd", lighttpd_rows),
    ("Node http", node_rows),
    ("Go net/http", go_rows),
    ("Python http.server", http_server_rows),
    ("uvicorn", uvicorn_rows),
    ("gunicorn", gunicorn_rows),
    ("hypercorn", hypercorn_rows),
    ("hypercorn, TLS", hypercorn_secure_rows),
    ("Jetty", jetty_rows),
    ("Tomcat", tomcat_rows),
];

/// The servers, in the order of the table.
pub fn servers() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().map(|(server, _)| *server)
}

/// The rows of a server.
///
/// # Panics
/// When there is no such server.
pub fn rows_of(server: &str) -> Vec<Row> {
    let group = GROUPS.iter().find(|(name, _)| *name == server);
    let (name, rows) = group.unwrap_or_else(|| panic!("no server {server}"));
    let named = |row| Row {
        server: name,
        ..row
    };
    rows().into_iter().map(named).collect()
}

fn row(
    version: fn() -> String,
    settings: String,
    expected: Expected,
    start: impl Fn() -> Server + Send + Sync + 'static,
) -> Row {
    Row {
        server: "",
        settings,
        version,
        start: Box::new(start),
        is_secure: false,
        expected,
    }
}

fn nginx_rows() -> Vec<Row> {
    let rows = [(1_300, 17), (2_700, 240)].map(|(idle, requests)| {
        let settings = nginx_lines(idle, requests);
        let (lines, expected) = (settings.clone(), nginx_expected(idle, requests));
        row(nginx::version, settings, expected, move || {
            nginx::start(&lines)
        })
    });
    rows.into()
}

/// An idle connection over HTTP/2 gets a GOAWAY, and is ended behind it.
fn nginx_secure_rows() -> Vec<Row> {
    let rows = [(1_700, 130, 61), (2_900, 45, 17)].map(|(idle, requests, streams)| {
        let lines = nginx_lines(idle, requests);
        let settings = format!("{lines} http2_max_concurrent_streams {streams};");
        let lines = settings.clone();
        let expected = nginx_expected(idle, requests).secure(Http2 {
            idle: Idle::exact(idle),
            ended_by: "goaway",
            requests: Some(requests),
            streams: Some(streams),
        });
        row(nginx::version, settings, expected, move || {
            nginx::start_secure(&lines)
        })
        .secure()
    });
    rows.into()
}

fn nginx_lines(idle: u64, requests: u64) -> String {
    format!("keepalive_timeout {idle}ms; keepalive_requests {requests};")
}

fn nginx_expected(idle: u64, requests: u64) -> Expected {
    Expected {
        requests: Some(requests),
        product: Some("nginx"),
        refusals: Some(refusals::NGINX),
        ..Expected::kept(Idle::exact(idle))
    }
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
            refusals: Some(refusals::APACHE),
            ..Expected::kept(Idle::exact(idle))
        };
        let settings = format!("KeepAliveTimeout {written}, MaxKeepAliveRequests {requests}");
        let lines = settings.replace(", ", "\n");
        row(apache::version, settings, expected, move || {
            apache::start(&lines)
        })
    });
    rows.into()
}

/// Nothing of it tells who it is.
fn haproxy_rows() -> Vec<Row> {
    let rows = [1_200, 2_400].map(|idle| {
        let settings = format!("timeout http-keep-alive {idle}ms");
        let expected = Expected {
            refusals: Some(refusals::HAPROXY),
            ..Expected::kept(Idle::exact(idle))
        };
        row(haproxy::version, settings, expected, move || {
            haproxy::start(idle)
        })
    });
    rows.into()
}

/// Its clock has whole seconds, and it closes when more than the timeout has passed on that (`connections.c`): up to a
/// second late, and a little more, for it waits a second at a time. Its limit counts the answers after the first.
fn lighttpd_rows() -> Vec<Row> {
    let rows = [(1, 37), (3, 64)].map(|(idle, requests)| {
        let settings =
            format!("max-keep-alive-idle = {idle}, max-keep-alive-requests = {requests}");
        let expected = Expected {
            requests: Some(requests + 1),
            product: Some("lighttpd"),
            refusals: Some(refusals::LIGHTTPD),
            ..Expected::kept(Idle {
                step: 1_050,
                ..Idle::exact(1_000 * idle)
            })
        };
        row(lighttpd::version, settings, expected, move || {
            lighttpd::start(idle, requests)
        })
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
            refusals: Some(refusals::NODE),
            ..Expected::kept(Idle {
                grace: node::grace(),
                ..Idle::exact(idle)
            })
        };
        row(node::version, settings, expected, move || {
            node::start(idle, requests)
        })
    });
    rows.into()
}

/// Nothing of it tells who it is.
fn go_rows() -> Vec<Row> {
    let rows = [1_300, 2_500].map(|idle| {
        let settings = format!("IdleTimeout: {idle}ms");
        let expected = Expected {
            refusals: Some(refusals::GO),
            ..Expected::kept(Idle::exact(idle))
        };
        row(go::version, settings, expected, move || go::start(idle))
    });
    rows.into()
}

/// With HTTP/1.1 it ends the connection of each error (`send_error` says `Connection: close`), and does not tell a
/// client of HTTP/1.0 that it keeps its own.
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
            http10: Some(false),
            closes: &[("404", true), ("HEAD", false)],
            refusals: Some(refusals::HTTP_SERVER),
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
        row(version, settings, expected, move || {
            python::start_http_server(protocol, idle)
        })
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
            refusals: Some(refusals::UVICORN),
            ..Expected::kept(Idle::exact(1_000 * idle))
        };
        row(version, settings, expected, move || {
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
        row(version, settings, expected, move || {
            python::start_gunicorn(worker, idle)
        })
    };
    let threaded = [1, 3].map(|idle| {
        let expected = Expected {
            product: Some("gunicorn, gthread and async workers"),
            refusals: Some(refusals::GUNICORN),
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
    let rows = [(1_300, 41), (2_400, 23)].map(|(idle, requests)| {
        let settings = hypercorn_settings(idle, requests);
        let (lines, expected) = (settings.clone(), hypercorn_expected(idle, requests));
        row(
            hypercorn_version,
            settings.join(", "),
            expected,
            move || python::start_hypercorn(&lines),
        )
    });
    rows.into()
}

/// Over HTTP/2 it ends the connection behind the first request that is one too many, not with the last that is not; and
/// an idle one without a GOAWAY.
fn hypercorn_secure_rows() -> Vec<Row> {
    let rows = [(1_700, 52, 47), (2_600, 31, 120)].map(|(idle, requests, streams)| {
        let mut settings = hypercorn_settings(idle, requests);
        settings.push(format!("h2_max_concurrent_streams = {streams}"));
        let lines = settings.clone();
        let expected = hypercorn_expected(idle, requests).secure(Http2 {
            idle: Idle::exact(idle),
            ended_by: "close-notify",
            requests: Some(requests + 1),
            streams: Some(streams),
        });
        row(
            hypercorn_version,
            settings.join(", "),
            expected,
            move || python::start_hypercorn(&lines),
        )
        .secure()
    });
    rows.into()
}

fn hypercorn_version() -> String {
    python::version_of("hypercorn")
}

fn hypercorn_settings(idle: u64, requests: u64) -> Vec<String> {
    let seconds = idle as f64 / 1e3;
    vec![
        format!("keep_alive_timeout = {seconds:?}"),
        format!("keep_alive_max_requests = {requests}"),
    ]
}

fn hypercorn_expected(idle: u64, requests: u64) -> Expected {
    Expected {
        requests: Some(requests),
        // h11 ends the connection of each request of HTTP/1.0.
        http10: Some(false),
        product: Some("hypercorn"),
        refusals: Some(refusals::HYPERCORN),
        ..Expected::kept(Idle::exact(idle))
    }
}

fn jetty_rows() -> Vec<Row> {
    let rows = [1_400, 2_300].map(|idle| {
        let settings = format!("idleTimeout = {idle}");
        let expected = Expected {
            product: Some("Jetty"),
            refusals: Some(refusals::JETTY),
            ..Expected::kept(Idle::exact(idle))
        };
        row(java::jetty_version, settings, expected, move || {
            java::start_jetty(idle)
        })
    });
    rows.into()
}

/// Its poller waits for events a second at a time (`selectorTimeout`, NioEndpoint), and looks for timeouts when none
/// came or a second has passed since it last did: up to two seconds late while others ask something every second. It
/// announces whole seconds, to who asks, and no maximum.
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
            product: Some("Tomcat"),
            refusals: Some(refusals::TOMCAT),
            ..Expected::kept(Idle {
                step: 2_000,
                ..Idle::exact(idle)
            })
        };
        row(java::tomcat_version, settings, expected, move || {
            java::start_tomcat(idle, requests)
        })
    });
    rows.into()
}
