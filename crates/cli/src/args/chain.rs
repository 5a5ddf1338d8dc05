//! `ChainArgs`: a chain of hops to be examined together.
//!
//! Owns the list of hops and what the user knows about each. Refuses to examine.

use std::time::Duration;

use clap::Args;

use super::quantity;
use super::target::{self, Typed};

/// Hops that are examined side by side.
const MOST_HOPS: usize = 8;

#[derive(Args, Debug)]
pub(crate) struct ChainArgs {
    /// Examine these hops together, from the edge to the application, in place of URL: does each keep idle connections
    /// for longer than the one before it?
    #[arg(
        long,
        value_name = "URL,URL…",
        value_delimiter = ',',
        value_parser = target::typed,
        conflicts_with = "url"
    )]
    chain: Vec<Typed>,
    /// How long each hop of the chain keeps idle connections to the next one, in its order; - for those not known
    #[arg(
        long,
        value_name = "TIME,…",
        value_delimiter = ',',
        value_parser = known
    )]
    upstream_idle: Vec<Known>,
}

/// A time, when it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known(Option<Duration>);

fn known(text: &str) -> Result<Known, String> {
    if text == "-" {
        return Ok(Known(None));
    }
    let time =
        quantity::duration(text).map_err(|mistake| format!("{mistake} (or - for not known)"))?;
    Ok(Known(Some(time)))
}

impl ChainArgs {
    /// Nothing of a chain may be said about a single URL.
    pub(crate) fn none(&self) -> Result<(), String> {
        match self.upstream_idle.is_empty() {
            true => Ok(()),
            false => Err("--upstream-idle tells of the hops of a --chain".to_owned()),
        }
    }

    /// The hops, each with its idle timeout towards the next where the user knows it; empty when there is no chain.
    pub(crate) fn hops(&self) -> Result<Vec<(&Typed, Option<Duration>)>, String> {
        let (hops, known) = (self.chain.len(), self.upstream_idle.len());
        if hops == 1 {
            return Err("a chain has two hops or more: --chain EDGE,APPLICATION".to_owned());
        }
        if hops > MOST_HOPS {
            return Err(format!("a chain has at most {MOST_HOPS} hops"));
        }
        if known >= hops && known > 0 {
            return Err(format!(
                "{known} times for --upstream-idle, and only {} of {hops} hops have one behind them",
                hops - 1
            ));
        }
        let times = self.upstream_idle.iter().map(|it| it.0);
        let times = times.chain(std::iter::repeat(None));
        Ok(self.chain.iter().zip(times).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_a_dash() {
        assert_eq!(known("-"), Ok(Known(None)));
        assert_eq!(known("2s"), Ok(Known(Some(Duration::from_secs(2)))));
        assert!(known("2").is_err_and(|mistake| mistake.contains('-')));
    }
}
