//! Instructions and allocations of a request: counts by valgrind, as the difference of two runs, so that neither
//! starting up nor noise is in them.

use super::nginx;
use super::peer::{self, Peer, PerPeer};
use super::progress;
use super::report::{Figure, Report, Value};
use super::tools::Tools;
use crate::valgrind::{Count, REQUESTS};

/// Requests at a time.
const CONCURRENCY: &str = "8";
/// Go counts its own allocations.
const GO_REQUESTS: usize = 20_000;

pub(super) fn measure(tools: &Tools, report: &mut Report) -> Result<(), String> {
    let nginx = nginx::start(tools)?;
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
            command.args([&url, CONCURRENCY, &GO_REQUESTS.to_string()]);
            let line = peer::read(&mut command, peer.program())?;
            allocations[peer as usize] = Value::Number(line.number("allocations")?);
            continue;
        }
        let of = |count: Count| -> Result<Value, String> {
            let all = count.of_requests(tools.valgrind()?, &program, &url)?;
            Ok(Value::Number(all as f64 / REQUESTS as f64))
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
