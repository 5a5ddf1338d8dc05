//! Go's own HTTP/2 server, with TLS, built from `server.go`.

use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use futures_util::future::join_all;
use http::HeaderMap;
use http_body_util::{BodyExt, StreamBody};
use keepwarm::{Protocol, RequestBody};
use rustix::process::Signal;

use crate::crowds::run_long;
use crate::proven;
use crate::real::Program;
use crate::support::client;

/// Where builds go.
fn target() -> &'static Path {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    temporary.parent().expect("the folder of all builds")
}

/// Go: the one on `PATH`, or the one that `cargo xtask install` has fetched.
fn go() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let fetched = target().join("bench/go/go/bin");
    std::env::split_paths(&path)
        .chain([fetched])
        .map(|folder| folder.join("go"))
        .find(|go| go.is_file())
        .expect("Go is missing, and this test needs it: run `cargo xtask install`")
}

/// Its standard library is built the first time, which takes a minute.
fn build() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http2_tls");
    let program = target().join("tmp/go-server");
    let built = Command::new(go())
        .current_dir(folder)
        .env("GOTOOLCHAIN", "local")
        .env("GOCACHE", target().join("bench/go-cache"))
        .args(["build", "-o"])
        .arg(&program)
        .arg("server.go")
        .status();
    assert!(built.expect("Go starts").success(), "server.go builds");
    program
}

#[test]
fn go_serves_a_thousand_calls_on_one_connection_and_resumes() {
    let program = build();
    run_long(async move {
        let prepare = |folder: &Path, port: u16| {
            let mut command = Command::new(&program);
            command.arg(port.to_string());
            command.args([folder.join("certificate.pem"), folder.join("key.pem")]);
            command
        };
        let go = Program::start("go", Signal::KILL, &prepare).await;
        proven::serves_and_resumes(&go, "from Go").await;
        bodies_and_trailers(&go).await;
    });
}

/// Bodies of many lengths at once, with trailers both ways, on one connection.
async fn bodies_and_trailers(go: &Program) {
    let (client, _) = client(|config| config.tls(go.authority.trusted()));
    let url = go.url("/length");
    let calls = (0..50_usize).map(|number| {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sent", "all".parse().expect("a value"));
        let frames = [
            http_body::Frame::data(Bytes::from(vec![b'x'; number * 4000])),
            http_body::Frame::trailers(trailers),
        ];
        let frames = frames.map(Ok::<_, std::convert::Infallible>);
        let body = StreamBody::new(futures_util::stream::iter(frames));
        let call = client.post(&url).header("trailer", "x-sent");
        call.body(RequestBody::stream(body)).send()
    });
    for (number, answer) in join_all(calls).await.into_iter().enumerate() {
        let answer = answer.expect("an answer");
        assert_eq!(answer.connection().protocol(), Protocol::H2);
        let whole = answer.into_body().collect().await.expect("a whole body");
        let length = (number * 4000).to_string();
        let trailers = whole.trailers().expect("trailers").clone();
        assert_eq!(trailers["x-length"], length.as_str());
        let wanted = format!("HTTP/2.0 {length} all");
        assert_eq!(String::from_utf8_lossy(&whole.to_bytes()), wanted);
    }
    assert_eq!(client.stats().total().opened, 1);
}
