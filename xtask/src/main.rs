//! `cargo xtask …`: words in, exit code out. What each word does lives in the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use xtask::arguments::{self, Task};
use xtask::{bench, budget, conformance, fuzz, install, matrix, soak, steps, tidy};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let task = match arguments::parse(&words) {
        Ok(task) => task,
        Err(complaint) => {
            eprintln!("xtask: {complaint}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    let root = xtask::root();
    let outcome = match task {
        Task::Bench(words) => bench::run(&root, &words),
        Task::Fuzz(words) => fuzz::run(&root, &words),
        Task::Conformance { check: true } => conformance::check(&root),
        Task::Conformance { check: false } => conformance::write(&root),
        Task::Budget { write } => budget::run(&root, write),
        Task::Help => {
            println!("{}", arguments::USAGE);
            Ok(())
        }
        Task::Install => install::run(&root),
        Task::DoctorMatrix(options) => matrix::run(&root, &options),
        Task::Soak(words) => soak::run(&root, &words),
        Task::Test(options) => steps::run(&root, &options),
        Task::Tidy => tidy::report(&root),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("xtask: {complaint}");
            ExitCode::from(1)
        }
    }
}
