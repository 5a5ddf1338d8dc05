//! `OriginPool`: one origin's machine, its lock, and the carrying out of what it decides.
//!
//! Owns the only function that takes the lock ([`OriginPool::enter`]) and the only one that executes actions.
//! Refuses to know the other origins: the counts over all of them are in `global`.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use keepwarm_core::event::{ConnectionId, DialId, EventKind};
use keepwarm_core::origin::Origin;
use keepwarm_core::pool::{Hint, IdleEnd, Lane, Put, Refusal, Slot, Ticket};
use keepwarm_core::reason::{CloseReason, Limit, Miss, Phase, Retry, Reuse};
use keepwarm_core::time::Now;

use super::coalescing::{Coalescing, Directions};
use super::fallback::{Fallback, permitted};
use super::global::Standing;
use super::keeper::Keeper;
use super::lease::{Acquired, Granted, Lease, Waiter, Waiting, dead_because};
use super::seats::{Seat, Table, hand_out};
use super::stats::Retries;
use super::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use super::sync::{Mutex, MutexGuard, clock, oneshot};
use super::{Action, Leased, Machine, Shared, names};
use crate::config::Settings;
use crate::conn::{Facts, Quiet};
use crate::connect::Way;
use crate::dial::Addresses;
use crate::error::{Error, ErrorKind, Result};
use crate::proxy::Proxy;

/// The pool of one origin.
pub(crate) struct OriginPool {
    pub(crate) origin: Origin,
    /// For calls that need HTTP/1.1 where others may share HTTP/2 (as Go's `onlyH1` in its connections' key).
    pub(super) only_http1: bool,
    pub(crate) shared: Arc<Shared>,
    /// What holds for this origin.
    pub(crate) settings: Arc<Settings>,
    /// Whether its connections are kept at all, which every call asks for.
    keep_alive: AtomicBool,
    pub(super) state: Mutex<State>,
    /// When the machine wants to be called next, in the shared clock's nanoseconds.
    deadline: AtomicU64,
    pub(super) standing: Standing,
    /// How it is reached; or why it cannot be.
    pub(super) way: Result<Way>,
    /// Which of the name's addresses have left; none when nobody learns it.
    pub(super) addresses: Option<Arc<Addresses>>,
    /// When the name is asked again, in the shared clock's nanoseconds.
    pub(super) asks_at: AtomicU64,
    pub(super) fallback: Fallback,
    /// None for an origin whose calls and connections go with no other's.
    pub(super) coalescing: Option<Box<Coalescing>>,
}

pub(super) struct State {
    pub(super) machine: Machine,
    pub(super) retries: Retries,
    /// The dials decided on and not ended, from the decision on; with its task started, each has a sender which, when
    /// dropped, cancels it.
    pub(super) dials: HashMap<DialId, Option<oneshot::Sender<()>>>,
    /// Removed from the registry: a call that still finds it must look again.
    pub(super) retired: bool,
    /// The moment for which a keeper was told to look at this origin; none when it has to be told anew.
    pub(super) announced: Option<Instant>,
    /// Who sits on connections that carry several calls at once.
    pub(super) seats: Table,
    /// Where its name leads, as far as that was asked for the sake of `coalescing`.
    pub(super) directions: Directions,
}

/// What a call has found out on its way to a connection.
#[derive(Clone, Copy, Default)]
struct Search {
    /// What was there was closing.
    only_closing: bool,
    /// Connections of other origins were looked at.
    was_elsewhere: bool,
}

/// What a call gets at once.
enum Taken {
    Leased(Leased),
    Seat(Box<Seat>),
    Later(Miss, Option<Ticket>, oneshot::Receiver<Result<Granted>>),
    /// Nothing here: another origin's connection may have a place.
    Elsewhere,
}

impl State {
    /// A place on a shared connection, an idle connection, or a place in the queue.
    fn take(
        &mut self,
        pool: &Arc<OriginPool>,
        now: Now,
        lane: Lane,
        replayable: bool,
        search: Search,
    ) -> Taken {
        if self.seats.is_used()
            && let Some(seat) = self.join(pool, now.instant, lane)
        {
            return Taken::Seat(Box::new(seat));
        }
        let miss = match self.machine.take(now, lane, replayable) {
            Ok(leased) if leased.connection.is_shared_and_well() => {
                return Taken::Seat(Box::new(self.sit_down(pool, leased, None)));
            }
            Ok(leased) => return Taken::Leased(leased),
            Err(miss) => miss,
        };
        self.miss(pool, now, lane, replayable, search, miss)
    }

