//! `pool-cost IDLE ROUNDS`: takes a connection out of a pool of so many idle ones and puts it back, again and again.
//!
//! Prints nothing: callgrind counts, and the difference of two numbers of rounds is what a round costs.

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use keepwarm_bench::{Outcome, main_with};
use keepwarm_core::event::{ConnectionId, DialId};
use keepwarm_core::pool::{Hint, Lane, Limits, Machine, Put};
use keepwarm_core::reason::Reuse;
use keepwarm_core::time::Now;

const LANE: Lane = Lane(1);

fn main() -> ExitCode {
    main_with(|words| match *words {
        [idle, rounds] => run(idle.parse()?, rounds.parse()?),
        _ => Err("usage: pool-cost IDLE ROUNDS".into()),
    })
}

/// Time between two calls.
const STEP: Duration = Duration::from_micros(10);

fn run(idle: u64, rounds: u64) -> Outcome<()> {
    let limits = Limits {
        max_idle_per_host: None,
        ..Limits::default()
    };
    let mut pool: Machine<Box<u64>, u64, ()> = Machine::new(limits, 3);
    let start = Instant::now();
    for number in 0..idle {
        if !pool.prewarm(start, LANE, DialId(number)) {
            return Err("the pool wants no more connections".into());
        }
        pool.dialed(start, DialId(number), ConnectionId(number), |_| {
            Box::new(number)
        });
        pool.take_actions();
    }
    let mut now = Now {
        instant: start,
        wall: SystemTime::UNIX_EPOCH,
    };
    for _ in 0..rounds {
        // A step that is known beforehand: the pool is measured, not the reckoning of moments.
        now.instant += STEP;
        now.wall += STEP;
        let Ok(leased) = pool.take(now, LANE, false) else {
            return Err("an idle connection was not given".into());
        };
        match pool.put(now.instant, leased, Reuse::Keep, Hint::NONE) {
            Put::Parked => {}
            other => return Err(format!("not parked: {other:?}").into()),
        }
    }
    Ok(())
}
