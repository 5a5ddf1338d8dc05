//! `Watch`: an observer that counts, and checks that what starts ends exactly once.
//!
//! Owns the open ends and the counts; its memory does not grow with the calls. Refuses to know the server.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use keepwarm::event::{CallId, ConnectionId, DialId, Event, EventKind, Observer};

use super::ledger::{Ledger, Ports};

/// The observer.
pub(crate) struct Watch {
    ledger: Arc<Ledger>,
    seen: Mutex<Seen>,
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) calls: HashSet<CallId>,
    pub(crate) queued: HashSet<CallId>,
    pub(crate) dials: HashSet<DialId>,
    /// Open connections, with the place of each in `requests`.
    pub(crate) connections: HashMap<ConnectionId, Option<(Ports, usize)>>,
    pub(crate) exchanges: HashMap<CallId, ConnectionId>,
    busy: HashSet<ConnectionId>,
    pub(crate) checked_out: u64,
    pub(crate) reused: u64,
    pub(crate) opened: u64,
    pub(crate) closed: u64,
    pub(crate) failed_dials: u64,
    pub(crate) kept: u64,
    pub(crate) not_kept: u64,
    /// Requests of each connection as told when it closed; a port used again has several entries, oldest first.
    pub(crate) requests: HashMap<Ports, Vec<u64>>,
}

impl Watch {
    pub(crate) fn new(ledger: &Arc<Ledger>) -> Arc<Self> {
        Arc::new(Self {
            ledger: Arc::clone(ledger),
            seen: Mutex::default(),
        })
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no panic under this lock")
    }
}

impl Observer for Watch {
    fn on_event(&self, event: &Event) {
        let broken = self.seen().on(&event.kind);
        if let Err(broken) = broken {
            self.ledger.complain(format!("{:?}: {broken}", event.kind));
        }
    }
}

type Rule = Result<(), &'static str>;

fn rule(holds: bool, broken: &'static str) -> Rule {
    if holds { Ok(()) } else { Err(broken) }
}

impl Seen {
    fn on(&mut self, event: &EventKind) -> Rule {
        match event {
            EventKind::Configured { .. } => Ok(()),
            EventKind::CallStarted { call, .. } => rule(self.calls.insert(*call), "it had started"),
            EventKind::Queued { call, .. } => rule(self.queued.insert(*call), "it was queued"),
            EventKind::Dequeued { call, .. } => rule(self.queued.remove(call), "it was not queued"),
            EventKind::DialStarted { dial, .. } => rule(self.dials.insert(*dial), "it had started"),
            EventKind::DialEnded { dial, outcome } => {
                self.failed_dials += u64::from(outcome.is_err());
                rule(self.dials.remove(dial), "it had not started")
            }
            EventKind::Opened {
                connection,
                local,
                remote,
                ..
            } => {
                let ports = local.zip(*remote);
                let ports = ports.map(|(local, remote)| (remote.port(), local.port()));
                self.on_opened(*connection, ports)
            }
            EventKind::CheckedOut {
                call,
                connection,
                reused,
                ..
            } => {
                self.checked_out += 1;
                self.reused += u64::from(*reused);
                rule(self.connections.contains_key(connection), "it is not open")?;
                rule(self.busy.insert(*connection), "another exchange runs on it")?;
                let before = self.exchanges.insert(*call, *connection);
                rule(before.is_none(), "its call has an exchange")
            }
            EventKind::RequestSent { .. } | EventKind::ResponseHead { .. } => Ok(()),
            EventKind::ExchangeEnded {
                call,
                connection,
                reuse,
                ..
            } => {
                self.busy.remove(connection);
                if reuse.is_keep() {
                    self.kept += 1;
                } else {
                    self.not_kept += 1;
                }
                rule(self.exchanges.remove(call).is_some(), "no exchange runs")
            }
            EventKind::Parked { connection } => {
                rule(self.connections.contains_key(connection), "it is not open")?;
                rule(!self.busy.contains(connection), "an exchange runs on it")
            }
            EventKind::Closed {
                connection,
                requests,
                ..
            } => self.on_closed(*connection, *requests),
            EventKind::RetryDecided { call, .. } => {
                rule(self.calls.contains(call), "its call is not open")
            }
            EventKind::CallEnded { call, .. } => {
                rule(self.calls.remove(call), "it had not started")
            }
        }
    }

    fn on_opened(&mut self, connection: ConnectionId, ports: Option<Ports>) -> Rule {
        self.opened += 1;
        let place = ports.map(|ports| {
            let requests = self.requests.entry(ports).or_default();
            requests.push(0);
            (ports, requests.len() - 1)
        });
        let before = self.connections.insert(connection, place);
        rule(before.is_none(), "it was open")
    }

    fn on_closed(&mut self, connection: ConnectionId, requests: u64) -> Rule {
        self.closed += 1;
        rule(!self.busy.contains(&connection), "an exchange runs on it")?;
        let place = self.connections.remove(&connection);
        rule(place.is_some(), "it is not open")?;
        if let Some((ports, place)) = place.flatten()
            && let Some(noted) = self.requests.get_mut(&ports)
        {
            noted[place] = requests;
        }
        Ok(())
    }

    /// What is open, in words; none when nothing is.
    pub(crate) fn open_ends(&self) -> Option<String> {
        let open = [
            ("calls", self.calls.len()),
            ("queued", self.queued.len()),
            ("dials", self.dials.len()),
            ("connections", self.connections.len()),
            ("exchanges", self.exchanges.len()),
        ];
        let is_any = open.iter().any(|(_, count)| *count > 0);
        is_any.then(|| format!("{open:?}"))
    }
}
