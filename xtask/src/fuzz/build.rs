//! Building the targets with the coverage that libFuzzer steers by.
//!
//! Owns the compiler's flags. cargo-fuzz gives the same ones and needs a nightly compiler only for the sanitizers,
//! which find faults of unsafe code, and there is none in keepwarm.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::install;

/// The workspace of the targets.
const MANIFEST: &str = "fuzz/Cargo.toml";
/// One target for each of these.
const TARGETS: &str = "fuzz/targets";

/// Counters on edges, their table, and the values of comparisons.
const FLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The targets, ready to run.
pub(super) struct Built {
    programs: PathBuf,
    /// What a run leaves behind: logs, corpora and crashes.
    pub(super) work: PathBuf,
}

impl Built {
    pub(super) fn program(&self, target: &str) -> PathBuf {
        self.programs.join(target)
    }
}

/// The names of all targets.
pub(super) fn targets(root: &Path) -> Result<Vec<String>, String> {
    let folder = fs::read_dir(root.join(TARGETS)).map_err(|error| format!("{TARGETS}: {error}"))?;
    let paths = folder.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|it| it == "rs");
    let mut names: Vec<String> = paths
        .filter(is_rust)
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// Builds all targets, in a folder of their own: nothing else is built with these flags.
pub(super) fn all(root: &Path) -> Result<Built, String> {
    let default = root.join("target");
    let target = env::var_os("CARGO_TARGET_DIR").map_or(default, |folder| root.join(folder));
    let target = target.join("fuzz");
    let host = host()?;
    let status = Command::new(install::cargo())
        .args(["build", "--release", "--locked", "--bins"])
        .args(["--manifest-path", MANIFEST])
        // Named, so that build scripts and macros are built without the flags.
        .args(["--target", &host])
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", FLAGS)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_MANIFEST_DIR")
        .current_dir(root)
        .status()
        .map_err(|error| format!("the fuzz targets could not be built: {error}"))?;
    if !status.success() {
        return Err(format!("the fuzz targets do not build ({status})"));
    }
    Ok(Built {
        programs: target.join(host).join("release"),
        work: target.join("runs"),
    })
}

/// The compiler's own platform.
fn host() -> Result<String, String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .map_err(|error| format!("rustc did not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("rustc does not say what its host is")?;
    Ok(host.to_owned())
}
