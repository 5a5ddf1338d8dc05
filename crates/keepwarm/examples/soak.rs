//! The soak: thousands of connections, every fault, for minutes, with counters on the way and a verdict at the end.
//!
//! Run it with `cargo xtask soak`. Owns the size of the run and what is printed; requests, faults and checks are
//! those of the fault suite.

#[path = "../tests/faults/harness/mod.rs"]
mod harness;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use keepwarm::{Client, RetryPolicy};
use nix::sched::{CloneFlags, unshare};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use harness::callers::{Callers, Tally};
use harness::dice::Dice;
use harness::ledger::Ledger;
use harness::process::{resident_kib, sockets};
use harness::server::{Mood, Server};
use harness::verdict::{comes, conclude};
use harness::watch::Watch;

/// Listeners: a client has some 28 000 ports for each.
const HOSTS: usize = 8;
/// Time between two lines of counters.
const LINE: Duration = Duration::from_secs(10);
/// Files that are no connection.
const OTHER_FILES: u64 = 500;

/// The size of the run.
struct Size {
    time: Duration,
    connections: usize,
    seed: u64,
}

impl Size {
    fn from_words(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut size = Self {
            time: Duration::from_secs(600),
            connections: 10_000,
            seed: 1,
        };
        let mut words = words;
        while let Some(word) = words.next() {
            let value = words.next().ok_or(format!("{word} needs a number"))?;
            let number: u64 = value
                .parse()
                .map_err(|error| format!("{word} {value}: {error}"))?;
            match word.as_str() {
                "--minutes" => size.time = Duration::from_secs(60 * number),
                "--connections" => {
                    size.connections =
                        usize::try_from(number).map_err(|error| error.to_string())?;
                }
                "--seed" => size.seed = number,
                other => return Err(format!("unknown option {other:?}")),
            }
        }
        if size.time.is_zero() || size.connections < HOSTS {
            return Err(format!("at least 1 minute and {HOSTS} connections"));
        }
        Ok(size)
    }

    /// Each connection is one file of the client's: the server's thread has a table of files of its own.
    fn fit_files(&mut self) {
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: limit.maximum,
            ..limit
        };
        // When it cannot be raised, what there is rules.
        let _unchanged = setrlimit(Resource::Nofile, raised);
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let most = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
        if self.connections > most {
            println!("the limit of {files} open files allows {most} connections (ulimit -Hn)");
            self.connections = most;
        }
    }
}

fn main() -> ExitCode {
    let mut size = match Size::from_words(std::env::args().skip(1)) {
        Ok(size) => size,
        Err(complaint) => {
            eprintln!("soak: {complaint}");
            return ExitCode::from(2);
        }
    };
    size.fit_files();
    println!(
        "soak: {:?}, {} connections, seed {}",
        size.time, size.connections, size.seed
    );
    let ledger = Arc::new(Ledger::new(size.seed, RetryPolicy::Go, HOSTS));
    // The first runtime opens what all share: it must be there before the tables of files part.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let server = Server::start_after(&ledger, Mood::Faulty, own_files);
    runtime.block_on(soak(&size, &ledger, &server));
    server.stop();
    let book = ledger.book();
    for complaint in &book.complaints {
        println!("broken: {complaint}");
    }
    if book.broken == 0 {
        println!("verdict: every promise was kept");
        ExitCode::SUCCESS
    } else {
        println!(
            "verdict: {} promises were broken (--seed {})",
            book.broken, size.seed
        );
        ExitCode::from(1)
    }
}

/// Gives this thread a table of open files of its own, so that the limit on them holds for each side alone.
fn own_files() {
    if let Err(error) = unshare(CloneFlags::CLONE_FILES) {
        println!("client and server share one limit on open files: {error}");
    }
}

fn client(size: &Size, watch: &Arc<Watch>) -> Client {
    let limit = Duration::from_millis(500);
    let config = Client::builder()
        .max_idle(size.connections)
        .max_idle_per_host(size.connections)
        .max_conns(size.connections)
        .connect_timeout(Duration::from_secs(5))
        .queue_timeout(Duration::from_secs(5))
        .response_header_timeout(limit)
        .read_idle_timeout(limit)
        .write_stall_timeout(limit)
        .expect_timeout(Duration::from_millis(20))
        .observer(watch.clone());
    config.build().expect("sound settings")
}

