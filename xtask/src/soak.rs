//! `cargo xtask soak`: thousands of connections and every fault, for minutes.
//!
//! Owns how the soak is started; the run itself, its options and its verdict are `crates/keepwarm/examples/soak.rs`.

use std::path::Path;
use std::process::Command;

use crate::install;

/// The options that are handed on.
const OPTIONS: [&str; 3] = ["--minutes", "--connections", "--seed"];

/// Builds the soak with optimization and runs it.
///
/// # Errors
/// When it did not start, or a promise was broken.
pub fn run(root: &Path, words: &[String]) -> Result<(), String> {
    let status = Command::new(install::cargo())
        .args(["run", "--release", "--package", "keepwarm"])
        .args(["--example", "soak", "--"])
        .args(words)
        .env_remove("CARGO_MANIFEST_DIR")
        .current_dir(root)
        .status()
        .map_err(|error| format!("the soak did not start: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("the soak failed ({status})"))
    }
}

/// Whether these are options of the soak.
///
/// # Errors
/// What is wrong with them, in words.
pub fn check(words: &[String]) -> Result<(), String> {
    for pair in words.chunks(2) {
        let [option, value] = pair else {
            return Err(format!("{} needs a number", pair[0]));
        };
        if !OPTIONS.contains(&option.as_str()) {
            return Err(format!("unknown option {option:?}"));
        }
        if value.parse::<u64>().is_err() {
            return Err(format!("{option} needs a number, not {value:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_line(line: &str) -> Result<(), String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        check(&words)
    }

    #[test]
    fn the_size_of_the_soak_is_three_numbers() {
        for line in ["", "--minutes 1", "--seed 7 --connections 2000 --minutes 1"] {
            assert_eq!(check_line(line), Ok(()), "{line:?}");
        }
        for line in ["--minutes", "--minutes soon", "1", "--hours 1"] {
            assert!(check_line(line).is_err(), "{line:?} was accepted");
        }
    }
}
