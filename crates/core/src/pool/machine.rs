//! `Machine`: the state of one origin's pool, and taking from it.
//!
//! Owns the fields, the check-out and the questions. Returning connections is in `returns`, waiting
//! in `queue`, opening in `dialing`, time and limits in `upkeep`.

use std::time::{Duration, Instant};

use super::action::Action;
use super::clock::SleepClock;
use super::counts::Counts;
use super::dials::Dials;
use super::lanes::Lanes;
use super::leased::Facts;
use super::lifetimes::Lifetimes;
use super::outlook::Outlook;
use super::slots::Slots;
use super::waiters::Waiters;
use super::{Lane, Leased, Limits, Slot};
use crate::event::ConnectionId;
use crate::learn::{Estimate, Learner};
use crate::reason::{CloseReason, KeyPart, Miss};
use crate::time::Now;

/// One origin's pool. See the [module](super) for the picture.
#[derive(Debug)]
pub struct Machine<C, W, E> {
    pub(super) limits: Limits,
    /// How often `retune` was called.
    pub(super) tuned: u32,
    pub(super) slots: Slots<C>,
    pub(super) lanes: Lanes,
    pub(super) waiters: Waiters<W, E>,
    pub(super) dials: Dials,
    /// Dials allowed by what is known of the server; the limits may allow less.
    pub(super) most_dials: usize,
    pub(super) lifetimes: Lifetimes,
    pub(super) learner: Learner,
    pub(super) outlook: Outlook,
    pub(super) clock: SleepClock,
    pub(super) random: u64,
    /// `close_idle` was called and nobody has asked for a connection since.
    pub(super) closing: bool,
    pub(super) shut: bool,
    pub(super) idle: usize,
    pub(super) active: usize,
    /// The running totals; the present numbers in it are filled in when asked for.
    pub(super) totals: Counts,
    pub(super) actions: Vec<Action<C, W, E>>,
}

/// What an idle connection is good for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fitness {
    /// Any call.
    Usable,
    /// Calls that can be repeated: the server may close any moment.
    Doubtful,
    /// Nobody: the server announced to close about now. It stays so that the close is measured.
    Withheld,
    /// Nothing: it is to be closed.
    Spent(CloseReason),
}

