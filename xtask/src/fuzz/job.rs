//! One run of one target: its folders, its limits, and what its log says.
//!
//! Owns the reading of libFuzzer's lines. Refuses to know what the target does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use super::build::Built;

/// Bytes of one input.
const MOST_BYTES: usize = 4_096;
/// Mebibytes that a target may need: what it takes from a peer is bounded.
const MOST_MEMORY: u64 = 512;
/// Seconds that one input may take.
const LONGEST: u64 = 10;
/// How often the machine may stand still during one run.
const MOST_STALLS: usize = 5;
/// The target that tells what we refuse and hyper accepts, and the variable that names its file.
const TELLS_CLASSES: (&str, &str) = ("differential", "KEEPWARM_FUZZ_REPORT");

/// A target about to run.
pub(super) struct Job<'a> {
    target: &'a str,
    seeds: PathBuf,
    program: PathBuf,
    folder: PathBuf,
    classes: PathBuf,
    seconds: u64,
}

/// What a run that found nothing did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) executions: u64,
    pub(super) per_second: u64,
    /// Edges that the seeds reached, and that were reached in the end.
    pub(super) edges_of_seeds: u64,
    pub(super) edges: u64,
    /// What libFuzzer tells apart by edges, how often, and comparisons.
    pub(super) features: u64,
    pub(super) seeds: u64,
    /// Inputs kept in the end, each for something new, and their size as libFuzzer writes it.
    pub(super) corpus: u64,
    pub(super) corpus_size: String,
    /// Inputs that showed something new when they were found.
    pub(super) new_inputs: u64,
    pub(super) peak_mebibytes: u64,
}

/// An input that broke a promise.
#[derive(Debug)]
pub(super) struct Crash {
    pub(super) what: String,
    /// Where the input is.
    pub(super) kept: Option<PathBuf>,
}

/// Something that we refuse and hyper accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) name: String,
    /// An input, escaped.
    pub(super) example: String,
    /// What hyper made of it.
    pub(super) theirs: String,
}

impl<'a> Job<'a> {
    pub(super) fn new(root: &Path, built: &Built, target: &'a str, seconds: u64) -> Self {
        Self {
            target,
            seeds: root.join("fuzz/corpus").join(target),
            program: built.program(target),
            folder: built.work.join(target),
            classes: classes_file(built),
            seconds,
        }
    }

    /// Runs it to its end. A machine that stands still for seconds makes libFuzzer blame the input of that moment:
    /// one that is quick when it runs alone is no crash, and the run goes on for the rest of its time.
    pub(super) fn run(&self) -> Result<Result<Figures, Crash>, String> {
        let corpus = self.folder.join("corpus");
        let crashes = self.folder.join("crashes");
        // Each run starts from the seeds; crashes stay until somebody removes them.
        let _not_there = fs::remove_dir_all(&corpus);
        for folder in [&corpus, &crashes] {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        if self.target == TELLS_CLASSES.0 {
            let _not_there = fs::remove_file(&self.classes);
        }
        let path = self.folder.join("log.txt");
        let began = Instant::now();
        let mut legs: Vec<Figures> = Vec::new();
        loop {
            let left = self
                .seconds
                .saturating_sub(began.elapsed().as_secs())
                .max(1);
            let status = self.start(left, &path)?;
            let log = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let log = String::from_utf8_lossy(&log);
            let crash = (!status.success()).then(|| crash(&log, status));
            if let Some(crash) = crash
                && !(legs.len() < MOST_STALLS && self.was_stalled(&crash)?)
            {
                return Ok(Err(crash));
            }
            let figures = figures(&log)
                .ok_or_else(|| format!("{}: no figures in {}", self.target, path.display()))?;
            legs.push(figures);
            if status.success() {
                break;
            }
        }
        let mut figures = together(&legs);
        figures.seeds = fs::read_dir(&self.seeds).map_or(0, Iterator::count) as u64;
        figures.per_second = figures.executions / began.elapsed().as_secs().max(1);
        Ok(Ok(figures))
    }

    /// Whether time ran out on an input that takes none when it runs alone; then it is removed.
    fn was_stalled(&self, crash: &Crash) -> Result<bool, String> {
        let Some(kept) = &crash.kept else {
            return Ok(false);
        };
        let name = kept.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with("timeout-") {
            return Ok(false);
        }
        let status = Command::new(&self.program)
            .arg(format!("-timeout={LONGEST}"))
            .arg(kept)
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|error| format!("{} did not start: {error}", self.program.display()))?;
        if status.success() {
            println!("-- {}: the machine stood still, it goes on", self.target);
            fs::remove_file(kept).map_err(|error| format!("{}: {error}", kept.display()))?;
        }
        Ok(status.success())
    }

