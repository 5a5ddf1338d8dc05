//! `GoServer`: the server of Go's net/http in `go/main.go`, which `cargo xtask install` builds.
//!
//! Owns its process. Refuses to build it: a cold build takes longer than a test may.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::SystemTime;

use crate::authority::Authority;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http2_tls/go/main.go");

pub(crate) struct GoServer {
    child: Child,
    orders: ChildStdin,
    port: u16,
    pub(crate) authority: Authority,
}

impl Drop for GoServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl GoServer {
    /// Its connections may be idle for so long, as Go writes durations. What it says later can be read.
    pub(crate) fn start(idle: &str) -> (Self, BufReader<ChildStdout>) {
        let authority = Authority::new();
        let identity = authority.issue(&["localhost"]);
        let mut child = Command::new(program())
            .env("KEY", identity.key.serialize_pem())
            .env("CERTIFICATE", identity.certificate.pem())
            .env("IDLE", idle)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let orders = child.stdin.take().expect("its orders");
        let mut words = BufReader::new(child.stdout.take().expect("its words"));
        let mut line = String::new();
        words.read_line(&mut line).expect("a line");
        let server = Self {
            port: line.trim().parse().expect("a port"),
            child,
            orders,
            authority,
        };
        (server, words)
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/", self.port)
    }

    /// A successor accepts from now on; `Server.Shutdown` ends the one before.
    pub(crate) fn hand_over(&mut self) {
        self.orders.write_all(b"\n").expect("it listens");
    }
}

/// Where it was built, not before its source was last changed.
fn program() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let program = target.expect("cargo's folder").join("go/test-server");
    let changed = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    let built = changed(&program);
    assert!(
        built.is_some() && built >= changed(Path::new(SOURCE)),
        "the server of Go is missing or old, and this test needs it: run `cargo xtask install`"
    );
    program
}
