//! `Keeper`: the one task per runtime that minds the idle connections.
//!
//! Owns the inbox into which their wakers write, and the only timer of the pool. Its task is dropped when its
//! runtime goes away, and that is how the pool learns of it. Refuses to decide what becomes of a connection.

use std::sync::{Arc, PoisonError, Weak};
use std::task::{Wake, Waker};

use keepwarm_core::event::ConnectionId;
use keepwarm_core::pool::{Lane, Slot};

use super::Shared;
use super::origin::OriginPool;
use super::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use super::sync::runtime::{Handle, Id};
use super::sync::{Mutex, Notify, clock, time};

/// What is known of one runtime.
pub(crate) struct Keeper {
    pub(crate) lane: Lane,
    pub(super) runtime: Id,
    pub(super) handle: Handle,
    inbox: Mutex<Vec<Poke>>,
    notify: Notify,
    /// When the task will look at the time next, in the shared clock's nanoseconds.
    wakes_at: AtomicU64,
    gone: AtomicBool,
}

/// "Look at this connection": what a parked connection's waker says.
#[derive(Clone)]
pub(super) struct Poke {
    pool: Weak<OriginPool>,
    slot: Slot,
    id: ConnectionId,
}

struct PokeWaker {
    poke: Poke,
    keeper: Arc<Keeper>,
}

impl Poke {
    /// A connection's waker: made once, when it is opened.
    pub(super) fn waker(
        pool: &Arc<OriginPool>,
        keeper: &Arc<Keeper>,
        slot: Slot,
        id: ConnectionId,
    ) -> Waker {
        let poke = Self {
            pool: Arc::downgrade(pool),
            slot,
            id,
        };
        Waker::from(Arc::new(PokeWaker {
            poke,
            keeper: Arc::clone(keeper),
        }))
    }
}

impl Wake for PokeWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut inbox = self
            .keeper
            .inbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        inbox.push(self.poke.clone());
        drop(inbox);
        self.keeper.notify.notify_one();
    }
}

impl Keeper {
    /// Makes the keeper of a runtime and starts its task there.
    pub(super) fn start(shared: &Arc<Shared>, handle: Handle, lane: Lane) -> Arc<Self> {
        let keeper = Arc::new(Self {
            lane,
            runtime: handle.id(),
            handle,
            inbox: Mutex::new(Vec::new()),
            notify: Notify::new(),
            wakes_at: AtomicU64::new(u64::MAX),
            gone: AtomicBool::new(false),
        });
        let presence = Presence {
            shared: Arc::clone(shared),
            keeper: Arc::clone(&keeper),
        };
        keeper.handle.spawn(presence.run());
        keeper
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Sees to it that the task looks at the time by then. Cheap when it does so anyway.
    ///
    /// The caller has noted `at` as an origin's deadline. The task first forgets when it meant to wake and then reads
    /// the deadlines, in one total order with this: so either it reads `at`, or we find that it has forgotten.
    pub(super) fn wake_by(&self, at: u64) {
        if at < self.wakes_at.load(Ordering::SeqCst) {
            self.wakes_at.fetch_min(at, Ordering::AcqRel);
            self.notify.notify_one();
        }
    }

    /// Runs a task on the runtime. Should that be gone, the task is dropped at once.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(task);
    }

    /// Wakes the task so that it sees that the client was closed.
    pub(super) fn nudge(&self) {
        self.notify.notify_one();
    }
}

/// The task's life. Dropped unfinished, it tells that the runtime is gone.
struct Presence {
    shared: Arc<Shared>,
    keeper: Arc<Keeper>,
}

impl Presence {
    async fn run(self) {
        let keeper = &self.keeper;
        while !self.shared.is_closed() {
            let at = keeper.wakes_at.load(Ordering::Acquire);
            if at == u64::MAX {
                keeper.notify.notified().await;
            } else {
                let until = time::Instant::from_std(self.shared.instant(at));
                tokio::select! {
                    biased;
                    () = keeper.notify.notified() => {}
                    () = time::sleep_until(until) => {}
                }
            }
            self.read_inbox();
            if self.shared.nanos(clock::now()) >= keeper.wakes_at.load(Ordering::Acquire) {
                keeper.wakes_at.store(u64::MAX, Ordering::SeqCst);
                self.shared.expire(keeper);
            }
            // Looking at many sockets uses up the task's budget; a fresh one comes with the next turn.
            tokio::task::yield_now().await;
        }
    }

    fn read_inbox(&self) {
        let mut inbox = self
            .keeper
            .inbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let pokes = std::mem::take(&mut *inbox);
        drop(inbox);
        for poke in pokes {
            if let Some(pool) = poke.pool.upgrade() {
                pool.on_poke(poke.slot, poke.id);
            }
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.keeper.gone.store(true, Ordering::Release);
        self.shared.runtime_gone(&self.keeper);
    }
}
