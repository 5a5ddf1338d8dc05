//! `cargo xtask soak`: thousands of connections and every fault, for minutes.
//!
//! Owns how the soak is started; the run itself, its options and its verdict are `crates/keepwarm/examples/soak.rs`.

use std::path::Path;
use std::process::{Command, ExitCode};

use xtask::install;

/// How it is asked for.
pub(crate) const USAGE: &str = "\
usage: cargo xtask soak [--minutes N] [--connections N] [--seed N]

  thousands of connections and every fault; prints counters every 10 s and a verdict
       --minutes N                how long (10)
       --connections N            how many connections (10000; fewer when the limit on open files is too low)
       --seed N                   other requests and faults (1)";

/// The options that are handed on.
const OPTIONS: [&str; 3] = ["--minutes", "--connections", "--seed"];

/// Builds the soak with optimization and runs it: 0 every promise was kept, 1 one was broken, 2 usage.
pub(crate) fn run(root: &Path, words: &[String]) -> ExitCode {
    if let Err(complaint) = check(words) {
        eprintln!("xtask: {complaint}\n\n{USAGE}");
        return ExitCode::from(2);
    }
    let status = Command::new(install::cargo())
        .args(["run", "--release", "--package", "keepwarm"])
        .args(["--example", "soak", "--"])
        .args(words)
        .env_remove("CARGO_MANIFEST_DIR")
        .current_dir(root)
        .status();
    match status {
        Ok(status) => match status.code() {
            Some(0) => ExitCode::SUCCESS,
            Some(2) => ExitCode::from(2),
            Some(_) | None => {
                eprintln!("xtask: the soak failed ({status})");
                ExitCode::from(1)
            }
        },
        Err(error) => {
            eprintln!("xtask: the soak did not start: {error}");
            ExitCode::from(1)
        }
    }
}

fn check(words: &[String]) -> Result<(), String> {
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
