//! Go's net/http: the program in `go/main.go`, which `cargo xtask install` builds.

use std::path::PathBuf;
use std::process::Command;

use crate::server::{Server, built};

/// It keeps idle connections for so many milliseconds.
pub fn start(idle: u64) -> Server {
    Server::start("go", &|place| {
        let mut command = Command::new(program());
        command
            .env("ADDRESS", format!("127.0.0.1:{}", place.port))
            .env("TOKEN", &place.token)
            .env("IDLE", format!("{idle}ms"));
        command
    })
}

fn program() -> PathBuf {
    built("go/plain-server", "go/main.go")
}

/// The version of Go.
pub fn version() -> String {
    super::version(Command::new(program()).arg("version"))
}
