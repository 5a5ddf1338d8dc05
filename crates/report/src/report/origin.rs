//! `Origin`: the sums over the connections of one origin.
//!
//! Owns the numbers that a verdict rests on. Refuses to judge them.

use serde::Serialize;

/// An origin and its connections in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Origin {
    /// `http://host:port`.
    pub name: String,
    /// Connections opened.
    pub opened: u64,
    /// Of these, how many had to be: [`Origin::peak`] and [`Origin::forced`], for the most part.
    pub necessary: u64,
    /// The rest: an earlier connection should have served.
    pub avoidable: u64,
    /// Necessary because the server ends connections by a rule of its own.
    pub forced: u64,
    /// Attempts to open one that failed.
    pub dials_failed: u64,
    /// The most exchanges that were under way at once; for HTTP/2 the most connections in use.
    pub peak: u64,
    /// Exchanges.
    pub exchanges: u64,
    /// Of these, on a connection that had served before.
    pub reused: u64,
    /// Exchanges that failed.
    pub failed: u64,
    /// Calls sent again.
    pub retries: u64,
    /// The share of exchanges on a connection that had served before; none without exchanges.
    pub reuse_ratio: Option<f64>,
    /// Time spent on opening connections that need not have been opened.
    pub wasted_us: u64,
    /// The server's idle timeout, as its closes show it.
    pub idle_timeout: Option<IdleTimeout>,
    /// Requests per connection: least, median, most; zeros without connections.
    pub requests: [u64; 3],
    /// Ends by reason, the commonest first.
    pub ends: Vec<Ends>,
}

/// A server's idle timeout, as its closes show it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct IdleTimeout {
    /// The smallest of the closes that agree.
    pub us: u64,
    /// How many closes it rests on.
    pub samples: u64,
}

/// So many ends for one reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ends {
    /// The slug.
    pub reason: String,
    /// Who ended them.
    pub by: String,
    /// How many.
    pub count: u64,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts are far below 2^52, where the loss begins"
)]
pub(crate) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
