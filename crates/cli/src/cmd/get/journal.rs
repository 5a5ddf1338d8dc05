//! `Journal`: the observer that knows which event belongs to which exchange.
//!
//! Owns what responses and errors do not tell (the connection of a failed exchange, the verdict on a body that
//! was dropped) and the moment at which each line of `-v` is written. Refuses to word them.

use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::Method;
use keepwarm::Origin;
use keepwarm::event::{CallId, ConnectionId, DialId, Event, EventKind, Observer};
use keepwarm::reason::{Closed, Miss, Reuse};
use tokio::sync::Notify;

use super::script::{Answer, Asked, Known, Script};
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
    dials: HashMap<DialId, Dial>,
    connections: HashMap<ConnectionId, Connection>,
    /// What was told of connections: of those that are open, and of those whose answer waits to be written.
    knowledge: HashMap<ConnectionId, Known>,
    silent: bool,
}

struct Exchange {
    started: Instant,
    asked: Asked,
    /// Its calls so far, by method and origin: the first, then one for each redirect.
    calls: Vec<(Method, Origin)>,
    /// Lines that wait for the response's head.
    script: Script,
    taken: Option<Taken>,
    sent: Option<Instant>,
    answered: Option<Instant>,
    verdict: Option<Reuse>,
}

/// The connection an exchange took.
#[derive(Clone)]
struct Taken {
    at: Instant,
    report: ConnectionReport,
    miss: Option<Miss>,
}

/// A connection that is being opened.
struct Dial {
    miss: Miss,
    /// The exchange whose call started it.
    by: Option<u64>,
}

struct Connection {
    opened: Instant,
    /// None until it is told of.
    origin: Option<Origin>,
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    miss: Option<Miss>,
    opened_by: Option<u64>,
    /// The exchanges on it: one in HTTP/1, any number in HTTP/2.
    serving: Vec<Serving>,
}

/// An exchange on a connection.
struct Serving {
    n: u64,
    call: CallId,
    /// Set when it is over.
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

    /// An exchange is about to start; this is its request.
    pub(super) fn begin(&self, n: u64, asked: Asked) {
        let exchange = Exchange {
            started: Instant::now(),
            asked,
            calls: Vec::new(),
            script: Script::default(),
            taken: None,
            sent: None,
            answered: None,
            verdict: None,
        };
        self.lock().exchanges.insert(n, exchange);
    }

    /// The head of its response is here.
    pub(super) fn head(&self, n: u64, answer: Answer<'_>) {
        let state = &mut *self.lock();
        let lines = state.perform(n, Some(answer));
        self.write(state, &lines);
    }