    fn start(&self, seconds: u64, log: &Path) -> Result<ExitStatus, String> {
        let file = fs::File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let errors = file.try_clone().map_err(|error| error.to_string())?;
        let crashes = self.folder.join("crashes");
        let mut command = Command::new(&self.program);
        if self.target == TELLS_CLASSES.0 {
            command.env(TELLS_CLASSES.1, &self.classes);
        }
        command
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={MOST_BYTES}"))
            .arg(format!("-rss_limit_mb={MOST_MEMORY}"))
            .arg(format!("-timeout={LONGEST}"))
            .arg(format!("-artifact_prefix={}/", crashes.display()))
            .arg("-print_final_stats=1")
            .args([&self.folder.join("corpus"), &self.seeds])
            .env("RUST_BACKTRACE", "1")
            .current_dir(&self.folder)
            .stdout(file)
            .stderr(errors)
            .status()
            .map_err(|error| format!("{} did not start: {error}", self.program.display()))
    }
}

/// Several legs as one run: each begins with what the one before it found.
fn together(legs: &[Figures]) -> Figures {
    let sum = |of: fn(&Figures) -> u64| legs.iter().map(of).sum();
    let first = legs.first().cloned().unwrap_or_default();
    let last = legs.last().cloned().unwrap_or_default();
    Figures {
        executions: sum(|leg| leg.executions),
        new_inputs: sum(|leg| leg.new_inputs),
        edges_of_seeds: first.edges_of_seeds,
        peak_mebibytes: legs.iter().map(|leg| leg.peak_mebibytes).max().unwrap_or(0),
        ..last
    }
}

fn classes_file(built: &Built) -> PathBuf {
    built.work.join("only-hyper-accepts.txt")
}

/// The classes that the differential target told, if it was among those that ran.
pub(super) fn classes(built: &Built, targets: &[String]) -> Vec<Class> {
    if !targets.iter().any(|target| target == TELLS_CLASSES.0) {
        return Vec::new();
    }
    let text = fs::read_to_string(classes_file(built)).unwrap_or_default();
    read_classes(&text)
}

fn read_classes(text: &str) -> Vec<Class> {
    let class = |line: &str| {
        let mut parts = line.splitn(3, '\t').map(str::to_owned);
        Some(Class {
            name: parts.next()?,
            example: parts.next()?,
            theirs: parts.next()?,
        })
    };
    text.lines().filter_map(class).collect()
}

/// Of the lines `#123 NEW cov: 1 ft: 2 corp: 3/4Kb …` and `stat::name: 5`.
fn figures(log: &str) -> Option<Figures> {
    let first = log.lines().find(|line| line.contains("INITED"))?;
    let last = log.lines().rev().find(|line| line.contains(" corp: "))?;
    let stat = |name: &str| {
        let mut lines = log.lines();
        let value = lines.find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
        value?.trim_start_matches(':').trim().parse().ok()
    };
    let (corpus, corpus_size) = after(last, "corp:")?.split_once('/')?;
    Some(Figures {
        executions: stat("number_of_executed_units")?,
        per_second: stat("average_exec_per_sec")?,
        edges_of_seeds: after(first, "cov:")?.parse().ok()?,
        edges: after(last, "cov:")?.parse().ok()?,
        features: after(last, "ft:")?.parse().ok()?,
        seeds: 0,
        corpus: corpus.parse().ok()?,
        corpus_size: corpus_size.to_owned(),
        new_inputs: stat("new_units_added")?,
        peak_mebibytes: stat("peak_rss_mb")?,
    })
}

