//! The race between a request and a server that closes idle connections: who loses how often.
//!
//! Failures of the first second are counted apart: a client that learns has learnt by then. The body of a POST is a
//! number that no other has, so that the server can tell when one is delivered twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::{Outcome, Peer, load};

const LANES: u64 = 64;
const LEARNING: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Count {
    good: AtomicU64,
    bad: AtomicU64,
}

impl Count {
    fn add(&self, good: bool) {
        let counter = if good { &self.good } else { &self.bad };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.good), read(&self.bad))
    }
}

#[derive(Default)]
struct Counts {
    first_second: Count,
    later: Count,
    number: AtomicU64,
}

/// 64 lanes that wait `gap` (and up to a millisecond more or less) between requests.
///
/// # Errors
/// When the client cannot be built; a request that fails is what is counted.
pub async fn run<P: Peer>(url: &str, post: bool, gap: Duration, duration: Duration) -> Outcome<()> {
    let peer = P::new(LANES as usize)?;
    let target = load::leak(P::target(url)?);
    let counts = Arc::new(Counts::default());
    let began = Instant::now();
    let lanes: Vec<_> = (0..LANES)
        .map(|lane| {
            let (peer, counts) = (peer.clone(), Arc::clone(&counts));
            tokio::spawn(async move {
                let mut random = lane * 7919;
                while began.elapsed() < duration {
                    let early = began.elapsed() < LEARNING;
                    let outcome = if post {
                        let number = counts.number.fetch_add(1, Ordering::Relaxed);
                        let body = Bytes::from(number.to_string());
                        peer.clone().send(target, body, 1).await
                    } else {
                        peer.clone().fetch(target, 1).await
                    };
                    let count = if early {
                        &counts.first_second
                    } else {
                        &counts.later
                    };
                    count.add(outcome.is_ok());
                    tokio::time::sleep(pause(gap, &mut random)).await;
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.await?;
    }
    let ((early_good, early_bad), (good, bad)) = (counts.first_second.read(), counts.later.read());
    println!(
        "{} early_ok={early_good} early_failed={early_bad} ok={good} failed={bad}",
        P::NAME
    );
    Ok(())
}

/// The gap, give or take a millisecond.
fn pause(gap: Duration, random: &mut u64) -> Duration {
    *random = random
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    gap.saturating_sub(Duration::from_millis(1)) + Duration::from_micros((*random >> 33) % 2000)
}
