//! `cargo xtask budget`: what one request costs, held against what it may cost.
//!
//! Owns the measuring (instructions by callgrind, allocations by memcheck, each as the difference of two runs, so that
//! starting up does not count) and the comparison with `bench/budget.txt`. Refuses to measure time: these machines are
//! noisy, and a count is not.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::install;

const FILE: &str = "bench/budget.txt";
/// A cost above its budget by more than this share fails.
const TOLERANCE_PERCENT: u64 = 3;
/// The two runs whose difference counts.
const FEWER: u64 = 2_000;
const MORE: u64 = 4_000;
const CONCURRENCY: &str = "8";
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
    let server = Nginx::start(&tool("nginx")?)?;
    let count = |skin: &str, marker: &str| -> Result<u64, String> {
        let run = |requests: u64| {
            let out = server.folder.join("callgrind.out");
            let arguments: Vec<String> = match skin {
                "callgrind" => vec![
                    "--tool=callgrind".to_owned(),
                    format!("--callgrind-out-file={}", out.display()),
                ],
                _ => vec!["--tool=memcheck".to_owned(), "--leak-check=no".to_owned()],
            };
            let output = Command::new(&valgrind)
                .args(arguments)
                .arg(&peer)
                .args([&server.url, CONCURRENCY, &requests.to_string()])
                .output()
                .map_err(|error| format!("valgrind: {error}"))?;
            let report = String::from_utf8_lossy(&output.stderr);
            // A program that fell has counts too: small ones, within any budget.
            if !output.status.success() {
                return Err(format!("keepwarm-peer failed under {skin}:\n{report}"));
            }
            number_behind(&report, marker)
        };
        // The warm-up of the peer is the same in both.
        Ok(run(MORE)?.saturating_sub(run(FEWER)?))
    };
    Ok(Cost {
        instructions: count("callgrind", "refs:")? / (MORE - FEWER),
        allocations_per_thousand: count("memcheck", "total heap usage:")? * 1000 / (MORE - FEWER),
    })
}

/// The first number behind the marker, in valgrind's report.
fn number_behind(report: &str, marker: &str) -> Result<u64, String> {
    report
        .lines()
        .find_map(|line| line.split_once(marker))
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .and_then(|word| word.replace(',', "").parse().ok())
        .ok_or_else(|| format!("valgrind said nothing of `{marker}`:\n{report}"))
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

/// An nginx of our own on the loopback, gone with the value.
struct Nginx {
    child: Child,
    folder: PathBuf,
    url: String,
}

impl Nginx {
    fn start(program: &Path) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("keepwarm-budget-{}", std::process::id()));
        let broken = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(broken)?;
        let free = TcpListener::bind("127.0.0.1:0").map_err(broken)?;
        let address = free.local_addr().map_err(broken)?;
        drop(free);
        let conf = format!(
            "master_process off; daemon off; pid nginx.pid; error_log nginx.err;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s;\n\
             default_type text/plain; client_body_temp_path body; proxy_temp_path proxy;\n\
             fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
             server {{ listen {address}; location / {{ return 200 \"hello, world\\n\"; }} }} }}\n"
        );
        fs::write(folder.join("nginx.conf"), conf).map_err(broken)?;
        let child = Command::new(program)
            .arg("-p")
            .arg(&folder)
            .args(["-c", "nginx.conf", "-e", "nginx.err"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(broken)?;
        let mut server = Self {
            child,
            folder,
            url: format!("http://{address}/"),
        };
        server.await_listening(&address.to_string())?;
        Ok(server)
    }

    /// Asks until it answers, or has ended.
    fn await_listening(&mut self, address: &str) -> Result<(), String> {
        while std::net::TcpStream::connect(address).is_err() {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                let mut why = String::new();
                if let Some(stderr) = &mut self.child.stderr {
                    let _unreadable = stderr.read_to_string(&mut why);
                }
                return Err(format!("nginx did not start: {why}"));
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // One process (no master): killing it leaves nothing behind but a folder of temporary files.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
        let _left = fs::remove_dir_all(&self.folder);
    }
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

    #[test]
    fn valgrinds_numbers_are_found() {
        let report =
            "==1== I   refs:      56,543,301\n==1==   total heap usage: 1,234 allocs, 5 frees\n";
        assert_eq!(number_behind(report, "refs:"), Ok(56_543_301));
        assert_eq!(number_behind(report, "total heap usage:"), Ok(1234));
        assert!(number_behind("nothing", "refs:").is_err());
    }
}
