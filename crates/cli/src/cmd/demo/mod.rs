//! `keepwarm demo`: reuse, each way to lose it, the fix and the numbers, on loopback.
//!
//! Owns the order of the story. Refuses to claim: every number is counted while it runs.

mod drive;
mod stage;
mod ways;

use std::sync::Arc;
use std::time::Duration;

use keepwarm::event::Observer;
use keepwarm::{Config, Human};
use keepwarm_lab::scenario;

use self::drive::{Tally, drive};
use self::stage::{Stage, bar};
use self::ways::{Habit, Setup, Way, ways};
use super::interrupt::Interrupt;
use super::watching::Watching;
use crate::args::demo::DemoArgs;
use crate::exit::{Exit, Failure};
use crate::out::lanes;
use crate::out::style::{BAD, CURE, DIM, GOOD, Painted, STRONG, WHY, plural};

pub(crate) async fn run(args: DemoArgs) -> Result<Exit, Failure> {
    let watching = Watching::begin(&args.picture, args.events.as_deref())?;
    let observer: Arc<dyn Observer> = Arc::new(watching.observer());
    let mut interrupt = Interrupt::new()?;
    let exit = tokio::select! {
        told = tell(&observer) => told.map(|()| Exit::Fine)?,
        () = interrupt.wait() => Exit::Interrupted,
    };
    let report = watching.finish("keepwarm demo")?;
    if let Some(report) = report.filter(|_| args.picture.timeline_text) {
        let mut stage = Stage;
        stage.chapter("Every connection")?;
        for line in lanes::lines(&report) {
            stage.line(line)?;
        }
    }
    Ok(exit)
}

async fn tell(observer: &Arc<dyn Observer>) -> Result<(), Failure> {
    let mut stage = Stage;
    stage.line(format!(
        "{}: HTTP connections that stay warm, and that tell you why when they don't.",
        Painted(STRONG, "keepwarm")
    ))?;
    stage
        .line("All servers below run in this process, on loopback. Every number is counted now.")?;
    warm(&mut stage, observer).await?;
    let rows = lose(&mut stage, observer).await?;
    learn(&mut stage, observer).await?;
    table(&mut stage, &rows)?;
    next(&mut stage)
}

