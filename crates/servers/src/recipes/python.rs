//! Python's servers: http.server, and from PyPI uvicorn, gunicorn and hypercorn, which `cargo xtask install` fetches.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::{Place, Server, fetched};

/// What is served, in all of them.
const SERVED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python");

/// `http.server` with this version of HTTP; it ends connections that are idle for so many milliseconds.
pub fn start_http_server(protocol: &str, idle: u64) -> Server {
    Server::start("python", &|place| {
        let mut command = python();
        command
            .arg(Path::new(SERVED).join("servers.py"))
            .args([&place.port.to_string(), protocol])
            .arg((idle as f64 / 1e3).to_string())
            .current_dir(place.folder.join("site"));
        command
    })
}

/// uvicorn; it keeps idle connections for so many seconds.
pub fn start_uvicorn(idle: u64) -> Server {
    Server::start("uvicorn", &|place| {
        let mut command = module("uvicorn", place);
        command
            .args(["--host", "127.0.0.1", "--port", &place.port.to_string()])
            .args(["--timeout-keep-alive", &idle.to_string()])
            .args(["--log-level", "warning", "servers:asgi"]);
        command
    })
}

/// gunicorn with a worker of this kind; it keeps idle connections for so many seconds.
pub fn start_gunicorn(worker: &str, idle: u64) -> Server {
    Server::start_parent("gunicorn", &|place| {
        let mut command = module("gunicorn", place);
        command
            .args(["--bind", &format!("127.0.0.1:{}", place.port)])
            .args(["--worker-class", worker, "--keep-alive", &idle.to_string()])
            .args(["--log-level", "warning", "--no-control-socket"])
            .arg("--worker-tmp-dir")
            .arg(&place.folder)
            .arg("servers:wsgi");
        if worker == "gthread" {
            command.args(["--threads", "8"]);
        }
        command
    })
}

/// hypercorn, in one process, with these lines in its configuration. With TLS on its secure port, and HTTP/2 for who
/// asks for it there.
pub fn start_hypercorn(lines: &[String]) -> Server {
    Server::start("hypercorn", &|place| {
        place.certify();
        let (port, secure, at) = (place.port, place.secure_port, place.folder.display());
        let lines = lines.join("\n");
        let config = format!(
            "bind = [\"127.0.0.1:{secure}\"]\ninsecure_bind = [\"127.0.0.1:{port}\"]\n\
             certfile = \"{at}/cert.pem\"\nkeyfile = \"{at}/key.pem\"\nloglevel = \"warning\"\n{lines}\n"
        );
        let file = place.write("hypercorn.toml", &config);
        let mut command = module("hypercorn", place);
        command.args(["--workers", "0", "--config"]).arg(file);
        command.arg("servers:asgi");
        command
    })
}

fn module(name: &str, place: &Place) -> Command {
    let mut command = python();
    // Nobody's compiled files in the sources.
    command
        .env("PYTHONPATH", format!("{}:{SERVED}", packages().display()))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("TOKEN", &place.token)
        .args(["-m", name]);
    command
}

fn python() -> Command {
    Command::new("python3")
}

/// Where the packages are, those that are wanted now.
fn packages() -> PathBuf {
    let mark = fetched("python-servers/of");
    let of = std::fs::read_to_string(&mark);
    assert!(
        of.is_ok_and(|of| of == include_str!("../../python/requirements.txt")),
        "Python's servers are of other versions: run `cargo xtask install`"
    );
    mark.parent().expect("a folder").to_owned()
}

/// The version of a package from PyPI.
pub fn version_of(package: &str) -> String {
    let program = format!("import importlib.metadata as it; print(it.version('{package}'))");
    let mut command = python();
    command.env("PYTHONPATH", packages());
    super::version(command.args(["-c", &program]))
}

/// Python's own version.
pub fn version() -> String {
    super::version(python().arg("--version"))
}
