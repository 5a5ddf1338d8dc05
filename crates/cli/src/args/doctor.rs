//! `DoctorArgs`: the options of `keepwarm doctor`.
//!
//! Owns what is examined and for how long. Refuses to examine.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use keepwarm_doctor::{Budget, Cause};

use super::advice::AdviceArgs;
use super::chain::ChainArgs;
use super::picture::PictureArgs;
use super::quantity;
use super::target::{self, Typed};
use super::tls::TlsArgs;

const EXAMPLES: &str = "\
Examples:
  keepwarm doctor https://www.example.com/           a verdict in 80 seconds at most
  keepwarm doctor --quick http://127.0.0.1:8080/     in 8 seconds at most
  keepwarm doctor --long http://127.0.0.1:8080/      finds idle timeouts up to ten minutes
  keepwarm doctor --json http://127.0.0.1:8080/ | jq .idle_timeout_ms
  keepwarm doctor --chain http://edge:8080/,http://app:3000/    does each hop outlive the one before?
  keepwarm doctor --client go --rate 10/s http://127.0.0.1:8080/    how often will its requests meet a close?
  keepwarm doctor --min-idle 5s --fail-on keep-alive-disabled,max-requests-low http://127.0.0.1:8080/

Asked are GET and HEAD of the URL, and one path that does not exist, on at most 16 connections.
Exit codes: 0 healthy; 1 findings (with --fail-on: those named); 2 usage; 3 unreachable, not HTTP, TLS broken;
4 inconclusive or interrupted (what was learned so far is printed).";

/// Measure what a server does to connections: how long it keeps them, for how many requests, and what ends them
///
/// Opens a few connections side by side, asks a little, and waits for the server to end them. Prints a verdict, what
/// was found, and the settings that fit.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DoctorArgs {
    /// What to examine
    #[arg(value_name = "URL", value_parser = target::typed, required_unless_present = "chain")]
    pub(crate) url: Option<Typed>,
    #[command(flatten)]
    pub(crate) chain: ChainArgs,
    #[command(flatten)]
    pub(crate) advice: AdviceArgs,
    /// At most 8 seconds: finds idle timeouts up to 6.5 s
    #[arg(long, group = "budget")]
    quick: bool,
    /// At most 11 minutes: finds idle timeouts up to 10 minutes [default: at most 80 seconds]
    #[arg(long, group = "budget")]
    long: bool,
    /// At most 65 minutes: finds idle timeouts up to an hour
    #[arg(long, group = "budget")]
    deep: bool,
    /// At most this time
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, group = "budget")]
    wait: Option<Duration>,
    /// Requests on one connection at most, to find a limit
    #[arg(long, value_name = "N", default_value_t = 1_100, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub(crate) max_requests: u32,
    /// Send also what no ordinary client sends, to private addresses only: request bodies that nobody wants, two
    /// requests at once, long targets and fields, TRACE
    #[arg(long)]
    pub(crate) aggressive: bool,
    /// With --aggressive: the server is mine, although its address is a public one
    #[arg(long, requires = "aggressive")]
    pub(crate) i_own_this: bool,
    /// Connections open at once at most, for servers that limit them for an address; fewer learn less
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(2..=64))]
    pub(crate) connections: u16,
    /// Speak HTTP/2 only, on http too, without asking first
    #[arg(long, conflicts_with = "chain")]
    pub(crate) http2_prior_knowledge: bool,
    /// Exit 1 only when one of these was found, by name, with commas between them
    #[arg(long, value_name = "CAUSE,…", value_delimiter = ',', value_parser = cause)]
    pub(crate) fail_on: Vec<Cause>,
    /// Idle connections are to be kept at least so long; less is a finding
    #[arg(long, value_name = "TIME", value_parser = quantity::duration)]
    pub(crate) min_idle: Option<Duration>,
    /// Tell everything: all findings with their evidence, each connection that was waited for
    #[arg(short, long, conflicts_with = "json")]
    pub(crate) verbose: bool,
    /// Write one JSON object
    #[arg(long, conflicts_with = "timeline_text")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
    /// Write every event as a line of JSON; 'keepwarm report' reads such files
    #[arg(long, value_name = "FILE.jsonl", help_heading = "Pictures and records")]
    pub(crate) events: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
}

impl DoctorArgs {
    pub(crate) fn budget(&self) -> Budget {
        if self.quick {
            Budget::Quick
        } else if self.long {
            Budget::Long
        } else if self.deep {
            Budget::Deep
        } else {
            Budget::Default
        }
    }

    /// The time given in place of a budget.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.wait
    }
}

fn cause(text: &str) -> Result<Cause, String> {
    Cause::of_slug(text).ok_or_else(|| {
        let all: Vec<_> = Cause::ALL.iter().map(|cause| cause.slug()).collect();
        format!("there are {}", all.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_known_by_its_name() {
        assert_eq!(cause("http10-only"), Ok(Cause::Http10Only));
        assert!(cause("rain").is_err_and(|mistake| mistake.contains("keep-alive-disabled")));
    }
}
