//! What only some clients can be asked: a limited burst, one client on two threads, and the pool by itself.

use super::nginx;
use super::numbers::Spread;
use super::options::Options;
use super::peer::{self, Peer};
use super::progress;
use super::race::against;
use super::report::{Alone, AloneValue, Figure, Report, Value};
use super::tools::Tools;
use crate::valgrind::Count;

const LIMIT: &str = "100";
const BURST: &str = "1000";

const THREADS_CONCURRENCY: &str = "64";
const THREADS_REQUESTS: usize = 100_000;
const THREADS_ROUNDS: usize = 9;

const IDLE: &str = "10000";
const FEWER: u32 = 20_000;
const MORE: u32 = 40_000;

/// Connections the server saw of a burst over `max_conns_per_host`.
pub(super) fn dials(tools: &Tools, report: &mut Report) -> Result<(), String> {
    let mut values = const { [const { Value::None("–") }; Peer::ALL.len()] };
    for peer in [Peer::Keepwarm, Peer::Go] {
        values[peer as usize] = match tools.programs.find(peer) {
            None => Value::None(tools.why_absent(peer)),
            Some(_) => {
                let (_, counted) = against(tools, &["barrier", LIMIT], peer, |url| {
                    ["dials", url, LIMIT, BURST].map(str::to_owned).to_vec()
                })?;
                Value::Number(counted.number("connections")?)
            }
        };
    }
    for peer in [Peer::HyperUtil, Peer::Reqwest] {
        values[peer as usize] = Value::None("no such limit");
    }
    report.figures.push(Figure {
        name: "dials",
        title: "connections of 1 000 requests at once, 100 allowed".to_owned(),
        decimals: 0,
        values,
    });
    Ok(())
}

/// One shared client ÷ two private ones: requests per second of processor time, and per second.
pub(super) fn threads(options: &Options, tools: &Tools, report: &mut Report) -> Result<(), String> {
    let nginx = nginx::start(tools)?;
    let program = tools.programs.rust.join(Peer::Keepwarm.program());
    let (rounds, requests) = if options.quick {
        (3, THREADS_REQUESTS / 5)
    } else {
        (THREADS_ROUNDS, THREADS_REQUESTS)
    };
    let run = |clients: &str, runtimes: &str| {
        // On both cores, beside the server: what is compared suffers alike.
        let mut command = peer::command(tools.taskset(), None, &program);
        command
            .args(["threads", clients, runtimes, &nginx.url("13")])
            .args([THREADS_CONCURRENCY, &requests.to_string()]);
        let line = peer::read(&mut command, "keepwarm-peer threads")?;
        Ok::<_, String>((line.number("cpu_us")?, line.number("rps")?))
    };
    let kinds = [
        (
            "runtime-each",
            "a runtime each",
            ["threads-runtime-each-cpu", "threads-runtime-each-rate"],
        ),
        (
            "one-runtime",
            "workers of one runtime",
            ["threads-one-runtime-cpu", "threads-one-runtime-rate"],
        ),
    ];
    for (runtimes, title, [cpu_name, rate_name]) in kinds {
        let (mut cpu, mut rate) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            progress(&format!("  {title}: round {} of {rounds}", round + 1));
            let (shared, private) = if round % 2 == 0 {
                let shared = run("shared", runtimes)?;
                (shared, run("private", runtimes)?)
            } else {
                let private = run("private", runtimes)?;
                (run("shared", runtimes)?, private)
            };
            // Requests for a second of processor time are the inverse of processor time for a request.
            cpu.push(private.0 / shared.0);
            rate.push(shared.1 / private.1);
        }
        for (name, values, what) in [
            (cpu_name, &cpu, "requests per CPU second"),
            (rate_name, &rate, "requests per second"),
        ] {
            report.alone.push(Alone {
                name,
                title: format!("2 threads, {title}: one client ÷ two, {what}"),
                value: AloneValue::Ratio(Spread::of(values).ok_or("no rounds")?),
            });
        }
    }
    Ok(())
}

/// Instructions of one take and put.
pub(super) fn pool(tools: &Tools, report: &mut Report) -> Result<(), String> {
    let program = tools.programs.rust.join("pool-cost");
    let run = |rounds: u32| {
        let rounds = rounds.to_string();
        Count::Instructions.of_run(tools.valgrind()?, &program, &[IDLE, &rounds])
    };
    let all = run(MORE)?.saturating_sub(run(FEWER)?);
    let each = all as f64 / f64::from(MORE - FEWER);
    report.alone.push(Alone {
        name: "pool-take-put",
        title: "instructions of one take and put, 10 000 idle connections".to_owned(),
        value: AloneValue::Count(each),
    });
    Ok(())
}
