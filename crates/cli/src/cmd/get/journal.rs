//! `Journal`: the observer that knows which event belongs to which exchange.
//!
//! Owns what responses and errors do not tell (the connection of a failed exchange, the verdict on a body that
//! was dropped) and the moment at which each line of `-v` is written. Refuses to word them.

use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use keepwarm::event::{CallId, ConnectionId, DialId, Event, EventKind, Observer};
use keepwarm::reason::{Closed, Miss, Reuse};
use tokio::sync::Notify;

use crate::out::verbose;
use crate::report::{ConnectionReport, Times};

tokio::task_local! {
    /// The number of the exchange whose future is being polled.
    pub(super) static EXCHANGE: u64;
}

pub(super) struct Journal {
    state: Mutex<State>,
    verbose: bool,
    /// A verdict was reached.
    settled: Notify,
}

#[derive(Default)]
struct State {
    calls: HashMap<CallId, u64>,
    exchanges: HashMap<u64, Exchange>,
    dials: HashMap<DialId, Miss>,
    connections: HashMap<ConnectionId, Connection>,
    silent: bool,
}

struct Exchange {
    started: Instant,
    /// The lines of its request, to be written with each sending.
    request: Vec<String>,
    /// Lines about its connection that came before the response's head could be written.
    held: Vec<String>,
    head_written: bool,
    taken: Option<Taken>,
    sent: Option<Instant>,
    answered: Option<Instant>,
    verdict: Option<Reuse>,
}

/// The connection an exchange took.
#[derive(Clone, Copy)]
struct Taken {
    at: Instant,
    report: ConnectionReport,
    miss: Option<Miss>,
}

struct Connection {
    opened: Instant,
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    miss: Option<Miss>,
    serving: Option<u64>,
    verdict: Option<Reuse>,
}

/// What the journal knows of an exchange that failed.
pub(super) struct Trail {
    pub(super) connection: Option<ConnectionReport>,
    pub(super) miss: Option<Miss>,
    pub(super) reuse: Option<Reuse>,
    pub(super) times: Times,
}

