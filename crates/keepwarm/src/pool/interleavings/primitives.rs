//! The stand-ins for `pool::sync`'s primitives: the same types, with the scheduler asked before every operation.
//!
//! Owns what shuttle has no counterpart for. `ArcSwap`, `oneshot` and `Notify` are the real ones (their own insides
//! are proven by their authors): each of their operations is one step, and before it anything may happen. Time is
//! virtual. Refuses to know the pool.

use std::sync::Arc;

pub(in crate::pool) use shuttle::sync::{Mutex, MutexGuard, atomic};

/// A point where the scheduler may go on with another thread.
pub(super) fn point() {
    let here = atomic::AtomicBool::new(false);
    here.store(true, atomic::Ordering::SeqCst);
}

/// `arc_swap::ArcSwap`.
pub(in crate::pool) struct ArcSwap<T>(arc_swap::ArcSwap<T>);

impl<T> ArcSwap<T> {
    pub(in crate::pool) fn from_pointee(value: T) -> Self {
        Self(arc_swap::ArcSwap::from_pointee(value))
    }

    pub(in crate::pool) fn load(&self) -> arc_swap::Guard<Arc<T>> {
        point();
        self.0.load()
    }

    pub(in crate::pool) fn load_full(&self) -> Arc<T> {
        point();
        self.0.load_full()
    }

    pub(in crate::pool) fn store(&self, value: Arc<T>) {
        point();
        self.0.store(value);
    }
}

impl<T: Default> Default for ArcSwap<T> {
    fn default() -> Self {
        Self(arc_swap::ArcSwap::default())
    }
}

/// `tokio::sync::Notify`.
pub(in crate::pool) struct Notify(tokio::sync::Notify);

impl Notify {
    pub(in crate::pool) fn new() -> Self {
        Self(tokio::sync::Notify::new())
    }

    pub(in crate::pool) fn notify_one(&self) {
        point();
        self.0.notify_one();
    }

    pub(in crate::pool) async fn notified(&self) {
        point();
        self.0.notified().await;
    }
}

/// `tokio::sync::oneshot`.
pub(in crate::pool) mod oneshot {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::sync::oneshot;

    use super::point;

    pub(in crate::pool) struct Sender<T>(Option<oneshot::Sender<T>>);

    pub(in crate::pool) struct Receiver<T>(oneshot::Receiver<T>);

    pub(in crate::pool) fn channel<T>() -> (Sender<T>, Receiver<T>) {
        let (sender, receiver) = oneshot::channel();
        (Sender(Some(sender)), Receiver(receiver))
    }

    impl<T> Sender<T> {
        pub(in crate::pool) fn send(mut self, value: T) -> Result<(), T> {
            point();
            match self.0.take() {
                Some(sender) => sender.send(value),
                None => Err(value),
            }
        }
    }

    impl<T> Drop for Sender<T> {
        fn drop(&mut self) {
            if self.0.is_some() {
                point();
            }
        }
    }

    impl<T> Future for Receiver<T> {
        type Output = Result<T, oneshot::error::RecvError>;

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            point();
            Pin::new(&mut self.0).poll(cx)
        }
    }

    impl<T> Drop for Receiver<T> {
        fn drop(&mut self) {
            point();
        }
    }
}

/// `tokio::runtime`: tasks are shuttle's, and known, so that a scenario can wait for all of them to end.
pub(in crate::pool) mod runtime {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex, PoisonError};

    use shuttle::future::{JoinHandle, block_on, spawn};

    thread_local! {
        /// All of shuttle's threads are on one thread of the system: this is the scenario's runtime.
        static CURRENT: RefCell<Option<Handle>> = const { RefCell::new(None) };
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in crate::pool) struct Id(u64);

    #[derive(Clone)]
    pub(in crate::pool) struct Handle {
        id: Id,
        tasks: Arc<Mutex<Vec<JoinHandle<()>>>>,
        running: Arc<AtomicUsize>,
    }

    impl Handle {
        /// A new runtime, which from now on is the current one.
        pub(in crate::pool) fn enter_new() -> Self {
            let handle = Self {
                id: Id(1),
                tasks: Arc::default(),
                running: Arc::default(),
            };
            CURRENT.with_borrow_mut(|current| *current = Some(handle.clone()));
            handle
        }

        pub(in crate::pool) fn try_current() -> Result<Self, ()> {
            CURRENT.with_borrow(Clone::clone).ok_or(())
        }

        pub(in crate::pool) fn id(&self) -> Id {
            self.id
        }

        pub(in crate::pool) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
            let running = Arc::clone(&self.running);
            running.fetch_add(1, Ordering::Relaxed);
            let task = spawn(async move {
                task.await;
                running.fetch_sub(1, Ordering::Relaxed);
            });
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            tasks.push(task);
        }

        /// Tasks that have not ended.
        pub(in crate::pool) fn running(&self) -> usize {
            self.running.load(Ordering::Relaxed)
        }

        /// Waits until every task has ended; one that never does is a deadlock, which shuttle tells.
        pub(in crate::pool) fn join(&self) {
            loop {
                let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
                let next = tasks.pop();
                drop(tasks);
                match next {
                    Some(task) => block_on(task).expect("no task is aborted"),
                    None => return,
                }
            }
        }
    }
}

/// The clock: it stands still but for sleeps, which end whenever the scheduler likes.
pub(in crate::pool) mod clock {
    use std::cell::Cell;
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    static START: OnceLock<Instant> = OnceLock::new();

    thread_local! {
        static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
        static HORIZON: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    fn start() -> Instant {
        *START.get_or_init(Instant::now)
    }

    /// Starts a scenario: no sleep beyond the horizon ends in it.
    pub(in crate::pool) fn restart(horizon: Duration) {
        PASSED.set(Duration::ZERO);
        HORIZON.set(horizon);
    }

    pub(in crate::pool) fn now() -> Instant {
        start() + PASSED.get()
    }

    pub(super) fn is_beyond_horizon(until: Instant) -> bool {
        until > start() + HORIZON.get()
    }

    pub(super) fn advance_to(until: Instant) {
        let passed = until.saturating_duration_since(start());
        PASSED.set(PASSED.get().max(passed));
    }
}

/// `tokio::time`.
pub(in crate::pool) mod time {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll};
    use std::time::Duration;

    use shuttle::rand::{Rng, thread_rng};
    pub(in crate::pool) use tokio::time::Instant;

    use super::clock;

    /// Ends at a turn of the scheduler's choice, however little has happened; the clock is then past its moment.
    pub(in crate::pool) struct Sleep {
        until: Instant,
    }

    pub(in crate::pool) struct Elapsed;

    impl Future for Sleep {
        type Output = ();

        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            let until = self.until.into_std();
            if clock::is_beyond_horizon(until) {
                return Poll::Pending;
            }
            if clock::now() >= until || thread_rng().gen_bool(0.25) {
                clock::advance_to(until);
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }

    pub(in crate::pool) fn sleep_until(until: Instant) -> Sleep {
        Sleep { until }
    }

    pub(in crate::pool) fn sleep(time: Duration) -> Sleep {
        sleep_until(Instant::from_std(clock::now() + time))
    }

    pub(in crate::pool) async fn timeout<F: Future>(
        time: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        let mut future = pin!(future);
        let mut sleep = sleep(time);
        std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            Pin::new(&mut sleep).poll(cx).map(|()| Err(Elapsed))
        })
        .await
    }
}
