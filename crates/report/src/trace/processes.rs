//! `Processes`: which process and thread stand for which origin and connection.
//!
//! Owns the numbers and names. Refuses to know events that have a time.

use std::collections::HashMap;
use std::io;

use serde::Serialize;

use super::event::{Event, Phase};
use crate::elements::Elements;
use crate::report::{Connection, Exchange, Report};

/// An origin as one source met it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    pub(super) pid: u64,
    source: usize,
    origin: usize,
}

/// All of them, with the thread of each connection.
#[derive(Debug)]
pub(super) struct Processes {
    list: Vec<Process>,
    by_owner: HashMap<(usize, usize), usize>,
    /// By index of the connection.
    tids: Vec<u64>,
}

#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct SortIndex {
    sort_index: usize,
}

impl Processes {
    pub(super) fn of(report: &Report) -> Self {
        let mut processes = Self {
            list: Vec::new(),
            by_owner: HashMap::new(),
            tids: tids(report),
        };
        // A thread with the number of its process would be shown as its main one: processes are numbered behind them.
        let last = processes.tids.iter().max().copied().unwrap_or(0);
        let of_connections = report.connections.iter().map(|it| (it.source, it.origin));
        let of_exchanges = report.exchanges.iter().map(|it| (it.source, it.origin));
        for (source, origin) in of_connections.chain(of_exchanges) {
            let next = processes.list.len();
            let index = *processes.by_owner.entry((source, origin)).or_insert(next);
            if index == next {
                let pid = last + 1 + next as u64;
                processes.list.push(Process {
                    pid,
                    source,
                    origin,
                });
            }
        }
        processes
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn get(&self, index: usize) -> Process {
        self.list[index]
    }

    /// Where this source and origin are in the list.
    pub(super) fn index(&self, source: usize, origin: usize) -> usize {
        self.by_owner[&(source, origin)]
    }

    pub(super) fn of_exchange(&self, exchange: &Exchange) -> Process {
        self.get(self.index(exchange.source, exchange.origin))
    }

    pub(super) fn of_connection(&self, connection: &Connection) -> Process {
        self.get(self.index(connection.source, connection.origin))
    }

    pub(super) fn tid(&self, connection: usize) -> u64 {
        self.tids[connection]
    }

    /// The names of all, and the order of the threads.
    pub(super) fn write(&self, report: &Report, events: &mut Elements<'_>) -> io::Result<()> {
        for process in &self.list {
            let name = process_name(report, process);
            let mut event = Event::new(Phase::Metadata, process.pid, "", "process_name");
            event.args = Some(Name { name: &name });
            events.add(&event)?;
        }
        for (index, connection) in report.connections.iter().enumerate() {
            let pid = self.of_connection(connection).pid;
            let name = thread_name(report, connection);
            let mut event = Event::new(Phase::Metadata, pid, "", "thread_name");
            event.tid = Some(self.tids[index]);
            event.args = Some(Name { name: &name });
            events.add(&event)?;
            let mut event = Event::new(Phase::Metadata, pid, "", "thread_sort_index");
            event.tid = Some(self.tids[index]);
            event.args = Some(SortIndex { sort_index: index });
            events.add(&event)?;
        }
        Ok(())
    }
}

/// The connections' own numbers where these tell them apart, else their places.
fn tids(report: &Report) -> Vec<u64> {
    let connections = &report.connections;
    let mut numbers: Vec<u64> = connections.iter().map(|it| it.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    // Perfetto keeps them in 32 bits, and 0 is its own.
    let fits = |number: Option<&u64>| number.is_some_and(|it| (1..1 << 30).contains(it));
    let tells = numbers.len() == connections.len() && fits(numbers.first()) && fits(numbers.last());
    if tells {
        connections.iter().map(|it| it.number).collect()
    } else {
        (1..=connections.len() as u64).collect()
    }
}

fn process_name(report: &Report, process: &Process) -> String {
    let origin = report.origins.get(process.origin);
    let origin = origin.map_or("", |it| &it.name);
    match report.sources.get(process.source) {
        Some(source) if report.sources.len() > 1 => format!("{} {origin}", source.name),
        Some(_) | None => origin.to_owned(),
    }
}

fn thread_name(report: &Report, connection: &Connection) -> String {
    let mut name = String::new();
    let source = report.sources.get(connection.source);
    if source.is_some_and(|it| it.clients > 1) {
        name += &format!("client {} ", connection.client);
    }
    name += &format!("#{}", connection.number);
    if let (Some(local), Some(remote)) = (&connection.local, &connection.remote) {
        let port = local.rsplit(':').next().unwrap_or(local);
        name += &format!(" :{port}→{remote}");
    }
    name += &format!(" {}", connection.protocol);
    if let Some(tls) = &connection.tls {
        name += &format!(" TLS {}", tls.version);
    }
    name
}
