//! Instructions and allocations of a request: counts by valgrind, as the difference of two runs, so that neither
//! starting up nor noise is in them.

use std::path::Path;
use std::process::{Command, Stdio};

use super::nginx::Nginx;
use super::peer::{self, Peer, PerPeer};
use super::progress;
use super::report::{Figure, Report, Value};
use super::tools::Tools;

/// The two runs whose difference counts.
const FEWER: usize = 2_000;
const MORE: usize = 4_000;
const CONCURRENCY: usize = 8;
/// Go counts its own allocations.
const GO_REQUESTS: usize = 20_000;

/// One of valgrind's tools, and the number of its report that we want.
#[derive(Clone, Copy)]
pub(super) enum Count {
    Instructions,
    Allocations,
}

impl Count {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Instructions => &["--tool=callgrind", "--callgrind-out-file=/dev/null"],
            Self::Allocations => &["--tool=memcheck", "--leak-check=no"],
        }
    }

    fn marker(self) -> &'static str {
        match self {
            Self::Instructions => "refs:",
            Self::Allocations => "total heap usage:",
        }
    }
}

pub(super) fn measure(tools: &Tools, report: &mut Report) -> Result<(), String> {
    let nginx = Nginx::start(tools)?;
    let url = nginx.url("13");
    let mut instructions = const { [const { Value::None("–") }; Peer::ALL.len()] };
    let mut allocations: PerPeer<Value> = instructions.clone();
    for peer in Peer::ALL {
        let Some(program) = tools.programs.find(peer) else {
            instructions[peer as usize] = Value::None(tools.why_absent(peer));
            allocations[peer as usize] = Value::None(tools.why_absent(peer));
            continue;
        };
        progress(&format!("  {}", peer.label()));
        if !peer.is_rust() {
            instructions[peer as usize] = Value::None("not counted");
            let mut command = peer::command(tools.taskset(), None, &program);
            command.args([&url, &CONCURRENCY.to_string(), &GO_REQUESTS.to_string()]);
            let line = peer::read(&mut command, peer.program())?;
            allocations[peer as usize] = Value::Number(line.number("allocations")?);
            continue;
        }
        let of = |count: Count| -> Result<Value, String> {
            let run = |requests: usize| {
                let words = [&url, &CONCURRENCY.to_string(), &requests.to_string()];
                counted(
                    tools.valgrind()?,
                    count,
                    &program,
                    &words.map(String::as_str),
                )
            };
            let difference = run(MORE)? - run(FEWER)?;
            Ok(Value::Number(difference / (MORE - FEWER) as f64))
        };
        instructions[peer as usize] = of(Count::Instructions)?;
        allocations[peer as usize] = of(Count::Allocations)?;
    }
    report.figures.push(Figure {
        name: "instructions",
        title: "instructions of a request, user".to_owned(),
        decimals: 0,
        values: instructions,
    });
    report.figures.push(Figure {
        name: "allocations",
        title: "allocations of a request".to_owned(),
        decimals: 1,
        values: allocations,
    });
    Ok(())
}

/// What valgrind counts in one run of a program.
///
/// # Errors
/// When it does not start, the program fails, or the number is not in its report.
pub(super) fn counted(
    valgrind: &Path,
    count: Count,
    program: &Path,
    words: &[&str],
) -> Result<f64, String> {
    let output = Command::new(valgrind)
        .args(count.arguments())
        .arg(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!(
            "{} under valgrind failed: {text}",
            program.display()
        ));
    }
    number_behind(&text, count.marker())
}

/// The first number behind the marker, in valgrind's report.
fn number_behind(text: &str, marker: &str) -> Result<f64, String> {
    text.lines()
        .find_map(|line| line.split_once(marker))
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .and_then(|word| word.replace(',', "").parse().ok())
        .ok_or_else(|| format!("valgrind said nothing of `{marker}`:\n{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valgrinds_numbers_are_found() {
        let text =
            "==1== I   refs:      56,543,301\n==1==   total heap usage: 1,234 allocs, 5 frees\n";
        let find = |count: Count| number_behind(text, count.marker());
        assert_eq!(find(Count::Instructions), Ok(56_543_301.0));
        assert_eq!(find(Count::Allocations), Ok(1234.0));
        assert!(number_behind("nothing", "refs:").is_err());
    }
}
