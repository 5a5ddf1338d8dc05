//! Words that must not stand in the repository, and the first words that must.

use super::source::is_word_byte;
use super::tables::{LOCK_FILES, MACHINE_PATHS, PROMISES, REGISTRY_HOSTS};
use super::{File, Finding, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        if !LOCK_FILES.contains(&name) {
            check_lines(file, &mut findings);
        }
        if file.is_rust() && !file.text.starts_with("//!") {
            findings.push(Finding::new(
                file,
                1,
                "the file does not begin with `//!`".to_owned(),
                "a file's first lines say what it owns and what it refuses to know",
                "write them",
            ));
        }
    }
    findings
}

fn check_lines(file: &File, findings: &mut Vec<Finding>) {
    for (index, line) in file.text.lines().enumerate() {
        let mut object = |what: &str, why: &str, cure: &str| {
            findings.push(Finding::new(file, index + 1, what.to_owned(), why, cure));
        };
        for word in PROMISES.iter().filter(|word| stands_alone(line, word)) {
            object(
                word,
                "unfinished work is not hidden in the source",
                "do it, or open an issue",
            );
        }
        for path in MACHINE_PATHS
            .iter()
            .filter(|path| begins_somewhere(line, path))
        {
            object(
                path,
                "the path exists on one machine only",
                "use a relative or a temporary path",
            );
        }
        for host in REGISTRY_HOSTS.iter().filter(|host| line.contains(**host)) {
            object(
                host,
                "where packages come from is the machine's business",
                "leave the host out",
            );
        }
    }
}

/// Whether `word` stands in `line` as a word of its own.
fn stands_alone(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = at.checked_sub(1).map(|index| line.as_bytes()[index]);
        let after = line.as_bytes().get(at + word.len()).copied();
        !before.is_some_and(is_word_byte) && !after.is_some_and(is_word_byte)
    })
}

/// Whether an absolute path that starts like this stands in `line`.
fn begins_somewhere(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = at.checked_sub(1).map(|index| line.as_bytes()[index]);
        !before.is_some_and(|byte| is_word_byte(byte) || matches!(byte, b'.' | b'-' | b'/' | b'~'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)]))
            .into_iter()
            .map(|it| format!("{}: {}", it.line, it.what))
            .collect()
    }

    #[test]
    fn promises_of_work_are_found() {
        for word in PROMISES {
            let text = format!("//! x\n// {word}: later\n");
            assert_eq!(
                findings("crates/a/src/lib.rs", &text),
                [format!("2: {word}")]
            );
            assert_eq!(
                findings("a.md", &format!("{word}S and {word}_{word}")),
                [""; 0]
            );
        }
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        for path in MACHINE_PATHS {
            assert_eq!(
                findings("a.sh", &format!("cat {path}x")),
                [format!("1: {path}")]
            );
            assert_eq!(findings("a.sh", &format!("cat a{path}x .{path}x")), [""; 0]);
        }
    }

    #[test]
    fn registry_hosts_are_found_but_not_in_lock_files() {
        for host in REGISTRY_HOSTS {
            assert_eq!(findings("a.toml", host), [format!("1: {host}")]);
            assert_eq!(findings("bench/Cargo.lock", host), [""; 0]);
        }
    }

    #[test]
    fn a_rust_file_begins_with_its_purpose() {
        let found = findings("crates/a/src/lib.rs", "use std::fs;");
        assert_eq!(found, ["1: the file does not begin with `//!`"]);
        assert_eq!(findings("crates/a/src/lib.rs", "//! Owns a."), [""; 0]);
    }
}
