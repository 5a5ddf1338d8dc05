//! What was measured with: the machine in words, and the version of everything.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::tools::Tools;

/// Facts without which a number means nothing.
pub(super) struct Machine {
    pub(super) date: String,
    pub(super) words: String,
    pub(super) versions: Vec<(String, String)>,
}

impl Machine {
    /// As it is now; what cannot be learnt is `unknown`.
    pub(super) fn look(root: &Path, tools: &Tools) -> Self {
        let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let model = model(&read("/proc/cpuinfo"));
        let kernel = read("/proc/sys/kernel/osrelease");
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut versions = vec![("keepwarm".to_owned(), keepwarm(root))];
        let lock = fs::read_to_string(root.join("bench/Cargo.lock")).unwrap_or_default();
        for package in ["hyper-util", "hyper", "reqwest", "tokio"] {
            let version = locked(&lock, package).unwrap_or_else(unknown);
            versions.push((package.to_owned(), version));
        }
        let mut program = |name: &str, path: Option<&Path>, word: &str| {
            let version = path.and_then(|path| said(path, word));
            versions.push((name.to_owned(), version.unwrap_or_else(|| "–".to_owned())));
        };
        program("Go", tools.go.as_deref(), "version");
        program("nginx", tools.nginx().ok(), "-v");
        program("rustc", Some(Path::new("rustc")), "--version");
        Self {
            date: said_by(Command::new("date").args(["-u", "+%Y-%m-%d"])).unwrap_or_else(unknown),
            words: format!("{model}, {cores} cores, Linux {}", kernel.trim()),
            versions,
        }
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// The version, and the commit it is at.
fn keepwarm(root: &Path) -> String {
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let version = (manifest.lines())
        .find_map(|line| line.strip_prefix("version = \""))
        .map_or_else(unknown, |rest| rest.trim_end_matches('"').to_owned());
    let git = |words: &[&str]| said_by(Command::new("git").arg("-C").arg(root).args(words));
    let commit = git(&["rev-parse", "--short", "HEAD"]);
    // A run writes the page it is reported in: that one is no change to what is measured.
    let changed = git(&[
        "status",
        "--porcelain",
        "--",
        "crates",
        "bench",
        "Cargo.toml",
    ]);
    match (commit, changed) {
        (Some(commit), None) => format!("{version} at {commit}"),
        (Some(commit), Some(_)) => format!("{version} at {commit} and uncommitted changes"),
        (None, _) => version,
    }
}

fn said(program: &Path, word: &str) -> Option<String> {
    let text = said_by(Command::new(program).arg(word))?;
    let text = text.trim_start_matches("nginx version: ");
    let text = text
        .trim_start_matches("go version ")
        .trim_start_matches("rustc ");
    Some(text.to_owned())
}

/// The first line of what a program says; none when it says nothing.
fn said_by(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let line = String::from_utf8_lossy(&text)
        .lines()
        .next()?
        .trim()
        .to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}

fn model(cpuinfo: &str) -> String {
    (cpuinfo.lines())
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or_else(unknown, |(_, model)| model.trim().to_owned())
}

/// The version of a package in a lock file.
fn locked(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    let version = lines.next()?.strip_prefix("version = \"")?;
    Some(version.trim_end_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_a_lock_file() {
        let lock = "name = \"hyper\"\nversion = \"1.12.0\"\n\n\
                    name = \"hyper-util\"\nversion = \"0.1.21\"\n";
        assert_eq!(locked(lock, "hyper").as_deref(), Some("1.12.0"));
        assert_eq!(locked(lock, "hyper-util").as_deref(), Some("0.1.21"));
        assert_eq!(locked(lock, "tokio"), None);
    }

    #[test]
    fn the_processor_is_named() {
        let text = "processor\t: 0\nmodel name\t: A Processor @ 2 GHz\n";
        assert_eq!(model(text), "A Processor @ 2 GHz");
        assert_eq!(model(""), "unknown");
    }
}
