//! `Watch`: an observer that checks that what starts ends, once, and with a reason.
//!
//! Owns what is open according to the events, and the counts that are held against `stats()`.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use keepwarm::event::{CallId, ConnectionId, DialId, Event, EventKind, Observer};

/// The observer.
#[derive(Default)]
pub(crate) struct Watch(Mutex<Seen>);

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    calls: HashSet<CallId>,
    queued: HashSet<CallId>,
    dials: HashSet<DialId>,
    /// Open connections, and whether an exchange runs on each.
    connections: HashMap<ConnectionId, bool>,
    exchanges: HashMap<CallId, ConnectionId>,
    pub(crate) opened: u64,
    pub(crate) closed: u64,
    pub(crate) checked_out: u64,
    pub(crate) reused: u64,
}

impl Watch {
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Watch {
    fn on_event(&self, event: &Event) {
        self.seen().on(&event.kind);
    }
}

impl Seen {
    /// Nothing is left over.
    pub(crate) fn assert_all_ended(&self) {
        let open = [
            self.calls.len(),
            self.queued.len(),
            self.dials.len(),
            self.connections.len(),
            self.exchanges.len(),
        ];
        assert_eq!(open, [0; 5], "left open: {self:?}");
    }

    fn on(&mut self, event: &EventKind) {
        let is_sound = match event {
            EventKind::Configured { .. } => true,
            EventKind::CallStarted { call, .. } => self.calls.insert(*call),
            EventKind::Queued { call, .. } => self.queued.insert(*call),
            EventKind::Dequeued { call, .. } => self.queued.remove(call),
            EventKind::DialStarted { dial, .. } => self.dials.insert(*dial),
            EventKind::DialEnded { dial, .. } => self.dials.remove(dial),
            EventKind::Opened { connection, .. } => {
                self.opened += 1;
                self.connections.insert(*connection, false).is_none()
            }
            EventKind::CheckedOut {
                call,
                connection,
                reused,
                ..
            } => {
                self.checked_out += 1;
                self.reused += u64::from(*reused);
                let before = self.connections.insert(*connection, true);
                before == Some(false) && self.exchanges.insert(*call, *connection).is_none()
            }
            EventKind::RequestSent { connection, .. }
            | EventKind::ResponseHead { connection, .. } => {
                self.connections.contains_key(connection)
            }
            EventKind::ExchangeEnded {
                call, connection, ..
            } => {
                let before = self.connections.insert(*connection, false);
                before == Some(true) && self.exchanges.remove(call) == Some(*connection)
            }
            EventKind::Parked { connection } => self.connections.get(connection) == Some(&false),
            EventKind::Closed { connection, .. } => {
                self.closed += 1;
                self.connections.remove(connection) == Some(false)
            }
            EventKind::RetryDecided { call, .. } => self.calls.contains(call),
            EventKind::CallEnded { call, .. } => {
                !self.exchanges.contains_key(call) && self.calls.remove(call)
            }
        };
        assert!(is_sound, "{event:?} cannot be; {self:?}");
    }
}