/// Chapter 1: what there is to win.
async fn warm(stage: &mut Stage, observer: &Arc<dyn Observer>) -> Result<(), Failure> {
    const REQUESTS: u64 = 300;
    stage.chapter("1  A warm connection")?;
    let warm = Setup {
        requests: REQUESTS,
        ..Setup::with(scenario::well_behaved())
    };
    let cold = Setup {
        client: Config::default().keep_alive(false),
        ..warm.clone()
    };
    let (cold, warm) = (drive(&cold, observer).await?, drive(&warm, observer).await?);
    stage.line(format!(
        "  {REQUESTS} GETs, one after the other, to one server:"
    ))?;
    stage.blank()?;
    let longest = cold.median().max(warm.median());
    for (name, tally, colour) in [
        ("keep-alive off", &cold, BAD),
        ("keep-alive on", &warm, GOOD),
    ] {
        let bar = Painted(
            colour,
            bar(nanoseconds(tally.median()), nanoseconds(longest)),
        );
        let time = Human(tally.median()).to_string();
        let opened = plural(tally.opened, "connection");
        stage.line(format!(
            "  {name:<15} {bar} {time:>7} per request, {opened}"
        ))?;
    }
    stage.blank()?;
    stage.line("  And that is without TLS and without distance: each round trip comes on top.")?;
    if let Some(last) = warm.last {
        stage.line("  Each answer says which connection carried it:")?;
        stage.blank()?;
        stage.line(format!("      {}", Painted(WHY, last)))?;
    }
    Ok(())
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

struct Row {
    name: &'static str,
    requests: u64,
    lost: u64,
    fixed: u64,
    slug: &'static str,
}

/// Chapter 2: each way to lose it, and back.
async fn lose(stage: &mut Stage, observer: &Arc<dyn Observer>) -> Result<Vec<Row>, Failure> {
    let ways = ways();
    stage.chapter("2  Ways to lose it")?;
    stage.line("  The same requests each time: first as it goes wrong, then with the fix.")?;
    stage.line(
        "  A full bar is a connection for every request. The reasons are the library's own.",
    )?;
    let mut rows = Vec::new();
    for (index, way) in ways.iter().enumerate() {
        let (lost, fixed) = (
            drive(&way.lost, observer).await?,
            drive(&way.fixed, observer).await?,
        );
        show(stage, index + 1, way, &lost, &fixed)?;
        rows.push(Row {
            name: way.name,
            requests: lost.requests,
            lost: lost.opened,
            fixed: fixed.opened,
            slug: reason(way, &lost).0,
        });
    }
    Ok(rows)
}

/// Why it was lost: the slug, and the sentence with its numbers.
fn reason(way: &Way, lost: &Tally) -> (&'static str, String) {
    if way.lost.habit == Habit::ClientPerRequest {
        // Each of these pools lost nothing: there are only too many of them.
        let found = lost
            .advice
            .iter()
            .find(|it| it.slug() == "client-per-request");
        return found.map_or(("none", "nothing".to_owned()), |it| {
            (it.slug(), it.to_string())
        });
    }
    match lost.closed.first() {
        Some(end) => (end.reason.slug(), format!("{} × {}", end.count, end.reason)),
        None => ("none", "nothing was lost".to_owned()),
    }
}

fn show(
    stage: &mut Stage,
    number: usize,
    way: &Way,
    lost: &Tally,
    fixed: &Tally,
) -> Result<(), Failure> {
    let requests = plural(lost.requests, "request");
    stage.blank()?;
    stage.line(format!("  {number:>2}  {}", Painted(STRONG, way.title)))?;
    let line = |label, tally: &Tally, colour| {
        let bar = Painted(colour, bar(tally.opened, tally.requests));
        let noun = if tally.opened == 1 {
            "connection"
        } else {
            "connections"
        };
        format!("      {label}  {bar} {:>3} {noun}", tally.opened)
    };
    stage.line(format!("{} for {requests}", line("now", lost, BAD)))?;
    stage.hanging("why", WHY, &reason(way, lost).1)?;
    stage.line(format!(
        "{}: {}",
        line("fix", fixed, GOOD),
        Painted(CURE, way.fix)
    ))
}

/// Chapter 3: the race that no retry can mend, and how it is avoided.
async fn learn(stage: &mut Stage, observer: &Arc<dyn Observer>) -> Result<(), Failure> {
    const SERVER: Duration = Duration::from_millis(80);
    const TRAVELS: Duration = Duration::from_millis(2);
    stage.chapter("3  The pool learns")?;
    for line in [
        "  A server closes idle connections after 80 ms; word of it travels for 2 ms. Bursts of 16",
        "  POSTs come about every 80 ms: whoever takes a connection whose close is under way loses",
        "  the request, for a POST cannot be sent twice. One close was seen before they begin.",
    ] {
        stage.line(line)?;
    }
    stage.blank()?;
    let posts = |client| Setup {
        client,
        requests: 480,
        lanes: 16,
        in_step: true,
        habit: Habit::Posts,
        gap: SERVER,
        gap_jitter: Duration::from_millis(8),
        left_idle: SERVER + 10 * TRAVELS,
        ..Setup::with(scenario::distant_idle_timeout(SERVER, TRAVELS))
    };
    let naive = drive(&posts(Config::default().learning(false)), observer).await?;
    let learned = drive(&posts(Config::default()), observer).await?;
    for (name, tally) in [("learning off", &naive), ("learning on", &learned)] {
        let colour = if tally.failed == 0 { GOOD } else { BAD };
        let failed = Painted(colour, format!("{:>3} failed", tally.failed));
        let opened = plural(tally.opened, "connection");
        stage.line(format!(
            "  {name:<13} {} POSTs, {failed}, {opened}",
            tally.requests
        ))?;
    }
    stage.blank()?;
    if let Some(estimate) = learned.learned {
        let (timeout, doubtful) = (Human(estimate.timeout), Human(estimate.doubtful_after()));
        for line in [
            format!(
                "  Learned from its closes alone: this server ends connections after about {} idle.",
                Painted(GOOD, timeout)
            ),
            format!("  From {doubtful} on they are doubtful: a GET may still use one (it can be sent again),"),
            "  a POST gets a fresh connection. They stay parked, so that the next close is measured too.".to_owned(),
        ] {
            stage.line(line)?;
        }
    }
    Ok(())
}

fn table(stage: &mut Stage, rows: &[Row]) -> Result<(), Failure> {
    stage.chapter("4  All of it")?;
    let (way, slug) = ("way to lose it", "reason");
    let head = format!(
        "  {way:<24} {slug:<20} {:>8}  {:>11} {:>12}",
        "requests", "connections", "with the fix"
    );
    stage.line(Painted(DIM, head))?;
    for row in rows {
        stage.line(format!(
            "  {:<24} {:<20} {:>8}  {:>11} {:>12}",
            row.name,
            Painted(WHY, row.slug),
            row.requests,
            Painted(BAD, row.lost),
            Painted(GOOD, row.fixed)
        ))?;
    }
    Ok(())
}

fn next(stage: &mut Stage) -> Result<(), Failure> {
    stage.chapter("What to try next")?;
    for (command, what) in [
        (
            "keepwarm get --repeat 100 URL",
            "does your server keep connections?",
        ),
        (
            "keepwarm get --repeat 3 --gap 10s URL",
            "do they survive ten seconds idle?",
        ),
        (
            "keepwarm get -v URL URL",
            "connection by connection, and why",
        ),
        (
            "keepwarm doctor --quick URL",
            "what does the server do to connections?",
        ),
        (
            "keepwarm get --timeline run.html URL",
            "every connection as a picture",
        ),
        (
            "keepwarm lab --idle-timeout 5s -v",
            "a server like the ones above",
        ),
        ("keepwarm get --help", "every limit and timeout"),
    ] {
        stage.line(format!(
            "  {:<40} {}",
            Painted(STRONG, command),
            Painted(DIM, what)
        ))?;
    }
    Ok(())
}
