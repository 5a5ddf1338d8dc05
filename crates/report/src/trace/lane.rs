//! A connection's life on its thread, and HTTP/2's exchanges beside it.
//!
//! Owns the nesting: no slice of a thread leaves the one around it, whatever the events say. A slice without length
//! tells nothing and is left out, but for a request.

use std::io;

use serde::Serialize;

use super::Flows;
use super::event::{Event, Phase};
use super::processes::Processes;
use crate::axis::{Phases, Span, Steps};
use crate::elements::Elements;
use crate::report::{Connection, Exchange, Report};

/// Writes all that happened on a connection.
pub(super) fn write(
    report: &Report,
    index: usize,
    processes: &Processes,
    flows: &Flows,
    events: &mut Elements<'_>,
) -> io::Result<()> {
    let connection = &report.connections[index];
    let mut lane = Lane {
        report,
        connection,
        pid: processes.of_connection(connection).pid,
        tid: processes.tid(index),
        flows,
        events,
    };
    lane.opening()?;
    if connection.protocol == "h2" {
        lane.streams()?;
    } else {
        lane.requests()?;
    }
    for idle in idle(report, connection) {
        lane.slice("idle", "idle", idle)?;
    }
    lane.ended()
}

/// The wait for a connection, where there was one: not when an idle one was there to be taken.
pub(super) fn waited(report: &Report, exchange: &Exchange) -> Option<Span> {
    let queue = Phases::of(exchange, report.length_us).queue;
    let was_there = |idle: u64| exchange.connection.is_some() && idle >= queue.length();
    (!queue.is_empty() && !exchange.idle_us.is_some_and(was_there)).then_some(queue)
}

/// The connection's whole life.
pub(super) fn life(report: &Report, connection: &Connection) -> Span {
    Span::new(connection.dialed_us, connection.until_us(report.length_us))
}

/// When nobody was on it, in order.
pub(super) fn idle(report: &Report, connection: &Connection) -> Vec<Span> {
    let life = life(report, connection);
    let mut free_since = connection.opened_us.max(life.from);
    let mut idle = Vec::new();
    let mut used: Vec<Span> = of_connection(report, connection)
        .map(|(_, exchange)| Phases::of(exchange, report.length_us).on_connection())
        .collect();
    used.sort_by_key(|span| span.from);
    for span in used {
        idle.extend(Span::new(free_since, span.from).within(life));
        free_since = free_since.max(span.until);
    }
    idle.extend(Span::new(free_since, life.until).within(life));
    idle
}

fn of_connection<'a>(
    report: &'a Report,
    connection: &'a Connection,
) -> impl Iterator<Item = (usize, &'a Exchange)> {
    let indexes = connection.exchanges.iter();
    indexes.filter_map(|index| Some((*index, report.exchanges.get(*index)?)))
}

/// What is known of a call before it has a connection.
#[derive(Debug, Serialize)]
pub(super) struct Asked<'a> {
    call: u64,
    method: &'a str,
    target: &'a str,
}

impl<'a> Asked<'a> {
    pub(super) fn of(exchange: &'a Exchange) -> Self {
        Self {
            call: exchange.call,
            method: &exchange.method,
            target: &exchange.target,
        }
    }
}

#[derive(Debug, Serialize)]
struct Served<'a> {
    #[serde(flatten)]
    asked: Asked<'a>,
    connection: u64,
    nth: u64,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Opened<'a> {
    number: u64,
    requests: usize,
    necessity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    miss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    earlier: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resumed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_by: Option<&'a str>,
}

impl<'a> Opened<'a> {
    fn of(report: &Report, it: &'a Connection) -> Self {
        let earlier = it.blame.and_then(|blame| blame.earlier);
        let earlier = earlier.and_then(|index| report.connections.get(index));
        Self {
            number: it.number,
            requests: it.exchanges.len(),
            necessity: it.necessity.slug(),
            miss: it.miss.as_deref(),
            cause: it.blame.map(|blame| blame.cause.slug()),
            earlier: earlier.map(|earlier| earlier.number),
            via: it.via.as_deref(),
            tls: it.tls.as_ref().map(|tls| tls.version.as_str()),
            resumed: it.tls.as_ref().map(|tls| tls.resumed),
            close_reason: it.end.as_ref().map(|end| end.reason.as_str()),
            closed_by: it.end.as_ref().map(|end| end.by.as_str()),
        }
    }
}

#[derive(Debug, Serialize)]
struct Ended<'a> {
    reason: &'a str,
    by: &'a str,
    how: &'static str,
    text: &'a str,
}

struct Lane<'a, 'b> {
    report: &'a Report,
    connection: &'a Connection,
    pid: u64,
    tid: u64,
    flows: &'a Flows,
    events: &'a mut Elements<'b>,
}

impl Lane<'_, '_> {
    /// The slice around all others, and what came before the first request.
    fn opening(&mut self) -> io::Result<()> {
        let life = life(self.report, self.connection);
        let mut slice = Event::new(Phase::Slice, self.pid, "connection", "connection");
        slice.tid = Some(self.tid);
        slice.dur = Some(life.length());
        slice.args = Some(Opened::of(self.report, self.connection));
        self.events.add(&slice.at(life.from))?;
        if let Some(blame) = &self.connection.blame {
            let necessity = self.connection.necessity.slug();
            let name = format!("{necessity}: {}", blame.cause);
            let mut instant = Event::new(Phase::Instant, self.pid, necessity, &name);
            instant.tid = Some(self.tid);
            instant.args = Some(Opened::of(self.report, self.connection));
            self.events.add(&instant.at(life.from))?;
        }
        let steps = Steps::of(self.connection);
        for (name, span) in [("dns", steps.dns), ("tcp", steps.tcp), ("tls", steps.tls)] {
            if let Some(span) = span.within(life) {
                self.slice("opening", name, span)?;
            }
        }
        Ok(())
    }

