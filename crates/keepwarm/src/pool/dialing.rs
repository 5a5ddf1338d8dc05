//! Dial tasks: detached from the calls that need them, with a deadline of their own.
//!
//! Owns the task that opens one connection and reports it to the machine, whatever happens to the task.
//! Refuses to know who waits for it.

use std::sync::Arc;
use std::time::Duration;

use keepwarm_core::event::{DialId, EventKind};
use keepwarm_core::pool::Lane;
use keepwarm_core::reason::{Limit, Miss, Phase};

use super::Home;
use super::keeper::{Keeper, Poke};
use super::origin::OriginPool;
use super::sync::{clock, oneshot, time};
use crate::conn::Connection;
use crate::dial::{DialError, Dialed, open_files};
use crate::error::{Error, ErrorKind};

/// A dial without a `connect_timeout` still ends: nobody may hold a place without bound.
const LONGEST_DIAL: Duration = Duration::from_secs(300);

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
            state.machine.dial_failed(now, dial, error);
        });
    }

    fn opened(mut self, dialed: Dialed, keeper: &Arc<Keeper>) {
        self.done = true;
        let (dial, pool) = (self.dial, &self.pool);
        let id = pool.shared.next_connection();
        let (local, remote) = (dialed.local, dialed.remote);
        pool.shared.emit(|| EventKind::DialEnded {
            dial,
            outcome: Ok(id),
        });
        pool.shared.emit(|| EventKind::Opened {
            connection: id,
            origin: pool.origin.clone(),
            local,
            remote,
        });
        let now = clock::now();
        pool.enter(Some(keeper), |state| {
            state.dials.remove(&dial);
            state.machine.dialed(now, dial, id, |slot| {
                let waker = Poke::waker(pool, keeper, slot, id);
                let home = Home {
                    pool: Arc::clone(pool),
                    keeper: Arc::clone(keeper),
                };
                let mut connection = Connection::new(dialed, home, waker);
                if connection.park() != crate::conn::Quiet::Nothing {
                    connection.waker.wake_by_ref();
                }
                Box::new(connection)
            });
        });
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
    let config = &pool.shared.config;
    let timeout = config.timeouts.connect.unwrap_or(LONGEST_DIAL);
    let dialing = time::timeout(timeout, pool.shared.dialer.dial(&pool.origin));
    tokio::select! {
        // In this order, so that a given interleaving always ends the same.
        biased;
        outcome = dialing => match outcome {
            Ok(Ok(dialed)) => report.opened(dialed, &keeper),
            Ok(Err(error)) => report.failed(describe(error)),
            Err(_elapsed) => report.failed(
                Error::timeout(Limit::Connect, Phase::Connect)
            ),
        },
        _ = cancelled => report.cancelled(),
    }
}

/// Turns a dial's failure into the caller's error, and foresees the commonest: no more files.
fn describe(error: DialError) -> Error {
    const NO_MORE_FILES_PROCESS: i32 = 24;
    const NO_MORE_FILES_SYSTEM: i32 = 23;
    let phase = error.phase;
    if matches!(
        error.error.raw_os_error(),
        Some(NO_MORE_FILES_PROCESS | NO_MORE_FILES_SYSTEM)
    ) {
        let limit =
            open_files::limit().map_or_else(String::new, |limit| format!(" (limit {limit})"));
        let message = format!(
            "too many open files{limit}: set max_conns or max_conns_per_host below it, \
             lower max_idle, or raise it (ulimit -n)"
        );
        return Error::new(ErrorKind::Connect, phase, message)
            .with_limit(Limit::OpenFiles)
            .with_source(error);
    }
    let kind = if phase == Phase::Tls {
        ErrorKind::Tls
    } else {
        ErrorKind::Connect
    };
    Error::new(kind, phase, error.to_string()).with_source(error)
}
