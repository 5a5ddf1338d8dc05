//! A report for people: tables for a terminal, and `docs/benchmarks.md`.

use super::numbers::{Spread, grouped, readable};
use super::peer::Peer;
use super::report::{AloneValue, Figure, Report, Speed, Value, Verdict};
use super::table::{Paint, Table};

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

const RATIOS: &str = "÷ columns: keepwarm's number divided by that client's within one round, as median (least–most) \
                      over the rounds. CPU ÷ below 1: keepwarm needs less. Rate ÷ above 1: keepwarm answers more.";

/// What the terminal gets.
pub(super) fn terminal(report: &Report, colours: bool) -> String {
    let paint = |kind, line: &str| {
        if colours {
            painted(kind, line)
        } else {
            line.to_owned()
        }
    };
    let mut text = String::new();
    for (title, table) in sections(report) {
        if !table.is_empty() {
            text += &format!(
                "\n{}\n\n{}",
                paint(Paint::Heading, title),
                table.terminal(paint)
            );
        }
    }
    let quick = if report.quick {
        " A quick look: no result."
    } else {
        ""
    };
    text += &format!(
        "\n{RATIOS}\n{}; {:.1} minutes.{quick}\n",
        report.machine.words, report.minutes
    );
    text
}

fn painted(kind: Paint, line: &str) -> String {
    let missed = Verdict::Missed.word();
    let met = Verdict::Met.word();
    match kind {
        Paint::Heading => format!("{BOLD}{line}{PLAIN}"),
        Paint::Group => format!("{DIM}{line}{PLAIN}"),
        Paint::Line if line.ends_with(missed) => {
            line.replace(missed, &format!("{RED}{missed}{PLAIN}"))
        }
        Paint::Line => match line.strip_suffix(&format!(" {met}")) {
            Some(rest) => format!("{rest} {GREEN}{met}{PLAIN}"),
            None => line.to_owned(),
        },
    }
}