    /// There is nothing here: the call waits, or looks elsewhere first.
    #[cold]
    fn miss(
        &mut self,
        pool: &OriginPool,
        now: Now,
        lane: Lane,
        replayable: bool,
        search: Search,
        miss: Miss,
    ) -> Taken {
        if !search.was_elsewhere && pool.coalescing.is_some() {
            return Taken::Elsewhere;
        }
        let miss = match miss {
            Miss::AllBusy { .. } | Miss::FirstForOrigin if search.only_closing => Miss::OnlyClosing,
            miss => miss,
        };
        let (sender, receiver) = oneshot::channel();
        let waiter = Waiter(sender);
        let ticket = (self.machine).wait(now.instant, lane, replayable, miss, waiter);
        Taken::Later(miss, ticket, receiver)
    }

    fn start_dial(&mut self, now: Instant, dial: DialId) -> bool {
        let began = self.machine.start_dial(now, dial);
        if began {
            self.dials.insert(dial, None);
        }
        began
    }

    /// The machine's next deadline, when a keeper has to be told. A later one than it knows it need not be told: it
    /// comes at the one it knows, and asks again.
    fn news_for_keeper(&mut self) -> Option<Option<Instant>> {
        let deadline = self.machine.next_deadline();
        match (deadline, self.announced) {
            (None, Some(_)) => return None,
            (Some(deadline), Some(announced)) if deadline >= announced => return None,
            (None, None) | (Some(_), None | Some(_)) => {}
        }
        self.announced = deadline;
        Some(deadline)
    }

    /// Begins a dial ahead of need, if there is room for it.
    pub(super) fn prewarm(&mut self, now: Instant, lane: Lane, dial: DialId) -> bool {
        let began = !self.is_enough_ahead_of_need() && self.machine.prewarm(now, lane, dial);
        if began {
            self.dials.insert(dial, None);
        }
        began
    }
}

