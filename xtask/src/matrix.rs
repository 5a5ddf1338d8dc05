//! `cargo xtask doctor-matrix`: the doctor at real servers with known settings, as a table.
//!
//! Owns building and the places; the servers and what is expected are `crates/servers`.

use std::path::Path;
use std::process::Command;

use crate::go::{self, succeed};
use crate::install;

/// Where the table is kept.
const DOCUMENT: &str = "docs/doctor-accuracy.md";

/// Checks the options.
///
/// # Errors
/// What is wrong with them.
pub fn check(words: &[String]) -> Result<(), String> {
    options(words).map(|_| ())
}

/// Whether to write, and which servers.
fn options(words: &[String]) -> Result<(bool, Option<&str>), String> {
    let (mut write, mut only) = (false, None);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--write" => write = true,
            "--only" => only = Some(words.next().ok_or("--only needs a server")?.as_str()),
            other => return Err(format!("unknown option {other:?}")),
        }
    }
    if write && only.is_some() {
        return Err("--write keeps the whole table: not with --only".to_owned());
    }
    Ok((write, only))
}

/// Builds the command and the matrix, and runs them.
///
/// # Errors
/// When one does not build, or a row is not as expected.
pub fn run(root: &Path, words: &[String]) -> Result<(), String> {
    let (write, only) = options(words)?;
    let mut build = Command::new(install::cargo());
    build
        .args([
            "build",
            "--package",
            "keepwarm-cli",
            "--package",
            "keepwarm-servers",
        ])
        .env_remove("CARGO_MANIFEST_DIR")
        .current_dir(root);
    succeed(&mut build, "cargo build")?;
    let built = go::target(root).join("debug");
    let mut matrix = Command::new(built.join("doctor-matrix"));
    matrix.arg(built.join("keepwarm")).current_dir(root);
    if write {
        matrix.args(["--write", DOCUMENT]);
    }
    if let Some(only) = only {
        matrix.args(["--only", only]);
    }
    succeed(&mut matrix, "doctor-matrix")
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_part_of_the_table_is_not_written() {
        let words = |line: &str| {
            line.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        for line in ["", "--write", "--only nginx"] {
            assert_eq!(check(&words(line)), Ok(()), "{line}");
        }
        for line in ["--only", "--write --only nginx", "--all"] {
            assert!(check(&words(line)).is_err(), "{line}");
        }
    }
}
