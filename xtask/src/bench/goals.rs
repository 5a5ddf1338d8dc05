//! What was promised, held against a report.

use super::numbers::grouped;
use super::peer::Peer;
use super::report::{Alone, AloneValue, Figure, Goal, Report, Value, Verdict};
use super::speed::JUDGED;

/// Processor time at 64 at a time, at most so many times this client's.
const CPU: [(Peer, f64); 3] = [
    (Peer::RawEpoll, 1.25),
    (Peer::HyperUtil, 0.85),
    (Peer::Go, 0.45),
];
/// Larger bodies cost at most what they cost hyper-util.
const LARGE: [&str; 3] = ["64-kib-8", "100-mib-2", "64-kib-upload-8"];
/// Over TLS keepwarm costs less than each of them; over HTTP/2, which is a crate's for all, no more than hyper-util.
const TLS: [(&str, Peer); 4] = [
    ("tls-13-bytes-64", Peer::HyperUtil),
    ("tls-13-bytes-64", Peer::Reqwest),
    ("tls-13-bytes-64", Peer::Go),
    ("h2-13-bytes-64", Peer::HyperUtil),
];
const IDLE_TLS_BYTES: f64 = 12_288.0;
const INSTRUCTIONS: f64 = 10_000.0;
const ALLOCATIONS: f64 = 5.0;
const IDLE_BYTES: f64 = 2_048.0;
/// POSTs that may fail after the first second: one in so many.
const POSTS_PER_FAILURE: f64 = 10_000.0;
const DIALS: f64 = 100.0;
const SHARED: f64 = 0.97;
const TAKE_PUT: f64 = 400.0;

/// The goals of the parts that were run; where a client was not here, that is said.
pub(super) fn judge(report: &Report) -> Vec<Goal> {
    let mut goals = Vec::new();
    for (peer, limit) in CPU {
        goals.push(cpu(report, JUDGED, peer, limit));
    }
    for load in LARGE {
        goals.push(cpu(report, load, Peer::HyperUtil, 1.0));
    }
    for (load, peer) in TLS {
        goals.push(cpu(report, load, peer, 1.0));
    }
    goals.push(number(report, "instructions", INSTRUCTIONS));
    goals.push(number(report, "allocations", ALLOCATIONS));
    goals.push(number(report, "idle-bytes", IDLE_BYTES));
    goals.push(number(report, "idle-tls-bytes", IDLE_TLS_BYTES));
    for name in ["race-get-first-second", "race-get"] {
        goals.push(share(report, name, None));
    }
    goals.push(share(report, "race-post", Some(POSTS_PER_FAILURE)));
    goals.push(number(report, "race-post-twice", 0.0));
    goals.push(exactly(report, "dials", DIALS));
    for name in ["threads-runtime-each-cpu", "threads-one-runtime-cpu"] {
        goals.push(shared(report, name));
    }
    goals.push(pool(report));
    goals.into_iter().flatten().collect()
}

fn goal(title: String, limit: String, measured: Option<(String, bool)>) -> Goal {
    let (measured, verdict) = match measured {
        None => ("–".to_owned(), Verdict::Unknown),
        Some((measured, true)) => (measured, Verdict::Met),
        Some((measured, false)) => (measured, Verdict::Missed),
    };
    Goal {
        title,
        limit,
        measured,
        verdict,
    }
}

fn cpu(report: &Report, load: &str, peer: Peer, limit: f64) -> Option<Goal> {
    let speed = report.speed.iter().find(|speed| speed.load == load)?;
    let ratio = speed.cpu_ratio(peer);
    let measured = ratio.map(|ratio| (ratio.as_ratio(), ratio.median <= limit));
    let title = format!("CPU, {} ÷ {}", speed.title, peer.label());
    Some(goal(title, format!("≤ {limit:.2}"), measured))
}

fn figure<'a>(report: &'a Report, name: &str) -> Option<(&'a Figure, &'a Value)> {
    let figure = report.figures.iter().find(|figure| figure.name == name)?;
    Some((figure, &figure.values[Peer::Keepwarm as usize]))
}

fn number(report: &Report, name: &str, limit: f64) -> Option<Goal> {
    let (figure, value) = figure(report, name)?;
    let measured = match value {
        Value::Number(number) => Some((grouped(*number, 0), *number <= limit)),
        Value::Share(..) | Value::None(_) => None,
    };
    let limit = if limit > 0.0 {
        format!("≤ {}", grouped(limit, 0))
    } else {
        "0".to_owned()
    };
    Some(goal(figure.title.clone(), limit, measured))
}

fn exactly(report: &Report, name: &str, wanted: f64) -> Option<Goal> {
    let (figure, value) = figure(report, name)?;
    let measured = match value {
        // Both are whole numbers.
        Value::Number(number) => Some((grouped(*number, 0), *number == wanted)),
        Value::Share(..) | Value::None(_) => None,
    };
    Some(goal(figure.title.clone(), format!("= {wanted}"), measured))
}