    /// It failed: what is known of it.
    pub(super) fn failed(&self, n: u64, line: String) -> Option<Trail> {
        let mut state = self.lock();
        let lines = state.perform(n, None);
        self.write(&state, &lines);
        self.write(&state, &[line]);
        let exchange = state.exchanges.remove(&n)?;
        let now = Instant::now();
        let between = |from: Option<Instant>, to: Option<Instant>| {
            from.map(|from| to.unwrap_or(now).saturating_duration_since(from))
        };
        let taken = exchange.taken.as_ref().map(|taken| taken.at);
        Some(Trail {
            connection: exchange.taken.as_ref().map(|taken| taken.report.clone()),
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
        let state = &mut *self.lock();
        let mut cut_short: Vec<u64> = state.exchanges.keys().copied().collect();
        cut_short.sort_unstable();
        for n in cut_short {
            let lines = state.perform(n, None);
            self.write(state, &lines);
        }
        state.silent = true;
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
        if state.settle(*id, &Reuse::Keep, Whom::Ended) {
            self.settled.notify_waiters();
        }
        let Some(n) = state.calls.get(call).copied() else {
            return;
        };
        let (Some(connection), Some(exchange)) =
            (state.connections.get_mut(id), state.exchanges.get_mut(&n))
        else {
            return;
        };
        connection.serving.push(Serving {
            n,
            call: *call,
            verdict: None,
        });
        let redirects = exchange.calls.len().saturating_sub(1);
        let known = state.knowledge.get(id);
        let ready = known.map(|known| exchange.asked.lines(known));
        let ready = ready.filter(|_| self.verbose);
        let taken = (*id, *reused, *requests, *idle);
        let mut report = connection.report(event.at, taken, known);
        let called = exchange.calls.last().map(|(_, origin)| origin.clone());
        let from = connection
            .origin
            .clone()
            .filter(|from| Some(from) != called.as_ref());
        report.coalesced_from = from.as_ref().map(ToString::to_string);
        exchange.taken = Some(Taken {
            at: event.at,
            report,
            miss: connection.miss.filter(|_| *requests == 1),
        });
        exchange.sent = None;
        exchange.answered = None;
        if !self.verbose {
            return;
        }
        if *reused {
            let both = from.as_ref().zip(called.as_ref());
            let coalesced = both.map(|(from, called)| verbose::Coalesced { from, called });
            let line = verbose::reusing(*id, *idle, *requests, coalesced);
            self.tell(state, Some(n), line);
        }
        let Some(exchange) = state.exchanges.get_mut(&n) else {
            return;
        };
        if exchange.script.is_empty()
            && redirects == 0
            && let Some(lines) = ready
        {
            self.write(state, &lines);
        } else if let Some((method, origin)) = exchange.calls.last().cloned() {
            let origin = origin.to_string();
            exchange.script.request(redirects, *id, method, origin);
        }
    }

    /// Writes a line about a connection, behind what waits of the exchange it belongs to.
    fn tell(&self, state: &mut State, n: Option<u64>, line: String) {
        let waiting = n.and_then(|n| state.exchanges.get_mut(&n));
        match waiting.filter(|exchange| !exchange.script.is_empty()) {
            Some(exchange) => exchange.script.line(line),
            None => self.write(state, &[line]),
        }
    }

    fn on_head(&self, state: &mut State, event: &Event) {
        let EventKind::ResponseHead {
            call,
            connection,
            status,
        } = event.kind
        else {
            return;
        };
        let verbose = self.verbose;
        if let Some(exchange) = state.exchange_of(call)
            && status >= 200
        {
            exchange.answered = Some(event.at);
            if verbose {
                let redirects = exchange.calls.len().saturating_sub(1);
                exchange.script.head(redirects, connection, status);
            }
        }
    }

    fn on_ended(&self, state: &mut State, call: CallId, id: ConnectionId, reuse: &Reuse) {
        let Some(connection) = state.connections.get_mut(&id) else {
            return;
        };
        let mut serving = connection.serving.iter_mut();
        if let Some(it) = serving.find(|it| it.call == call) {
            it.verdict = Some(reuse.clone());
        }
        // While others are on the connection nothing more is decided about it.
        let is_shared = connection.serving.iter().any(|it| it.verdict.is_none());
        if is_shared && state.settle(id, &Reuse::Keep, Whom::Ended) {
            self.settled.notify_waiters();
        }
    }

    fn on_parked(&self, state: &mut State, id: ConnectionId) {
        let serving = state.last_on(id);
        if state.settle(id, &Reuse::Keep, Whom::All) {
            self.settled.notify_waiters();
        }
        // One that was opened and found nobody waiting has no exchange to be left intact after.
        if serving.is_some() {
            self.tell(state, serving, verbose::left_intact(id));
        }
    }

    fn on_closed(&self, state: &mut State, id: ConnectionId, closed: &Closed) {
        let serving = state.last_on(id);
        if state.settle(id, &Reuse::close(closed.reason), Whom::All) {
            self.settled.notify_waiters();
        }
        self.tell(state, serving, verbose::closing(id, &closed.reason));
        state.connections.remove(&id);
        // An answer that waits to be written still tells of it.
        let waiting = serving.and_then(|n| state.exchanges.get(&n));
        if waiting.is_none_or(|exchange| exchange.script.is_empty()) {
            state.knowledge.remove(&id);
        }
    }

    fn on_opened(&self, state: &mut State, event: &Event) {
        let EventKind::Opened {
            connection,
            origin,
            local,
            remote,
            protocol,
            tls,
            via,
            took: _,
        } = &event.kind
        else {
            return;
        };
        let entry = state
            .connections
            .entry(*connection)
            .or_insert_with(|| Connection::new(event.at));
        (entry.local, entry.remote) = (*local, *remote);
        entry.origin = Some(origin.clone());
        let by = entry.opened_by;
        let line = verbose::connected(origin, *remote, *connection, entry.miss.as_ref());
        self.tell(state, by, line);
        let known = Known {
            protocol: protocol.slug(),
            tls: tls.as_deref().cloned(),
            via: via.as_deref().map(str::to_owned),
        };
        for line in known.introduction() {
            self.tell(state, by, line);
        }
        state.knowledge.insert(*connection, known);
    }

    fn on_dial_ended(state: &mut State, event: &Event) {
        let EventKind::DialEnded { dial, outcome } = &event.kind else {
            return;
        };
        let dial = state.dials.remove(dial);
        if let Ok(id) = outcome {
            let mut connection = Connection::new(event.at);
            connection.miss = dial.as_ref().map(|dial| dial.miss);
            connection.opened_by = dial.and_then(|dial| dial.by);
            state.connections.insert(*id, connection);
        }
    }
}

/// Which of a connection's exchanges have their verdict now.
#[derive(Clone, Copy, PartialEq)]
enum Whom {
    All,
    /// Those that are over.
    Ended,
}

impl Connection {
    fn new(opened: Instant) -> Self {
        Self {
            opened,
            origin: None,
            local: None,
            remote: None,
            miss: None,
            opened_by: None,
            serving: Vec::new(),
        }
    }

    /// What is known of it when an exchange takes it: its number, whether it served before, requests, idle time.
    fn report(
        &self,
        at: Instant,
        (id, reused, requests, idle): (ConnectionId, bool, u64, Option<Duration>),
        known: Option<&Known>,
    ) -> ConnectionReport {
        ConnectionReport {
            id: id.0,
            protocol: known.map(|known| known.protocol),
            reused,
            requests,
            idle: idle.filter(|_| reused),
            age: at.saturating_duration_since(self.opened),
            local: self.local,
            remote: self.remote,
            tls: known.and_then(|known| known.tls.clone()),
            via: known.and_then(|known| known.via.clone()),
            stream: None,
            coalesced_from: None,
        }
    }
}

impl State {
    fn exchange_of(&mut self, call: CallId) -> Option<&mut Exchange> {
        self.exchanges.get_mut(self.calls.get(&call)?)
    }

    /// The exchange on a connection that came last.
    fn last_on(&self, id: ConnectionId) -> Option<u64> {
        let serving = &self.connections.get(&id)?.serving;
        serving.last().map(|it| it.n)
    }

    /// Forgets what was told of connections that are gone.
    fn forget_the_gone(&mut self) {
        let connections = &self.connections;
        self.knowledge.retain(|id, _| connections.contains_key(id));
    }

    /// A connection was parked, closed, or passed on: exchanges on it have their verdict. True when there were any.
    fn settle(&mut self, id: ConnectionId, otherwise: &Reuse, whom: Whom) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else {
            return false;
        };
        let (settled, left) = std::mem::take(&mut connection.serving)
            .into_iter()
            .partition(|it| whom == Whom::All || it.verdict.is_some());
        connection.serving = left;
        let settled: Vec<Serving> = settled;
        for it in &settled {
            let verdict = match (it.verdict.clone(), otherwise) {
                (Some(told), Reuse::Close(reasons)) => told.also(*reasons.primary()),
                // What the exchange did to the connection holds, though others are still on it.
                (Some(told), Reuse::Keep) if whom == Whom::Ended => told,
                (_, otherwise) => otherwise.clone(),
            };
            if let Some(exchange) = self.exchanges.get_mut(&it.n) {
                exchange.verdict = Some(verdict);
            }
        }
        !settled.is_empty()
    }

    /// The lines of an exchange that waited, now that its answer is here or will not come.
    fn perform(&mut self, n: u64, answer: Option<Answer<'_>>) -> Vec<String> {
        let Some(exchange) = self.exchanges.get_mut(&n) else {
            return Vec::new();
        };
        let script = std::mem::take(&mut exchange.script);
        let known = |id| self.knowledge.get(&id).cloned();
        let lines = script.perform(&exchange.asked, answer, known);
        self.forget_the_gone();
        lines
    }
}

impl Observer for Journal {
    fn on_event(&self, event: &Event) {
        let state = &mut *self.lock();
        match &event.kind {
            EventKind::CallStarted {
                call,
                method,
                origin,
                ..
            } => {
                if let Ok(n) = EXCHANGE.try_with(|n| *n) {
                    state.calls.insert(*call, n);
                    if let Some(exchange) = state.exchanges.get_mut(&n) {
                        exchange.calls.push((method.clone(), origin.clone()));
                    }
                }
            }
            EventKind::DialStarted { dial, miss, .. } => {
                let by = EXCHANGE.try_with(|n| *n).ok();
                state.dials.insert(*dial, Dial { miss: *miss, by });
            }
            EventKind::DialEnded { .. } => Self::on_dial_ended(state, event),
            EventKind::Opened { .. } => self.on_opened(state, event),
            EventKind::CheckedOut { .. } => self.on_checked_out(state, event),
            EventKind::RequestSent { call, .. } => {
                if let Some(exchange) = state.exchange_of(*call) {
                    exchange.sent = Some(event.at);
                }
            }
            EventKind::ResponseHead { .. } => self.on_head(state, event),
            EventKind::ExchangeEnded {
                call,
                connection,
                reuse,
                ..
            } => self.on_ended(state, *call, *connection, reuse),
            EventKind::Parked { connection } => self.on_parked(state, *connection),
            EventKind::Closed {
                connection, closed, ..
            } => {
                self.on_closed(state, *connection, closed);
            }
            EventKind::RetryDecided { call, retry } => {
                let n = state.calls.get(call).copied();
                self.tell(state, n, verbose::decided(*retry));
            }
            EventKind::CallEnded { call, .. } => {
                state.calls.remove(call);
            }
            EventKind::Configured { .. }
            | EventKind::Queued { .. }
            | EventKind::Dequeued { .. } => {}
        }
    }
}
