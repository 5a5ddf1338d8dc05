//! `keepwarm get`: requests, and what became of their connections.
//!
//! Owns the lanes, the order of reports and the end. Refuses to know how reports look.

mod exchange;
mod journal;
mod order;
mod script;
mod sink;

use std::sync::Arc;
use std::time::Duration;

use keepwarm::Client;
use keepwarm::event::Observer;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::exchange::{Work, exchange};
use self::journal::Journal;
use self::order::Order;
use self::sink::Bodies;
use super::interrupt::Interrupt;
use super::watching::Watching;
use crate::args::get::GetArgs;
use crate::exit::{Exit, Failure};
use crate::out::{json, lanes, text};
use crate::report::{ExchangeReport, Summary};

/// Reports that may wait to be written.
const REPORTS_WAITING: usize = 1024;
/// How long connections may take to close when all is done.
const FAREWELL: Duration = Duration::from_millis(200);

pub(crate) async fn run(args: GetArgs) -> Result<Exit, Failure> {
    let order = Order::of(&args)?;
    let total = order.total;
    let journal = Arc::new(Journal::new(args.verbose));
    let watching = Watching::begin(&args.picture, args.events.as_deref())?;
    let observer = watching.beside(Arc::clone(&journal) as Arc<dyn Observer>);
    let client = args
        .transport
        .config()
        .map_err(Failure::Usage)?
        .observer(observer)
        .build()
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let work = Arc::new(Work {
        client: client.clone(),
        bodies: Bodies::of(&args, total)?,
        order,
        journal: Arc::clone(&journal),
        transport: args.transport.clone(),
        verbose: args.verbose,
    });
    let mut writer = Writer::of(&args, total);
    let mut summary = Summary::default();
    summary.interrupted = {
        let mut interrupt = Interrupt::new()?;
        tokio::select! {
            done = perform(&work, args.parallel, &mut writer, &mut summary) => {
                done?;
                false
            }
            () = interrupt.wait() => true,
        }
    };
    summary.take_counts(client.stats().total());
    journal.silence();
    writer.finish(&summary, &client, args.transport.raises_limits())?;
    client.shutdown(FAREWELL).await;
    let report = watching.finish("keepwarm get")?;
    if let Some(report) = report.filter(|_| args.picture.timeline_text) {
        writer.lanes(&lanes::lines(&report))?;
    }
    Ok(summary.exit())
}

/// Runs all lanes and writes the reports as exchanges end.
async fn perform(
    work: &Arc<Work>,
    lanes: u32,
    writer: &mut Writer,
    summary: &mut Summary,
) -> Result<(), Failure> {
    let (sender, mut reports) = mpsc::channel(REPORTS_WAITING);
    let mut running = JoinSet::new();
    for _ in 0..u64::from(lanes).min(work.order.total) {
        running.spawn(lane(Arc::clone(work), sender.clone()));
    }
    drop(sender);
    while let Some(mut report) = reports.recv().await {
        if report.reuse.is_none() && report.outcome.is_ok() {
            report.reuse = work.journal.verdict(report.n).await;
        }
        summary.note(&report);
        writer.exchange(&report)?;
    }
    while let Some(ended) = running.join_next().await {
        match ended {
            Ok(done) => done?,
            Err(error) => {
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
    Ok(())
}

/// One lane: exchange after exchange, with the gap between.
async fn lane(work: Arc<Work>, reports: mpsc::Sender<ExchangeReport>) -> Result<(), Failure> {
    while let Some((n, url)) = work.order.next() {
        let report = exchange(&work, n, url).await?;
        if reports.send(report).await.is_err() || work.order.is_done() {
            break;
        }
        if !work.order.gap.is_zero() {
            tokio::time::sleep(work.order.gap).await;
        }
    }
    Ok(())
}

/// The form in which reports are written.
enum Writer {
    Json,
    /// One exchange: its body is all there is to write, and the error if it has one.
    Plain,
    Table(text::Table),
}

impl Writer {
    fn of(args: &GetArgs, total: u64) -> Self {
        if args.json {
            Self::Json
        } else if total == 1 {
            Self::Plain
        } else {
            Self::Table(text::Table::new(total))
        }
    }

    fn exchange(&mut self, report: &ExchangeReport) -> Result<(), Failure> {
        match self {
            Self::Json => write(&json::exchange(report)),
            Self::Plain => {
                if let Err(error) = &report.outcome {
                    text::complain(error);
                }
                Ok(())
            }
            Self::Table(table) => table.add(report).iter().try_for_each(|line| write(line)),
        }
    }

    /// Standard output is for what was asked of the server, or for JSON; then the lanes go beside it.
    fn lanes(&self, lines: &[String]) -> Result<(), Failure> {
        match self {
            Self::Json | Self::Plain => {
                for line in lines {
                    anstream::eprintln!("{line}");
                }
                Ok(())
            }
            Self::Table(_) => lines.iter().try_for_each(|line| write(line)),
        }
    }

    fn finish(&mut self, summary: &Summary, client: &Client, raised: bool) -> Result<(), Failure> {
        match self {
            Self::Json => write(&json::summary(summary)),
            Self::Plain if summary.interrupted => {
                anstream::eprintln!("keepwarm: interrupted");
                Ok(())
            }
            Self::Plain => Ok(()),
            Self::Table(table) => {
                let rest = table.finish();
                let verdict = text::verdict(summary, client, raised);
                rest.iter().chain(&verdict).try_for_each(|line| write(line))
            }
        }
    }
}

fn write(line: &str) -> Result<(), Failure> {
    use std::io::Write;
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{line}").map_err(Failure::output)
}
