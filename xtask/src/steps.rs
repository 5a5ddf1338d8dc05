//! `cargo xtask test`: every check in its order, with a heading and a time each.
//!
//! Owns the order and the reporting; what a check finds is the business of the tool that runs.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::arguments::TestOptions;
use crate::{budget, conformance, features, fuzz, install, tidy};

/// The library whose features must each build alone.
const LIBRARY: &str = "keepwarm";

/// One check.
struct Step {
    title: String,
    work: Work,
}

enum Work {
    /// What a request costs against what it may cost.
    Budget,
    /// The page of conformance against the tests.
    Conformance,
    /// Each fuzz target for a short while.
    Fuzz,
    /// A cargo command: its words and the environment it adds.
    Cargo {
        words: Vec<String>,
        environment: Vec<(&'static str, &'static str)>,
        /// Keep the lines that sum up the tests, to repeat them at the end.
        is_test_run: bool,
    },
    /// A tool that is not here. Said aloud, never passed over in silence.
    Skipped {
        why: String,
    },
    Tidy,
}

/// Runs all checks and stops at the first that fails.
///
/// # Errors
/// Which check failed and how to run it alone.
pub fn run(root: &Path, options: &TestOptions) -> Result<(), String> {
    let began = Instant::now();
    heading("what the tests need");
    install::run(root)?;
    let steps = plan(root, options)?;
    let mut times: Vec<(String, String)> = Vec::new();
    let mut closing: Vec<String> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        heading(&format!("{}/{} {}", index + 1, steps.len(), step.title));
        let started = Instant::now();
        match &step.work {
            Work::Skipped { why } => {
                println!("{why}");
                times.push((step.title.clone(), why.clone()));
                continue;
            }
            Work::Conformance => conformance::check(root).map_err(|error| failure(step, &error))?,
            Work::Budget => budget::run(root, false).map_err(|error| failure(step, &error))?,
            Work::Fuzz => fuzz::run(root, &[]).map_err(|error| failure(step, &error))?,
            Work::Tidy => tidy::report(root).map_err(|error| failure(step, &error))?,
            Work::Cargo { is_test_run, .. } => {
                let lines = step.run_cargo(root)?;
                if *is_test_run {
                    closing.extend(lines);
                }
            }
        }
        let time = seconds(started.elapsed());
        println!("-- {}: {time}", step.title);
        times.push((step.title.clone(), time));
    }
    heading(&format!(
        "all checks passed in {}",
        seconds(began.elapsed())
    ));
    for (title, time) in &times {
        println!("{title:<40} {time}");
    }
    for line in &closing {
        println!("{line}");
    }
    Ok(())
}

fn plan(root: &Path, options: &TestOptions) -> Result<Vec<Step>, String> {
    let mut steps = vec![
        Step::cargo("format", "fmt --all --check"),
        Step::cargo(
            "clippy",
            "clippy --workspace --all-targets --all-features -- -D warnings",
        ),
    ];
    if !options.fast {
        // The command and the library share a name, and so the folder their documentation goes to: one after the other.
        steps.push(Step::documentation(
            "documentation of the command",
            "--package keepwarm-cli",
        ));
        steps.push(Step::documentation(
            "documentation",
            "--workspace --exclude keepwarm-cli",
        ));
    }
    add_tests(&mut steps, options);
    if !options.fast {
        steps.push(Step::cargo(
            "documentation tests",
            "test --doc --workspace --all-features",
        ));
        let alone = format!("check --package {LIBRARY} --no-default-features");
        steps.push(Step::cargo("no feature", &alone));
        for feature in features::of_package(root, LIBRARY)? {
            steps.push(Step::cargo(
                &format!("feature {feature} alone"),
                &format!("{alone} --features {feature}"),
            ));
        }
    }
    add_workspaces(&mut steps, root, options);
    steps.push(Step {
        title: "conformance".to_owned(),
        work: Work::Conformance,
    });
    steps.push(Step {
        title: "tidy".to_owned(),
        work: Work::Tidy,
    });
    // Advisories are left to a daily run: they need the network, and an unchanged commit must not turn red overnight.
    steps.push(if install::find("cargo-deny").is_some() {
        Step::cargo("cargo-deny", "deny check bans licenses sources")
    } else {
        Step::skipped(
            "cargo-deny",
            "cargo-deny not found: skipped (cargo install --locked cargo-deny)",
        )
    });
    Ok(steps)
}

