//! `Settings`: how long and how much an examination may ask.
//!
//! Owns the budgets. Refuses to know the checks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keepwarm::tls::Tls;
use keepwarm_core::event::Observer;

/// How long an examination may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Budget {
    /// At most 8 s: finds idle timeouts up to 6.5 s.
    Quick,
    /// At most 80 s: finds idle timeouts up to 75 s, and up to 1 100 requests per connection.
    #[default]
    Default,
    /// At most 11 minutes: finds idle timeouts up to 10 minutes.
    Long,
    /// At most 65 minutes: finds idle timeouts and ages up to an hour.
    Deep,
}

impl Budget {
    /// All of it, from the first connection to the last wait.
    pub fn limit(self) -> Duration {
        match self {
            Self::Quick => Duration::from_millis(7_500),
            Self::Default => Duration::from_secs(79),
            Self::Long => Duration::from_secs(650),
            Self::Deep => Duration::from_secs(3_880),
        }
    }
}

/// How an examination is made.
#[derive(Clone)]
pub struct Settings {
    /// When it ends whatever is still waited for. Default: that of [`Budget::Default`], 79 s.
    pub limit: Duration,
    /// Whether it ends before that when the server announced to keep connections for longer than `limit`. Default:
    /// for [`Budget::Quick`] alone.
    pub trusts_long_announcements: bool,
    /// How long a connection may take to open, a handshake to end, an answer to come. Default: 10 s, and 5 s for
    /// [`Budget::Quick`].
    pub patience: Duration,
    /// Requests on one connection at most. Default: 1 100, above the limits that servers have by default.
    pub most_requests: u32,
    /// Connections open at once at most, all checks together. Fewer leave out some of those that wait; below 2 counts
    /// as 2. Default: 16.
    pub connections: usize,
    /// TLS, for `https` targets.
    pub tls: Tls,
    /// Whether requests are sent that no ordinary client sends: for servers of one's own. Default: no.
    pub aggressive: bool,
    /// Whether that is so although the address is a public one. Default: no.
    pub owned: bool,
    /// Who is told of every connection and request, as by a client. Default: nobody.
    pub observer: Option<Arc<dyn Observer>>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("limit", &self.limit)
            .field("patience", &self.patience)
            .field("most_requests", &self.most_requests)
            .finish_non_exhaustive()
    }
}

/// How often TCP keepalive probes, where it does and the time there is allows it.
const PROBES: Duration = Duration::from_secs(15);
/// What is left of the time for the last questions, at most.
const LAST_ORDERS: Duration = Duration::from_secs(1);
/// How long the last questions may go beyond the time, at most.
const GRACE: Duration = Duration::from_millis(400);

impl Settings {
    /// How often TCP keepalive probes: several times within the time there is, if whole seconds allow it.
    pub(crate) fn probe_interval(&self) -> Duration {
        (self.limit / 5).clamp(Duration::from_secs(1), PROBES)
    }

    /// When the last questions are asked.
    pub(crate) fn last_orders(&self) -> Duration {
        self.limit - LAST_ORDERS.min(self.limit / 10)
    }

    /// When the answers to them are not waited for any more.
    pub(crate) fn closing(&self) -> Duration {
        self.limit + GRACE.min(self.limit / 20)
    }

    /// The settings of a budget.
    pub fn of(budget: Budget) -> Self {
        let quick = budget == Budget::Quick;
        Self {
            limit: budget.limit(),
            trusts_long_announcements: quick,
            patience: Duration::from_secs(if quick { 5 } else { 10 }),
            most_requests: 1_100,
            connections: 16,
            tls: Tls::new(),
            aggressive: false,
            owned: false,
            observer: None,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(Budget::Default)
    }
}
