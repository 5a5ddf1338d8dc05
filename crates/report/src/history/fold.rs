//! One log, event by event.
//!
//! Owns what is open at any moment of it. Refuses to look ahead.

use std::collections::HashMap;

use http::uri::PathAndQuery;
use keepwarm_core::event::{
    CallId, ClientId, ConnectionId, DialId, EventKind, Opening, Protocol, TlsInfo,
};
use keepwarm_core::origin;
use keepwarm_core::reason::{CloseReason, Closed, Miss, PeerEnd, Phase, Retry, Reuse};

use super::{FailedDial, History, Typed};
use crate::log::{Log, Record, micros};
use crate::redact;
use crate::report::{Connection, End, Exchange, How, Life, Necessity, Origin, Outcome, Tls};

/// The longest time after the beginning that is believed, eight years: sums of such times still fit.
const LONGEST_US: u64 = 1 << 48;

/// Adds a log to the history; how many clients it has.
pub(super) fn fold(history: &mut History, source: usize, log: &Log, queries: bool) -> u64 {
    let mut fold = Fold {
        source,
        queries,
        // The wall clock of another machine may be a little off: nothing happens before the beginning.
        offset: i128::from(log.began_us) - i128::from(history.report.began_us),
        now: 0,
        client: ClientId(0),
        history,
        origins: HashMap::new(),
        calls: HashMap::new(),
        dials: HashMap::new(),
        opening: HashMap::new(),
        connections: HashMap::new(),
    };
    for record in &log.records {
        fold.take(record);
    }
    let clients = history.clients.range((source, 0)..=(source, u64::MAX));
    clients.count() as u64
}

struct Fold<'a> {
    source: usize,
    queries: bool,
    offset: i128,
    /// The time of the event at hand, on the report's axis.
    now: u64,
    /// Its client.
    client: ClientId,
    history: &'a mut History,
    /// Where the origins met in this log are in the report.
    origins: HashMap<origin::Origin, usize>,
    calls: HashMap<(ClientId, CallId), Call>,
    dials: HashMap<(ClientId, DialId), Dial>,
    /// Dials that have ended well, by what they gave, until that is told of.
    opening: HashMap<(ClientId, ConnectionId), Dial>,
    connections: HashMap<(ClientId, ConnectionId), Lane>,
}

struct Call {
    method: String,
    target: String,
    origin: usize,
    asked: u64,
    /// The exchange under way, or the last one.
    exchange: Option<usize>,
}

struct Dial {
    at: u64,
    origin: usize,
    miss: Miss,
}

struct Lane {
    index: usize,
    /// Exchanges on it at this moment.
    active: u64,
    /// Since when nobody is on it.
    idle_since: u64,
    served: u64,
    /// An exchange has ended that lets it serve no more.
    ending: bool,
}

/// What is told of a connection as it is opened.
struct Told<'a> {
    origin: &'a origin::Origin,
    ends: [Option<String>; 2],
    protocol: Protocol,
    tls: Option<&'a TlsInfo>,
    via: Option<String>,
    took: Opening,
}

