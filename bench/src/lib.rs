//! What the Rust peers share, so that each client is measured by the same code.
//!
//! Owns the words of a peer's command line and the three measurements every client takes part in: requests,
//! idle connections, and the race against a server that closes. Refuses to know any client: that is a [`Peer`].

#![forbid(unsafe_code)]

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;

pub mod idle;
pub mod load;
pub mod process;
pub mod race;

/// Names the file of the certificate that `https` servers of a measurement show.
const AUTHORITY: &str = "KEEPWARM_BENCH_CA";

/// What a measurement gives, or why it could not be made.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The words every peer understands.
pub const USAGE: &str = "\
usage: PEER URL CONCURRENCY REQUESTS [stream | upload=BYTES]
       PEER idle URL CONNECTIONS
       PEER race URL GET|POST GAP_MS SECONDS";

/// An HTTP client that is measured.
pub trait Peer: Clone + Send + Sync + 'static {
    /// How it is called in what is printed.
    const NAME: &'static str;

    /// A URL as this client likes it best, parsed once.
    type Target: Send + Sync + 'static;

    /// The client with everything as it comes, except that it may keep so many idle connections.
    ///
    /// # Errors
    /// When it cannot be built.
    fn new(connections: usize) -> Outcome<Self>;

    /// Reads a URL.
    ///
    /// # Errors
    /// When it is none.
    fn target(url: &str) -> Outcome<Self::Target>;

    /// So many GETs one after the other, each body read into one piece of memory.
    ///
    /// The client makes the loop itself, so that a measured request passes through nothing of ours.
    fn fetch(self, target: &'static Self::Target, times: usize) -> impl Lane;

    /// So many GETs one after the other, each body thrown away piece by piece.
    fn stream(self, target: &'static Self::Target, times: usize) -> impl Lane;

    /// So many POSTs of a body that is in memory one after the other, each with its whole answer.
    fn send(self, target: &'static Self::Target, body: Bytes, times: usize) -> impl Lane;
}

/// The certificate to trust, as PEM; none when everything is plain HTTP.
///
/// # Errors
/// When its file cannot be read.
pub fn authority() -> Outcome<Option<Vec<u8>>> {
    std::env::var_os(AUTHORITY)
        .map(|file| std::fs::read(file).map_err(Into::into))
        .transpose()
}

/// A task that makes one request after the other.
pub trait Lane: Future<Output = Outcome<()>> + Send + 'static {}

impl<F: Future<Output = Outcome<()>> + Send + 'static> Lane for F {}

/// Does what the command line asks of a peer that can no more than every peer.
#[must_use]
pub fn main<P: Peer>() -> ExitCode {
    main_with(|words| block_on(measure::<P>(words)))
}

/// Reads the command line, does `work`, and says what went wrong.
pub fn main_with(work: impl FnOnce(&[&str]) -> Outcome<()>) -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match work(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// One of the measurements that every peer takes part in.
///
/// # Errors
/// Of the client, or of the command line.
pub async fn measure<P: Peer>(words: &[&str]) -> Outcome<()> {
    match *words {
        ["idle", url, connections] => idle::run::<P>(url, connections.parse()?).await,
        ["race", url, method, gap, seconds] => {
            let gap = Duration::from_millis(gap.parse()?);
            let duration = Duration::from_secs(seconds.parse()?);
            let post = match method {
                "GET" => false,
                "POST" => true,
                _ => return Err(USAGE.into()),
            };
            race::run::<P>(url, post, gap, duration).await
        }
        [url, concurrency, requests, ref kind @ ..] => {
            let kind = load::Kind::read(kind)?;
            load::run::<P>(url, concurrency.parse()?, requests.parse()?, kind).await
        }
        _ => Err(USAGE.into()),
    }
}

/// Runs a future on one thread, as every Rust peer is measured.
///
/// # Errors
/// The future's own, or that there is no runtime.
pub fn block_on<T>(future: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(future)
}