/// The workspaces of their own: measuring and fuzzing.
fn add_workspaces(steps: &mut Vec<Step>, root: &Path, options: &TestOptions) {
    if root.join("bench/Cargo.toml").is_file() {
        steps.push(Step::cargo(
            "bench workspace",
            "check --manifest-path bench/Cargo.toml --features peers",
        ));
        if !options.fast {
            steps.push(Step {
                title: "budget".to_owned(),
                work: Work::Budget,
            });
        }
    } else {
        steps.push(Step::skipped(
            "bench workspace",
            "bench/Cargo.toml not found: skipped",
        ));
    }
    if !options.fast {
        steps.push(Step {
            title: "fuzz targets".to_owned(),
            work: Work::Fuzz,
        });
    }
}

fn add_tests(steps: &mut Vec<Step>, options: &TestOptions) {
    let mut words: Vec<String> = Vec::new();
    let filter = options.filter.as_deref();
    if install::find("cargo-nextest").is_some() {
        words.extend(split("nextest run --workspace --all-features"));
        words.extend(split("--config-file xtask/nextest.toml"));
        // A filter expression has parentheses; a part of a name has none.
        if filter.is_some_and(|filter| filter.contains('(')) {
            words.push("-E".to_owned());
        }
        words.extend(filter.map(str::to_owned));
        if std::io::stderr().is_terminal() {
            words.extend(split("--color always"));
        }
    } else {
        steps.push(Step::skipped(
            "cargo-nextest",
            "cargo-nextest not found: cargo test runs the tests instead (cargo install --locked cargo-nextest)",
        ));
        words.extend(split("test --workspace --all-targets --all-features"));
        words.extend(filter.map(str::to_owned));
    }
    steps.push(Step {
        title: "tests".to_owned(),
        work: Work::Cargo {
            words,
            environment: Vec::new(),
            is_test_run: true,
        },
    });
    if !options.fast {
        steps.push(Step::interleavings());
    }
}

impl Step {
    fn cargo(title: &str, words: &str) -> Self {
        Self {
            title: title.to_owned(),
            work: Work::Cargo {
                words: split(words),
                environment: Vec::new(),
                is_test_run: false,
            },
        }
    }

    fn documentation(title: &str, packages: &str) -> Self {
        let words = format!("doc {packages} --no-deps --document-private-items --all-features");
        Self {
            title: title.to_owned(),
            work: Work::Cargo {
                words: split(&words),
                environment: vec![("RUSTDOCFLAGS", "-D warnings")],
                is_test_run: false,
            },
        }
    }

    /// The pool's own code under many schedules of its threads, compiled for that and so into a place of its own.
    fn interleavings() -> Self {
        let place = "--target-dir target/interleavings";
        let words = format!("test --package {LIBRARY} --lib {place} -- interleavings");
        Self {
            title: "interleavings".to_owned(),
            work: Work::Cargo {
                words: split(&words),
                // A little optimised: that takes the run from a minute and a half to a few seconds.
                environment: vec![
                    ("RUSTFLAGS", "--cfg keepwarm_shuttle"),
                    ("CARGO_PROFILE_DEV_OPT_LEVEL", "1"),
                ],
                is_test_run: true,
            },
        }
    }

    fn skipped(title: &str, why: &str) -> Self {
        Self {
            title: title.to_owned(),
            work: Work::Skipped {
                why: why.to_owned(),
            },
        }
    }

    /// What a person types to run this step alone.
    fn alone(&self) -> String {
        match &self.work {
            Work::Budget => "cargo xtask budget".to_owned(),
            Work::Conformance => "cargo xtask conformance --check".to_owned(),
            Work::Fuzz => "cargo xtask fuzz".to_owned(),
            Work::Tidy => "cargo xtask tidy".to_owned(),
            Work::Skipped { why } => why.clone(),
            Work::Cargo {
                words, environment, ..
            } => {
                let mut line = String::new();
                for (name, value) in environment {
                    line.push_str(&format!("{name}={value:?} "));
                }
                line.push_str("cargo");
                for word in words {
                    line.push(' ');
                    if word.contains([' ', '(', '|', '&']) {
                        line.push_str(&format!("'{word}'"));
                    } else {
                        line.push_str(word);
                    }
                }
                line
            }
        }
    }