/// The word behind this one.
fn after<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut words = line.split_whitespace();
    words.find(|word| *word == name)?;
    words.next()
}

/// The panic's own words, or libFuzzer's when there was none (no memory left, no end).
fn crash(log: &str, status: ExitStatus) -> Crash {
    let kept = log
        .lines()
        .find_map(|line| line.split_once("Test unit written to "))
        .map(|(_, path)| PathBuf::from(path.trim()));
    let panic: Vec<&str> = log
        .lines()
        .skip_while(|line| !line.contains(" panicked at "))
        .take_while(|line| !line.starts_with("stack backtrace"))
        .take(60)
        .collect();
    let error = log.lines().find(|line| line.contains("ERROR: libFuzzer"));
    let what = match (panic.is_empty(), error) {
        (false, _) => panic.join("\n"),
        (true, Some(error)) => error.to_owned(),
        (true, None) => format!("it ended with {status}"),
    };
    Crash { what, kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
INFO: seed corpus: files: 48 min: 8b max: 612b total: 3959b rss: 28Mb
#49\tINITED cov: 700 ft: 1200 corp: 40/3Kb exec/s: 0 rss: 29Mb
#60\tNEW    cov: 701 ft: 1201 corp: 41/3Kb lim: 64 exec/s: 0 rss: 29Mb L: 10/64 MS: 1 EraseBytes-
#562772\tDONE   cov: 1757 ft: 6493 corp: 1700/203Kb lim: 651 exec/s: 35173 rss: 30Mb
Done 562772 runs in 16 second(s)
stat::number_of_executed_units: 562772
stat::average_exec_per_sec:     35173
stat::new_units_added:          5599
stat::slowest_unit_time_sec:    0
stat::peak_rss_mb:              30
";

    #[test]
    fn the_figures_of_a_run_are_read_out_of_its_log() {
        let expected = Figures {
            executions: 562_772,
            per_second: 35_173,
            edges_of_seeds: 700,
            edges: 1_757,
            features: 6_493,
            seeds: 0,
            corpus: 1_700,
            corpus_size: "203Kb".to_owned(),
            new_inputs: 5_599,
            peak_mebibytes: 30,
        };
        assert_eq!(figures(LOG), Some(expected));
        assert_eq!(figures("nothing"), None);
    }

    #[test]
    fn legs_of_a_run_are_one_run() {
        let leg = |executions, edges_of_seeds, edges| Figures {
            executions,
            edges_of_seeds,
            edges,
            ..Figures::default()
        };
        let all = together(&[leg(10, 3, 5), leg(20, 5, 8)]);
        assert_eq!(all, leg(30, 3, 8));
    }

    #[test]
    fn a_crash_is_told_in_the_words_of_its_panic() {
        let log = "#9 INITED\n\nthread '<unnamed>' (7) panicked at src/a.rs:1:2:\nno\nstack backtrace:\n 0: x\n\
                   ==7== ERROR: libFuzzer: deadly signal\nartifact_prefix='/x/'; Test unit written to /x/crash-1\n";
        let found = crash(log, ExitStatus::default());
        assert!(found.what.ends_with("src/a.rs:1:2:\nno"), "{}", found.what);
        assert_eq!(found.kept, Some(PathBuf::from("/x/crash-1")));
        let endless = crash(
            "==7== ERROR: libFuzzer: timeout after 10 seconds\n",
            ExitStatus::default(),
        );
        assert!(endless.what.contains("timeout"));
    }

    #[test]
    fn classes_are_a_line_each() {
        let classes = read_classes("length\tHTTP/1.1 200\\n\t200, body \"\"\nbroken line\n");
        assert_eq!(classes.len(), 1);
        assert_eq!(classes[0].name, "length");
        assert_eq!(classes[0].theirs, "200, body \"\"");
    }
}
