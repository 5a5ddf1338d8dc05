//! The command line as values.
//!
//! Owns names, help and parsing. Refuses to act.

pub(crate) mod advice;
pub(crate) mod chain;
pub(crate) mod defaults;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod get;
pub(crate) mod lab;
mod origin;
pub(crate) mod picture;
pub(crate) mod proxy;
pub(crate) mod quantity;
pub(crate) mod report;
pub(crate) mod target;
pub(crate) mod tls;
pub(crate) mod transport;

use clap::{Parser, Subcommand};

/// HTTP connections that stay warm, and that tell you why when they don't.
#[derive(Debug, Parser)]
#[command(name = "keepwarm", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  keepwarm demo                                        see it all, on loopback, in seconds
  keepwarm get -v http://127.0.0.1:8080/               which connection, and why
  keepwarm get --repeat 100 http://127.0.0.1:8080/     is it reused?
  keepwarm get --timeline run.html --repeat 100 --parallel 8 http://127.0.0.1:8080/
  keepwarm doctor --quick http://127.0.0.1:8080/       what does the server do to connections?
  keepwarm lab --idle-timeout 5s -v                    a server that closes idle connections

Exit codes: 0 fine; 1 a finding or a failed exchange; 2 usage; 3 target unreachable;
4 inconclusive or interrupted (what was learned so far is printed).";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make requests and see whether their connections are reused, and why not
    Get(Box<get::GetArgs>),
    /// Read events from files, and say what became of the connections they tell of
    Report(Box<report::ReportArgs>),
    Doctor(Box<doctor::DoctorArgs>),
    /// Run a server that misbehaves on request
    Lab(Box<lab::LabArgs>),
    Defaults(defaults::DefaultsArgs),
    /// Walk through reuse, each way to lose it, and the fix, on loopback
    Demo(Box<demo::DemoArgs>),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