    /// Runs the cargo command; of a test run, returns the lines that sum it up.
    fn run_cargo(&self, root: &Path) -> Result<Vec<String>, String> {
        let Work::Cargo {
            words,
            environment,
            is_test_run,
        } = &self.work
        else {
            return Ok(Vec::new());
        };
        println!("{}", self.alone());
        let mut command = Command::new(install::cargo());
        command
            .args(words)
            .envs(environment.iter().copied())
            .env_remove("CARGO_MANIFEST_DIR")
            .current_dir(root)
            .stdin(Stdio::null());
        let not_started = |error: std::io::Error| failure(self, &format!("did not start: {error}"));
        let (status, lines) = if *is_test_run {
            run_and_keep_summary(&mut command).map_err(not_started)?
        } else {
            (command.status().map_err(not_started)?, Vec::new())
        };
        if status.success() {
            Ok(lines)
        } else {
            Err(failure(self, &status.to_string()))
        }
    }
}

/// Shows what the command says while it says it, and keeps the lines that sum up a test run.
fn run_and_keep_summary(
    command: &mut Command,
) -> std::io::Result<(std::process::ExitStatus, Vec<String>)> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take();
    let complaints = child.stderr.take();
    let (mut lines, others) = std::thread::scope(|scope| {
        let reader =
            scope.spawn(|| output.map_or_else(Vec::new, |from| copy(from, std::io::stdout())));
        let complaints = complaints.map_or_else(Vec::new, |from| copy(from, std::io::stderr()));
        (reader.join().unwrap_or_default(), complaints)
    });
    lines.extend(others);
    Ok((child.wait()?, lines))
}

fn copy(from: impl Read, mut to: impl Write) -> Vec<String> {
    let mut kept = Vec::new();
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while reader
        .read_until(b'\n', &mut line)
        .is_ok_and(|count| count > 0)
    {
        // A reader that has gone away must not stop the tests.
        let _ = to.write_all(&line);
        let text = String::from_utf8_lossy(&line);
        if is_summary(&text) {
            kept.push(text.trim_end().to_owned());
        }
        line.clear();
    }
    kept
}

fn is_summary(line: &str) -> bool {
    line.contains("test result:") || (line.contains("Summary") && line.contains("tests run"))
}

fn failure(step: &Step, what: &str) -> String {
    format!("{} failed ({what}). Alone: {}", step.title, step.alone())
}

fn heading(text: &str) {
    println!("\n== {text}");
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn split(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(options: &TestOptions) -> Vec<String> {
        let steps = plan(&crate::root(), options).expect("the plan of this very workspace");
        steps.into_iter().map(|step| step.title).collect()
    }

    #[test]
    fn fast_leaves_out_what_takes_long_only() {
        let all = titles(&TestOptions::default());
        let fast = titles(&TestOptions {
            fast: true,
            filter: None,
        });
        let left_out: Vec<&String> = all.iter().filter(|title| !fast.contains(title)).collect();
        assert!(!left_out.is_empty());
        for title in left_out {
            assert!(
                [
                    "documentation",
                    "feature",
                    "budget",
                    "fuzz",
                    "interleavings"
                ]
                .iter()
                .any(|slow| title.contains(slow)),
                "{title}"
            );
        }
        assert!(fast.contains(&"tests".to_owned()));
    }

    #[test]
    fn a_step_tells_how_to_run_it_alone() {
        let step = Step::documentation("documentation", "--workspace");
        assert_eq!(
            step.alone(),
            "RUSTDOCFLAGS=\"-D warnings\" cargo doc --workspace --no-deps --document-private-items --all-features"
        );
        assert_eq!(
            failure(&step, "exit status: 101"),
            format!(
                "documentation failed (exit status: 101). Alone: {}",
                step.alone()
            )
        );
    }

    #[test]
    fn a_failing_step_is_an_error() {
        let step = Step::cargo("nothing", "no-such-subcommand-of-cargo");
        let error = step
            .run_cargo(&crate::root())
            .expect_err("cargo has no such subcommand");
        assert!(error.starts_with("nothing failed ("), "{error}");
    }

    #[test]
    fn both_runners_closing_lines_are_kept() {
        let text = "running 1 test\ntest result: ok. 1 passed\n  Summary [ 0.1s] 3 tests run: 3 passed\nbye\n";
        let mut shown = Vec::new();
        let kept = copy(text.as_bytes(), &mut shown);
        assert_eq!(shown, text.as_bytes());
        assert_eq!(
            kept,
            [
                "test result: ok. 1 passed",
                "  Summary [ 0.1s] 3 tests run: 3 passed"
            ]
        );
    }
}