/// At most one failure in so many; none: no failure.
fn share(report: &Report, name: &str, one_in: Option<f64>) -> Option<Goal> {
    let (figure, value) = figure(report, name)?;
    let measured = match value {
        Value::Share(failed, all) => {
            let allowed = one_in.map_or(0.0, |one_in| all / one_in);
            let text = format!("{failed} of {}", grouped(*all, 0));
            Some((text, *failed <= allowed))
        }
        Value::Number(_) | Value::None(_) => None,
    };
    let limit = one_in.map_or_else(
        || "0".to_owned(),
        |one_in| format!("≤ 1 in {}", grouped(one_in, 0)),
    );
    Some(goal(figure.title.clone(), limit, measured))
}

fn alone<'a>(report: &'a Report, name: &str) -> Option<&'a Alone> {
    report.alone.iter().find(|alone| alone.name == name)
}

fn shared(report: &Report, name: &str) -> Option<Goal> {
    let alone = alone(report, name)?;
    let measured = match &alone.value {
        AloneValue::Ratio(ratio) => Some((ratio.as_ratio(), ratio.median >= SHARED)),
        AloneValue::Count(_) => None,
    };
    Some(goal(
        alone.title.clone(),
        format!("≥ {SHARED:.2}"),
        measured,
    ))
}

fn pool(report: &Report) -> Option<Goal> {
    let alone = alone(report, "pool-take-put")?;
    let measured = match &alone.value {
        AloneValue::Count(count) => Some((grouped(*count, 0), *count <= TAKE_PUT)),
        AloneValue::Ratio(_) => None,
    };
    Some(goal(
        alone.title.clone(),
        format!("≤ {TAKE_PUT:.0}"),
        measured,
    ))
}

#[cfg(test)]
mod tests {
    use super::super::machine::Machine;
    use super::super::report::{Samples, Speed};
    use super::*;

    fn report() -> Report {
        let machine = Machine {
            date: String::new(),
            words: String::new(),
            versions: Vec::new(),
        };
        Report::new(machine, false)
    }

    fn verdicts(report: &Report, part: &str) -> Vec<Verdict> {
        let goals = judge(report);
        let found = goals.iter().filter(|goal| goal.title.contains(part));
        found.map(|goal| goal.verdict).collect()
    }

    #[test]
    fn a_part_that_was_not_run_has_no_goals() {
        assert!(judge(&report()).is_empty());
    }

    #[test]
    fn the_median_of_the_ratios_within_rounds_decides() {
        let mut samples = [Samples::NONE; Peer::ALL.len()];
        samples[Peer::Keepwarm as usize].cpu_micros = vec![8.0, 30.0, 8.0];
        // Slow as the second round was, it was so for both; the third was disturbed for one.
        samples[Peer::HyperUtil as usize].cpu_micros = vec![10.0, 40.0, 9.0];
        samples[Peer::RawEpoll as usize].cpu_micros = vec![6.0, 20.0, 6.0];
        let mut report = report();
        report.speed.push(Speed {
            load: JUDGED,
            title: "64".to_owned(),
            rounds: 3,
            requests: 1,
            samples,
        });
        assert_eq!(verdicts(&report, "64 ÷ hyper-util"), [Verdict::Met]);
        assert_eq!(verdicts(&report, "64 ÷ raw epoll"), [Verdict::Missed]);
        assert_eq!(verdicts(&report, "64 ÷ Go"), [Verdict::Unknown]);
    }

    #[test]
    fn failures_are_judged_by_their_share() {
        let verdict = |failed| {
            let mut values = [const { Value::None("–") }; Peer::ALL.len()];
            values[Peer::Keepwarm as usize] = Value::Share(failed, 21_000.0);
            let mut report = report();
            for name in ["race-get", "race-post"] {
                report.figures.push(Figure {
                    name,
                    title: format!("the {name}"),
                    decimals: 0,
                    values: values.clone(),
                });
            }
            [
                verdicts(&report, "the race-get")[0],
                verdicts(&report, "the race-post")[0],
            ]
        };
        assert_eq!(verdict(0.0), [Verdict::Met, Verdict::Met]);
        assert_eq!(verdict(2.0), [Verdict::Missed, Verdict::Met]);
        assert_eq!(verdict(3.0), [Verdict::Missed, Verdict::Missed]);
    }

    #[test]
    fn a_limit_itself_is_still_met() {
        for (count, verdict) in [(400.0, Verdict::Met), (400.5, Verdict::Missed)] {
            let mut report = report();
            report.alone.push(Alone {
                name: "pool-take-put",
                title: "take".to_owned(),
                value: AloneValue::Count(count),
            });
            assert_eq!(verdicts(&report, "take"), [verdict]);
        }
    }
}
