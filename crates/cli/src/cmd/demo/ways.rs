//! The ways to lose a connection, as plain data: a server and a client that lose it, and the pair that does not.
//!
//! Owns the cast of the demo. Refuses to run it.

use std::time::Duration;

use keepwarm::Config;
use keepwarm_lab::{Behaviour, scenario};

/// A server, a client, and what the client does.
#[derive(Clone)]
pub(super) struct Setup {
    pub(super) server: Behaviour,
    pub(super) client: Config,
    pub(super) requests: u64,
    pub(super) lanes: u64,
    pub(super) path: &'static str,
    pub(super) habit: Habit,
    /// Between the end of one exchange and the start of the next.
    pub(super) gap: Duration,
    /// The gap varies by up to this much to either side.
    pub(super) gap_jitter: Duration,
    /// All lanes pause for the same times, so that their requests come in bursts.
    pub(super) in_step: bool,
    /// Before anything else one connection is opened and left idle for so long; zero for none.
    pub(super) left_idle: Duration,
}

/// What the client does with each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// Builds a client for each request.
    ClientPerRequest,
    /// Drops the body unread.
    DropsBody,
    /// Sends POST and reads the body.
    Posts,
    /// Reads the body.
    Reads,
    /// Asks the server to close.
    SaysClose,
}

/// One way to lose it, and its cure.
pub(super) struct Way {
    /// For the table.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) fix: &'static str,
    pub(super) lost: Setup,
    pub(super) fixed: Setup,
}

impl Setup {
    pub(super) fn with(server: Behaviour) -> Self {
        Self {
            server,
            client: Config::default(),
            requests: 20,
            lanes: 1,
            path: "/",
            habit: Habit::Reads,
            gap: Duration::ZERO,
            gap_jitter: Duration::ZERO,
            in_step: false,
            left_idle: Duration::ZERO,
        }
    }

    fn habit(self, habit: Habit) -> Self {
        Self { habit, ..self }
    }
}

pub(super) fn ways() -> Vec<Way> {
    let mut ways = server_ways();
    ways.extend(client_ways());
    ways
}

/// What servers do, and proxies in front of them.
fn server_ways() -> Vec<Way> {
    let good = || Setup::with(scenario::well_behaved());
    let with_pauses = |server| Setup {
        requests: 6,
        gap: Duration::from_millis(200),
        ..Setup::with(server)
    };
    vec![
        Way {
            name: "server says close",
            title: "The server says Connection: close",
            fix: "switch keep-alive on at the server",
            lost: Setup::with(scenario::peer_said_close()),
            fixed: good(),
        },
        Way {
            name: "HTTP/1.0",
            title: "The server speaks HTTP/1.0",
            fix: "answer Connection: keep-alive, or speak 1.1",
            lost: Setup::with(scenario::http10()),
            fixed: Setup::with(scenario::http10_keep_alive()),
        },
        Way {
            name: "no length",
            title: "The answer has no length",
            fix: "send Content-Length or chunked",
            lost: Setup::with(scenario::close_delimited()),
            fixed: Setup::with(scenario::chunked([5, 8])),
        },
        Way {
            name: "server's idle timeout",
            title: "The server's idle timeout is shorter than the pause between requests",
            fix: "raise the server's keep-alive timeout",
            lost: with_pauses(scenario::idle_timeout(Duration::from_millis(100))),
            fixed: with_pauses(scenario::idle_timeout(Duration::from_secs(10))),
        },
        Way {
            name: "server's request limit",
            title: "The server allows five requests per connection",
            fix: "raise the limit (nginx: keepalive_requests)",
            lost: Setup::with(scenario::max_requests(5)),
            fixed: Setup::with(scenario::max_requests(1000)),
        },
        Way {
            name: "stray bytes",
            title: "The server sends bytes that belong to no answer",
            fix: "mend its Content-Length",
            lost: Setup::with(scenario::stray_bytes()),
            fixed: good(),
        },
    ]
}

/// What programs do to themselves.
fn client_ways() -> Vec<Way> {
    let good = || Setup::with(scenario::well_behaved());
    let large = |habit| Setup {
        path: "/bytes/2000000",
        ..good().habit(habit)
    };
    let bursts = |max_idle_per_host: usize| Setup {
        client: Config::default().max_idle_per_host(max_idle_per_host),
        requests: 80,
        lanes: 8,
        gap: Duration::from_millis(8),
        ..Setup::with(scenario::slow_head(Duration::from_millis(8)))
    };
    vec![
        Way {
            name: "body dropped unread",
            title: "The program drops response bodies unread",
            fix: "read each body to its end, or drain it",
            lost: large(Habit::DropsBody),
            fixed: large(Habit::Reads),
        },
        Way {
            name: "program says close",
            title: "The program itself says Connection: close",
            fix: "leave that header out",
            lost: good().habit(Habit::SaysClose),
            fixed: good(),
        },
        Way {
            name: "pool too small",
            title: "The pool is smaller than the concurrency (8 at once, 2 kept: Go's default)",
            fix: "max_idle_per_host as large as the concurrency",
            lost: bursts(2),
            fixed: bursts(8),
        },
        Way {
            name: "client per request",
            title: "The program builds a client for each request",
            fix: "build one client and clone it",
            lost: good().habit(Habit::ClientPerRequest),
            fixed: good(),
        },
    ]
}
