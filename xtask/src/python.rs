//! The servers of PyPI that the doctor is tested at.
//!
//! Knows where they are named with their versions, and where the tests look for them; starts none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::go::{self, succeed};

/// Names and versions.
const SERVERS: &str = "crates/servers/python/requirements.txt";

/// Cargo's folder for them; `crates/servers` looks there too.
fn folder(root: &Path) -> PathBuf {
    go::target(root).join("python-servers")
}

fn wanted(root: &Path) -> Result<String, String> {
    fs::read_to_string(root.join(SERVERS)).map_err(|error| format!("{SERVERS}: {error}"))
}

/// Whether one is missing or of another version.
///
/// # Errors
/// When their names cannot be read.
pub(crate) fn lacks_servers(root: &Path) -> Result<bool, String> {
    let fetched = fs::read_to_string(folder(root).join("of"));
    Ok(fetched.ok() != Some(wanted(root)?))
}

/// Fetches them when one is missing or of another version.
///
/// # Errors
/// When pip is missing or fails.
pub(crate) fn fetch_servers(root: &Path) -> Result<(), String> {
    let folder = folder(root);
    if !lacks_servers(root)? {
        return Ok(());
    }
    println!("fetching Python's servers (PyPI: gunicorn, hypercorn, uvicorn)");
    drop(fs::remove_dir_all(&folder));
    let mut command = Command::new("python3");
    command
        .args(["-m", "pip", "install", "--quiet", "--only-binary", ":all:"])
        .arg("--target")
        .arg(&folder)
        .arg("--requirement")
        .arg(root.join(SERVERS));
    succeed(&mut command, "python3 -m pip install of Python's servers")?;
    fs::write(folder.join("of"), wanted(root)?)
        .map_err(|error| format!("{}: {error}", folder.display()))
}
