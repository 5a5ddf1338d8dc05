//! The seeded fault suite: settings × runtimes × seeds.
//!
//! Owns the settings under test. Refuses to judge: the bench does.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use keepwarm::{Client, Config, RetryPolicy};

use crate::alone;
use crate::harness::callers::{Callers, Tally};
use crate::harness::ledger::Ledger;
use crate::harness::process::sockets;
use crate::harness::server::{Mood, Server};
use crate::harness::verdict::{comes, conclude};
use crate::harness::watch::Watch;

/// The seeds of every run, unless `KEEPWARM_SEED` names one.
const SEEDS: [u64; 2] = [1, 20_261_122];
/// Calls of one run.
const CALLS: u64 = 600;
/// Calls at the same time.
const CROWD: u64 = 16;

/// One way to use the client.
#[derive(Clone, Copy)]
struct Setting {
    config: fn(Config) -> Config,
    policy: RetryPolicy,
    mood: Mood,
    threads: usize,
}

const DEFAULTS: Setting = Setting {
    config: |config| config,
    policy: RetryPolicy::Go,
    mood: Mood::Faulty,
    threads: 1,
};

fn on_threads(threads: usize, setting: Setting) {
    run(Setting { threads, ..setting });
}

fn run(setting: Setting) {
    let _alone = alone();
    let seeds = match std::env::var("KEEPWARM_SEED") {
        Ok(seed) => vec![seed.parse().expect("KEEPWARM_SEED is a number")],
        Err(_) => SEEDS.to_vec(),
    };
    for seed in seeds {
        run_seed(setting, seed);
    }
}

fn run_seed(setting: Setting, seed: u64) {
    let ledger = Arc::new(Ledger::new(seed, setting.policy, 2));
    let server = Server::start(&ledger, setting.mood);
    let mut runtime = match setting.threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime
        .worker_threads(setting.threads)
        .enable_all()
        .build()
        .expect("a runtime");
    let summary = runtime.block_on(exchanges(setting, &ledger, &server));
    server.stop();
    let book = ledger.book();
    let faults = &book.faults;
    assert!(
        book.broken == 0,
        "{} promises were broken; KEEPWARM_SEED={seed} replays it\n{:#?}\n{summary}\n{faults:?}",
        book.broken,
        book.complaints
    );
}

fn settings(setting: Setting) -> Config {
    // Without faults no limit may be met, however busy the machine is.
    let short = match setting.mood {
        Mood::Calm => Duration::from_secs(5),
        Mood::Faulty => Duration::from_millis(50),
    };
    let config = Client::builder()
        .connect_timeout(Duration::from_secs(2))
        .queue_timeout(Duration::from_secs(2))
        .response_header_timeout(short)
        .read_idle_timeout(short)
        .write_stall_timeout(short)
        .expect_timeout(Duration::from_millis(5))
        .drain_time(Duration::from_millis(10))
        .retry(setting.policy);
    (setting.config)(config)
}

async fn exchanges(setting: Setting, ledger: &Arc<Ledger>, server: &Server) -> String {
    let before = sockets();
    let watch = Watch::new(ledger);
    let mut urls: Vec<String> = Vec::new();
    urls.extend(server.addresses.iter().map(|it| format!("http://{it}")));
    let callers = Arc::new(Callers {
        client: settings(setting)
            .observer(watch.clone())
            .build()
            .expect("sound settings"),
        ledger: Arc::clone(ledger),
        urls,
        longest: Duration::from_secs(8),
        is_patient: setting.mood == Mood::Calm,
        calls_per_knob: 100,
        next: AtomicU64::new(0),
        tally: Tally::default(),
    });
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..CROWD {
        let callers = Arc::clone(&callers);
        crowd.spawn(async move {
            for _ in 0..CALLS / CROWD {
                callers.one().await;
            }
        });
    }
    while let Some(done) = crowd.join_next().await {
        done.expect("no panic");
    }
    let failures = callers.tally.failures();
    let callers = Arc::into_inner(callers).expect("every caller is done");
    let counts = conclude(callers, &watch).await;
    if !comes(|| sockets() == before).await {
        let after = sockets();
        ledger.complain(format!("{before} sockets before, {after} after"));
    }
    format!("{counts:?} {failures:?}")
}

#[test]
fn without_faults_every_count_agrees_exactly() {
    for threads in [1, 2] {
        let mood = Mood::Calm;
        on_threads(threads, Setting { mood, ..DEFAULTS });
    }
}

#[test]
fn faults_under_default_limits_on_one_thread() {
    on_threads(1, DEFAULTS);
}

#[test]
fn faults_under_default_limits_on_two_threads() {
    on_threads(2, DEFAULTS);
}

const TIGHT: Setting = Setting {
    config: |config| config.max_conns_per_host(2).max_idle(1),
    ..DEFAULTS
};

#[test]
fn faults_under_tight_limits_on_one_thread() {
    on_threads(1, TIGHT);
}

#[test]
fn faults_under_tight_limits_on_two_threads() {
    on_threads(2, TIGHT);
}

const SHORT_LIVED: Setting = Setting {
    config: |config| {
        config
            .idle_timeout(Duration::from_millis(3))
            .max_requests_per_connection(Some(5))
            .max_lifetime(Duration::from_millis(40))
            .total_timeout(Duration::from_millis(150))
    },
    ..DEFAULTS
};

#[test]
fn faults_with_short_lived_connections_on_one_thread() {
    on_threads(1, SHORT_LIVED);
}

#[test]
fn faults_with_short_lived_connections_on_two_threads() {
    on_threads(2, SHORT_LIVED);
}

#[test]
fn faults_without_learning() {
    for threads in [1, 2] {
        let config = |config: Config| config.learning(false).honour_server_hint(false);
        on_threads(threads, Setting { config, ..DEFAULTS });
    }
}

#[test]
fn faults_when_nothing_is_sent_again() {
    for threads in [1, 2] {
        let policy = RetryPolicy::Never;
        on_threads(threads, Setting { policy, ..DEFAULTS });
    }
}

#[test]
fn faults_when_put_and_delete_are_sent_again() {
    for threads in [1, 2] {
        let policy = RetryPolicy::Rfc;
        on_threads(threads, Setting { policy, ..DEFAULTS });
    }
}
