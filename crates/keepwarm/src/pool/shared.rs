//! `Shared`: what all pools of one client share.
//!
//! Owns the registry, the keepers, the clock's origin, the identifiers and the way to the observer.
//! Refuses to know calls: it hands out connections and takes them back.

use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use keepwarm_core::event::{CallId, ClientId, ConnectionId, DialId, Event, EventKind};
use keepwarm_core::origin::{Origin, OriginRef};
use keepwarm_core::pool::Lane;
use keepwarm_core::reason::{CloseReason, Retry};
use keepwarm_core::time::Now;

use super::coalescing::Shown;
use super::global::Global;
use super::habits;
use super::keeper::Keeper;
use super::lease::Acquired;
use super::origin::OriginPool;
use super::registry::Registry;
use super::stats::{self, Stats};
use super::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use super::sync::runtime::Handle;
use super::sync::{ArcSwap, Mutex, clock, time};
use crate::config::{Config, Limits, Origins};
use crate::connect::Connector;
use crate::error::{Error, ErrorKind, Result};

/// Origins kept although they hold nothing: their counts and what was learned of them are worth it.
const EMPTY_ORIGINS_KEPT: usize = 1024;

pub(crate) struct Shared {
    id: ClientId,
    pub(crate) config: Config,
    pub(super) connector: Connector,
    pub(super) global: Global,
    limits: ArcSwap<Limits>,
    /// Which settings hold for which origin.
    pub(crate) origins: Origins,
    registry: Registry,
    /// The origin that the observer was told of first.
    first_told: OnceLock<Origin>,
    pub(super) keepers: ArcSwap<Vec<Arc<Keeper>>>,
    making_keeper: Mutex<()>,
    epoch: Instant,
    ids: Ids,
    /// Names that are being asked again.
    pub(super) asking: AtomicUsize,
    /// Which connections show which names, for those that may serve several origins.
    pub(super) shown: Shown,
    stopping: AtomicBool,
    closed: AtomicBool,
    /// What the origins counted that the registry has forgotten.
    retired: Mutex<stats::Counts>,
}

#[derive(Default)]
struct Ids {
    call: AtomicU64,
    connection: AtomicU64,
    dial: AtomicU64,
    lane: AtomicU64,
}

