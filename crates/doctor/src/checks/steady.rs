//! Does the server end connections for their age?
//!
//! One connection asks now and then, for as long as others wait: it is never idle for long and serves few requests, so
//! that its end is for its age. When it ended, a second one is asked for confirmation.

use std::time::Duration;

use crate::bench::Bench;
use crate::measured::Age;
use crate::trouble::Trouble;

/// Connections that are asked, one after the other.
const RUNS: usize = 2;
/// Requests in the time there is.
const REQUESTS: u32 = 40;
/// More often would not be gentle.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// Asks now and then, until the connection ends or the time is over.
pub(crate) async fn check(bench: &Bench) {
    let pause = (bench.settings.limit / REQUESTS).max(LEAST_PAUSE);
    for _ in 0..RUNS {
        let Some(age) = run(bench, pause).await else {
            return;
        };
        bench.put(|measured| measured.ages.ended.push(age));
    }
}

/// The age at which it ended; none when that was not seen.
async fn run(bench: &Bench, pause: Duration) -> Option<Age> {
    let mut wire = bench.open(bench.addresses[0]).await.ok()?;
    let opened = wire.opened;
    let mut idle = Duration::ZERO;
    loop {
        let answered = bench.ask(&mut wire, &bench.plain()).await;
        let ended = |announced, requests| Age {
            after: opened.elapsed(),
            requests,
            idle,
            announced,
        };
        let last = match answered {
            Ok(answer) if answer.reuse.is_keep() => answer.last_byte,
            Ok(_) => return Some(ended(true, wire.answers)),
            Err(Trouble::Ended {
                answered: false, ..
            }) if wire.answers > 0 => return Some(ended(false, wire.answers)),
            Err(_) => return None,
        };
        bench.put(|measured| {
            let open = &mut measured.ages.at_least;
            *open = (*open).max(Some(last - opened));
        });
        tokio::select! {
            biased;
            (_, at) = wire.end() => return Some(Age {
                after: at - opened,
                requests: wire.answers,
                idle: at - last,
                announced: false,
            }),
            () = bench.last_orders() => return None,
            () = tokio::time::sleep(pause) => idle = last.elapsed(),
        }
    }
}
