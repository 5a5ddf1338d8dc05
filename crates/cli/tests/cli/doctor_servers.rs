//! `keepwarm doctor` at real servers, each configured with values that are nobody's default: the rows of
//! `cargo xtask doctor-matrix`, a test for each server.

use std::path::Path;
use std::thread;

use keepwarm_servers::matrix::{self, Row};
use keepwarm_servers::recipes::nginx;

use crate::support::keepwarm;

/// Examines a server with each of its settings, all at once: most of it is waiting.
fn hold(server: &str) {
    let program = Path::new(env!("CARGO_BIN_EXE_keepwarm"));
    let rows: Vec<Row> = matrix::rows_of(server);
    assert!(rows.len() > 1, "{server}: one value could be guessed");
    thread::scope(|scope| {
        let examine = |row: &Row| {
            let outcome = row.examine(program);
            let (complaints, found) = (&outcome.complaints, &outcome.found);
            assert!(
                complaints.is_empty(),
                "{row:?}: {complaints:#?} in {found:#}"
            );
        };
        for row in &rows {
            scope.spawn(move || examine(row));
        }
    });
}

macro_rules! held {
    ($($test:ident: $server:literal,)*) => {
        $(
            #[test]
            fn $test() {
                hold($server);
            }
        )*

        /// The servers that are tested here.
        const HELD: &[&str] = &[$($server),*];
    };
}

held! {
    nginx_is_measured_as_configured: "nginx",
    nginx_over_tls_is_measured_as_configured: "nginx, TLS",
    apache_is_measured_as_configured: "Apache httpd",
    haproxy_is_measured_as_configured: "HAProxy",
    lighttpd_is_measured_as_configured: "lighttpd",
    node_is_measured_as_configured: "Node http",
    go_is_measured_as_configured: "Go net/http",
    python_is_measured_as_configured: "Python http.server",
    uvicorn_is_measured_as_configured: "uvicorn",
    gunicorn_is_measured_as_configured: "gunicorn",
    hypercorn_is_measured_as_configured: "hypercorn",
    hypercorn_over_tls_is_measured_as_configured: "hypercorn, TLS",
    jetty_is_measured_as_configured: "Jetty",
    tomcat_is_measured_as_configured: "Tomcat",
}

#[test]
fn every_server_of_the_matrix_has_a_test() {
    let servers: Vec<_> = matrix::servers().collect();
    assert_eq!(servers, HELD);
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_a_server_that_cannot_be_examined() {
    let nginx = nginx::start_secure("");
    let done = keepwarm(&["doctor", &nginx.secure_url("/")]).with_code(3);
    done.complains("TLS with 127.0.0.1");
}
