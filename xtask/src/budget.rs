//! `cargo xtask budget`: what one request costs, held against what it may cost.
//!
//! Owns the measuring (instructions by callgrind, allocations by memcheck, each as the difference of two runs, so that
//! starting up does not count) and the comparison with `bench/budget.txt`. Refuses to measure time: these machines are
//! noisy, and a count is not.

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
";

/// What a request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    instructions: u64,
    allocations_per_thousand: u64,
}

/// Measures and compares; with `write` the budget becomes what was measured.
///
/// # Errors
/// When something is missing, or a cost exceeds its budget.
pub fn run(root: &Path, write: bool) -> Result<(), String> {
    let cost = measure(root)?;
    println!(
        "{} instructions per request, {} allocations per 1000 requests",
        cost.instructions, cost.allocations_per_thousand
    );
    let file = root.join(FILE);
    if write {
        return fs::write(&file, print(cost)).map_err(|error| format!("{FILE}: {error}"));
    }
    let text = fs::read_to_string(&file)
        .map_err(|error| format!("{FILE}: {error}; cargo xtask budget --write makes it"))?;
    compare(cost, parse(&text)?)
}

fn print(cost: Cost) -> String {
    format!(
        "{HEADER}instructions {}\nallocations-per-thousand {}\n",
        cost.instructions, cost.allocations_per_thousand
    )
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
    })
}

fn compare(cost: Cost, budget: Cost) -> Result<(), String> {
    let exceeds = |cost: u64, budget: u64| cost * 100 > budget * (100 + TOLERANCE_PERCENT);
    let mut over = Vec::new();
    if exceeds(cost.instructions, budget.instructions) {
        over.push(format!(
            "{} instructions per request, budget {}",
            cost.instructions, budget.instructions
        ));
    }
    // One allocation in a thousand requests is a buffer that grew.
    if exceeds(
        cost.allocations_per_thousand,
        budget.allocations_per_thousand + 1,
    ) {
        over.push(format!(
            "{} allocations per 1000 requests, budget {}",
            cost.allocations_per_thousand, budget.allocations_per_thousand
        ));
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
    let of = |count: Count| count.of_requests(&valgrind, &peer, &url, None);
    Ok(Cost {
        instructions: of(Count::Instructions)? / REQUESTS,
        allocations_per_thousand: of(Count::Allocations)? * 1000 / REQUESTS,
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
                .contains("1000 allocations")
        );
    }
}
