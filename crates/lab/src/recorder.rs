//! Owns what the tasks of one lab share: the transcript under its lock, the gates and the plan.
//! Decides nothing; it records and wakes whoever waits for the record to change.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::gate::Gates;
use crate::plan::Plan;
use crate::request::Head;
use crate::transcript::{End, Entry, Transcript};

/// What all tasks of a lab share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) gates: Gates,
    /// Told when the listening socket is closed.
    pub(crate) deaf: Notify,
    plan: Mutex<Arc<Plan>>,
    transcript: Mutex<Transcript>,
    started: Instant,
    changed: Condvar,
    notify: Notify,
}

impl Shared {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            gates: Gates::default(),
            deaf: Notify::new(),
            plan: Mutex::new(Arc::new(plan)),
            transcript: Mutex::default(),
            started: Instant::now(),
            changed: Condvar::new(),
            notify: Notify::new(),
        }
    }

    pub(crate) fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace_plan(&self, plan: Plan) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
    }

    /// The transcript, locked. A predicate of a test may have panicked under the lock: the record
    /// is whole all the same.
    pub(crate) fn transcript(&self) -> MutexGuard<'_, Transcript> {
        self.transcript
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the predicate holds; false when `bound` of real time passed first.
    pub(crate) async fn wait(
        self: &Arc<Self>,
        mut predicate: impl FnMut(&Transcript) -> bool,
        bound: Duration,
    ) -> bool {
        if predicate(&self.transcript()) {
            return true;
        }
        let watchdog = Watchdog::start(Arc::clone(self), bound);
        loop {
            let mut changed = std::pin::pin!(self.notify.notified());
            changed.as_mut().enable();
            if predicate(&self.transcript()) {
                return true;
            }
            if watchdog.has_barked() {
                return false;
            }
            changed.await;
        }
    }

    /// [`Self::wait`] for a thread that may block.
    pub(crate) fn wait_blocking(
        &self,
        mut predicate: impl FnMut(&Transcript) -> bool,
        bound: Duration,
    ) -> bool {
        let waiting = |transcript: &mut Transcript| !predicate(transcript);
        let (_guard, waited) = self
            .changed
            .wait_timeout_while(self.transcript(), bound, waiting)
            .unwrap_or_else(PoisonError::into_inner);
        !waited.timed_out()
    }

    fn record<T>(&self, write: impl FnOnce(&mut Transcript, Duration) -> T) -> T {
        let result = write(&mut self.transcript(), self.started.elapsed());
        self.changed.notify_all();
        self.notify.notify_waiters();
        result
    }
}

/// A thread that wakes the waiters of a lab when the time is up. A thread and not a timer of the
/// runtime, because a test's clock may be paused.
struct Watchdog {
    started: Instant,
    bound: Duration,
    /// Dropping it sends the thread home.
    _leash: mpsc::Sender<()>,
}

impl Watchdog {
    fn start(shared: Arc<Shared>, bound: Duration) -> Self {
        let (leash, held) = mpsc::channel::<()>();
        // Read before the thread starts: its bark then always finds the time passed.
        let started = Instant::now();
        std::thread::spawn(move || {
            if held.recv_timeout(bound) == Err(mpsc::RecvTimeoutError::Timeout) {
                shared.notify.notify_waiters();
            }
        });
        Self {
            started,
            bound,
            _leash: leash,
        }
    }

    fn has_barked(&self) -> bool {
        self.started.elapsed() >= self.bound
    }
}

/// Writes the record of one connection; dropped before an end was recorded, it records that the
/// lab closed it.
#[derive(Debug)]
pub(crate) struct Recorder {
    shared: Arc<Shared>,
    number: u64,
    request: Option<usize>,
    ended: bool,
}

impl Recorder {
    pub(crate) fn accepted(shared: Arc<Shared>, peer: String) -> Self {
        let number = shared.record(|transcript, at| transcript.on_accepted(at, peer));
        Self {
            shared,
            number,
            request: None,
            ended: false,
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn request(&mut self, head: &Head, bodiless: bool) {
        let number = self.number;
        let write =
            |transcript: &mut Transcript, at| transcript.on_request(at, number, head, bodiless);
        self.request = self.shared.record(write);
    }

    pub(crate) fn body(&self, bytes: &[u8], complete: bool) {
        if let Some(entry) = self.request {
            self.shared
                .record(|transcript, _| transcript.on_body(self.number, entry, bytes, complete));
        }
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.shared
            .record(|transcript, at| transcript.on_sent(at, self.number, bytes as u64));
    }

    pub(crate) fn entry(&self, entry: Entry) {
        self.shared
            .record(|transcript, at| transcript.push(at, self.number, entry, 0));
    }

    /// Records the end; only the first counts.
    pub(crate) fn ended(&mut self, end: End) {
        if !std::mem::replace(&mut self.ended, true) {
            self.shared
                .record(|transcript, at| transcript.on_ended(at, self.number, end));
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.ended(End::ClosedByLab);
    }
}
