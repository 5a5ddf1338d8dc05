//! `DefaultsArgs`: the options of `keepwarm defaults`.
//!
//! Owns what is asked for. Refuses to know the table.

use clap::Args;

/// How long servers, balancers and clients keep idle connections by default, with sources
#[derive(Args, Debug)]
pub(crate) struct DefaultsArgs {
    /// Only products whose name contains this
    #[arg(value_name = "PRODUCT")]
    pub(crate) product: Option<String>,
    /// Write one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
