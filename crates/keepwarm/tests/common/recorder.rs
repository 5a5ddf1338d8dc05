//! A recorder of events that checks their contract: what starts ends, in order, and no lock is held.
//!
//! Owns the list of events and the rules of `keepwarm::event`. Refuses to know what caused them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use keepwarm::Client;
use keepwarm::event::{CallId, ConnectionId, DialId, Event, EventKind, Observer};

/// Records every event, and asks the client for its numbers each time: it hangs when a lock is held.
#[derive(Default)]
pub(crate) struct Recorder {
    events: Mutex<Vec<EventKind>>,
    client: Mutex<Option<Client>>,
}

impl Observer for Recorder {
    fn on_event(&self, event: &Event) {
        let client = self.client.lock().expect("no panic").clone();
        if let Some(client) = client {
            // The numbers of every origin: each lock there is would have to be taken.
            assert!(client.stats().total().requests < u64::MAX);
        }
        self.events
            .lock()
            .expect("no panic")
            .push(event.kind.clone());
    }
}

impl Recorder {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Asks this client at each event.
    pub(crate) fn watch(&self, client: &Client) {
        *self.client.lock().expect("no panic") = Some(client.clone());
    }

    /// Lets the client go again.
    pub(crate) fn release(&self) {
        let client = self.client.lock().expect("no panic").take();
        drop(client);
    }

    pub(crate) fn events(&self) -> Vec<EventKind> {
        self.events.lock().expect("no panic").clone()
    }

    /// How many events satisfy this.
    pub(crate) fn count(&self, wanted: impl Fn(&EventKind) -> bool) -> usize {
        self.events().iter().filter(|event| wanted(event)).count()
    }

    /// What is open after all events so far; panics at the first that breaks the contract.
    pub(crate) fn check(&self) -> Open {
        let mut open = Open::default();
        let events = self.events();
        for (index, event) in events.iter().enumerate() {
            if let Err(broken) = open.on(event) {
                panic!("event {index}, {event:?}: {broken}\n{events:#?}");
            }
        }
        open
    }
}

/// What has started and not ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) calls: BTreeSet<CallId>,
    pub(crate) queued: BTreeSet<CallId>,
    pub(crate) dials: BTreeSet<DialId>,
    pub(crate) connections: BTreeSet<ConnectionId>,
    pub(crate) exchanges: BTreeMap<CallId, ConnectionId>,
}

type Rule = Result<(), &'static str>;

fn rule(holds: bool, broken: &'static str) -> Rule {
    if holds { Ok(()) } else { Err(broken) }
}

impl Open {
    fn on(&mut self, event: &EventKind) -> Rule {
        match event {
            EventKind::Configured { .. } => Ok(()),
            EventKind::CallStarted { call, .. } => rule(self.calls.insert(*call), "it had started"),
            EventKind::Queued { call, .. } => {
                rule(self.calls.contains(call), "its call is not open")?;
                rule(self.queued.insert(*call), "it was queued already")
            }
            EventKind::Dequeued { call, .. } => rule(self.queued.remove(call), "it was not queued"),
            EventKind::DialStarted { dial, .. } => rule(self.dials.insert(*dial), "it had started"),
            EventKind::DialEnded { dial, .. } => {
                rule(self.dials.remove(dial), "it had not started")
            }
            EventKind::Opened { connection, .. } => {
                rule(self.connections.insert(*connection), "it was open")
            }
            EventKind::CheckedOut {
                call, connection, ..
            } => self.on_checked_out(*call, *connection),
            EventKind::RequestSent {
                call, connection, ..
            }
            | EventKind::ResponseHead {
                call, connection, ..
            } => rule(self.runs(*call, *connection), "no such exchange runs"),
            EventKind::ExchangeEnded {
                call, connection, ..
            } => {
                rule(self.runs(*call, *connection), "no such exchange runs")?;
                self.exchanges.remove(call);
                Ok(())
            }
            EventKind::Parked { connection } => {
                rule(self.connections.contains(connection), "it is not open")
            }
            EventKind::Closed { connection, .. } => {
                rule(!self.is_busy(*connection), "an exchange runs on it")?;
                rule(self.connections.remove(connection), "it is not open")
            }
            EventKind::RetryDecided { call, .. } => {
                rule(self.calls.contains(call), "its call is not open")?;
                rule(!self.exchanges.contains_key(call), "its exchange runs")
            }
            EventKind::CallEnded { call, .. } => {
                rule(!self.exchanges.contains_key(call), "its exchange runs")?;
                rule(!self.queued.contains(call), "it is queued")?;
                rule(self.calls.remove(call), "it had not started")
            }
        }
    }

    fn on_checked_out(&mut self, call: CallId, connection: ConnectionId) -> Rule {
        rule(self.calls.contains(&call), "its call is not open")?;
        rule(!self.queued.contains(&call), "its call is queued")?;
        rule(self.connections.contains(&connection), "it is not open")?;
        rule(!self.is_busy(connection), "another exchange runs on it")?;
        let before = self.exchanges.insert(call, connection);
        rule(before.is_none(), "its call has an exchange")
    }

    fn runs(&self, call: CallId, connection: ConnectionId) -> bool {
        self.exchanges.get(&call) == Some(&connection)
    }

    fn is_busy(&self, connection: ConnectionId) -> bool {
        self.exchanges.values().any(|busy| *busy == connection)
    }
}