impl OriginPool {
    /// A pool for the registry, which alone makes one: a client that is shut down meanwhile, or gets other limits, sees
    /// to those it finds there, and what is made later sees them here.
    pub(super) fn new(origin: Origin, only_http1: bool, shared: Arc<Shared>) -> Arc<Self> {
        let seed = origin.parts().hash_code() ^ shared.seed();
        let settings = Arc::clone(shared.origins.settings(&origin.parts()));
        let limits = settings.limits(&shared.limits());
        let mut machine = Machine::new(limits.machine(), seed);
        let versions = permitted(settings.versions, only_http1);
        let way = shared.connector.way(&origin, versions);
        let addresses = match &way {
            Ok(way) if way.forward().is_none() => shared.connector.addresses(&origin),
            Ok(_) | Err(_) => None,
        };
        let connector = &shared.connector;
        let coalescing = Coalescing::of(&origin, &settings, versions, way.as_ref().ok(), connector);
        let seats = Table::new(&settings, versions, origin.scheme());
        machine.restrict_dials(seats.most_dials(0));
        if shared.is_stopping() {
            machine.shut_down(clock::now());
        }
        Arc::new(Self {
            origin,
            only_http1,
            shared,
            settings,
            keep_alive: AtomicBool::new(limits.keep_alive),
            state: Mutex::new(State {
                machine,
                retries: Retries::default(),
                dials: HashMap::new(),
                retired: false,
                announced: None,
                seats,
                directions: Directions::default(),
            }),
            deadline: AtomicU64::new(u64::MAX),
            standing: Standing::default(),
            way,
            addresses,
            asks_at: AtomicU64::new(names::NEVER),
            fallback: Fallback::default(),
            coalescing,
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock panics halfway through a change; should it ever, the counts are still sums.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the machine decide, then carries out what it decided, with the lock gone.
    pub(super) fn enter<R>(
        self: &Arc<Self>,
        keeper: Option<&Keeper>,
        decide: impl FnOnce(&mut State) -> R,
    ) -> R {
        self.enter_with(0, keeper, decide)
    }

    /// The same with a place under `max_conns` in hand ([`super::global::Global::reserve`]): a dial that is begun takes
    /// it over. One that is left goes to who waits for it, as any place that comes free.
    pub(super) fn enter_with_place<R>(
        self: &Arc<Self>,
        keeper: Option<&Keeper>,
        decide: impl FnOnce(&mut State) -> R,
    ) -> R {
        self.enter_with(1, keeper, decide)
    }

    #[inline]
    fn enter_with<R>(
        self: &Arc<Self>,
        places: usize,
        keeper: Option<&Keeper>,
        decide: impl FnOnce(&mut State) -> R,
    ) -> R {
        let mut state = self.lock();
        let mut before = state.machine.census();
        // It is counted as open already. Never twice, for then others would find the limit reached when it is not.
        before.dialing += places;
        let result = decide(&mut state);
        let after = state.machine.census();
        // A checkout that took an idle connection, and nothing else, has brought no moment nearer.
        if after.idle < before.idle && !state.machine.has_actions() {
            drop(state);
            self.shared.global.count(self, before, after, None);
            return result;
        }
        let mut actions = state.machine.take_actions();
        let seated = if state.seats.is_used() {
            state.seat_the_delivered(self, &mut actions)
        } else {
            Vec::new()
        };
        let oldest = state.machine.oldest_idle();
        let news = state.news_for_keeper();
        let wants_dial = state.machine.wants_dial();
        drop(state);

        if let Some(deadline) = news {
            self.announce_deadline(keeper, deadline);
        }
        let global = &self.shared.global;
        global.count(self, before, after, oldest);
        for action in actions {
            self.act(action);
        }
        if !seated.is_empty() {
            hand_out(seated);
        }
        if wants_dial {
            self.pump();
        }
        if after.idle > before.idle && global.is_over_idle() {
            self.shared.evict_over();
        }
        // A dial that its caller gave up on holds no place; it has landed, and there was none.
        if after.open() > before.open() && global.is_over_open() {
            self.shared.close_above_max_conns();
        }
        if after.open() < before.open() || after.idle > before.idle {
            global.feed();
        }
        result
    }

    fn announce_deadline(&self, keeper: Option<&Keeper>, deadline: Option<Instant>) {
        let at = deadline.map_or(u64::MAX, |instant| self.shared.nanos(instant));
        if self.deadline.load(Ordering::Relaxed) != at {
            // Before `Keeper::wake_by` reads: see there.
            self.deadline.store(at, Ordering::SeqCst);
        }
        if at != u64::MAX {
            match keeper {
                Some(keeper) => keeper.wake_by(at),
                None => self.shared.wake_keeper_by(at),
            }
        }
    }

    /// Since when the connection idle longest is idle.
    pub(super) fn oldest_idle(&self) -> Option<Instant> {
        self.lock().machine.oldest_idle()
    }

    pub(super) fn deadline(&self) -> u64 {
        self.deadline.load(Ordering::SeqCst)
    }

    fn act(self: &Arc<Self>, action: Action) {
        match action {
            Action::Dial { dial, lane, miss } => self.dial(dial, lane, miss),
            Action::CancelDial { dial } => {
                let cancelled = self.lock().dials.remove(&dial);
                drop(cancelled);
            }
            Action::Deliver {
                waiter,
                leased,
                miss,
            } => {
                // Should the call have gone meanwhile, the lease comes back in the error and returns itself.
                let lease = Lease::new(leased, miss);
                let _returned = waiter.0.send(Ok(Granted::Lease(lease)));
            }
            Action::Refuse { waiter, why } => {
                let _gone = waiter.0.send(Err(self.refusal(why)));
            }
            Action::Close {
                id,
                connection,
                reason,
                requests,
                opened,
                ..
            } => {
                if self.coalescing.is_some() {
                    self.shared.shown.remove(id, &connection.facts);
                }
                drop(connection);
                if reason == CloseReason::Http1Required {
                    // It may have said so with no call under way.
                    self.speak_http1();
                }
                self.shared.emit(|| EventKind::Closed {
                    connection: id,
                    closed: reason.into(),
                    requests,
                    age: clock::now().saturating_duration_since(opened),
                });
            }
            Action::Recheck { slot, id } => self.on_poke(slot, id),
        }
    }

    fn refusal(&self, why: Refusal<Error>) -> Error {
        match why {
            Refusal::DialFailed(error) => error,
            Refusal::QueueFull { limit } => Error::new(
                ErrorKind::Queue,
                Phase::Queue,
                format!(
                    "{limit} calls already wait for a connection to {} (max_waiters)",
                    self.origin
                ),
            )
            .with_limit(Limit::QueueLength),
            Refusal::RuntimeGone => Error::new(
                ErrorKind::Closed,
                Phase::Queue,
                "the runtime of this call is gone",
            ),
            Refusal::ShutDown => Error::shut_down(),
        }
    }

    /// Whether the name does not lead to this connection's address any more.
    #[inline]
    fn is_gone(&self, facts: &Facts) -> bool {
        match &self.addresses {
            Some(addresses) if addresses.has_gone() => facts
                .remote()
                .is_some_and(|remote| addresses.is_gone(remote)),
            Some(_) | None => false,
        }
    }

    /// Closes the idle connections to addresses that have left: a dial has asked the name again.
    pub(super) fn retire_gone(self: &Arc<Self>) {
        if self.addresses.as_ref().is_some_and(|it| it.has_gone()) {
            self.enter(None, |state| {
                let gone = CloseReason::AddressGone;
                (state.machine).retire_idle(gone, |connection| self.is_gone(&connection.facts));
            });
        }
    }

    /// Whether connections to this origin are kept.
    #[inline]
    pub(crate) fn keeps_alive(&self) -> bool {
        self.keep_alive.load(Ordering::Relaxed)
    }

    /// The client has other limits; those set for this origin stay in force over them.
    pub(super) fn retune(self: &Arc<Self>, now: Instant) {
        self.enter(None, |state| {
            // Those in force by now: another thread may have set others, and been here before us.
            let limits = self.settings.limits(&self.shared.limits());
            self.keep_alive.store(limits.keep_alive, Ordering::Relaxed);
            state.machine.retune(now, limits.machine());
        });
    }

    /// The proxy that requests are written to, in absolute form.
    pub(crate) fn forward(&self) -> Option<&Proxy> {
        self.way.as_ref().ok()?.forward()
    }

    /// Starts the dials that waiting calls need and the limit over all origins allows.
    pub(super) fn pump(self: &Arc<Self>) {
        if self.coalescing.is_some() && self.lock().machine.wants_dial() {
            self.seat_waiters_elsewhere();
        }
        while self.lock().machine.wants_dial() {
            if !self.shared.reserve() {
                self.shared.global.starve(self);
                // A place may have come free between the two: look once more rather than sleep on it.
                if !self.shared.reserve() {
                    return;
                }
            }
            let dial = self.shared.next_dial();
            let now = clock::now();
            let started = self.enter_with_place(None, |state| state.start_dial(now, dial));
            if !started {
                return;
            }
        }
    }

    /// An idle connection, or a place in the queue. None when this pool was retired: look up the origin again.
    pub(crate) fn acquire(
        self: &Arc<Self>,
        now: Now,
        keeper: &Arc<Keeper>,
        replayable: bool,
    ) -> Option<Acquired> {
        let mut search = Search::default();
        loop {
            let taken = self.enter(Some(keeper), |state| {
                if state.retired {
                    return None;
                }
                Some(state.take(self, now, keeper.lane, replayable, search))
            })?;
            let mut leased = match taken {
                Taken::Leased(leased) => leased,
                Taken::Seat(seat) => return Some(Acquired::Ready(Granted::Seat(seat))),
                Taken::Elsewhere => {
                    search.was_elsewhere = true;
                    match self.seat_elsewhere(now, keeper, replayable) {
                        Some(seat) => return Some(Acquired::Ready(Granted::Seat(seat))),
                        None => continue,
                    }
                }
                Taken::Later(miss, ticket, receiver) => {
                    return Some(Acquired::Later(Waiting {
                        pool: Arc::clone(self),
                        ticket,
                        receiver,
                        miss,
                    }));
                }
            };
            match leased.connection.check() {
                Quiet::Nothing if self.is_gone(&leased.connection.facts) => {
                    self.discard(leased, CloseReason::AddressGone);
                }
                Quiet::Nothing => {
                    return Some(Acquired::Ready(Granted::Lease(Lease::new(leased, None))));
                }
                quiet @ (Quiet::End(_) | Quiet::Bytes(_) | Quiet::Failed(_)) => {
                    search.only_closing = true;
                    let idle = leased.idle().unwrap_or_default();
                    let known = leased.connection.known_end();
                    let why = known.unwrap_or_else(|| dead_because(quiet, idle));
                    self.discard(leased, why);
                }
            }
        }
    }

    pub(super) fn put(
        self: &Arc<Self>,
        now: Instant,
        leased: Leased,
        verdict: Reuse,
        hint: Hint,
    ) -> Reuse {
        let id = leased.id();
        let keeper = Arc::clone(&leased.connection.home.keeper);
        let gone = verdict.is_keep() && self.is_gone(&leased.connection.facts);
        let verdict = if gone {
            Reuse::close(CloseReason::AddressGone)
        } else {
            verdict
        };
        // The pool's own reason is wanted only when it closes what the exchange would keep.
        let known = match &verdict {
            Reuse::Keep => {
                // Before the machine has it: from then on another thread may tell what became of it.
                self.shared
                    .emit_at(now, || EventKind::Parked { connection: id });
                None
            }
            Reuse::Close(_) => Some(verdict.clone()),
        };
        let put = self.enter(Some(&keeper), |state| {
            state.machine.put(now, leased, verdict, hint)
        });
        match put {
            Put::Parked | Put::Delivered => Reuse::Keep,
            Put::Closed(reason) => known.unwrap_or_else(|| Reuse::close(reason)),
        }
    }

    pub(super) fn put_back(self: &Arc<Self>, mut leased: Leased) {
        let now = clock::now();
        match leased.connection.park() {
            Quiet::Nothing => {
                self.enter(None, |state| state.machine.put_back(now, leased));
            }
            quiet @ (Quiet::End(_) | Quiet::Bytes(_) | Quiet::Failed(_)) => {
                let idle = leased.idle().unwrap_or_default();
                let known = leased.connection.known_end();
                let why = known.unwrap_or_else(|| dead_because(quiet, idle));
                self.discard(leased, why);
            }
        }
    }

    pub(super) fn discard(self: &Arc<Self>, leased: Leased, reason: CloseReason) {
        let now = clock::now();
        self.enter(None, |state| state.machine.discard(now, leased, reason));
    }

    pub(super) fn leave(self: &Arc<Self>, ticket: Ticket) {
        let now = clock::now();
        let left = self.enter(None, |state| state.machine.leave(now, ticket));
        drop(left);
    }

    /// A connection's waker fired: look at it if it is idle.
    pub(super) fn on_poke(self: &Arc<Self>, slot: Slot, id: ConnectionId) {
        let mut state = self.lock();
        // A look is one system call that cannot block; closing, if it comes to that, happens after the lock.
        let (quiet, known) = match state.machine.poked(slot, id) {
            Some(connection) => (connection.park(), connection.known_end()),
            None => (Quiet::Nothing, None),
        };
        drop(state);
        let how = match quiet {
            Quiet::Nothing => return,
            Quiet::End(how) => known.map_or(IdleEnd::PeerClosed(how), IdleEnd::Known),
            Quiet::Bytes(bytes) => IdleEnd::Stray { bytes },
            Quiet::Failed(kind) => IdleEnd::Failed(kind),
        };
        let now = clock::now();
        self.enter(None, |state| state.machine.idle_ended(now, slot, id, how));
    }

    /// Counts a decision on a failed attempt. False when this pool was retired: look up the origin again.
    pub(crate) fn note_retry(&self, retry: Retry) -> bool {
        let mut state = self.lock();
        if !state.retired {
            state.retries.note(retry);
        }
        !state.retired
    }
}
