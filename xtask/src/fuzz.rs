//! `cargo xtask fuzz`: every fuzz target of `fuzz/` for a while, and one table of what came of it.
//!
//! Owns the order of things and what a crash looks like to a person. What a target does with its bytes is the business
//! of `fuzz/`. libFuzzer is given its coverage by hand (see [`build`]), so that stable Rust and a C++ compiler suffice.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

mod build;
mod job;
mod page;

use build::Built;
use job::{Crash, Figures, Job};

/// Seconds for each target when none are named.
const SECONDS: u64 = 30;
/// Jobs at the same time: more would only take each other's time.
const MOST_AT_ONCE: usize = 2;

/// What `fuzz` was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    seconds: u64,
    write: bool,
    /// None: all of them.
    targets: Vec<String>,
}

impl Options {
    fn read(words: &[String]) -> Result<Self, String> {
        let mut options = Self {
            seconds: SECONDS,
            write: false,
            targets: Vec::new(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--write" => options.write = true,
                "--seconds" => {
                    let number = words.next().ok_or("--seconds needs a number")?;
                    options.seconds = number
                        .parse()
                        .ok()
                        .filter(|seconds| *seconds > 0)
                        .ok_or_else(|| format!("--seconds needs a number, not {number:?}"))?;
                }
                other if other.starts_with('-') => {
                    return Err(format!("unknown option {other:?}"));
                }
                again if options.targets.iter().any(|known| known == again) => {
                    return Err(format!("{again:?} is named twice"));
                }
                target => options.targets.push(target.to_owned()),
            }
        }
        if options.write && !options.targets.is_empty() {
            return Err("--write is for all targets: name none".to_owned());
        }
        Ok(options)
    }

    /// The targets asked for, out of those that there are.
    fn choose(&self, all: Vec<String>) -> Result<Vec<String>, String> {
        if self.targets.is_empty() {
            return Ok(all);
        }
        for target in &self.targets {
            if !all.contains(target) {
                return Err(format!(
                    "no target {target:?}; there are {}",
                    all.join(", ")
                ));
            }
        }
        Ok(self.targets.clone())
    }
}

/// Whether these are options of `fuzz`.
///
/// # Errors
/// What is wrong with them, in words.
pub fn check(words: &[String]) -> Result<(), String> {
    Options::read(words).map(drop)
}

/// Builds the targets and runs them.
///
/// # Errors
/// When something is missing, a target does not build, or an input makes one crash.
pub fn run(root: &Path, words: &[String]) -> Result<(), String> {
    let options = Options::read(words)?;
    let targets = options.choose(build::targets(root)?)?;
    let built = build::all(root)?;
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let at_once = at_once.min(MOST_AT_ONCE).min(targets.len());
    println!(
        "{}: {} s each, {at_once} at a time",
        targets.join(", "),
        options.seconds
    );
    let outcomes = play(root, &built, &targets, options.seconds, at_once)?;
    let mut crashes = Vec::new();
    let mut figures = Vec::new();
    for (target, outcome) in targets.iter().zip(outcomes) {
        match outcome? {
            Ok(found) => figures.push((target.clone(), found)),
            Err(crash) => crashes.push((target.clone(), crash)),
        }
    }
    print!("{}", page::table(&figures));
    let classes = job::classes(&built, &targets);
    print!("{}", page::classes_in_short(&classes));
    if !crashes.is_empty() {
        return Err(describe(&built, &crashes));
    }
    if options.write {
        page::write(root, options.seconds, at_once, &figures, &classes)?;
    }
    Ok(())
}

type Outcome = Result<Result<Figures, Crash>, String>;

/// Runs every target, so many at the same time; the outcomes are in the order of the targets.
fn play(
    root: &Path,
    built: &Built,
    targets: &[String],
    seconds: u64,
    at_once: usize,
) -> Result<Vec<Outcome>, String> {
    let queue = Mutex::new(targets.iter().enumerate());
    let outcomes = Mutex::new(Vec::new());
    let broken = "another job panicked";
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                // The lock is held to choose, not to run. A job that panics is a bug of this program and ends it.
                let next = || queue.lock().expect(broken).next();
                while let Some((index, target)) = next() {
                    let outcome = Job::new(root, built, target, seconds).run();
                    let word = match &outcome {
                        Ok(Ok(_)) => "done",
                        Ok(Err(_)) => "an input broke a promise",
                        Err(_) => "it did not run",
                    };
                    println!("-- {target}: {word}");
                    outcomes.lock().expect(broken).push((index, outcome));
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().map_err(|_| broken.to_owned())?;
    outcomes.sort_by_key(|(index, _)| *index);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

/// Every crash for a person: what broke, on which bytes, and how to see it again.
fn describe(built: &Built, crashes: &[(String, Crash)]) -> String {
    let mut text = format!("{} fuzz target(s) failed\n", crashes.len());
    for (target, crash) in crashes {
        text += &format!("\n== {target}\n{}\n", crash.what.trim_end());
        let Some(kept) = &crash.kept else {
            continue;
        };
        let input = fs::read(kept).unwrap_or_default();
        text += &format!(
            "the input, {} bytes: \"{}\"\nkept in {}\nagain: {} {}\n",
            input.len(),
            input.escape_ascii(),
            kept.display(),
            built.program(target).display(),
            kept.display()
        );
    }
    text += "\nOnce mended, the input belongs into fuzz/corpus/ under a name that says what it is.";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::read(&words)
    }

    #[test]
    fn time_and_targets_are_chosen() {
        let plain = read("").expect("no option is needed");
        assert_eq!((plain.seconds, plain.write), (SECONDS, false));
        let all = ["client", "pool_machine"].map(str::to_owned).to_vec();
        assert_eq!(plain.choose(all.clone()), Ok(all.clone()));
        let one = read("client --seconds 7").expect("in any order");
        assert_eq!(one.seconds, 7);
        assert_eq!(one.choose(all.clone()), Ok(vec!["client".to_owned()]));
        let unknown = read("tls").expect("targets are known once they are listed");
        assert!(unknown.choose(all).is_err());
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in [
            "--seconds",
            "--seconds 0",
            "--seconds soon",
            "--fast",
            "--write client",
            "client client",
        ] {
            assert!(read(line).is_err(), "{line:?} was accepted");
        }
    }
}