    /// One after the other, on the thread.
    fn requests(&mut self) -> io::Result<()> {
        let life = life(self.report, self.connection);
        let mut free_since = self.connection.opened_us.max(life.from).min(life.until);
        for (index, exchange) in of_connection(self.report, self.connection) {
            let phases = Phases::of(exchange, self.report.length_us);
            let span = phases.on_connection();
            // Two of HTTP/1 never overlap; their events may by a hair, told as they are on two threads.
            let from = span.from.clamp(free_since, life.until);
            let span = Span::new(from, span.until.min(life.until));
            free_since = span.until;
            let name = format!("{} {}", exchange.method, exchange.target);
            let mut slice = Event::new(Phase::Slice, self.pid, "request", &name);
            slice.tid = Some(self.tid);
            slice.dur = Some(span.length());
            slice.args = Some(self.served(exchange));
            self.events.add(&slice.at(span.from))?;
            self.flow(index, span.from)?;
            for (name, phase) in parts(&phases) {
                if let Some(phase) = phase.within(span) {
                    self.slice("phase", name, phase)?;
                }
            }
        }
        Ok(())
    }

    /// Side by side: as asynchronous slices, which may overlap.
    fn streams(&mut self) -> io::Result<()> {
        let stream = format!("#{} stream", self.connection.number);
        for (index, exchange) in of_connection(self.report, self.connection) {
            let phases = Phases::of(exchange, self.report.length_us);
            let span = phases.on_connection();
            let id = index as u64;
            let name = format!("{} {}", exchange.method, exchange.target);
            self.begin("stream", &stream, id, span.from)?;
            let mut request = Event::new(Phase::AsyncBegin, self.pid, "stream", &name);
            request.id = Some(id);
            request.args = Some(self.served(exchange));
            self.events.add(&request.at(span.from))?;
            for (name, phase) in parts(&phases).into_iter().filter(|(_, it)| !it.is_empty()) {
                self.begin("stream", name, id, phase.from)?;
                self.end("stream", name, id, phase.until)?;
            }
            self.end("stream", &name, id, span.until)?;
            self.end("stream", &stream, id, span.until)?;
            self.flow(index, span.from)?;
        }
        Ok(())
    }

    fn ended(&mut self) -> io::Result<()> {
        let Some(end) = &self.connection.end else {
            return Ok(());
        };
        let name = format!("closed by {}: {}", end.by, end.reason);
        let mut instant = Event::new(Phase::Instant, self.pid, "end", &name);
        instant.tid = Some(self.tid);
        instant.args = Some(Ended {
            reason: &end.reason,
            by: &end.by,
            how: end.how.slug(),
            text: &end.text,
        });
        self.events
            .add(&instant.at(life(self.report, self.connection).until))
    }

    fn served<'e>(&self, exchange: &'e Exchange) -> Served<'e> {
        Served {
            asked: Asked::of(exchange),
            connection: self.connection.number,
            nth: exchange.nth,
            outcome: exchange.outcome.slug(),
            status: exchange.status,
            idle_us: exchange.idle_us,
            verdict: exchange.verdict.as_deref(),
            retry: exchange.retry.as_deref(),
        }
    }

    fn slice(&mut self, category: &str, name: &str, span: Span) -> io::Result<()> {
        let mut slice = Event::plain(Phase::Slice, self.pid, category, name);
        slice.tid = Some(self.tid);
        slice.dur = Some(span.length());
        self.events.add(&slice.at(span.from))
    }

    fn begin(&mut self, category: &str, name: &str, id: u64, at: u64) -> io::Result<()> {
        let mut event = Event::plain(Phase::AsyncBegin, self.pid, category, name);
        event.id = Some(id);
        self.events.add(&event.at(at))
    }

    fn end(&mut self, category: &str, name: &str, id: u64, at: u64) -> io::Result<()> {
        let mut event = Event::plain(Phase::AsyncEnd, self.pid, category, name);
        event.id = Some(id);
        self.events.add(&event.at(at))
    }

    /// The arrow to the next try of the same call, and from the one before.
    fn flow(&mut self, exchange: usize, at: u64) -> io::Result<()> {
        let ends = [
            (Phase::FlowEnd, self.flows.into.get(&exchange)),
            (Phase::FlowBegin, self.flows.out_of.get(&exchange)),
        ];
        for (phase, number) in ends {
            let Some(number) = number else { continue };
            let mut event = Event::plain(phase, self.pid, "retry", "retry");
            event.tid = Some(self.tid);
            event.id = Some(*number);
            self.events.add(&event.at(at))?;
        }
        Ok(())
    }
}

fn parts(phases: &Phases) -> [(&'static str, Span); 3] {
    [
        ("send", phases.send),
        ("wait", phases.wait),
        ("receive", phases.receive),
    ]
}
