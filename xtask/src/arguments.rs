//! Words of the command line → a task. Knows no task's inside: bench, fuzz, matrix and soak read their own options.

use crate::{bench, fuzz, matrix, soak};

/// What `cargo xtask help` prints.
pub const USAGE: &str = "\
usage: cargo xtask <task>

  test [--fast] [--filter EXPR]   everything that must hold before a change goes in
       --fast                     without the documentation, the feature builds and the budget
       --filter EXPR              only these tests (a part of the name, or a nextest filter expression)
  tidy                            the rules of the house only: floors, sizes, promised tests, links
  conformance [--check]           write docs/conformance.md out of the tests; or fail when it is stale
  budget [--write]                instructions and allocations of a request, against bench/budget.txt
  bench [--go] [--quick] [--only PART]… [--json FILE] [--write]
                                  keepwarm beside the other clients, in one run and one table; `bench --help`
                                  names the parts
  fuzz [--seconds N] [--write] [TARGET…]
                                  the fuzz targets, each for so long (30 s)
  soak [--minutes N] [--connections N] [--seed N]
                                  every fault on thousands of connections, with a verdict (10 minutes, 10 000)
  doctor-matrix [--write] [--only SERVER]
                                  the doctor at real servers with known settings: measured against configured;
                                  --write keeps the table in docs/doctor-accuracy.md
  install                         what the tests need and this machine lacks (Debian, as root)
  help                            this text

exit codes: 0 fine, 1 a check failed or something is missing, 2 usage";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    /// Measure beside the other clients, with these options.
    Bench(Vec<String>),
    /// Fuzz, with these options.
    Fuzz(Vec<String>),
    /// Write the page of conformance, or only compare it.
    Conformance {
        /// Compare.
        check: bool,
    },
    /// Measure a request's cost, against the budget.
    Budget {
        /// Make the budget what was measured.
        write: bool,
    },
    /// Examine real servers, with these options.
    DoctorMatrix(Vec<String>),
    /// Print the usage.
    Help,
    /// Install what the tests need.
    Install,
    /// Run every fault on thousands of connections, with these options.
    Soak(Vec<String>),
    /// Run every check.
    Test(TestOptions),
    /// Check the rules of the house.
    Tidy,
}

/// How `test` was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TestOptions {
    /// Leave out the documentation, the feature builds and the budget.
    pub fast: bool,
    /// Passed to the test runner; none runs every test.
    pub filter: Option<String>,
}

/// Reads the command line, without the program's name.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parse(words: &[String]) -> Result<Task, String> {
    let Some((task, rest)) = words.split_first() else {
        return Err("no task given".to_owned());
    };
    let task = match task.as_str() {
        "test" => return test_options(rest).map(Task::Test),
        "conformance" => {
            return match rest {
                [] => Ok(Task::Conformance { check: false }),
                [word] if word == "--check" => Ok(Task::Conformance { check: true }),
                [first, ..] => Err(format!("unknown option {first:?}")),
            };
        }
        "budget" => {
            return match rest {
                [] => Ok(Task::Budget { write: false }),
                [word] if word == "--write" => Ok(Task::Budget { write: true }),
                [first, ..] => Err(format!("unknown option {first:?}")),
            };
        }
        "bench" => return bench::check(rest).map(|()| Task::Bench(rest.to_vec())),
        "fuzz" => return fuzz::check(rest).map(|()| Task::Fuzz(rest.to_vec())),
        "doctor-matrix" => {
            return matrix::check(rest).map(|()| Task::DoctorMatrix(rest.to_vec()));
        }
        "soak" => return soak::check(rest).map(|()| Task::Soak(rest.to_vec())),
        "tidy" => Task::Tidy,
        "install" => Task::Install,
        "help" | "--help" | "-h" => Task::Help,
        other => return Err(format!("unknown task {other:?}")),
    };
    match rest.first() {
        None => Ok(task),
        Some(extra) => Err(format!("unexpected {extra:?}: this task takes nothing")),
    }
}

fn test_options(words: &[String]) -> Result<TestOptions, String> {
    let mut options = TestOptions::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--fast" => options.fast = true,
            "--filter" => {
                let filter = words.next().ok_or("--filter needs an expression")?;
                options.filter = Some(filter.clone());
            }
            other => return Err(format!("unknown option {other:?}")),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Task, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words)
    }

    #[test]
    fn each_task_has_its_word() {
        assert_eq!(parse_line("help"), Ok(Task::Help));
        assert_eq!(parse_line("install"), Ok(Task::Install));
        assert_eq!(parse_line("tidy"), Ok(Task::Tidy));
        for (line, check) in [("conformance", false), ("conformance --check", true)] {
            assert_eq!(parse_line(line), Ok(Task::Conformance { check }));
        }
        assert_eq!(parse_line("test"), Ok(Task::Test(TestOptions::default())));
    }

    #[test]
    fn test_takes_its_options_in_any_order() {
        let options = TestOptions {
            fast: true,
            filter: Some("peer".to_owned()),
        };
        assert_eq!(
            parse_line("test --filter peer --fast"),
            Ok(Task::Test(options))
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in [
            "",
            "tset",
            "test --slow",
            "test --filter",
            "tidy now",
            "conformance now",
        ] {
            assert!(parse_line(line).is_err(), "{line:?} was accepted");
        }
    }
}
