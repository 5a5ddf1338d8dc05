//! The data of the checks: floors, exceptions, limits. Change the house's rules here, with the reason beside them.

/// Longest file, in lines.
pub(super) const FILE_LINES: usize = 600;
/// Longest function, in lines, from the word `fn` to the closing brace.
pub(super) const FUNCTION_LINES: usize = 70;
/// Longest line of a Rust file, in characters.
pub(super) const LINE_CHARACTERS: usize = 120;

/// One crate and the floors of its top-level modules.
pub(super) struct House {
    pub(super) name: &'static str,
    pub(super) source: &'static str,
    /// A module uses modules of its own floor or below.
    pub(super) floors: &'static [(&'static str, u8)],
    /// Modules of one floor that must not name each other.
    pub(super) strangers: &'static [&'static [&'static str]],
    /// Who may name whom all the same, and why.
    pub(super) exceptions: &'static [(&'static str, &'static str, &'static str)],
    /// What every floor may name, and why.
    pub(super) everywhere: &'static [(&'static str, &'static str)],
}

pub(super) const HOUSES: &[House] = &[
    House {
        name: "keepwarm-core",
        source: "crates/core/src",
        floors: &[
            ("reason", 0),
            ("event", 0),
            ("origin", 0),
            ("time", 0),
            ("serial", 0),
            ("h1", 1),
            ("pool", 1),
            ("race", 1),
            ("retry", 1),
            ("learn", 1),
        ],
        strangers: &[&["h1", "pool", "race", "retry", "learn"]],
        exceptions: &[("pool", "learn", "the pool owns one learner per origin")],
        everywhere: &[],
    },
    House {
        name: "keepwarm",
        source: "crates/keepwarm/src",
        floors: &[
            ("advice", 4),
            ("authorization", 4),
            ("body", 4),
            ("calling", 4),
            ("client", 4),
            ("clock", 2),
            ("decode", 4),
            ("redirect", 4),
            ("request", 4),
            ("response", 4),
            ("target", 4),
            ("config", 4),
            ("error", 4),
            ("transport", 3),
            ("pool", 3),
            ("connect", 3),
            ("conn", 2),
            ("dial", 2),
            ("tls", 2),
            ("http2", 2),
            ("proxy", 2),
            (BESIDE, 0),
        ],
        strangers: &[&["dial", "tls", "proxy"]],
        exceptions: &[],
        everywhere: &[
            ("error", "every floor fails in the same words"),
            ("config", "every floor reads the settings it was built with"),
        ],
    },
];

/// The module beside the floors: of keepwarm it may use the words (floor 0 of the core) and nothing else.
pub(super) const BESIDE: &str = "observe";
/// Other crates that it may use: those it hands events on to, those the words are made of, and one for its tables.
pub(super) const BESIDE_CRATES: &[&str] = &[
    "hashbrown",
    "http",
    "keepwarm_report",
    "opentelemetry",
    "prometheus_client",
    "tracing",
];
pub(super) const BESIDE_SOURCE: &str = "crates/keepwarm/src";
pub(super) const BESIDE_MANIFEST: &str = "crates/keepwarm/Cargo.toml";
/// The words, as the modules of the core that [`BESIDE`] may name.
pub(super) const WORDS: &[&str] = &["reason", "event", "origin", "time"];

/// Where no clock, socket, lock, task or async may be.
pub(super) const PURE_SOURCE: &str = "crates/core/src";
/// Names that may not stand in pure code at all.
pub(super) const IMPURE_WORDS: &[&str] = &[
    "tokio",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "Mutex",
    "RwLock",
    "Condvar",
    "async",
    "await",
];
/// Beginnings of paths that may not stand in pure code.
pub(super) const IMPURE_PATHS: &[&[&str]] = &[
    &["std", "fs"],
    &["std", "thread"],
    &["std", "process"],
    &["std", "env"],
];
/// Ends of paths that may not stand in pure code: the types are fine, reading a clock is not.
pub(super) const IMPURE_CALLS: &[&[&str]] = &[
    &["Instant", "now"],
    &["SystemTime", "now"],
    &["Instant", "elapsed"],
];

/// A manifest and the crates it must not name, with the reason.
pub(super) const UNWANTED_DEPENDENCIES: &[(&str, &[&str], &str)] = &[
    (
        "crates/lab/Cargo.toml",
        &["keepwarm-core", "keepwarm", "httparse"],
        "the lab shares no parser with what it tests",
    ),
    (
        "crates/core/Cargo.toml",
        &[
            "tokio",
            "mio",
            "socket2",
            "hyper",
            "rustls",
            "parking_lot",
            "futures",
            "async-trait",
        ],
        "the core must not be able to reach a socket, a clock or a task",
    ),
];

/// Where the enums live that are always matched by name.
pub(super) const ENUM_SOURCES: &[(&str, &str)] = &[
    ("core", "crates/core/src"),
    ("keepwarm", "crates/keepwarm/src"),
];
/// Beside the wildcard arm, for an enum that another crate of ours declares `#[non_exhaustive]`.
pub(super) const WILDCARD_EXCUSE: &str = "// non_exhaustive";

/// Where the slugs are, and the enums whose every slug needs a test of its name.
pub(super) const SLUG_SOURCE: &str = "crates/core/src/reason";
pub(super) const SLUG_ENUMS: &[&str] = &["CloseReason", "Miss", "Again", "Stop"];
pub(super) const SLUG_TESTS: &str = "crates/keepwarm/tests";
/// Slugs without a test, and why nothing can bring them about yet.
pub(super) const SLUGS_WITHOUT_TEST: &[(&str, &str)] = &[];

/// Rows of the baseline that a test whose name begins with the row (`b7_…`) holds.
pub(super) const BASELINE_ROWS: &[u8] = &[1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13, 17, 18, 19, 20];

/// Where the numbered invariants are.
pub(super) const INVARIANTS: &str = "ARCHITECTURE.md";

/// The pages for people who move over, and where the names are that they call keepwarm's.
pub(super) const NAME_PAGES: &[&str] = &["docs/from-go.md", "docs/from-reqwest.md"];
pub(super) const NAME_SOURCES: &[&str] = &["crates/core/src", "crates/keepwarm/src"];
/// Names of others that stand beside keepwarm's on these pages.
pub(super) const FOREIGN_NAMES: &[&str] = &[
    "Clone",
    "Service",
    "Some",
    "false",
    "hickory",
    "http",
    "http_body",
    "https",
    "host",
    "size_hint",
    "tower_service",
    "true",
];

/// Words that promise work instead of doing it. Put together here so that this file does not trip over itself.
pub(super) const PROMISES: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];
/// Places that exist on one machine only.
pub(super) const MACHINE_PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/tmp", "/kw"),
    concat!("/ro", "ot/"),
];
/// Hosts that packages are fetched from: where they come from is the machine's business, not the repository's.
pub(super) const REGISTRY_HOSTS: &[&str] = &[
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("crates.io", "-index"),
    concat!("registry.", "npmjs.org"),
    concat!("pypi", ".org"),
    concat!("proxy.", "golang.org"),
    concat!("deb.", "debian.org"),
    concat!("security.", "debian.org"),
];
/// Files that tools write and that name hosts by their nature.
pub(super) const LOCK_FILES: &[&str] = &["Cargo.lock", "package-lock.json", "go.sum"];