async fn soak(size: &Size, ledger: &Arc<Ledger>, server: &Server) {
    let (before, memory) = (sockets(), resident_kib());
    let watch = Watch::new(ledger);
    let mut urls: Vec<String> = Vec::new();
    urls.extend(server.addresses.iter().map(|it| format!("http://{it}")));
    let callers = Arc::new(Callers {
        client: client(size, &watch),
        ledger: Arc::clone(ledger),
        urls,
        longest: Duration::from_secs(20),
        is_patient: false,
        calls_per_knob: 20_000,
        next: AtomicU64::new(0),
        tally: Tally::default(),
    });
    let is_over = Arc::new(AtomicBool::new(false));
    let mut crowd = tokio::task::JoinSet::new();
    for number in 0..(size.connections / 10).clamp(16, 1000) {
        let (callers, is_over) = (Arc::clone(&callers), Arc::clone(&is_over));
        let mut dice = Dice::new(size.seed, !(number as u64));
        crowd.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                callers.one().await;
                tokio::time::sleep(Duration::from_micros(dice.below(200_000) as u64)).await;
            }
        });
    }
    watch_over(size, &callers, &watch).await;
    is_over.store(true, Ordering::Relaxed);
    while let Some(done) = crowd.join_next().await {
        done.expect("no panic");
    }
    line(size.time, &callers, &watch);
    println!("failed: {:?}", callers.tally.failures());
    let slowest = callers.tally.slowest_micros.load(Ordering::Relaxed);
    println!("slowest call: {:?}", Duration::from_micros(slowest));
    let callers = Arc::into_inner(callers).expect("every caller is done");
    let counts = conclude(callers, &watch).await;
    for end in &counts.closed {
        println!("closed {:>9} × {}", end.count, end.reason);
    }
    for retried in &counts.retries {
        println!("judged {:>9} × {}", retried.count, retried.retry);
    }
    println!("faults: {:?}", ledger.book().faults);
    if !comes(|| sockets() == before).await {
        let after = sockets();
        ledger.complain(format!("{before} sockets before, {after} after"));
    }
    let (now, mib) = (resident_kib(), 1024);
    println!(
        "memory: {} MiB before, {} MiB after",
        memory / mib,
        now / mib
    );
}

/// Keeps as many connections open as wanted, and prints the counters.
async fn watch_over(size: &Size, callers: &Callers, watch: &Watch) {
    let began = Instant::now();
    let mut next_line = LINE;
    let mut ended_before = 0;
    while began.elapsed() < size.time {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = callers.client.stats().total().clone();
        let open = now.idle + now.active + now.dialing;
        let lacking = size.connections.saturating_sub(open).div_ceil(HOSTS);
        for url in callers.urls.iter().take(HOSTS) {
            if let Err(error) = callers.client.prewarm(url, lacking) {
                callers.ledger.complain(format!("prewarm: {error}"));
            }
        }
        if began.elapsed() >= next_line {
            line(next_line, callers, watch);
            next_line += LINE;
            let ended = callers.next.load(Ordering::Relaxed);
            if ended == ended_before {
                callers
                    .ledger
                    .complain(format!("no call in {LINE:?}: it stands still"));
            }
            ended_before = ended;
        }
    }
}

fn line(at: Duration, callers: &Callers, watch: &Watch) {
    let now = callers.client.stats().total().clone();
    let calls = callers.next.load(Ordering::Relaxed);
    let answered = callers.tally.answered.load(Ordering::Relaxed);
    let cancelled = callers.tally.cancelled.load(Ordering::Relaxed);
    let failed = callers.tally.not_answered() - cancelled;
    let closed = watch.seen().closed;
    let (sockets, mib) = (sockets(), resident_kib() / 1024);
    let book = callers.ledger.book();
    println!(
        "{:>4} s  calls {calls} answered {answered} failed {failed} cancelled {cancelled} again {}  \
         client: idle {} active {} dialing {} waiting {} opened {} closed {closed} reused {:.1} %  \
         server: accepted {} open {} requests {}  sockets {sockets} memory {mib} MiB  broken {}",
        at.as_secs(),
        now.sent_again(),
        now.idle,
        now.active,
        now.dialing,
        now.waiting,
        now.opened,
        100.0 * now.reuse_ratio(),
        book.accepted,
        book.open,
        book.heads,
        book.broken
    );
}
