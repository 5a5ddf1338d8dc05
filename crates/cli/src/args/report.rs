//! `ReportArgs`: the options of `keepwarm report`.
//!
//! Owns which events are read and where the report goes. Refuses to read them.

use std::path::PathBuf;

use clap::Args;

use super::picture::PictureArgs;

const EXAMPLES: &str = "\
Examples:
  keepwarm get --events run.jsonl --repeat 100 http://127.0.0.1:8080/
  keepwarm report run.jsonl                        what became of its connections, and why
  keepwarm report run.jsonl -o run.html            the picture
  keepwarm report a.jsonl b.jsonl -o both.html     several machines on one time axis
  keepwarm report --json run.jsonl | jq .findings

A file of events is written by 'keepwarm get --events' and by the library's observe::JsonLines.
Exit codes: 0 nothing found; 1 a finding that costs something; 2 usage, or a file that is no file of events.";

/// Read what happened from files of events, and say what became of the connections.
///
/// Files of several machines are merged on their wall clocks.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReportArgs {
    /// Files of events as JSON Lines (- is standard input)
    #[arg(required = true, value_name = "EVENTS")]
    pub(crate) events: Vec<PathBuf>,
    /// The same as --timeline
    #[arg(
        short = 'o',
        long,
        value_name = "FILE.html",
        conflicts_with = "timeline"
    )]
    pub(crate) output: Option<PathBuf>,
    /// Write the whole report as one JSON object instead of text
    #[arg(long, conflicts_with = "timeline_text")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
}