impl<C, W, E> Machine<C, W, E> {
    /// An empty pool. The seed feeds the jitter of lifetimes; any number will do.
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self {
            outlook: Outlook::untroubled(&limits),
            limits,
            tuned: 0,
            slots: Slots::new(),
            lanes: Lanes::default(),
            waiters: Waiters::new(),
            dials: Dials::default(),
            most_dials: usize::MAX,
            lifetimes: Lifetimes::default(),
            learner: Learner::new(),
            clock: SleepClock::default(),
            random: seed | 1,
            closing: false,
            shut: false,
            idle: 0,
            active: 0,
            totals: Counts::default(),
            actions: Vec::new(),
        }
    }

    /// Checks out the connection of this lane that was parked last, if it is usable: a connection past
    /// a limit is closed and the next one looked at; one that is doubtful serves a replayable call only.
    ///
    /// # Errors
    /// Why there is none: then [`wait`](Self::wait).
    #[inline]
    pub fn take(&mut self, now: Now, lane: Lane, replayable: bool) -> Result<Leased<C>, Miss> {
        self.clock.look(now);
        self.closing = false;
        if !self.limits.keep_alive {
            return Err(Miss::KeepAliveOff);
        }
        self.take_idle(now.instant, lane, replayable)
    }

    #[inline]
    pub(super) fn take_idle(
        &mut self,
        now: Instant,
        lane: Lane,
        replayable: bool,
    ) -> Result<Leased<C>, Miss> {
        self.refresh_outlook(now);
        let Some(at) = self.lanes.find(lane) else {
            return Err(self.miss(None, 0));
        };
        let mut passed_over = 0;
        while let Some(index) = self.lanes.0[at].idle.front() {
            let parked = self.slots.parked(index);
            let idle = self.idle_time(now, parked);
            let witness = self.is_witness(parked);
            match self.fitness(now, idle, parked) {
                Fitness::Doubtful if witness && self.outlives_estimate(now, idle) => {}
                Fitness::Doubtful if !replayable && self.oldest_outlives_estimate(now, at) => {}
                Fitness::Doubtful if !replayable => {
                    return Err(Miss::AllDoubtful {
                        idle: self.lanes.0[at].idle.len(),
                        estimate: self.outlook.estimate,
                    });
                }
                Fitness::Usable | Fitness::Doubtful => {
                    let connection = self.unpark(at, index);
                    return Ok(self.check_out(at, Slot(index), connection, Some(idle)));
                }
                Fitness::Withheld => {
                    // Those behind it are older still.
                    passed_over += self.lanes.0[at].idle.len();
                    break;
                }
                Fitness::Spent(reason) => {
                    passed_over += 1;
                    self.close_parked(at, index, reason);
                }
            }
        }
        Err(self.miss(Some(at), passed_over))
    }

    /// Whether a connection idle for so long shows the estimate to be wrong, merely by being open. It is let go
    /// then. (Should word of a close only be late: the shell looks at the socket before it is used.)
    fn outlives_estimate(&mut self, now: Instant, idle: Duration) -> bool {
        let outlives = idle > self.outlook.outlived_above && self.learner.on_reused_at(idle);
        if outlives {
            self.renew_outlook(now);
        }
        outlives
    }

    /// The newest may be too young to tell: the connection of this lane that is idle longest is the better
    /// witness.
    fn oldest_outlives_estimate(&mut self, now: Instant, at: usize) -> bool {
        let Some(index) = self.lanes.0[at].idle.back() else {
            return false;
        };
        let parked = self.slots.parked(index);
        let witness = self.is_witness(parked);
        let idle = self.idle_time(now, parked);
        witness && self.outlives_estimate(now, idle)
    }

    /// Whether the age of an idle connection says anything of the server's idle timeout: one that never served
    /// is under another of its timeouts, and one that slept with the machine could not be told of a close.
    fn is_witness(&self, parked: &Facts) -> bool {
        parked.requests > 0 && parked.slept_at == self.clock.slept()
    }

    /// Why nothing could be taken.
    #[cold]
    fn miss(&self, at: Option<usize>, passed_over: usize) -> Miss {
        let busy = at.map_or(0, |at| self.lanes.0[at].active);
        let idle_here = at.map_or(0, |at| self.lanes.0[at].idle.len());
        if passed_over > 0 {
            Miss::AllExpired { idle: passed_over }
        } else if busy > 0 {
            Miss::AllBusy { active: busy }
        } else if self.idle > idle_here {
            Miss::DifferentKey(KeyPart::Runtime)
        } else if self.active > 0 {
            Miss::AllBusy {
                active: self.active,
            }
        } else {
            Miss::FirstForOrigin
        }
    }

    /// What an idle connection is good for now.
    #[inline]
    pub(super) fn fitness(&self, now: Instant, idle: Duration, parked: &Facts) -> Fitness {
        if idle < self.outlook.carefree && parked.lifetime.is_none() {
            return Fitness::Usable;
        }
        self.fitness_in_full(now, idle, parked)
    }

    fn fitness_in_full(&self, now: Instant, idle: Duration, parked: &Facts) -> Fitness {
        let outlook = &self.outlook;
        if idle >= outlook.idle_timeout {
            return Fitness::Spent(CloseReason::IdleTooLong {
                idle,
                limit: outlook.idle_timeout,
            });
        }
        if idle >= outlook.overdue_after {
            return Fitness::Spent(CloseReason::IdleTooLong {
                idle,
                limit: outlook.withheld_after,
            });
        }
        if parked.too_old(now) {
            return Fitness::Spent(Self::too_old(now, parked));
        }
        if idle >= outlook.withheld_after {
            Fitness::Withheld
        } else if idle >= outlook.doubtful_after {
            Fitness::Doubtful
        } else {
            Fitness::Usable
        }
    }

    pub(super) fn too_old(now: Instant, facts: &Facts) -> CloseReason {
        CloseReason::TooOld {
            age: now.saturating_duration_since(facts.opened),
            limit: facts.lifetime.unwrap_or(Duration::MAX),
        }
    }

    /// How long a connection has been idle, sleep of the machine included.
    #[inline]
    pub(super) fn idle_time(&self, now: Instant, parked: &Facts) -> Duration {
        self.clock.lasted(now, parked.parked_at, parked.slept_at)
    }

    /// Removes a connection from its idle list; it is in nobody's hands for a moment.
    #[inline]
    pub(super) fn unpark(&mut self, at: usize, index: u32) -> C {
        self.lanes.0[at].idle.unlink(&mut self.slots, index);
        self.idle -= 1;
        self.slots.lease(index)
    }

    /// Checks a connection out that is in no list.
    #[inline]
    pub(super) fn check_out(
        &mut self,
        at: usize,
        slot: Slot,
        connection: C,
        idle: Option<Duration>,
    ) -> Leased<C> {
        self.lanes.0[at].active += 1;
        self.active += 1;
        self.totals.requests += 1;
        let entry = self.slots.entry_mut(slot);
        let reused = entry.facts.requests > 0;
        entry.facts.requests += 1;
        self.totals.reused += u64::from(reused);
        Leased {
            connection,
            id: entry.id,
            lane: entry.lane,
            opened: entry.facts.opened,
            requests: entry.facts.requests,
            idle,
            slot,
            round_trip: None,
        }
    }

    /// Closes an idle connection.
    pub(super) fn close_parked(&mut self, at: usize, index: u32, reason: CloseReason) {
        let connection = self.unpark(at, index);
        self.close(Slot(index), connection, reason, true);
    }

    /// Closes a connection that is in no list and not counted as active any more.
    pub(super) fn close(&mut self, slot: Slot, connection: C, reason: CloseReason, was_idle: bool) {
        self.totals.add_closed(reason, 1);
        let entry = self.slots.entry(slot);
        self.actions.push(Action::Close {
            id: entry.id,
            connection,
            lane: entry.lane,
            reason,
            requests: entry.facts.requests,
            opened: entry.facts.opened,
            was_idle,
        });
        self.slots.release(slot);
    }

    /// The connection's waker fired. When it is idle, its payload, so that the shell looks at the
    /// socket (and calls [`idle_ended`](Self::idle_ended) if it found something). When it is leased that
    /// is remembered, and if it is parked next an [`Action::Recheck`] follows.
    pub fn poked(&mut self, slot: Slot, id: ConnectionId) -> Option<&mut C> {
        let entry = self.slots.find(slot, id)?;
        match &mut entry.place {
            super::slots::Place::Idle(connection) => Some(connection),
            super::slots::Place::Leased => {
                entry.poked = true;
                None
            }
            super::slots::Place::Vacant => None,
        }
    }

    #[inline]
    pub(super) fn refresh_outlook(&mut self, now: Instant) {
        if self.outlook.until.is_some_and(|until| now >= until) {
            self.renew_outlook(now);
        }
    }

    #[cold]
    pub(super) fn renew_outlook(&mut self, now: Instant) {
        self.outlook = Outlook::new(&self.limits, &self.learner, now);
    }

    /// A number in 0..1 (xorshift64*: jitter needs no better).
    pub(super) fn draw(&mut self) -> f32 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        let high = self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 48;
        f32::from(u16::try_from(high).expect("48 of 64 bits shifted out")) / 65_536.0
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether nothing is here: no connection, dial, waiting call or pending action. What was learnt
    /// about the server is lost with the machine.
    pub fn is_empty(&self) -> bool {
        self.idle + self.active + self.dials.len() + self.waiters.len() == 0
            && self.actions.is_empty()
    }

    /// All numbers at this moment.
    pub fn counts(&self) -> Counts {
        let mut counts = self.totals.clone();
        counts.idle = self.idle;
        counts.active = self.active;
        counts.dialing = self.dials.len();
        counts.waiting = self.waiters.len();
        counts
    }

    /// The server's idle timeout as far as it is known and used: measured, else announced.
    pub fn learned(&self, now: Instant) -> Option<Estimate> {
        let measured = || self.learner.measured(now);
        let announced = || self.learner.announced(now);
        let measured = self.limits.learn.then(measured).flatten();
        measured.or_else(|| self.limits.honour_hint.then(announced).flatten())
    }

    /// Whether [`take_actions`](Self::take_actions) has something.
    #[inline]
    pub fn has_actions(&self) -> bool {
        !self.actions.is_empty()
    }

    /// What is to be done, in order. To be called after every event, and carried out without the lock.
    pub fn take_actions(&mut self) -> Vec<Action<C, W, E>> {
        std::mem::take(&mut self.actions)
    }
}
