//! A dialer that logs: one line per connection, none per request. When reuse works there are fewer lines than calls.
//!
//! `cargo run -p keepwarm-examples --example dial_log`
//!
//! Whatever implements `Dialer` can wrap another one; keepwarm puts TLS, proxies and HTTP/2 on top of what it opens.
//! Ten calls one after the other take one connection, three at the same time take two more.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::routing::get;
use keepwarm::dial::{Addresses, BoxFuture, DialError, Dialed, Dialer, TcpDialer};
use keepwarm::{Client, Origin};
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// Dials as the dialer inside does, and writes down what came of it.
struct DialLog<D> {
    inner: D,
    lines: Arc<Mutex<Vec<String>>>,
}

impl<D> DialLog<D> {
    async fn logged(
        &self,
        origin: &Origin,
        dialing: BoxFuture<'_, Result<Dialed, DialError>>,
    ) -> Result<Dialed, DialError> {
        let dialed = dialing.await;
        self.write(origin, &dialed);
        dialed
    }

    fn write(&self, origin: &Origin, dialed: &Result<Dialed, DialError>) {
        let time = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let what = match dialed {
            Ok(Dialed {
                remote: Some(remote),
                connected_in,
                ..
            }) => format!("{origin} connected to {remote} in {connected_in:?}"),
            // A Unix socket has no address.
            Ok(_) => format!("{origin} connected"),
            Err(error) => format!("{origin} {error}"),
        };
        let line = format!("{:.3} {what}", time.as_secs_f64());
        println!("{line}");
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
    }
}

impl<D: Dialer> Dialer for DialLog<D> {
    fn dial<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        Box::pin(self.logged(origin, self.inner.dial(origin)))
    }

    // Passed on, so that the dialer inside knows how long it has.
    fn dial_within<'a>(
        &'a self,
        origin: &'a Origin,
        limit: Option<Duration>,
    ) -> BoxFuture<'a, Result<Dialed, DialError>> {
        Box::pin(self.logged(origin, self.inner.dial_within(origin, limit)))
    }

    // Passed on, so that connections to an address that leaves the name are still found.
    fn addresses(&self, origin: &Origin) -> Option<Arc<Addresses>> {
        self.inner.addresses(origin)
    }

    fn ask_again<'a>(&'a self, origin: &'a Origin) -> Option<BoxFuture<'a, ()>> {
        self.inner.ask_again(origin)
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) calls: usize,
    /// The lines of the log.
    pub(crate) dials: Vec<String>,
    /// The connections that the pool knows of.
    pub(crate) opened: u64,
}

pub(crate) async fn run() -> Result<Outcome, Box<dyn std::error::Error>> {
    let (listener, url) = listen().await?;
    // Nobody is answered at /together before three are there.
    let crowd = Arc::new(Barrier::new(3));
    let together = get(async move || {
        crowd.wait().await;
        "hello"
    });
    let router = Router::new()
        .route("/", get(async || "hello"))
        .route("/together", together);
    let server = tokio::spawn(axum::serve(listener, router).into_future());

    let lines = Arc::new(Mutex::new(Vec::new()));
    let config = Client::builder();
    // With the settings that the client's own dialer would have: addresses, timeouts, socket options.
    let log = DialLog {
        inner: TcpDialer::of(&config),
        lines: Arc::clone(&lines),
    };
    let client = config.dialer(log).build()?;

    println!("10 calls, one after the other:");
    for _ in 0..10 {
        client.get(url.as_str()).send().await?.bytes().await?;
    }
    println!("3 calls at the same time:");
    let mut calls = JoinSet::new();
    for _ in 0..3 {
        let call = client.get(format!("{url}together")).send();
        calls.spawn(async move { call.await?.bytes().await });
    }
    while let Some(call) = calls.join_next().await {
        call??;
    }

    let dials = lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let opened = client.stats().total().opened;
    server.abort();
    Ok(Outcome {
        calls: 13,
        dials,
        opened,
    })
}

async fn listen() -> io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    Ok((listener, url))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let outcome = run().await?;
    println!(
        "{} calls, {} dials, {} connections in the statistics",
        outcome.calls,
        outcome.dials.len(),
        outcome.opened
    );
    Ok(())
}
