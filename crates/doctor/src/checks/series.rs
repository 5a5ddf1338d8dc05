//! How many requests does one connection serve?
//!
//! One after the other until the server ends the connection or the cap is reached; an end is confirmed by a second
//! connection.

use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::ending::EndedBy;
use crate::trouble::Trouble;

/// What became of one connection.
enum Run {
    /// The server ended it after so many answers.
    Ended { count: u64, announced: bool },
    /// It was open after so many.
    Open(u64),
    /// It told nothing.
    Nothing,
}

/// Connections that a limit is looked for on.
const RUNS: usize = 2;

/// Asks again and again.
pub(crate) async fn check(bench: &Bench) {
    // Half of the time at most for a run: the second then has its own.
    let time = bench.settings.limit / 3;
    for _ in 0..RUNS {
        match run(bench, time).await {
            Run::Ended { count, announced } => bench.put(|measured| {
                let known = measured.max_requests.get_or_insert_default();
                known.counts.push(count);
                known.announced = announced;
                measured.reuse = Some(measured.reuse.unwrap_or(false) || count > 1);
            }),
            Run::Open(count) => {
                return bench.put(|measured| {
                    let known = measured.max_requests.get_or_insert_default();
                    known.at_least = known.at_least.max(count);
                    measured.reuse = Some(measured.reuse.unwrap_or(false) || count > 1);
                });
            }
            Run::Nothing => return,
        }
    }
}

async fn run(bench: &Bench, time: Duration) -> Run {
    let address = bench.addresses[0];
    let Some(mut wire) = bench.open_or_note(address).await else {
        return Run::Nothing;
    };
    let began = Instant::now();
    let ask = bench.plain();
    for count in 0..u64::from(bench.settings.most_requests) {
        if began.elapsed() > time {
            return Run::Open(count);
        }
        match bench.ask(&mut wire, &ask).await {
            Err(Trouble::Refused { status }) => {
                let number = count + 1;
                bench.note(format!(
                    "request {number} of a series was answered {status}: not asked further"
                ));
                return Run::Open(count);
            }
            // A fault: whatever it is, asking on would not be gentle.
            Ok(answer) if answer.status != bench.first.status => {
                let (number, status) = (count + 1, answer.status);
                bench.note(format!(
                    "request {number} of a series was answered {status}: not asked further"
                ));
                return Run::Open(count);
            }
            Ok(answer) if answer.reuse.is_keep() => {
                if count == 1 {
                    bench.put(|measured| measured.reuse = Some(true));
                }
            }
            Ok(_) => {
                let (count, announced) = (count + 1, true);
                return Run::Ended { count, announced };
            }
            Err(Trouble::Ended {
                by,
                answered: false,
            }) if count > 0 => {
                return ended(bench, count, by);
            }
            Err(trouble) => {
                bench.note(format!("request {} of a series: {trouble}", count + 1));
                return Run::Nothing;
            }
        }
    }
    Run::Open(wire.answers)
}

fn ended(bench: &Bench, count: u64, by: EndedBy) -> Run {
    if matches!(by, EndedBy::StrayBytes { .. }) {
        bench.note(format!("stray bytes after {count} answers of a series"));
        return Run::Nothing;
    }
    let announced = false;
    Run::Ended { count, announced }
}