impl Fold<'_> {
    fn take(&mut self, record: &Record) {
        let at = self.offset + i128::from(record.at_us);
        let at = u64::try_from(at.max(0)).unwrap_or(u64::MAX);
        // Two threads may tell of moments in the other order, by a hair, and a file may say anything: time goes on.
        self.now = self.now.max(at.min(LONGEST_US));
        self.history.report.length_us = self.history.report.length_us.max(self.now);
        self.client = record.client;
        let key = (self.source, record.client.0);
        self.history.clients.entry(key).or_default();
        self.on(&record.kind);
    }

    fn on(&mut self, kind: &EventKind) {
        let client = self.client;
        match kind {
            EventKind::Configured { limits } => {
                let key = (self.source, client.0);
                self.history.clients.insert(key, Some(*limits));
            }
            EventKind::CallStarted {
                call,
                method,
                origin,
                target,
            } => self.call_started(*call, method.to_string(), origin, target),
            // When a call has its connection tells how long it waited.
            EventKind::Queued { .. } | EventKind::Dequeued { .. } => {}
            EventKind::DialStarted { dial, origin, miss } => {
                let origin = self.origin(origin);
                let (at, miss) = (self.now, *miss);
                let begun = Dial { at, origin, miss };
                self.dials.insert((client, *dial), begun);
            }
            EventKind::DialEnded { dial, outcome } => self.dial_ended(*dial, outcome),
            EventKind::Opened { .. } => self.on_opened(kind),
            EventKind::CheckedOut {
                call,
                connection,
                requests,
                idle,
                ..
            } => {
                self.checked_out(*call, *connection, *requests, idle.map(micros));
            }
            EventKind::RequestSent { call, bytes, .. } => {
                let now = self.now;
                if let Some(exchange) = self.exchange(*call) {
                    exchange.sent_us = Some(now);
                    exchange.sent_bytes = *bytes;
                }
            }
            EventKind::ResponseHead { call, status, .. } => self.head(*call, *status),
            EventKind::ExchangeEnded {
                call,
                connection,
                reuse,
                received,
            } => self.exchange_ended(*call, *connection, reuse, *received),
            // Idle time counts from the end of the last exchange on it.
            EventKind::Parked { .. } => {}
            EventKind::Closed {
                connection,
                closed,
                requests,
                ..
            } => self.closed(*connection, *closed, *requests),
            EventKind::RetryDecided { call, retry } => self.decided(*call, *retry),
            EventKind::CallEnded { call, failed } => self.call_ended(*call, *failed),
        }
    }

    fn on_opened(&mut self, kind: &EventKind) {
        let EventKind::Opened {
            connection,
            origin,
            local,
            remote,
            protocol,
            tls,
            via,
            took,
        } = kind
        else {
            return;
        };
        let told = Told {
            origin,
            ends: [local, remote].map(|end| end.map(|end| end.to_string())),
            protocol: *protocol,
            tls: tls.as_deref(),
            via: via.as_deref().map(str::to_owned),
            took: *took,
        };
        self.opened(*connection, told);
    }

    fn origin(&mut self, origin: &origin::Origin) -> usize {
        if let Some(index) = self.origins.get(origin) {
            return *index;
        }
        let name = origin.to_string();
        let known = &mut self.history.report.origins;
        // Another source may have met it.
        let index = (known.iter().position(|it| it.name == name)).unwrap_or_else(|| {
            known.push(Origin {
                name,
                ..Origin::default()
            });
            known.len() - 1
        });
        self.origins.insert(origin.clone(), index);
        index
    }

    fn exchange(&mut self, call: CallId) -> Option<&mut Exchange> {
        let index = self.calls.get(&(self.client, call))?.exchange?;
        self.history.report.exchanges.get_mut(index)
    }

    fn call_started(
        &mut self,
        call: CallId,
        method: String,
        origin: &origin::Origin,
        target: &PathAndQuery,
    ) {
        let target = if self.queries {
            target.to_string()
        } else {
            redact::without_values(target).to_string()
        };
        let begun = Call {
            method,
            target,
            origin: self.origin(origin),
            asked: self.now,
            exchange: None,
        };
        self.calls.insert((self.client, call), begun);
    }

    fn dial_ended(&mut self, dial: DialId, outcome: &Result<ConnectionId, String>) {
        let Some(dial) = self.dials.remove(&(self.client, dial)) else {
            return;
        };
        match outcome {
            Ok(connection) => {
                self.opening.insert((self.client, *connection), dial);
            }
            Err(error) => self.history.failed_dials.push(FailedDial {
                origin: dial.origin,
                at_us: self.now,
                error: error.clone(),
            }),
        }
    }

    /// A connection of which no more is known than that it is there.
    fn seen(&self, id: ConnectionId, origin: usize) -> Connection {
        Connection {
            number: id.0,
            source: self.source,
            client: self.client.0,
            origin,
            is_older: false,
            dialed_us: self.now,
            opened_us: self.now,
            dns_us: 0,
            connect_us: 0,
            tls_us: None,
            local: None,
            remote: None,
            protocol: Protocol::H1.slug().to_owned(),
            tls: None,
            via: None,
            miss: None,
            miss_text: None,
            exchanges: Vec::new(),
            end: None,
            necessity: Necessity::Needed,
            blame: None,
        }
    }

    /// A connection that was opened before the events begin, or whose opening was dropped.
    fn known_before(&mut self, id: ConnectionId, origin: usize) {
        let older = Connection {
            is_older: true,
            ..self.seen(id, origin)
        };
        self.add(id, older, None);
    }

    fn add(&mut self, id: ConnectionId, connection: Connection, miss: Option<Miss>) {
        let lane = Lane {
            index: self.history.report.connections.len(),
            active: 0,
            idle_since: self.now,
            served: 0,
            ending: false,
        };
        self.history.report.connections.push(connection);
        self.history.lives.push(Typed {
            miss,
            ..Typed::default()
        });
        self.connections.insert((self.client, id), lane);
    }

    fn opened(&mut self, id: ConnectionId, told: Told<'_>) {
        let dial = self.opening.remove(&(self.client, id));
        let took = told.took;
        let [local, remote] = told.ends;
        let miss = dial.as_ref().map(|dial| dial.miss);
        let origin = self.origin(told.origin);
        let connection = Connection {
            dialed_us: dial.map_or(self.now, |dial| dial.at),
            dns_us: micros(took.resolving),
            connect_us: micros(took.connecting),
            tls_us: took.handshake.map(micros),
            local,
            remote,
            protocol: told.protocol.slug().to_owned(),
            tls: told.tls.map(|tls| Tls {
                version: tls.version.number().to_owned(),
                cipher: tls.cipher.clone(),
                alpn: tls.alpn.clone(),
                resumed: tls.resumed,
                server_name: tls.server_name.clone(),
            }),
            via: told.via,
            miss: miss.map(|miss| miss.slug().to_owned()),
            miss_text: miss.map(|miss| miss.to_string()),
            ..self.seen(id, origin)
        };
        self.add(id, connection, miss);
    }

    /// A call's exchange of which nothing has happened yet.
    fn asked(&self, id: CallId, call: &Call) -> Exchange {
        Exchange {
            call: id.0,
            source: self.source,
            client: self.client.0,
            origin: call.origin,
            connection: None,
            nth: 0,
            method: call.method.clone(),
            target: call.target.clone(),
            asked_us: call.asked,
            taken_us: None,
            sent_us: None,
            head_us: None,
            ended_us: None,
            idle_us: None,
            status: None,
            outcome: Outcome::Running,
            verdict: None,
            verdict_text: None,
            retry: None,
            again: false,
            sent_bytes: 0,
            received_bytes: 0,
        }
    }

    fn checked_out(&mut self, call: CallId, id: ConnectionId, requests: u64, idle: Option<u64>) {
        let client = self.client;
        let Some(asked) = (self.calls.get(&(client, call))).map(|open| self.asked(call, open))
        else {
            return;
        };
        let index = self.history.report.exchanges.len();
        if let Some(open) = self.calls.get_mut(&(client, call)) {
            open.exchange = Some(index);
        }
        if !self.connections.contains_key(&(client, id)) {
            self.known_before(id, asked.origin);
        }
        let lane = self.connections.get_mut(&(client, id));
        let connection = lane.map(|lane| {
            lane.active += 1;
            lane.served += 1;
            lane.index
        });
        if let Some(connection) = connection {
            self.history.report.connections[connection]
                .exchanges
                .push(index);
        }
        self.history.report.exchanges.push(Exchange {
            connection,
            nth: requests,
            taken_us: Some(self.now),
            idle_us: idle.filter(|_| requests > 1),
            ..asked
        });
        self.history.retries.push(None);
    }

    fn head(&mut self, call: CallId, status: u16) {
        let now = self.now;
        // 101 is an answer; the other interim ones are not (RFC 9110 §15.2).
        let is_answer = status >= 200 || status == 101;
        if let Some(exchange) = self.exchange(call).filter(|_| is_answer) {
            exchange.head_us = Some(now);
            exchange.status = Some(status);
        }
    }

    fn exchange_ended(&mut self, call: CallId, id: ConnectionId, reuse: &Reuse, received: u64) {
        let now = self.now;
        if let Some(lane) = self.connections.get_mut(&(self.client, id)) {
            lane.active = lane.active.saturating_sub(1);
            lane.idle_since = now;
            lane.ending |= !reuse.is_keep();
        }
        let Some(exchange) = self.exchange(call) else {
            return;
        };
        exchange.ended_us = Some(now);
        exchange.received_bytes = received;
        exchange.verdict = reuse.primary().map(|reason| reason.slug().to_owned());
        exchange.verdict_text = (!reuse.is_keep()).then(|| reuse.to_string());
        exchange.outcome = if exchange.status.is_some() {
            Outcome::Answered
        } else {
            Outcome::Failed
        };
    }

    fn closed(&mut self, id: ConnectionId, closed: Closed, requests: u64) {
        let Some(lane) = self.connections.remove(&(self.client, id)) else {
            return;
        };
        let is_idle = lane.active == 0 && !lane.ending && ended_idle(&closed.reason);
        let during = if lane.served == 0 {
            Life::Unused
        } else if is_idle {
            Life::Idle
        } else {
            Life::Exchange
        };
        let typed = &mut self.history.lives[lane.index];
        typed.closed = Some(closed);
        // What the socket told, where it did: we may have come to look, and told of it, later.
        typed.idle_us = (during == Life::Idle).then(|| {
            if let CloseReason::PeerClosedIdle { idle, .. } = closed.reason {
                micros(idle)
            } else {
                self.now - lane.idle_since
            }
        });
        self.history.report.connections[lane.index].end = Some(End {
            at_us: self.now,
            reason: closed.reason.slug().to_owned(),
            text: closed.reason.to_string(),
            by: closed.by.slug().to_owned(),
            how: how(&closed.reason),
            during,
            requests,
        });
    }

    fn decided(&mut self, call: CallId, retry: Retry) {
        let now = self.now;
        let key = (self.client, call);
        let index = self.calls.get(&key).and_then(|call| call.exchange);
        let again = matches!(retry, Retry::Again(_));
        if let Some(index) = index {
            let exchange = &mut self.history.report.exchanges[index];
            exchange.retry = Some(retry.slug().to_owned());
            exchange.again = again;
            exchange.outcome = Outcome::Failed;
            self.history.retries[index] = Some(retry);
        }
        if let Some(call) = self.calls.get_mut(&key).filter(|_| again) {
            call.asked = now;
            call.exchange = None;
        }
    }

    fn call_ended(&mut self, id: CallId, failed: Option<Phase>) {
        let Some(call) = self.calls.remove(&(self.client, id)) else {
            return;
        };
        let now = self.now;
        if let Some(index) = call.exchange {
            let exchange = &mut self.history.report.exchanges[index];
            exchange.ended_us.get_or_insert(now);
            if failed.is_some() || exchange.status.is_none() {
                exchange.outcome = Outcome::Failed;
            } else if exchange.outcome == Outcome::Running {
                exchange.outcome = Outcome::Answered;
            }
            return;
        }
        // It was given up, or refused, before it had a connection.
        self.history.retries.push(None);
        let refused = Exchange {
            ended_us: Some(now),
            outcome: Outcome::Failed,
            ..self.asked(id, &call)
        };
        self.history.report.exchanges.push(refused);
    }
}

