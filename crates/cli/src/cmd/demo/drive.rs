//! Driving a setup: start its server, make its requests, count what happened.
//!
//! Owns the lanes. Refuses to judge the numbers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use keepwarm::advice::Advice;
use keepwarm::event::Observer;
use keepwarm::{Client, Config, ConnectionInfo, Counts, Ended, Estimate};
use keepwarm_lab::Lab;
use tokio::task::JoinSet;

use super::ways::{Habit, Setup};
use crate::exit::Failure;

/// What happened.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) failed: u64,
    pub(super) opened: u64,
    /// Why connections were lost, the most frequent reason first.
    pub(super) closed: Vec<Ended>,
    /// What the library says about how it was used.
    pub(super) advice: Vec<Advice>,
    /// The server's idle timeout, as learned.
    pub(super) learned: Option<Estimate>,
    /// The connection of the last answer.
    pub(super) last: Option<ConnectionInfo>,
    /// The time of each request.
    pub(super) times: Vec<Duration>,
}

struct Run {
    setup: Setup,
    url: String,
    client: Client,
    /// For the clients that are built on the way.
    observer: Arc<dyn Observer>,
}

/// Runs a setup on the loopback.
pub(super) async fn drive(setup: &Setup, observer: &Arc<dyn Observer>) -> Result<Tally, Failure> {
    let lab = Lab::spawn_thread(setup.server.clone());
    let run = Arc::new(Run {
        setup: setup.clone(),
        url: lab.url(setup.path),
        client: build(&setup.client, observer)?,
        observer: Arc::clone(observer),
    });
    if !setup.left_idle.is_zero() {
        // Whether it works out is seen in the numbers.
        drop(ask(&run.client, &run.url, Habit::Reads).await);
        tokio::time::sleep(setup.left_idle).await;
    }
    let mut lanes = JoinSet::new();
    for lane in 0..setup.lanes {
        lanes.spawn(drive_lane(Arc::clone(&run), lane));
    }
    let mut tally = Tally::default();
    while let Some(lane) = lanes.join_next().await {
        let lane =
            lane.map_err(|error| Failure::io("a lane of the demo broke")(error.into()))??;
        tally.requests += lane.requests;
        tally.failed += lane.failed;
        tally.opened += lane.opened;
        tally.last = lane.last.or(tally.last);
        tally.times.extend(lane.times);
    }
    let stats = run.client.stats();
    tally.note(stats.total());
    tally.advice = run.client.advice();
    tally.learned = stats
        .origin(&run.url)
        .and_then(|origin| origin.idle_timeout);
    lab.stop().await;
    Ok(tally)
}

impl Tally {
    /// The time of the request in the middle: noise of the machine moves it less than it moves the mean.
    pub(super) fn median(&self) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }

    fn note(&mut self, counts: &Counts) {
        self.opened += counts.opened;
        self.closed.clone_from(&counts.closed);
        self.closed.sort_by_key(|end| std::cmp::Reverse(end.count));
    }
}

fn build(config: &Config, observer: &Arc<dyn Observer>) -> Result<Client, Failure> {
    let built = config.clone().observer(Arc::clone(observer)).build();
    built.map_err(|error| Failure::Usage(error.to_string()))
}

async fn drive_lane(run: Arc<Run>, lane: u64) -> Result<Tally, Failure> {
    let setup = &run.setup;
    let mut dice = Dice(if setup.in_step { 1 } else { lane + 1 });
    let mut tally = Tally::default();
    for n in 0..setup.requests / setup.lanes {
        if n > 0 && !setup.gap.is_zero() {
            tokio::time::sleep(dice.vary(setup.gap, setup.gap_jitter)).await;
        }
        let own = match setup.habit {
            Habit::ClientPerRequest => Some(build(&setup.client, &run.observer)?),
            Habit::DropsBody | Habit::Posts | Habit::Reads | Habit::SaysClose => None,
        };
        tally.requests += 1;
        let client = own.as_ref().unwrap_or(&run.client);
        let asked = Instant::now();
        match ask(client, &run.url, setup.habit).await {
            Ok(connection) => tally.last = Some(connection),
            Err(_failed) => tally.failed += 1,
        }
        tally.times.push(asked.elapsed());
        tally.opened += own.map_or(0, |client| client.stats().total().opened);
    }
    Ok(tally)
}

async fn ask(client: &Client, url: &str, habit: Habit) -> keepwarm::Result<ConnectionInfo> {
    let request = match habit {
        Habit::Posts => client.post(url).body("an order"),
        Habit::SaysClose => client.get(url).close(),
        Habit::ClientPerRequest | Habit::DropsBody | Habit::Reads => client.get(url),
    };
    let mut response = request.send().await?;
    if habit != Habit::DropsBody {
        while response.chunk().await?.is_some() {}
    }
    Ok(response.connection().clone())
}

/// Numbers that vary, the same in every run (a linear congruence, Knuth's constants).
struct Dice(u64);

impl Dice {
    fn vary(&mut self, around: Duration, by: Duration) -> Duration {
        let (factor, step) = (6_364_136_223_846_793_005, 1_442_695_040_888_963_407);
        self.0 = self.0.wrapping_mul(factor).wrapping_add(step);
        let share = f64::from(u32::try_from(self.0 >> 32).unwrap_or(0)) / f64::from(u32::MAX);
        (around + by.mul_f64(2.0 * share)).saturating_sub(by)
    }
}