/// What a shutdown did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutdownReport {
    /// Connections that were idle and are closed.
    pub closed_idle: usize,
    /// Exchanges that ran when it began and have ended.
    pub finished: usize,
    /// Exchanges that still ran at the deadline; their connections close as they end.
    pub still_running: usize,
    /// Calls that waited for a connection and were refused.
    pub refused: usize,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Self {
        let shared = Self {
            id: habits::note_built(),
            connector: Connector::new(&config),
            global: Global::new(config.limits.max_idle, config.limits.max_conns),
            origins: Origins::of(&config),
            limits: ArcSwap::from_pointee(config.limits.clone()),
            registry: Registry::new(),
            first_told: OnceLock::new(),
            keepers: ArcSwap::default(),
            making_keeper: Mutex::new(()),
            epoch: clock::now(),
            ids: Ids::default(),
            asking: AtomicUsize::new(0),
            shown: Shown::default(),
            stopping: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            retired: Mutex::new(stats::Counts::default()),
            config,
        };
        shared.tell_limits();
        shared
    }

    /// Tells the observer the limits that hold from now on.
    fn tell_limits(&self) {
        self.emit(|| EventKind::Configured {
            limits: self.limits.load().told(),
        });
    }

    // ---- clock and identifiers

    pub(crate) fn now(&self) -> Now {
        Now {
            instant: clock::now(),
            wall: SystemTime::now(),
        }
    }

    pub(super) fn nanos(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.epoch).as_nanos();
        u64::try_from(since).unwrap_or(u64::MAX - 1)
    }

    pub(super) fn instant(&self, nanos: u64) -> Instant {
        self.epoch + Duration::from_nanos(nanos)
    }

    pub(super) fn seed(&self) -> u64 {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        wall.map_or(1, |since| u64::from(since.subsec_nanos()))
    }

    pub(crate) fn next_call(&self) -> CallId {
        CallId(self.ids.call.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(super) fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.ids.connection.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(super) fn next_dial(&self) -> DialId {
        DialId(self.ids.dial.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Tells the observer; without one the event is never made.
    pub(crate) fn emit(&self, kind: impl FnOnce() -> EventKind) {
        if self.is_observed() {
            self.emit_at(clock::now(), kind);
        }
    }

    /// The same, of what happened just now: reading the clock is a good part of what an event costs.
    pub(crate) fn emit_at(&self, at: Instant, kind: impl FnOnce() -> EventKind) {
        if let Some(observer) = &self.config.observer {
            observer.on_owned_event(Event {
                at,
                client: self.id,
                kind: kind(),
            });
        }
    }

    /// The origin of these parts, for an event.
    pub(crate) fn origin(&self, parts: &OriginRef<'_>) -> Origin {
        // Most clients call one origin: it is found without being looked up.
        let first = self.first_told.get_or_init(|| parts.to_origin());
        if first.matches(parts) {
            return first.clone();
        }
        let known = self.registry.origin(parts);
        known.unwrap_or_else(|| parts.to_origin())
    }

    pub(crate) fn is_observed(&self) -> bool {
        self.config.observer.is_some()
    }

    // ---- keepers

    /// The keeper of the runtime we are on; its task is started when there is none.
    fn current_keeper(self: &Arc<Self>) -> Result<Arc<Keeper>> {
        let handle = Handle::try_current().map_err(|_| {
            Error::usage("a call needs a tokio runtime with I/O and time enabled around it")
        })?;
        let id = handle.id();
        if let Some(keeper) = self.keepers.load().iter().find(|k| k.runtime == id) {
            return Ok(Arc::clone(keeper));
        }
        let guard = (self.making_keeper.lock()).unwrap_or_else(PoisonError::into_inner);
        let known = self.keepers.load_full();
        if let Some(keeper) = known.iter().find(|keeper| keeper.runtime == id) {
            return Ok(Arc::clone(keeper));
        }
        let lane = Lane(self.ids.lane.fetch_add(1, Ordering::Relaxed));
        let keeper = Keeper::start(self, handle, lane);
        let mut keepers: Vec<_> = known.iter().filter(|k| !k.is_gone()).cloned().collect();
        keepers.push(Arc::clone(&keeper));
        self.keepers.store(Arc::new(keepers));
        drop(guard);
        Ok(keeper)
    }

    pub(super) fn keeper(&self, lane: Lane) -> Option<Arc<Keeper>> {
        let keepers = self.keepers.load();
        keepers.iter().find(|keeper| keeper.lane == lane).cloned()
    }

    pub(super) fn wake_keeper_by(&self, at: u64) {
        if let Some(keeper) = self.keepers.load().iter().find(|keeper| !keeper.is_gone()) {
            keeper.wake_by(at);
        }
    }

    /// A keeper's task was dropped: its runtime is gone, and every socket on it.
    pub(super) fn runtime_gone(self: &Arc<Self>, keeper: &Keeper) {
        if self.is_closed() {
            return;
        }
        let now = clock::now();
        for pool in self.registry.all() {
            pool.enter(None, |state| {
                // It may have been this keeper that was told.
                state.announced = None;
                state.machine.lane_gone(now, keeper.lane);
            });
            self.wake_keeper_by(pool.asks_at.load(Ordering::SeqCst));
        }
        let guard = (self.making_keeper.lock()).unwrap_or_else(PoisonError::into_inner);
        let left = self.keepers.load();
        let left: Vec<_> = left
            .iter()
            .filter(|k| k.lane != keeper.lane)
            .cloned()
            .collect();
        self.keepers.store(Arc::new(left));
        drop(guard);
    }

    /// Closes what has expired and asks names again, at every origin whose time has come, and names the next moment to
    /// its keeper.
    pub(super) fn expire(&self, keeper: &Keeper) {
        let now = self.now();
        let nanos = self.nanos(now.instant);
        for pool in self.registry.all() {
            if pool.deadline() <= nanos {
                pool.enter(Some(keeper), |state| {
                    state.announced = None;
                    state.machine.expire(now);
                });
            } else if pool.deadline() != u64::MAX {
                keeper.wake_by(pool.deadline());
            }
            pool.ask_if_due(keeper, nanos);
        }
        if self.registry.len() > EMPTY_ORIGINS_KEPT {
            self.forget_empty_origins();
        }
    }

    fn forget_empty_origins(&self) {
        self.registry.remove(|pool| {
            let mut state = pool.lock();
            if !state.machine.is_empty() {
                return false;
            }
            state.retired = true;
            let counts = stats::counts_of(pool, &state);
            drop(state);
            let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
            retired.add(&counts);
            true
        });
    }

    // ---- the pool's face

    /// An idle connection for these parts, or a place in the queue. `only_http1`: whatever else the server speaks.
    pub(crate) fn acquire(
        self: &Arc<Self>,
        parts: &OriginRef<'_>,
        only_http1: bool,
        now: Now,
        replayable: bool,
    ) -> Result<Acquired> {
        if self.is_stopping() {
            return Err(Error::shut_down());
        }
        let keeper = self.current_keeper()?;
        loop {
            let make = || OriginPool::new(parts.to_origin(), only_http1, Arc::clone(self));
            let acquired = self.registry.with(parts, only_http1, make, |pool| {
                pool.acquire(now, &keeper, replayable)
            });
            if let Some(acquired) = acquired {
                return Ok(acquired);
            }
        }
    }

    /// Opens up to `count` connections ahead of need; returns how many were started.
    pub(crate) fn prewarm(self: &Arc<Self>, origin: &Origin, count: usize) -> Result<usize> {
        if self.is_stopping() {
            return Err(Error::shut_down());
        }
        let keeper = self.current_keeper()?;
        let parts = origin.parts();
        let make = || OriginPool::new(origin.clone(), false, Arc::clone(self));
        let mut started = 0;
        while started < count && self.global.reserve() {
            let dial = self.next_dial();
            let now = clock::now();
            let lane = keeper.lane;
            let pool = self.registry.with(&parts, false, make, Arc::clone);
            let began = pool.enter_with_place(Some(&keeper), |state| {
                (!state.retired).then(|| state.prewarm(now, lane, dial))
            });
            match began {
                Some(true) => started += 1,
                Some(false) => break,
                // Retired since it was looked up: the next look makes another.
                None => {}
            }
        }
        Ok(started)
    }

    /// Takes a place under `max_conns`, at the cost of the connection idle longest if it must.
    pub(super) fn reserve(&self) -> bool {
        let limit = self.global.max_conns();
        while !self.global.reserve() {
            let Some(pool) = self.global.oldest() else {
                return false;
            };
            let now = clock::now();
            let reason = CloseReason::PoolFull { limit };
            pool.enter(None, |state| state.machine.evict_oldest(now, reason));
        }
        true
    }

    /// Closes the connections idle longest until `max_idle` holds.
    pub(super) fn evict_over(&self) {
        while self.global.is_over_idle() {
            let Some(pool) = self.global.oldest() else {
                return;
            };
            let now = clock::now();
            let limit = self.global.max_idle();
            let reason = CloseReason::PoolFull { limit };
            pool.enter(None, |state| state.machine.evict_oldest(now, reason));
        }
    }

    pub(crate) fn limits(&self) -> Arc<Limits> {
        self.limits.load_full()
    }

    /// Counts a decision on a failed attempt.
    pub(crate) fn note_retry(
        self: &Arc<Self>,
        parts: &OriginRef<'_>,
        only_http1: bool,
        retry: Retry,
    ) {
        let make = || OriginPool::new(parts.to_origin(), only_http1, Arc::clone(self));
        while !(self.registry).with(parts, only_http1, make, |pool| pool.note_retry(retry)) {}
    }

    pub(crate) fn retune(&self, limits: Limits) {
        self.registry.while_none_is_made(|| {
            self.global.retune(limits.max_idle, limits.max_conns);
            self.limits.store(Arc::new(limits));
        });
        self.tell_limits();
        let now = clock::now();
        for pool in self.registry.all() {
            pool.retune(now);
        }
        self.evict_over();
        self.close_above_max_conns();
        self.global.feed();
    }

    /// Closes idle connections, the one idle longest first, until `max_conns` holds or none is idle.
    pub(super) fn close_above_max_conns(&self) {
        let limit = self.global.max_conns();
        while self.global.is_over_open()
            && let Some(pool) = self.global.oldest()
        {
            let now = clock::now();
            let reason = CloseReason::PoolFull { limit };
            pool.enter(None, |state| state.machine.evict_oldest(now, reason));
        }
    }

    pub(crate) fn close_idle(&self) {
        let now = clock::now();
        for pool in self.registry.all() {
            pool.enter(None, |state| state.machine.close_idle(now));
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let retired = (self.retired.lock()).unwrap_or_else(PoisonError::into_inner);
        let retired = retired.clone();
        stats::snapshot(self.registry.all(), retired)
    }

    /// Refuses new calls, lets running exchanges end until the deadline, closes everything else.
    pub(crate) async fn shut_down(&self, within: Duration) -> ShutdownReport {
        self.stop();
        let now = clock::now();
        let deadline = now + within;
        let (mut idle, mut active, mut waiting) = (0, 0, 0);
        for pool in self.registry.all() {
            // Counted under the lock under which it ends: nobody is counted twice, or not at all.
            let counts = pool.enter(None, |state| {
                let counts = state.machine.counts();
                state.machine.shut_down(now);
                counts
            });
            idle += counts.idle;
            active += counts.active;
            waiting += counts.waiting;
        }
        // An exchange ends on its own task, which owes us no word: looked at often at first, then seldom.
        let mut pause = Duration::from_micros(200);
        let mut running = self.stats().total().active;
        while running > 0 && clock::now() < deadline {
            let left = deadline.saturating_duration_since(clock::now());
            time::sleep(pause.min(left)).await;
            pause = (pause * 2).min(Duration::from_millis(20));
            running = self.stats().total().active;
        }
        ShutdownReport {
            closed_idle: idle,
            finished: active.saturating_sub(running),
            still_running: running,
            refused: waiting,
        }
    }

    #[cfg(all(test, keepwarm_shuttle))]
    pub(super) fn pools(&self) -> Vec<Arc<OriginPool>> {
        self.registry.all()
    }

    /// From here on no call begins, and a new pool is shut from its start.
    fn stop(&self) {
        self.registry
            .while_none_is_made(|| self.stopping.store(true, Ordering::Release));
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Whether the last handle to the client is gone: the keepers end.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The last handle is gone: idle connections close, running exchanges close theirs as they end.
    pub(crate) fn close(&self) {
        habits::note_dropped(self.stats().total().requests);
        self.stop();
        let now = clock::now();
        for pool in self.registry.all() {
            pool.enter(None, |state| state.machine.shut_down(now));
        }
        self.closed.store(true, Ordering::Release);
        for keeper in self.keepers.load().iter() {
            keeper.nudge();
        }
        self.registry.remove(|_| true);
        self.keepers.store(Arc::default());
    }
}

impl Error {
    pub(crate) fn shut_down() -> Self {
        Self::new(
            ErrorKind::Closed,
            keepwarm_core::reason::Phase::Queue,
            "the client is shut down",
        )
        .with_reason(CloseReason::ShutDown)
    }
}
