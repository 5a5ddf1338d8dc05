//! Instructions and allocations of a request: counts by valgrind, as the difference of two runs, so that neither
//! starting up nor noise is in them.

use super::certificate::Certificate;
use super::nginx;
use super::peer::{self, Peer, PerPeer};
use super::progress;
use super::report::{Figure, Report, Value};
use super::tools::Tools;
use crate::nginx::Nginx;
use crate::valgrind::{Count, REQUESTS};

/// Requests at a time.
const CONCURRENCY: &str = "8";
/// Go counts its own allocations.
const GO_REQUESTS: usize = 20_000;

/// How two figures are called: instructions and allocations.
pub(super) struct Names {
    figures: [&'static str; 2],
    of: &'static str,
}

const PLAIN: Names = Names {
    figures: ["instructions", "allocations"],
    of: "of a request",
};
pub(super) const TLS: Names = Names {
    figures: ["tls-instructions", "tls-allocations"],
    of: "of a request over TLS",
};
pub(super) const HTTP2: Names = Names {
    figures: ["h2-instructions", "h2-allocations"],
    of: "of a request over HTTP/2",
};

pub(super) fn measure(tools: &Tools, report: &mut Report) -> Result<(), String> {
    of(tools, report, &nginx::start(tools)?, None, &PLAIN)
}

/// Counts what each client spends on this server, which shows this certificate if any.
pub(super) fn of(
    tools: &Tools,
    report: &mut Report,
    nginx: &Nginx,
    certificate: Option<&Certificate>,
    names: &Names,
) -> Result<(), String> {
    let url = nginx.url("13");
    let environment = certificate.map(Certificate::variable);
    let mut instructions = const { [const { Value::None("–") }; Peer::ALL.len()] };
    let mut allocations: PerPeer<Value> = instructions.clone();
    for peer in Peer::ALL {
        if certificate.is_some() && !peer.is_client() {
            continue;
        }
        let Some(program) = tools.programs.find(peer) else {
            instructions[peer as usize] = Value::None(tools.why_absent(peer));
            allocations[peer as usize] = Value::None(tools.why_absent(peer));
            continue;
        };
        progress(&format!("  {}", peer.label()));
        if !peer.is_rust() {
            instructions[peer as usize] = Value::None("not counted");
            let mut command = peer::command(tools.taskset(), None, &program);
            command
                .args([&url, CONCURRENCY, &GO_REQUESTS.to_string()])
                .envs(environment);
            let line = peer::read(&mut command, peer.program())?;
            allocations[peer as usize] = Value::Number(line.number("allocations")?);
            continue;
        }
        let of = |count: Count| -> Result<Value, String> {
            let all = count.of_requests(tools.valgrind()?, &program, &url, environment)?;
            Ok(Value::Number(all as f64 / REQUESTS as f64))
        };
        instructions[peer as usize] = of(Count::Instructions)?;
        allocations[peer as usize] = of(Count::Allocations)?;
    }
    let [first, second] = names.figures;
    report.figures.push(Figure {
        name: first,
        title: format!("instructions {}, user", names.of),
        decimals: 0,
        values: instructions,
    });
    report.figures.push(Figure {
        name: second,
        title: format!("allocations {}", names.of),
        decimals: 1,
        values: allocations,
    });
    Ok(())
}