impl Journal {
    pub(super) fn new(verbose: bool) -> Self {
        Self {
            state: Mutex::default(),
            verbose,
            settled: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An exchange is about to start; these are the lines of its request.
    pub(super) fn begin(&self, n: u64, request: Vec<String>) {
        let exchange = Exchange {
            started: Instant::now(),
            request,
            held: Vec::new(),
            head_written: !self.verbose,
            taken: None,
            sent: None,
            answered: None,
            verdict: None,
        };
        self.lock().exchanges.insert(n, exchange);
    }

    /// The head of its response is here.
    pub(super) fn head(&self, n: u64, lines: &[String]) {
        let mut state = self.lock();
        let Some(exchange) = state.exchanges.get_mut(&n) else {
            return;
        };
        exchange.head_written = true;
        let held = std::mem::take(&mut exchange.held);
        self.write(&state, lines);
        self.write(&state, &held);
    }

    /// It failed: what is known of it.
    pub(super) fn failed(&self, n: u64, line: String) -> Option<Trail> {
        let mut state = self.lock();
        let mut exchange = state.exchanges.remove(&n)?;
        let held = std::mem::take(&mut exchange.held);
        self.write(&state, &held);
        self.write(&state, &[line]);
        let now = Instant::now();
        let between = |from: Option<Instant>, to: Option<Instant>| {
            from.map(|from| to.unwrap_or(now).saturating_duration_since(from))
        };
        let taken = exchange.taken.map(|taken| taken.at);
        Some(Trail {
            connection: exchange.taken.map(|taken| taken.report),
            miss: exchange.taken.and_then(|taken| taken.miss),
            reuse: exchange.verdict.filter(|verdict| !verdict.is_keep()),
            times: Times {
                queue: between(Some(exchange.started), taken),
                send: between(taken, exchange.sent),
                wait: between(exchange.sent, exchange.answered),
                receive: between(exchange.answered, None),
                total: now.saturating_duration_since(exchange.started),
                ..Times::default()
            },
        })
    }

    /// It is over and was told of; its verdict is not needed.
    pub(super) fn forget(&self, n: u64) {
        self.lock().exchanges.remove(&n);
    }

    /// The verdict on its connection, which may take as long as the drain of a dropped body.
    pub(super) async fn verdict(&self, n: u64) -> Option<Reuse> {
        loop {
            let mut settled = std::pin::pin!(self.settled.notified());
            settled.as_mut().enable();
            match self.lock().exchanges.get(&n) {
                None => return None,
                Some(exchange) if exchange.verdict.is_some() => break,
                Some(_) => {}
            }
            settled.await;
        }
        self.lock().exchanges.remove(&n)?.verdict
    }

    /// From here on nothing is written: what now closes, the command closes itself.
    pub(super) fn silence(&self) {
        self.lock().silent = true;
    }

    fn write(&self, state: &State, lines: &[String]) {
        if !self.verbose || state.silent {
            return;
        }
        let mut out = anstream::stderr().lock();
        for line in lines {
            // Whoever closed our standard error does not want to read of it.
            let _ = writeln!(out, "{line}");
        }
    }

    fn on_checked_out(&self, state: &mut State, event: &Event) {
        let EventKind::CheckedOut {
            call,
            connection: id,
            reused,
            requests,
            idle,
        } = &event.kind
        else {
            return;
        };
        self.settle(state, *id, Reuse::Keep);
        let Some(n) = state.calls.get(call).copied() else {
            return;
        };
        let Some(connection) = state.connections.get_mut(id) else {
            return;
        };
        connection.serving = Some(n);
        connection.verdict = None;
        let report = ConnectionReport {
            id: id.0,
            protocol: "h1",
            reused: *reused,
            requests: *requests,
            idle: idle.filter(|_| *reused),
            age: event.at.saturating_duration_since(connection.opened),
            local: connection.local,
            remote: connection.remote,
        };
        let taken = Taken {
            at: event.at,
            report,
            miss: connection.miss.filter(|_| *requests == 1),
        };
        let Some(exchange) = state.exchanges.get_mut(&n) else {
            return;
        };
        exchange.taken = Some(taken);
        exchange.sent = None;
        exchange.answered = None;
        let mut lines = Vec::new();
        if *reused {
            lines.push(verbose::reusing(*id, *idle, *requests));
        }
        lines.extend(exchange.request.iter().cloned());
        self.write(state, &lines);
    }

    /// A connection was parked, closed, or passed on: the exchange on it has its verdict.
    fn settle(&self, state: &mut State, id: ConnectionId, otherwise: Reuse) {
        let Some(connection) = state.connections.get_mut(&id) else {
            return;
        };
        let told = connection.verdict.take();
        let Some(n) = connection.serving.take() else {
            return;
        };
        let verdict = match (told, otherwise) {
            (Some(told), Reuse::Close(reasons)) => told.also(*reasons.primary()),
            (_, otherwise) => otherwise,
        };
        if let Some(exchange) = state.exchanges.get_mut(&n) {
            exchange.verdict = Some(verdict);
            self.settled.notify_waiters();
        }
    }

    /// Writes a line about a connection, behind the head of the response it carries.
    fn tell(&self, state: &mut State, serving: Option<u64>, line: String) {
        let waiting = serving.and_then(|n| state.exchanges.get_mut(&n));
        match waiting.filter(|exchange| !exchange.head_written) {
            Some(exchange) => exchange.held.push(line),
            None => self.write(state, &[line]),
        }
    }

    fn on_parked(&self, state: &mut State, id: ConnectionId) {
        let serving = state.connections.get(&id).and_then(|it| it.serving);
        self.settle(state, id, Reuse::Keep);
        // One that was opened and found nobody waiting has no exchange to be left intact after.
        if serving.is_some() {
            self.tell(state, serving, verbose::left_intact(id));
        }
    }

    fn on_closed(&self, state: &mut State, id: ConnectionId, closed: &Closed) {
        let serving = state.connections.get(&id).and_then(|it| it.serving);
        self.settle(state, id, Reuse::close(closed.reason));
        self.tell(state, serving, verbose::closing(id, &closed.reason));
        state.connections.remove(&id);
    }

    fn on_opened(&self, state: &mut State, event: &Event) {
        let EventKind::Opened {
            connection,
            origin,
            local,
            remote,
        } = &event.kind
        else {
            return;
        };
        let entry = state
            .connections
            .entry(*connection)
            .or_insert_with(|| Connection::new(event.at));
        (entry.local, entry.remote) = (*local, *remote);
        let line = verbose::connected(origin, *remote, *connection, entry.miss.as_ref());
        self.write(state, &[line]);
    }
}

impl Connection {
    fn new(opened: Instant) -> Self {
        Self {
            opened,
            local: None,
            remote: None,
            miss: None,
            serving: None,
            verdict: None,
        }
    }
}

impl State {
    fn exchange_of(&mut self, call: CallId) -> Option<&mut Exchange> {
        self.exchanges.get_mut(self.calls.get(&call)?)
    }
}

impl Observer for Journal {
    fn on_event(&self, event: &Event) {
        let state = &mut *self.lock();
        match &event.kind {
            EventKind::CallStarted { call, .. } => {
                if let Ok(n) = EXCHANGE.try_with(|n| *n) {
                    state.calls.insert(*call, n);
                }
            }
            EventKind::DialStarted { dial, miss, .. } => {
                state.dials.insert(*dial, *miss);
            }
            EventKind::DialEnded { dial, outcome } => {
                let miss = state.dials.remove(dial);
                if let Ok(id) = outcome {
                    let mut connection = Connection::new(event.at);
                    connection.miss = miss;
                    state.connections.insert(*id, connection);
                }
            }
            EventKind::Opened { .. } => self.on_opened(state, event),
            EventKind::CheckedOut { .. } => self.on_checked_out(state, event),
            EventKind::RequestSent { call, .. } => {
                if let Some(exchange) = state.exchange_of(*call) {
                    exchange.sent = Some(event.at);
                }
            }
            EventKind::ResponseHead { call, status, .. } => {
                if let Some(exchange) = state.exchange_of(*call)
                    && *status >= 200
                {
                    exchange.answered = Some(event.at);
                }
            }
            EventKind::ExchangeEnded {
                connection, reuse, ..
            } => {
                if let Some(connection) = state.connections.get_mut(connection) {
                    connection.verdict = Some(reuse.clone());
                }
            }
            EventKind::Parked { connection } => self.on_parked(state, *connection),
            EventKind::Closed {
                connection, closed, ..
            } => {
                self.on_closed(state, *connection, closed);
            }
            EventKind::RetryDecided { call, retry } => {
                let held = state
                    .exchange_of(*call)
                    .map(|it| std::mem::take(&mut it.held));
                self.write(state, &held.unwrap_or_default());
                self.write(state, &[verbose::decided(*retry)]);
            }
            EventKind::CallEnded { call, .. } => {
                state.calls.remove(call);
            }
            EventKind::Queued { .. } | EventKind::Dequeued { .. } => {}
        }
    }
}
