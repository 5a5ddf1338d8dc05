//! The shell's own code, run in thousands of orders of its threads' steps.
//!
//! Compiled only with `--cfg keepwarm_shuttle`: every file of the pool then takes its locks, atomics, channels, tasks
//! and clock from [`primitives`], and shuttle decides after every step of one thread which thread makes the next. A
//! call that is never woken, and a lock taken in a circle, end as a deadlock, which shuttle finds and tells with the
//! schedule that led to it. What shuttle does not explore is weak memory: all its atomics are in total order.
//!
//! To run them: `cargo xtask test` names the command. A failure prints its schedule; with it in `KEEPWARM_SCHEDULE` and
//! the one test named, exactly this order runs again. `KEEPWARM_SCHEDULES` sets how many are tried, `KEEPWARM_SEED`
//! makes them others.

mod handoff;
mod limits;
pub(super) mod primitives;
mod shutdown;
mod wires;
mod world;

use std::env;
use std::str::FromStr;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};

/// Schedules tried per scenario and scheduler.
const SCHEDULES: usize = 200;
/// The same in every run: an unchanged commit must not turn red overnight.
const SEED: u64 = 3;
/// How many changes of priority PCT makes in a schedule: the races looked for here need one or two.
const CHANGES: usize = 3;

/// Runs a scenario under many schedules: half with every step's thread drawn at random, half with threads of drawn
/// priorities that change a few times, which finds what needs one thread to lag far behind.
fn explore(scenario: fn()) {
    explore_times(1, scenario);
}

/// The same with so many times the schedules, for a race that needs several threads at one point at once.
fn explore_times(times: usize, scenario: fn()) {
    if let Ok(schedule) = env::var("KEEPWARM_SCHEDULE") {
        return shuttle::replay(scenario, &schedule);
    }
    let schedules = from_environment("KEEPWARM_SCHEDULES").unwrap_or(SCHEDULES * times);
    let seed = from_environment("KEEPWARM_SEED").unwrap_or(SEED);
    let random = RandomScheduler::new_from_seed(seed, schedules);
    Runner::new(random, Config::new()).run(scenario);
    let priorities = PctScheduler::new_from_seed(seed, CHANGES, schedules);
    Runner::new(priorities, Config::new()).run(scenario);
}

fn from_environment<T: FromStr>(name: &str) -> Option<T> {
    env::var(name).ok()?.parse().ok()
}
