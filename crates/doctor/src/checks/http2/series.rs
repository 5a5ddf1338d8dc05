//! How many requests does one HTTP/2 connection serve?
//!
//! One after the other until GOAWAY, another end, or the cap; an end is confirmed by a second connection.

use std::time::{Duration, Instant};

use super::{Told, after_go_away, works};
use crate::bench::Bench;
use crate::http2::Session;
use crate::measured::{NO_ERROR, code_name};
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
pub(crate) async fn check(bench: &Bench, told: Told) {
    if !works(told).await {
        return;
    }
    // As over HTTP/1.1: half of the time at most for a run.
    let time = bench.settings.limit / 3;
    for _ in 0..RUNS {
        let run = run(bench, time).await;
        let is_over = !matches!(run, Run::Ended { .. });
        put(bench, &run);
        if is_over {
            return;
        }
    }
}

fn put(bench: &Bench, run: &Run) {
    bench.put(|measured| {
        let known = &mut measured.http2.max_requests;
        let count = match *run {
            Run::Ended { count, announced } => {
                let known = known.get_or_insert_default();
                known.counts.push(count);
                known.announced = announced;
                count
            }
            Run::Open(count) => {
                let known = known.get_or_insert_default();
                known.at_least = known.at_least.max(count);
                count
            }
            Run::Nothing => return,
        };
        if measured.is_http2_only() {
            measured
                .max_requests
                .clone_from(&measured.http2.max_requests);
            measured.reuse = Some(measured.reuse.unwrap_or(false) || count > 1);
        }
    });
}

async fn run(bench: &Bench, time: Duration) -> Run {
    let Some(mut session) = bench.http2_or_note(bench.addresses[0]).await else {
        return Run::Nothing;
    };
    let began = Instant::now();
    let mut since = began;
    let mut status = None;
    for _ in 0..bench.settings.most_requests {
        if began.elapsed() > time {
            break;
        }
        match bench.ask_http2(&mut session).await {
            // Too many requests, or a fault: whatever it is, asking on would not be gentle.
            Ok(answer) if status.is_some_and(|status| status != answer.status) => {
                let (number, status) = (session.answers, answer.status);
                bench.note(format!(
                    "request {number} of a series over HTTP/2 was answered {status}: not asked further"
                ));
                return Run::Open(number - 1);
            }
            Ok(answer) => {
                status = Some(answer.status);
                since = answer.last_byte;
                if session.seen().first_go_away.is_some() {
                    return ended(bench, session, since, true).await;
                }
            }
            Err(Trouble::Ended {
                answered: false, ..
            }) if session.answers > 0 => {
                let announced = session.seen().first_go_away.is_some();
                return ended(bench, session, since, announced).await;
            }
            Err(trouble) => {
                let number = session.answers + 1;
                bench.note(format!(
                    "request {number} of a series over HTTP/2: {trouble}"
                ));
                return Run::Nothing;
            }
        }
    }
    Run::Open(session.answers)
}

async fn ended(bench: &Bench, mut session: Session, since: Instant, announced: bool) -> Run {
    let count = session.answers;
    after_go_away(bench, &mut session, since, false).await;
    let code = session.seen().first_go_away.map_or(0, |it| it.code);
    if code != NO_ERROR {
        // That is a complaint, not a limit.
        let name = code_name(code);
        bench.note(format!(
            "after {count} requests of a series over HTTP/2 the server said GOAWAY with {name}"
        ));
        return Run::Open(count);
    }
    Run::Ended { count, announced }
}
