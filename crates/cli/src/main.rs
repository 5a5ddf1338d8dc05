//! `keepwarm`: verify that HTTP connections stay warm, and see why when they don't.
//!
//! Owns the way from the command line to a command and from its end to an exit code.

mod args;
mod cmd;
mod exit;
mod out;
mod report;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use exit::{Exit, Failure};

fn main() -> ExitCode {
    let cli = Cli::parse();
    run(cli.command)
        .unwrap_or_else(|failure| failure.report())
        .into()
}

/// One thread: what is measured is then not disturbed by threads of our own.
fn run(command: Command) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::io("cannot start the runtime"))?;
    let exit = runtime.block_on(async {
        match command {
            Command::Get(args) => cmd::get::run(*args).await,
            Command::Report(args) => cmd::report::run(*args),
            Command::Doctor(args) => cmd::doctor::run(*args).await,
            Command::Defaults(args) => cmd::defaults::run(&args),
            Command::Lab(args) => cmd::lab::run(*args).await,
            Command::Demo(args) => cmd::demo::run(*args).await,
        }
    });
    // A name that is still being resolved must not hold the command.
    runtime.shutdown_background();
    exit
}
