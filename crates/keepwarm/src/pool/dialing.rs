//! Dial tasks: detached from the calls that need them, with a deadline of their own.
//!
//! Owns the task that opens one connection and reports it to the machine, whatever happens to the task.
//! Refuses to know who waits for it.

use std::sync::Arc;

use keepwarm_core::event::{DialId, EventKind};
use keepwarm_core::pool::Lane;
use keepwarm_core::reason::{Limit, Miss, Phase};

use super::Home;
use super::keeper::{Keeper, Poke};
use super::origin::OriginPool;
use super::sync::{clock, oneshot, time};
use crate::conn::{Connection, Opened};
use crate::connect::{Goal, connect_timeout};
use crate::error::{Error, ErrorKind, Result};

/// Reports the dial as failed unless it ended otherwise: its runtime may go away under it.
struct Report {
    pool: Arc<OriginPool>,
    dial: DialId,
    done: bool,
}

impl Report {
    fn cancelled(mut self) {
        self.fail(Error::new(
            ErrorKind::Connect,
            Phase::Connect,
            "nobody wants the connection any more",
        ));
    }

    fn failed(mut self, error: Error) {
        self.fail(error);
    }

    fn fail(&mut self, error: Error) {
        self.done = true;
        let dial = self.dial;
        self.pool.shared.emit(|| EventKind::DialEnded {
            dial,
            outcome: Err(error.to_string()),
        });
        let now = clock::now();
        self.pool.enter(None, |state| {
            state.dials.remove(&dial);
            state.note_dial_failed();
            state.machine.dial_failed(now, dial, error);
        });
    }

    fn opened(mut self, opened: Opened, keeper: &Arc<Keeper>) {
        self.done = true;
        let (dial, pool) = (self.dial, &self.pool);
        let id = pool.shared.next_connection();
        let facts = &opened.facts;
        let protocol = facts.protocol();
        pool.shared.emit(|| EventKind::DialEnded {
            dial,
            outcome: Ok(id),
        });
        pool.shared.emit(|| EventKind::Opened {
            connection: id,
            origin: pool.origin.clone(),
            local: facts.local(),
            remote: facts.remote(),
            protocol,
            tls: facts.tls().cloned().map(Box::new),
            via: facts.via().cloned(),
            took: facts.took(),
        });
        if pool.coalescing.is_some() {
            pool.shared.shown.add(pool, id, facts);
        }
        let now = clock::now();
        pool.enter(Some(keeper), |state| {
            state.dials.remove(&dial);
            state.note_protocol(protocol);
            state.machine.dialed(now, dial, id, |slot| {
                let waker = Poke::waker(pool, keeper, slot, id);
                let home = Home {
                    pool: Arc::clone(pool),
                    keeper: Arc::clone(keeper),
                };
                let mut connection = Connection::new(opened, home, waker);
                if connection.park() != crate::conn::Quiet::Nothing {
                    connection.waker.wake_by_ref();
                }
                Box::new(connection)
            });
        });
        pool.retire_gone();
        pool.watch_name(keeper);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if !self.done {
            self.fail(Error::new(
                ErrorKind::Connect,
                Phase::Connect,
                "the runtime that was opening the connection is gone",
            ));
        }
    }
}

impl OriginPool {
    /// Starts the task that opens a connection.
    pub(super) fn dial(self: &Arc<Self>, dial: DialId, lane: Lane, miss: Miss) {
        self.shared.emit(|| EventKind::DialStarted {
            dial,
            origin: self.origin.clone(),
            miss,
        });
        let report = Report {
            pool: Arc::clone(self),
            dial,
            done: false,
        };
        let Some(keeper) = self.shared.keeper(lane) else {
            drop(report);
            return;
        };
        let (cancel, cancelled) = oneshot::channel();
        let mut state = self.lock();
        let wanted = state.dials.get_mut(&dial).map(|way| *way = Some(cancel));
        drop(state);
        // Another thread may have cancelled it since it was decided on.
        if wanted.is_none() {
            report.cancelled();
            return;
        }
        keeper.handle.clone().spawn(run(report, keeper, cancelled));
    }
}

async fn run(report: Report, keeper: Arc<Keeper>, cancelled: oneshot::Receiver<()>) {
    let pool = Arc::clone(&report.pool);
    tokio::select! {
        // In this order, so that a given interleaving always ends the same.
        biased;
        outcome = open(&pool) => match outcome {
            Ok(opened) => report.opened(opened, &keeper),
            Err(error) => report.failed(error),
        },
        _ = cancelled => report.cancelled(),
    }
}

/// Opens a connection. A server that wants HTTP/1.1 as soon as HTTP/2 has begun gets that (RFC 9113 §7).
async fn open(pool: &OriginPool) -> Result<Opened> {
    loop {
        match attempt(pool).await {
            Err(error) if pool.falls_back(&error) => {}
            outcome => return outcome,
        }
    }
}

async fn attempt(pool: &OriginPool) -> Result<Opened> {
    let connector = &pool.shared.connector;
    let goal = Goal {
        origin: &pool.origin,
        way: pool.way.as_ref().map_err(Clone::clone)?,
        settings: &pool.settings,
        versions: pool.versions(),
        keeps_certificate: pool.coalescing.is_some(),
    };
    let dialing = time::timeout(connect_timeout(&pool.settings), connector.dial(goal));
    // Nothing of this step lives on through the next: many of these tasks may run at once.
    let dialed = match dialing.await {
        Ok(dialed) => dialed?,
        Err(_elapsed) => return Err(Error::timeout(Limit::Connect, Phase::Connect)),
    };
    // Another connection may have told meanwhile what the server wants.
    let versions = pool.versions();
    connector.secure(dialed, Goal { versions, ..goal }).await
}
