//! `PictureArgs`: the options of every command that can show what became of connections.
//!
//! Owns where pictures and records go. Refuses to draw them.

use std::path::PathBuf;

use clap::Args;

/// Where pictures and records go.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Pictures and records")]
pub(crate) struct PictureArgs {
    /// Draw every connection and exchange on a page for the browser: one file, nothing else needed
    #[arg(long, value_name = "FILE.html")]
    pub(crate) timeline: Option<PathBuf>,
    /// Draw the connections here, as lanes of text
    #[arg(long)]
    pub(crate) timeline_text: bool,
    /// Write the exchanges as HAR 1.2, which browsers' developer tools read
    #[arg(long, value_name = "FILE.har")]
    pub(crate) har: Option<PathBuf>,
    /// Write a trace that ui.perfetto.dev and chrome://tracing open
    #[arg(long, value_name = "FILE.json")]
    pub(crate) trace: Option<PathBuf>,
    /// Write queries whole into pictures and records; without it only the names in them, for values may be secrets
    #[arg(long)]
    pub(crate) with_queries: bool,
}

impl PictureArgs {
    /// Whether anything is to be drawn or recorded.
    pub(crate) fn is_any(&self) -> bool {
        self.timeline.is_some() || self.timeline_text || self.har.is_some() || self.trace.is_some()
    }
}
