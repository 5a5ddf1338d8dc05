//! Counters: how many connections are open and idle, and how many calls wait, over time.
//!
//! Owns the counting of changes. Refuses to know slices.

use std::collections::BTreeMap;
use std::io;

use super::event::{Event, Phase};
use super::lane;
use super::processes::Processes;
use crate::axis::Span;
use crate::elements::Elements;
use crate::report::Report;

/// The changes of one number: when, and by how many.
#[derive(Clone, Debug, Default)]
struct Changes(Vec<(u64, i64)>);

impl Changes {
    fn during(&mut self, span: Span) {
        self.0.extend([(span.from, 1), (span.until, -1)]);
    }

    /// Perfetto calls it by both words: `connections open`.
    fn write(
        mut self,
        pid: u64,
        [name, series]: [&str; 2],
        events: &mut Elements<'_>,
    ) -> io::Result<()> {
        self.0.sort_unstable();
        let mut now = 0;
        for (at, changes) in chunks(&self.0) {
            let change: i64 = changes.iter().map(|(_, change)| change).sum();
            now += change;
            if change != 0 {
                let mut event = Event::new(Phase::Counter, pid, "", name);
                event.args = Some(BTreeMap::from([(series, now)]));
                events.add(&event.at(at))?;
            }
        }
        Ok(())
    }
}

/// What changes in one moment, together.
fn chunks(changes: &[(u64, i64)]) -> impl Iterator<Item = (u64, &[(u64, i64)])> {
    changes
        .chunk_by(|a, b| a.0 == b.0)
        .map(|chunk| (chunk[0].0, chunk))
}

/// Writes the counters of each process.
pub(super) fn write(
    report: &Report,
    processes: &Processes,
    events: &mut Elements<'_>,
) -> io::Result<()> {
    let mut all =
        vec![[Changes::default(), Changes::default(), Changes::default()]; processes.len()];
    for connection in &report.connections {
        let [open, idle, _] = &mut all[processes.index(connection.source, connection.origin)];
        let life = lane::life(report, connection);
        open.during(Span::new(connection.opened_us.min(life.until), life.until));
        for span in lane::idle(report, connection) {
            idle.during(span);
        }
    }
    for exchange in &report.exchanges {
        let [_, _, waiting] = &mut all[processes.index(exchange.source, exchange.origin)];
        if let Some(span) = lane::waited(report, exchange) {
            waiting.during(span);
        }
    }
    for (index, [open, idle, waiting]) in all.into_iter().enumerate() {
        let pid = processes.get(index).pid;
        open.write(pid, ["connections", "open"], events)?;
        idle.write(pid, ["connections", "idle"], events)?;
        waiting.write(pid, ["calls", "waiting"], events)?;
    }
    Ok(())
}
