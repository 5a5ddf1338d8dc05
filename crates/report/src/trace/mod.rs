//! Chrome's trace-event JSON: each connection as a thread, for Perfetto (`ui.perfetto.dev`) and its SQL.
//!
//! Owns the layout, below. Refuses to know colours, which are not portable.
//!
//! | in the trace | what it is |
//! |---|---|
//! | process | an origin, of one source |
//! | thread | a connection: `#3 :51422→203.0.113.7:443 h1 TLS 1.3` |
//! | slices of a thread | `connection` around the opening, the requests and idle time |
//! | … its opening | `dns`, `tcp`, `tls` |
//! | … a request (category `request`) | `GET /path` ▸ `send`, `wait`, `receive` |
//! | slices of a process, `#3 stream` | the same for HTTP/2, where requests overlap |
//! | slices of a process, `queue` | a call that waits for a connection |
//! | instants | how a connection ended; that it was `avoidable`, or `forced` by the server |
//! | counters | `connections open`, `connections idle`, `calls waiting` |
//! | flows | from a request that failed to the next try on another connection |
//!
//! Times are microseconds after the report's beginning, which `otherData` tells.

mod counters;
mod event;
mod lane;
mod processes;

use std::collections::HashMap;
use std::io::{self, Write};

use crate::elements::Elements;
use crate::report::{Exchange, Report};
use event::{Event, Phase};
use processes::Processes;

/// Writes the report as trace-event JSON, an event at a time. `out` should be buffered.
///
/// # Errors
/// Those of the writer.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let processes = Processes::of(report);
    let flows = Flows::of(report);
    let mut events = Elements::begin(out, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[")?;
    processes.write(report, &mut events)?;
    for index in 0..report.connections.len() {
        lane::write(report, index, &processes, &flows, &mut events)?;
    }
    for (index, exchange) in report.exchanges.iter().enumerate() {
        queue(report, &processes, index, exchange, &mut events)?;
    }
    counters::write(report, &processes, &mut events)?;
    let tail = format!(
        ",\"otherData\":{{\"producer\":\"keepwarm {}\",\"began_us\":{}}}}}\n",
        env!("CARGO_PKG_VERSION"),
        report.began_us
    );
    events.end(&tail)
}

/// A call that waits for its connection, beside the lanes: it has none yet.
fn queue(
    report: &Report,
    processes: &Processes,
    index: usize,
    exchange: &Exchange,
    events: &mut Elements<'_>,
) -> io::Result<()> {
    let Some(waited) = lane::waited(report, exchange) else {
        return Ok(());
    };
    let process = processes.of_exchange(exchange);
    let id = Some(index as u64);
    let mut begin = Event::new(Phase::AsyncBegin, process.pid, "queue", "queue");
    begin.id = id;
    begin.args = Some(lane::Asked::of(exchange));
    events.add(&begin.at(waited.from))?;
    let mut end = Event::plain(Phase::AsyncEnd, process.pid, "queue", "queue");
    end.id = id;
    events.add(&end.at(waited.until))
}

/// Which exchanges are tries of one call, one after the other.
struct Flows {
    /// By exchange: the number of the flow that ends there.
    into: HashMap<usize, u64>,
    /// By exchange: the number of the flow that begins there.
    out_of: HashMap<usize, u64>,
}

impl Flows {
    fn of(report: &Report) -> Self {
        let mut flows = Self {
            into: HashMap::new(),
            out_of: HashMap::new(),
        };
        let mut failed: HashMap<(usize, u64, u64), usize> = HashMap::new();
        let mut number = 0;
        for (index, exchange) in report.exchanges.iter().enumerate() {
            if exchange.connection.is_none() {
                continue;
            }
            let call = (exchange.source, exchange.client, exchange.call);
            if let Some(before) = failed.remove(&call) {
                number += 1;
                flows.out_of.insert(before, number);
                flows.into.insert(index, number);
            }
            if exchange.again {
                failed.insert(call, index);
            }
        }
        flows
    }
}