/// Whether a connection may end for this reason while nobody uses it.
fn ended_idle(reason: &CloseReason) -> bool {
    match reason {
        CloseReason::AddressGone
        | CloseReason::GoAway
        | CloseReason::Http1Required
        | CloseReason::IdleTooLong { .. }
        | CloseReason::IoError { .. }
        | CloseReason::PeerBrokeProtocol(_)
        | CloseReason::PeerClosedIdle { .. }
        | CloseReason::PoolFull { .. }
        | CloseReason::RuntimeGone
        | CloseReason::ShutDown
        | CloseReason::StrayBytes { .. }
        | CloseReason::TimedOut(_)
        | CloseReason::TooOld { .. } => true,
        CloseReason::BodyNotRead { .. }
        | CloseReason::Cancelled
        | CloseReason::CloseDelimited
        | CloseReason::HostFull { .. }
        | CloseReason::Http10
        | CloseReason::Misdirected
        | CloseReason::NoContinue
        | CloseReason::PeerSaidClose
        | CloseReason::PoolOff
        | CloseReason::RequestNotSent
        | CloseReason::SwitchedProtocols
        | CloseReason::UsedUp { .. }
        | CloseReason::WeSaidClose => false,
    }
}

fn how(reason: &CloseReason) -> How {
    use std::io::ErrorKind;
    match reason {
        CloseReason::GoAway | CloseReason::Http1Required => How::GoAway,
        CloseReason::CloseDelimited => How::Fin,
        CloseReason::PeerClosedIdle { how, .. } => match how {
            PeerEnd::CloseNotify | PeerEnd::Fin | PeerEnd::RequestTimeout => How::Fin,
            PeerEnd::GoAway => How::GoAway,
            PeerEnd::Reset => How::Reset,
        },
        CloseReason::IoError {
            kind: ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted,
        } => How::Reset,
        CloseReason::IoError { .. } | CloseReason::PeerBrokeProtocol(_) => How::Failed,
        CloseReason::AddressGone
        | CloseReason::BodyNotRead { .. }
        | CloseReason::Cancelled
        | CloseReason::HostFull { .. }
        | CloseReason::Http10
        | CloseReason::IdleTooLong { .. }
        | CloseReason::Misdirected
        | CloseReason::NoContinue
        | CloseReason::PeerSaidClose
        | CloseReason::PoolFull { .. }
        | CloseReason::PoolOff
        | CloseReason::RequestNotSent
        | CloseReason::RuntimeGone
        | CloseReason::ShutDown
        | CloseReason::StrayBytes { .. }
        | CloseReason::SwitchedProtocols
        | CloseReason::TimedOut(_)
        | CloseReason::TooOld { .. }
        | CloseReason::UsedUp { .. }
        | CloseReason::WeSaidClose => How::Closed,
    }
}
