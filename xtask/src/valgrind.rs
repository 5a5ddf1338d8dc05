//! Instructions and allocations, counted by valgrind: the same for the same program, whatever the machine does beside.
//!
//! Owns the running of a program under it and the reading of its report. Refuses to judge the numbers.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// The two runs whose difference counts: neither starting up nor warming up is in it.
const FEWER: u64 = 2_000;
const MORE: u64 = 4_000;
/// Requests at a time.
const CONCURRENCY: &str = "8";
/// Requests that [`Count::of_requests`] is about.
pub(crate) const REQUESTS: u64 = MORE - FEWER;

/// One of valgrind's tools, and the number of its report that we want.
#[derive(Clone, Copy)]
pub(crate) enum Count {
    Instructions,
    Allocations,
}

impl Count {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Instructions => &["--tool=callgrind", "--callgrind-out-file=/dev/null"],
            Self::Allocations => &["--tool=memcheck", "--leak-check=no"],
        }
    }

    fn marker(self) -> &'static str {
        match self {
            Self::Instructions => "refs:",
            Self::Allocations => "total heap usage:",
        }
    }

    /// What [`REQUESTS`] requests of a peer cost (`PROGRAM URL CONCURRENCY REQUESTS`), with this in its environment.
    ///
    /// # Errors
    /// As [`Count::of_run`].
    pub(crate) fn of_requests(
        self,
        valgrind: &Path,
        program: &Path,
        url: &str,
        environment: Option<(&OsStr, &OsStr)>,
    ) -> Result<u64, String> {
        let run = |requests: u64| {
            let words = [url, CONCURRENCY, &requests.to_string()];
            let mut command = Command::new(valgrind);
            self.run(command.envs(environment), program, &words)
        };
        Ok(run(MORE)?.saturating_sub(run(FEWER)?))
    }

    /// What one run of a program costs.
    ///
    /// # Errors
    /// When it does not start, the program fails, or the number is not in the report.
    pub(crate) fn of_run(
        self,
        valgrind: &Path,
        program: &Path,
        words: &[&str],
    ) -> Result<u64, String> {
        self.run(&mut Command::new(valgrind), program, words)
    }

    fn run(self, command: &mut Command, program: &Path, words: &[&str]) -> Result<u64, String> {
        let output = command
            .args(self.arguments())
            .arg(program)
            .args(words)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("valgrind: {error}"))?;
        let report = String::from_utf8_lossy(&output.stderr);
        // A program that fell has counts too: small ones, within any budget.
        if !output.status.success() {
            let program = program.display();
            return Err(format!("{program} under valgrind failed:\n{report}"));
        }
        number_behind(&report, self.marker())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valgrinds_numbers_are_found() {
        let report =
            "==1== I   refs:      56,543,301\n==1==   total heap usage: 1,234 allocs, 5 frees\n";
        let find = |count: Count| number_behind(report, count.marker());
        assert_eq!(find(Count::Instructions), Ok(56_543_301));
        assert_eq!(find(Count::Allocations), Ok(1234));
        assert!(number_behind("nothing", "refs:").is_err());
    }
}
