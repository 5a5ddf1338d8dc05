//! So many requests, so many at a time: time and processor time of each.
//!
//! Owns the lanes (one task each, one request after the other) and the line that is printed.

use std::time::Instant;

use bytes::Bytes;

use crate::process::Cpu;
use crate::{Outcome, Peer, USAGE};

/// A lane makes at most so many requests before the measurement begins.
const WARM_UP: usize = 20;

/// What one request is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A GET, its body read into memory.
    Fetch,
    /// A GET, its body thrown away as it comes.
    Stream,
    /// A POST of this body.
    Upload(Bytes),
}

impl Kind {
    /// Reads the words behind URL, concurrency and number.
    ///
    /// # Errors
    /// The usage.
    pub fn read(words: &[&str]) -> Outcome<Self> {
        match *words {
            [] => Ok(Self::Fetch),
            ["stream"] => Ok(Self::Stream),
            [word] => match word.strip_prefix("upload=") {
                Some(bytes) => Ok(Self::Upload(Bytes::from(vec![b'u'; bytes.parse()?]))),
                None => Err(USAGE.into()),
            },
            _ => Err(USAGE.into()),
        }
    }
}

/// What a number of requests cost this process.
pub struct Meter {
    began: Instant,
    cpu: Cpu,
}

impl Meter {
    /// Starts measuring.
    ///
    /// # Errors
    /// When the system does not tell processor time.
    pub fn start() -> Outcome<Self> {
        let cpu = Cpu::now()?;
        let began = Instant::now();
        Ok(Self { began, cpu })
    }

    /// Prints what was measured since the start.
    ///
    /// # Errors
    /// As [`Meter::start`].
    pub fn print(&self, name: &str, requests: usize) -> Outcome<()> {
        let seconds = self.began.elapsed().as_secs_f64();
        let cpu = Cpu::now()?;
        let count = requests as f64;
        let user = (cpu.user_micros - self.cpu.user_micros) / count;
        let system = (cpu.system_micros - self.cpu.system_micros) / count;
        println!(
            "{name} n={requests} seconds={seconds:.3} rps={:.1} user_us={user:.3} system_us={system:.3} cpu_us={:.3}",
            count / seconds,
            user + system
        );
        Ok(())
    }
}

/// Measures the requests and prints the line.
///
/// # Errors
/// The first request that failed.
pub async fn run<P: Peer>(
    url: &str,
    concurrency: usize,
    requests: usize,
    kind: Kind,
) -> Outcome<()> {
    let peer = P::new(concurrency)?;
    let target = leak(P::target(url)?);
    let each = requests / concurrency.max(1);
    lanes(&peer, target, concurrency, warm_up(each), &kind).await?;
    let meter = Meter::start()?;
    lanes(&peer, target, concurrency, each, &kind).await?;
    meter.print(P::NAME, each * concurrency)
}

/// How many requests a lane makes before so many are measured.
#[must_use]
pub fn warm_up(each: usize) -> usize {
    (each / 10).clamp(1, WARM_UP)
}

/// The lanes share one target for the life of the program.
pub fn leak<T>(target: T) -> &'static T {
    Box::leak(Box::new(target))
}

/// `concurrency` lanes of `each` requests, on the current runtime.
///
/// # Errors
/// The first request that failed.
pub async fn lanes<P: Peer>(
    peer: &P,
    target: &'static P::Target,
    concurrency: usize,
    each: usize,
    kind: &Kind,
) -> Outcome<()> {
    let lanes: Vec<_> = (0..concurrency)
        .map(|_| {
            let peer = peer.clone();
            match kind.clone() {
                Kind::Fetch => tokio::spawn(peer.fetch(target, each)),
                Kind::Stream => tokio::spawn(peer.stream(target, each)),
                Kind::Upload(body) => tokio::spawn(peer.send(target, body, each)),
            }
        })
        .collect();
    for lane in lanes {
        lane.await??;
    }
    Ok(())
}
