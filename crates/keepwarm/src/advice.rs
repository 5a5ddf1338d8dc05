//! `Advice`: settings and habits that cost connections, found without being asked.
//!
//! Owns the findings. Refuses to change anything.

use std::fmt;
use std::time::Duration;

use keepwarm_core::origin::Origin;
use keepwarm_core::time::Human;

use crate::config::{Limits, Origins};
use crate::dial::open_files;
use crate::pool::{Stats, habits};

/// Idle timeouts above this outlive what most servers and load balancers keep.
const LONG_IDLE: Duration = Duration::from_secs(120);
/// So many clients, each dropped after hardly any use, are a habit.
const MANY_CLIENTS: u64 = 8;
/// Files a process needs besides its connections.
const OTHER_FILES: u64 = 32;

/// A finding about a client's settings or use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Clients are built for a request or two each: no pool is shared, so nothing is reused.
    ClientPerRequest {
        /// Clients built in this process.
        built: u64,
        /// Of these, dropped after at most two requests.
        hardly_used: u64,
    },
    /// `idle_timeout` is longer than most servers keep a connection.
    IdleTimeoutLong {
        /// What is set; none: for ever.
        configured: Option<Duration>,
    },
    /// `idle_timeout` is longer than this server keeps a connection.
    IdleTimeoutOverServer {
        /// The server.
        origin: Origin,
        /// What is set; none: for ever.
        configured: Option<Duration>,
        /// What the server keeps, learned or announced.
        server: Duration,
    },
    /// The limits allow more connections than the process may open files.
    OpenFilesTooFew {
        /// The process's limit.
        limit: u64,
        /// What the settings allow; none: any number.
        allowed: Option<usize>,
    },
}

impl Advice {
    /// The stable name.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::ClientPerRequest { .. } => "client-per-request",
            Self::IdleTimeoutLong { .. } => "idle-timeout-over-120s",
            Self::IdleTimeoutOverServer { .. } => "idle-timeout-over-server",
            Self::OpenFilesTooFew { .. } => "open-files-too-few",
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |configured: &Option<Duration>| {
            configured.map_or_else(|| "unlimited".to_owned(), |time| Human(time).to_string())
        };
        match self {
            Self::ClientPerRequest { built, hardly_used } => write!(
                f,
                "{built} clients were built and {hardly_used} of them dropped after a request or two: \
                 each has a pool of its own, so nothing is reused; build one and clone it"
            ),
            Self::IdleTimeoutLong { configured } => write!(
                f,
                "idle_timeout is {}: most servers close idle connections sooner (5 to 75 s); 30 s is a good start",
                time(configured)
            ),
            Self::IdleTimeoutOverServer {
                origin,
                configured,
                server,
            } => write!(
                f,
                "idle_timeout is {}, but {origin} closes idle connections after {}: set it below that",
                time(configured),
                Human(*server)
            ),
            Self::OpenFilesTooFew { limit, allowed } => match allowed {
                Some(allowed) => write!(
                    f,
                    "the limits allow {allowed} connections, but this process may open {limit} files: \
                     lower max_conns or raise the limit (ulimit -n)"
                ),
                None => write!(
                    f,
                    "the number of connections has no limit, but this process may open {limit} files: set max_conns"
                ),
            },
        }
    }
}

/// What is to be said about these limits and numbers.
pub(crate) fn on(limits: &Limits, origins: &Origins, stats: &Stats) -> Vec<Advice> {
    let mut found = Vec::new();
    let (built, hardly_used) = habits::clients();
    if hardly_used >= MANY_CLIENTS {
        found.push(Advice::ClientPerRequest { built, hardly_used });
    }
    let configured = limits.idle_timeout;
    if configured.is_none_or(|timeout| timeout > LONG_IDLE) {
        found.push(Advice::IdleTimeoutLong { configured });
    }
    for origin in stats.origins() {
        let settings = origins.settings(&origin.origin.parts());
        let configured = settings.limits(limits).idle_timeout;
        if let Some(estimate) = &origin.idle_timeout
            && configured.is_none_or(|timeout| timeout > estimate.timeout)
        {
            found.push(Advice::IdleTimeoutOverServer {
                origin: origin.origin.clone(),
                configured,
                server: estimate.timeout,
            });
        }
    }
    found.extend(open_files(limits));
    found
}

/// Whether the connections that may stay open at once exceed the files there are.
fn open_files(limits: &Limits) -> Option<Advice> {
    let limit = open_files::limit()?;
    let allowed = limits.max_conns.or(limits.max_idle);
    let fits = allowed.is_some_and(|allowed| allowed as u64 + OTHER_FILES <= limit);
    (!fits).then_some(Advice::OpenFilesTooFew { limit, allowed })
}
