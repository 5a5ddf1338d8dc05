//! `Report`: what became of every call and connection, as plain values.
//!
//! Owns the one form that text, picture, HAR, trace and exit code are functions of. Refuses to know where events come
//! from, and to word anything: sentences are made where a finding is made.
//!
//! Times are microseconds after [`Report::began_us`]. Lists refer to each other by index.

mod connection;
mod exchange;
mod finding;
mod origin;

use serde::Serialize;

use crate::attribution;
use crate::history::History;
use crate::log::Log;

pub use connection::{Blame, Connection, End, How, Life, Necessity, Tls};
pub use exchange::{Exchange, Outcome};
pub use finding::{Cure, Finding, Severity};
pub(crate) use origin::ratio;
pub use origin::{Ends, IdleTimeout, Origin};

/// The name of this form, in every JSON of it.
pub const SCHEMA: &str = "keepwarm.report/1";

/// What became of every call and connection of one or several sources.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// When the first event happened, in microseconds since 1970 (UTC).
    pub began_us: u64,
    /// How long it lasted, in microseconds: from the first event to the last.
    pub length_us: u64,
    /// Where the events come from: one for each file, or one for the program itself.
    pub sources: Vec<Source>,
    /// In the order of their first event.
    pub origins: Vec<Origin>,
    /// In the order of their opening; its index is what everything else refers to.
    pub connections: Vec<Connection>,
    /// One for each time a call used a connection, and one for each call that got none, in the order of their start.
    pub exchanges: Vec<Exchange>,
    /// The worst first.
    pub findings: Vec<Finding>,
    /// Events that were dropped because the memory set aside for them was full: what they told is missing.
    pub dropped: u64,
    /// Whether the events end while calls are under way.
    pub cut_short: bool,
}

/// A source of events.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Source {
    /// What it is called: the file's name, or the program's.
    pub name: String,
    /// Clients in it.
    pub clients: u64,
}

impl Report {
    /// The report on these logs, merged on the wall clock. Of queries only the names are kept.
    #[must_use]
    pub fn of(logs: &[Log]) -> Self {
        attribution::judge(History::of(logs, false))
    }

    /// The same with whole queries, which may hold secrets.
    #[must_use]
    pub fn with_queries(logs: &[Log]) -> Self {
        attribution::judge(History::of(logs, true))
    }

    /// Connections opened.
    pub fn opened(&self) -> u64 {
        self.origins.iter().map(|origin| origin.opened).sum()
    }

    /// Of these, the ones that a client with a perfect pool and a patient server would not have opened.
    pub fn avoidable(&self) -> u64 {
        self.origins.iter().map(|origin| origin.avoidable).sum()
    }

    /// The rest.
    pub fn necessary(&self) -> u64 {
        self.opened() - self.avoidable()
    }

    /// Exchanges that got a connection.
    pub fn served(&self) -> u64 {
        self.origins.iter().map(|origin| origin.exchanges).sum()
    }

    /// Of these, the ones on a connection that had served before.
    pub fn reused(&self) -> u64 {
        self.origins.iter().map(|origin| origin.reused).sum()
    }

    /// The share of exchanges on a connection that had served before; none when there was no exchange.
    pub fn reuse_ratio(&self) -> Option<f64> {
        ratio(self.reused(), self.served())
    }

    /// The findings about a cause.
    pub fn finding(&self, slug: &str) -> Option<&Finding> {
        self.findings
            .iter()
            .find(|finding| finding.cause.slug() == slug)
    }
}
