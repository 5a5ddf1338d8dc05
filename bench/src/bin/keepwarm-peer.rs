//! `keepwarm-peer`: the public `Client`, put beside other clients.
//!
//! Owns, beside what every peer measures, what only this client is asked: how many connections a limited burst opens,
//! what sharing one client between two threads costs, and what observers cost. Refuses to tune anything but the idle
//! limits and whom it trusts.

use std::process::ExitCode;
use std::sync::{Arc, Barrier};

use bytes::Bytes;
use http::Uri;
use keepwarm::Client;
use keepwarm::event::{Event, Observer};
use keepwarm::observe::{Prometheus, Recorder};
use keepwarm::tls::Tls;
use keepwarm_bench::{Outcome, Peer, load, main_with};

const USAGE: &str = "\
       keepwarm-peer dials URL LIMIT REQUESTS
       keepwarm-peer threads shared|private runtime-each|one-runtime URL CONCURRENCY REQUESTS";
/// Events that the recorder keeps.
const RECORDED: usize = 1_000;
const THREADS: usize = 2;
/// Names the observer that the client is given; none without it.
const OBSERVER: &str = "KEEPWARM_BENCH_OBSERVER";

#[derive(Clone)]
struct Keepwarm(Client);

impl Peer for Keepwarm {
    const NAME: &'static str = "keepwarm";

    type Target = Uri;

    fn new(connections: usize) -> Outcome<Self> {
        let mut config = Client::builder()
            .max_idle(connections)
            .max_idle_per_host(connections);
        if let Some(certificate) = keepwarm_bench::authority()? {
            config = config.tls(Tls::new().roots(certificate).only_these_roots(true));
        }
        if let Some(observer) = observer()? {
            config = config.observer(observer);
        }
        Ok(Self(config.build()?))
    }

    fn target(url: &str) -> Outcome<Uri> {
        Ok(url.parse()?)
    }

    async fn fetch(self, target: &'static Uri, times: usize) -> Outcome<()> {
        for _ in 0..times {
            let response = self.0.get(target.clone()).send().await?;
            std::hint::black_box(response.bytes().await?);
        }
        Ok(())
    }

    async fn stream(self, target: &'static Uri, times: usize) -> Outcome<()> {
        for _ in 0..times {
            let mut response = self.0.get(target.clone()).send().await?;
            while let Some(piece) = response.chunk().await? {
                std::hint::black_box(piece);
            }
        }
        Ok(())
    }

    async fn send(self, target: &'static Uri, body: Bytes, times: usize) -> Outcome<()> {
        for _ in 0..times {
            let response = self
                .0
                .post(target.clone())
                .body(body.clone())
                .send()
                .await?;
            std::hint::black_box(response.bytes().await?);
        }
        Ok(())
    }
}

fn observer() -> Outcome<Option<Arc<dyn Observer>>> {
    let Ok(name) = std::env::var(OBSERVER) else {
        return Ok(None);
    };
    Ok(Some(match name.as_str() {
        "nobody" => Arc::new(Nobody),
        "prometheus" => Arc::new(Prometheus::new()),
        // Full from early on, as in a service that has run for a while.
        "recorder" => Arc::new(Recorder::new(RECORDED)),
        other => return Err(format!("{OBSERVER}={other} is none that is known").into()),
    }))
}

/// What the events themselves cost.
struct Nobody;

impl Observer for Nobody {
    fn on_event(&self, event: &Event) {
        std::hint::black_box(event);
    }
}

fn main() -> ExitCode {
    main_with(|words| match *words {
        ["dials", url, limit, requests] => {
            keepwarm_bench::block_on(dials(url, limit.parse()?, requests.parse()?))
        }
        ["threads", clients, runtimes, url, concurrency, requests] => {
            let shared = pick(clients, "shared", "private")?;
            let one_runtime = pick(runtimes, "one-runtime", "runtime-each")?;
            threads(
                shared,
                one_runtime,
                url,
                concurrency.parse()?,
                requests.parse()?,
            )
        }
        [] => Err(format!("{}\n{USAGE}", keepwarm_bench::USAGE).into()),
        _ => keepwarm_bench::block_on(keepwarm_bench::measure::<Keepwarm>(words)),
    })
}

fn pick(word: &str, yes: &str, no: &str) -> Outcome<bool> {
    if word == yes || word == no {
        Ok(word == yes)
    } else {
        Err(format!("{word:?} is neither {yes} nor {no}").into())
    }
}

/// A burst over `max_conns_per_host`; the server counts the connections, and so do we.
async fn dials(url: &str, limit: usize, requests: usize) -> Outcome<()> {
    let client = Client::builder()
        .max_idle(limit)
        .max_idle_per_host(limit)
        .max_conns_per_host(limit)
        .build()?;
    let target = load::leak(url.parse()?);
    let peer = Keepwarm(client.clone());
    load::lanes(&peer, target, requests, 1, &load::Kind::Fetch).await?;
    println!("keepwarm opened={}", client.stats().total().opened);
    Ok(())
}

/// Two threads with one client, or with one each; with a runtime each, or as workers of one.
fn threads(
    shared: bool,
    one_runtime: bool,
    url: &str,
    concurrency: usize,
    requests: usize,
) -> Outcome<()> {
    let target = load::leak(url.parse()?);
    let first = Keepwarm::new(concurrency)?;
    let second = if shared {
        first.clone()
    } else {
        Keepwarm::new(concurrency)?
    };
    let lanes = (concurrency / THREADS).max(1);
    let each = requests / (lanes * THREADS);
    let meter = if one_runtime {
        workers([first, second], target, lanes, each)?
    } else {
        runtimes([first, second], target, lanes, each)?
    };
    meter.print("keepwarm", each * lanes * THREADS)
}

fn workers(
    clients: [Keepwarm; THREADS],
    target: &'static Uri,
    lanes: usize,
    each: usize,
) -> Outcome<load::Meter> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()?;
    let [first, second] = &clients;
    let both = async |each| {
        let fetch = load::Kind::Fetch;
        let (one, other) = tokio::join!(
            load::lanes(first, target, lanes, each, &fetch),
            load::lanes(second, target, lanes, each, &fetch)
        );
        one.and(other)
    };
    runtime.block_on(both(load::warm_up(each)))?;
    let meter = load::Meter::start()?;
    runtime.block_on(both(each))?;
    Ok(meter)
}

fn runtimes(
    clients: [Keepwarm; THREADS],
    target: &'static Uri,
    lanes: usize,
    each: usize,
) -> Outcome<load::Meter> {
    let warm = Arc::new(Barrier::new(THREADS + 1));
    let threads = clients.map(|client| {
        let warm = Arc::clone(&warm);
        std::thread::spawn(move || {
            keepwarm_bench::block_on(async move {
                let fetch = load::Kind::Fetch;
                let warmed = load::lanes(&client, target, lanes, load::warm_up(each), &fetch).await;
                // Before the first error is looked at, so that nobody waits for a thread that is gone.
                warm.wait();
                warmed?;
                load::lanes(&client, target, lanes, each, &fetch).await
            })
        })
    });
    warm.wait();
    let meter = load::Meter::start()?;
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")??;
    }
    Ok(meter)
}
