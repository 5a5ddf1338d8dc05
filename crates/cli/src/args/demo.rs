//! `DemoArgs`: the options of `keepwarm demo`.
//!
//! Owns where its pictures go. Refuses to change the story.

use std::path::PathBuf;

use clap::Args;

use super::picture::PictureArgs;

/// Walk through reuse, each way to lose it, and the fix, on loopback.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Write every event as a line of JSON; 'keepwarm report' reads such files
    #[arg(long, value_name = "FILE.jsonl", help_heading = "Pictures and records")]
    pub(crate) events: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
}
