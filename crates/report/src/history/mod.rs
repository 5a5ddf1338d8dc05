//! `History`: events put together to lives of connections and calls, not judged yet.
//!
//! Owns the joining: which exchange belongs to which call and connection, when each phase began and ended, over logs of
//! several sources on one time axis. What a log does not tell (its first events were dropped, it ends in the middle)
//! stays open. Refuses to ask why anything happened.

mod fold;
mod order;
mod sums;

use std::collections::BTreeMap;

use keepwarm_core::event::PoolLimits;
use keepwarm_core::reason::{Closed, Miss, Retry};

use crate::log::Log;
use crate::report::{Report, Source};

/// Facts in the form of the report, with the typed reasons beside them that judgements rest on.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) report: Report,
    /// Beside each connection.
    pub(crate) lives: Vec<Typed>,
    /// Beside each exchange.
    pub(crate) retries: Vec<Option<Retry>>,
    /// By source and number, with the limits they were last told to have.
    pub(crate) clients: BTreeMap<(usize, u64), Option<PoolLimits>>,
    pub(crate) failed_dials: Vec<FailedDial>,
}

/// The reasons of a connection's life.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Typed {
    pub(crate) miss: Option<Miss>,
    pub(crate) closed: Option<Closed>,
    /// How long it had been idle when it ended; none when it was in use.
    pub(crate) idle_us: Option<u64>,
}

/// An attempt to open a connection that failed.
#[derive(Clone, Debug)]
pub(crate) struct FailedDial {
    pub(crate) origin: usize,
    pub(crate) at_us: u64,
    pub(crate) error: String,
}

impl History {
    /// Puts the logs together. Of queries only the names are kept, unless `queries`.
    pub(crate) fn of(logs: &[Log], queries: bool) -> Self {
        let mut history = Self::default();
        let began = |log: &Log| {
            let first = log.records.first().map_or(0, |record| record.at_us);
            log.began_us.saturating_add(first)
        };
        let filled = logs.iter().filter(|log| !log.records.is_empty());
        history.report.began_us = filled.map(began).min().unwrap_or(0);
        for (source, log) in logs.iter().enumerate() {
            let clients = fold::fold(&mut history, source, log, queries);
            let dropped = history.report.dropped;
            history.report.dropped = dropped.saturating_add(log.dropped);
            history.report.sources.push(Source {
                name: log.name.clone(),
                clients,
            });
        }
        order::settle(&mut history);
        sums::count(&mut history);
        history
    }

    /// The limits of the client that opened this connection, where they were told.
    pub(crate) fn limits_of(&self, source: usize, number: u64) -> Option<&PoolLimits> {
        self.clients.get(&(source, number))?.as_ref()
    }
}