fn sections(report: &Report) -> [(&'static str, Table); 4] {
    [
        ("Speed", speed(report)),
        ("Counts", figures(report)),
        ("keepwarm by itself", alone(report)),
        ("Goals", goals(report)),
    ]
}

fn speed(report: &Report) -> Table {
    let mut table = Table::new(&[
        "client",
        "requests/s",
        "user µs",
        "system µs",
        "CPU µs",
        "CPU ÷",
        "rate ÷",
    ]);
    for speed in &report.speed {
        let (rounds, requests) = (speed.rounds, grouped(speed.requests as f64, 0));
        table.group(&format!("{} ({rounds} rounds of {requests})", speed.title));
        for peer in Peer::ALL {
            // What is no client speaks plain HTTP only.
            if peer.is_client() || !speed.of(peer).cpu_micros.is_empty() {
                table.row(speed_row(speed, peer));
            }
        }
    }
    table
}

fn speed_row(speed: &Speed, peer: Peer) -> Vec<String> {
    let samples = speed.of(peer);
    let median = |values: &[f64]| Spread::of(values).map_or_else(dash, |it| readable(it.median));
    let ratio = |ratio: Option<Spread>| match (peer, ratio) {
        (Peer::Keepwarm, _) | (_, None) => dash(),
        (_, Some(ratio)) => ratio.as_ratio(),
    };
    let name = if samples.cpu_micros.is_empty() {
        format!("{} not here", peer.label())
    } else {
        peer.label().to_owned()
    };
    vec![
        name,
        median(&samples.requests_per_second),
        median(&samples.user_micros),
        median(&samples.system_micros),
        median(&samples.cpu_micros),
        ratio(speed.cpu_ratio(peer)),
        ratio(speed.rate_ratio(peer)),
    ]
}

fn dash() -> String {
    "–".to_owned()
}

fn figures(report: &Report) -> Table {
    let mut headings = vec!["per client"];
    headings.extend(Peer::ALL.map(Peer::label));
    let mut table = Table::new(&headings);
    for figure in &report.figures {
        let mut row = vec![figure.title.clone()];
        row.extend(figure.values.iter().map(|value| cell(figure, value)));
        table.row(row);
    }
    table
}

fn cell(figure: &Figure, value: &Value) -> String {
    match value {
        Value::Number(number) => grouped(*number, figure.decimals),
        Value::Share(part, whole) => format!("{} of {}", grouped(*part, 0), grouped(*whole, 0)),
        Value::None(why) => (*why).to_owned(),
    }
}

fn alone(report: &Report) -> Table {
    let mut table = Table::new(&["what", "measured"]);
    for alone in &report.alone {
        let measured = match &alone.value {
            AloneValue::Count(count) => grouped(*count, 0),
            AloneValue::Ratio(ratio) => ratio.as_ratio(),
        };
        table.row(vec![alone.title.clone(), measured]);
    }
    table
}

fn goals(report: &Report) -> Table {
    let mut table = Table::new(&["goal", "limit", "measured", "verdict"]).words_last();
    for goal in &report.goals {
        let verdict = goal.verdict.word().to_owned();
        table.row(vec![
            goal.title.clone(),
            goal.limit.clone(),
            goal.measured.clone(),
            verdict,
        ]);
    }
    table
}

const INTRODUCTION: &str = "\
# Benchmarks

keepwarm beside other clients, measured in one run by `cargo xtask bench --go --write`, which also wrote this page.
";

const METHOD: &str = "\
## How it is measured

* nginx answers: one worker on core 0, no log, on the loopback. The client has core 1. Plain HTTP/1.1 unless
  it is said otherwise; over TLS (ECDSA P-256, one certificate that all trust, the versions that nginx speaks by itself:
  before 1.23.4 none above 1.2) nginx offers HTTP/2 or not, and every client takes what it is offered.
* `raw epoll` is the limit and no client: one thread that sends the same bytes again and again and counts the answer's.
* Every client runs in every round, in an order that rotates. Processor time is that of the client's process, user and
  system, divided by its requests; a few requests of each lane come before the measurement. Their sum is exact; the
  kernel splits it into user and system by sampling.
* The machine is noisy, so numbers of different rounds are not compared. A ratio is taken within a round; the table
  gives the median of these ratios and what they lie between, and the median decides whether a goal is met. The
  columns without a ratio are medians over the rounds.
* Answers up to 64 KiB are read into memory by the Rust clients (Go throws them away); 100 MiB are thrown away piece by
  piece by all. An upload is in memory, and is answered when nginx has read all of it.
* Large bodies are judged by processor time. The requests per second there depend on the server's core as well.
* Instructions are callgrind's and allocations memcheck's, as the difference of 4 000 and 2 000 requests, 8 at a time,
  13 bytes. Go counts its own allocations; its instructions are not counted, as valgrind does not run it.
* Idle connections: a server holds its answers until all requests are in, so that each has its connection; resident
  memory is compared with that before the client was made, 2 s after the last answer.
* Race: the server closes each connection 20 ms after its last answer, 64 lanes send every 19 to 21 ms. The first second
  is counted apart: a client that learns does it then. Each POST carries a number of its own, and the server counts
  those that come twice.
* Burst: 1 000 requests at once with at most 100 connections; the server counts the connections it accepted.
* Two threads: one client shared by two threads against one each, 64 at a time in all, both cores, the server on the
  first of them.
* Take and put: the pool's machine alone, with 10 000 idle connections, by callgrind.

## Again

```sh
cargo xtask bench --quick          # a look: about a minute, once everything is built
cargo xtask bench --only speed     # one part
cargo xtask bench --go --write     # everything, and this page; leave the machine alone meanwhile
```

The report is kept as `target/bench/report.json` too. `cargo xtask bench --help` names the parts and what is needed.
";

/// The text of `docs/benchmarks.md`.
pub(super) fn markdown(report: &Report) -> String {
    let machine = &report.machine;
    let mut text = format!(
        "{INTRODUCTION}\n{}: {}. The run took {:.0} minutes.\n\n",
        machine.date, machine.words, report.minutes
    );
    let versions = (machine.versions.iter()).map(|(name, version)| format!("{name} {version}"));
    text += &format!("Versions: {}.\n", versions.collect::<Vec<_>>().join("; "));
    let [speed, figures, alone, goals] = sections(report);
    for (title, table) in [goals, speed, figures, alone] {
        text += &format!("\n## {title}\n\n");
        if title == "Speed" {
            text += &format!("{RATIOS}\n\n");
        }
        text += &table.markdown();
    }
    text + "\n" + METHOD
}
