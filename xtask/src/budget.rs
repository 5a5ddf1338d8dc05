//! `cargo xtask budget`: what one request costs, held against what it may cost.
//!
//! Owns the measuring (instructions by callgrind, allocations by memcheck, each as the difference of two runs, so that
//! starting up does not count) and the comparison with `bench/budget.txt`. Refuses to measure time: these machines are
//! noisy, and a count is not.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::install;
use crate::nginx::{Listen, Nginx};
use crate::valgrind::{Count, REQUESTS};

const FILE: &str = "bench/budget.txt";
/// A cost above its budget by more than this share fails.
const TOLERANCE_PERCENT: u64 = 3;
const HEADER: &str = "\
# What one request of keepwarm-peer may cost: nginx, 13-byte body, 8 concurrent (cargo xtask budget --write).
# Counts, not times; more than 3 % above fails. Allocations are per thousand requests.
# With an observer: the recorder, full; Prometheus's metrics.
";
/// Names the observer to the peer.
const OBSERVER: &str = "KEEPWARM_BENCH_OBSERVER";

/// What a request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    instructions: u64,
    allocations_per_thousand: u64,
    with_recorder: u64,
    with_prometheus: u64,
}

impl Cost {
    /// Every number, with its name in the file and its unit.
    fn numbers(&self) -> [(&'static str, u64, &'static str); 4] {
        let unit = "instructions per request";
        [
            ("instructions", self.instructions, unit),
            (
                "allocations-per-thousand",
                self.allocations_per_thousand,
                "allocations per 1000 requests",
            ),
            ("instructions-with-recorder", self.with_recorder, unit),
            ("instructions-with-prometheus", self.with_prometheus, unit),
        ]
    }
}

/// Measures and compares; with `write` the budget becomes what was measured.
///
/// # Errors
/// When something is missing, or a cost exceeds its budget.
pub fn run(root: &Path, write: bool) -> Result<(), String> {
    let cost = measure(root)?;
    for (name, number, unit) in cost.numbers() {
        println!("{name}: {number} {unit}");
    }
    let file = root.join(FILE);
    if write {
        return fs::write(&file, print(cost)).map_err(|error| format!("{FILE}: {error}"));
    }
    let text = fs::read_to_string(&file)
        .map_err(|error| format!("{FILE}: {error}; cargo xtask budget --write makes it"))?;
    compare(cost, parse(&text)?)
}

fn print(cost: Cost) -> String {
    let lines = cost
        .numbers()
        .map(|(name, number, _)| format!("{name} {number}\n"));
    HEADER.to_owned() + &lines.concat()
}

fn parse(text: &str) -> Result<Cost, String> {
    let number = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        lines
            .find(|(key, _)| *key == name)
            .and_then(|(_, value)| value.trim().parse().ok())
            .ok_or_else(|| format!("{FILE}: no line `{name} NUMBER`"))
    };
    Ok(Cost {
        instructions: number("instructions")?,
        allocations_per_thousand: number("allocations-per-thousand")?,
        with_recorder: number("instructions-with-recorder")?,
        with_prometheus: number("instructions-with-prometheus")?,
    })
}

fn compare(cost: Cost, budget: Cost) -> Result<(), String> {
    let mut over = Vec::new();
    for ((name, number, unit), (_, allowed, _)) in cost.numbers().into_iter().zip(budget.numbers())
    {
        // One allocation in a thousand requests is a buffer that grew.
        let slack = u64::from(name == "allocations-per-thousand");
        if number * 100 > (allowed + slack) * (100 + TOLERANCE_PERCENT) {
            over.push(format!("{name}: {number} {unit}, budget {allowed}"));
        }
    }
    if over.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "over budget: {}. Find out where it went (callgrind_annotate), or raise {FILE} and say why in the commit",
            over.join("; ")
        ))
    }
}

fn measure(root: &Path) -> Result<Cost, String> {
    let valgrind = tool("valgrind")?;
    let peer = build(root)?;
    let answer = "location / { return 200 \"hello, world\\n\"; }";
    let server = Nginx::start(
        Command::new(tool("nginx")?),
        &Listen::Plain,
        &[],
        "",
        answer,
    )?;
    let url = server.url("");
    let of = |count: Count, observer: Option<&str>| {
        let environment = observer.map(|name| (OsStr::new(OBSERVER), OsStr::new(name)));
        count.of_requests(&valgrind, &peer, &url, environment)
    };
    Ok(Cost {
        instructions: of(Count::Instructions, None)? / REQUESTS,
        allocations_per_thousand: of(Count::Allocations, None)? * 1000 / REQUESTS,
        with_recorder: of(Count::Instructions, Some("recorder"))? / REQUESTS,
        with_prometheus: of(Count::Instructions, Some("prometheus"))? / REQUESTS,
    })
}

fn tool(name: &str) -> Result<PathBuf, String> {
    install::find(name).ok_or_else(|| format!("{name} not found: cargo xtask install"))
}

fn build(root: &Path) -> Result<PathBuf, String> {
    let manifest = root.join("bench/Cargo.toml");
    let target = root.join("bench/target");
    let status = Command::new(install::cargo())
        .args(["build", "--release", "--quiet", "--manifest-path"])
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&target)
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err("the bench workspace does not build".to_owned());
    }
    Ok(target.join("release/keepwarm-peer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Cost = Cost {
        instructions: 10_000,
        allocations_per_thousand: 0,
        with_recorder: 11_000,
        with_prometheus: 12_000,
    };

    #[test]
    fn a_budget_is_read_as_it_was_written() {
        assert_eq!(parse(&print(COST)), Ok(COST));
        assert!(parse("instructions many\n").is_err());
    }

    #[test]
    fn three_per_cent_are_forgiven_and_no_more() {
        let with = |instructions| Cost {
            instructions,
            ..COST
        };
        assert_eq!(compare(with(10_300), COST), Ok(()));
        assert!(compare(with(10_301), COST).is_err());
        let allocating = Cost {
            allocations_per_thousand: 1000,
            ..COST
        };
        assert!(
            compare(allocating, COST)
                .unwrap_err()
                .contains("1000 allocations per")
        );
    }
}
