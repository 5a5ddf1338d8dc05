//! `Log`: every event of a client, to be looked at and waited on.
//!
//! Owns the events. Refuses to know what they should be.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keepwarm::event::{ConnectionId, Event, EventKind, Observer};
use keepwarm::reason::{Closed, Miss, Retry};
use tokio::sync::Notify;

use super::PATIENCE;

/// An observer that remembers.
#[derive(Default)]
pub(crate) struct Log {
    events: Mutex<Vec<Event>>,
    changed: Notify,
}

/// A connection's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) connection: ConnectionId,
    pub(crate) closed: Closed,
    pub(crate) requests: u64,
}

impl Observer for Log {
    fn on_event(&self, event: &Event) {
        self.lock().push(event.clone());
        self.changed.notify_waiters();
    }
}

impl Log {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The events so far, with their times and clients.
    pub(crate) fn raw(&self) -> Vec<Event> {
        self.lock().clone()
    }

    /// The events so far.
    pub(crate) fn events(&self) -> Vec<EventKind> {
        self.lock().iter().map(|event| event.kind.clone()).collect()
    }

    /// Waits until the events so far hold what is looked for.
    pub(crate) async fn until<T>(&self, mut look: impl FnMut(&[EventKind]) -> Option<T>) -> T {
        let found = async {
            loop {
                let mut changed = pin!(self.changed.notified());
                changed.as_mut().enable();
                if let Some(found) = look(&self.events()) {
                    return found;
                }
                changed.await;
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(found) => found,
            Err(_elapsed) => panic!("waited in vain; the events: {:#?}", self.events()),
        }
    }

    /// Waits until so many events are of one kind.
    pub(crate) async fn count(&self, wanted: usize, is_meant: impl Fn(&EventKind) -> bool) {
        self.until(|events| {
            let count = events.iter().filter(|kind| is_meant(kind)).count();
            (count >= wanted).then_some(())
        })
        .await;
    }

    /// How many events of one kind there are so far.
    pub(crate) fn counted(&self, is_meant: impl Fn(&EventKind) -> bool) -> usize {
        self.events().iter().filter(|kind| is_meant(kind)).count()
    }

    /// Waits until so many connections were closed, and gives them in order.
    pub(crate) async fn closed(&self, count: usize) -> Vec<Ending> {
        self.until(|events| {
            let ends = endings(events);
            (ends.len() >= count).then_some(ends)
        })
        .await
    }

    /// The connections closed so far, in order.
    pub(crate) fn endings(&self) -> Vec<Ending> {
        endings(&self.events())
    }

    /// Why the dials so far were started.
    pub(crate) fn dialed_for(&self) -> Vec<Miss> {
        let events = self.events();
        let misses = events.iter().filter_map(|kind| match kind {
            EventKind::DialStarted { miss, .. } => Some(*miss),
            _ => None,
        });
        misses.collect()
    }

    /// The retry decisions so far.
    pub(crate) fn decided(&self) -> Vec<Retry> {
        let events = self.events();
        let decisions = events.iter().filter_map(|kind| match kind {
            EventKind::RetryDecided { retry, .. } => Some(*retry),
            _ => None,
        });
        decisions.collect()
    }
}

fn endings(events: &[EventKind]) -> Vec<Ending> {
    let ends = events.iter().filter_map(|kind| match kind {
        EventKind::Closed {
            connection,
            closed,
            requests,
            ..
        } => Some(Ending {
            connection: *connection,
            closed: *closed,
            requests: *requests,
        }),
        _ => None,
    });
    ends.collect()
}
