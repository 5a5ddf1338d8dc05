//! The pool machine under a script of events, with a shell around it that keeps its own account of everything.
//!
//! Promises: no connection is lost, given twice or closed twice; no dial goes over a limit; every waiting call is
//! served or refused once, on its own runtime; the machine's books balance after each event. As long as the script uses
//! nothing that the naive model of the tests does not know, every effect and every answer is the model's.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::time::{Duration, Instant, SystemTime};

use keepwarm_core::event::{ConnectionId, DialId};
use keepwarm_core::pool::{
    Action, Hint, IdleEnd, Lane, Leased, Limits, Machine, Put, Slot, Ticket,
};
use keepwarm_core::reason::{CloseReason, PeerEnd, Reuse};
use keepwarm_core::time::Now;

use crate::naive::{Effect, Naive};
use crate::pool_script::{self, Step};

/// One input.
pub fn run(input: &[u8]) {
    let (limits, steps) = pool_script::read(input);
    let knows = |step: &Step| match step {
        Step::Retune(limits) => limits.max_dials_per_host.is_none(),
        Step::Advance(_)
        | Step::Call { .. }
        | Step::CloseIdle
        | Step::Dial
        | Step::Dialed(_)
        | Step::DialFailed(_)
        | Step::Discard(..)
        | Step::Evict
        | Step::Expire
        | Step::IdleEnded(..)
        | Step::LaneGone(_)
        | Step::Leave(_)
        | Step::Poke(_)
        | Step::Prewarm(_)
        | Step::Put(..)
        | Step::PutBack(_)
        | Step::ShutDown
        | Step::Sleep(_) => true,
    };
    let has_model = limits.max_dials_per_host.is_none() && steps.iter().all(knows);
    let mut shell = Shell::new(limits, has_model);
    for step in steps {
        shell.step(step);
    }
    shell.finish();
}

/// The machine, what its shell would know, and the model.
struct Shell {
    machine: Machine<ConnectionId, u32, u32>,
    naive: Option<Naive>,
    start: Instant,
    now: Duration,
    slept: Duration,
    leased: Vec<Leased<ConnectionId>>,
    /// Connections that are not closed.
    open: BTreeMap<ConnectionId, Slot>,
    dialing: Vec<DialId>,
    tickets: Vec<(u32, Ticket)>,
    /// Calls that wait, and their runtime.
    waiting: BTreeMap<u32, Lane>,
    opened: u64,
    closed: u64,
    calls: u32,
    dials: u64,
}

fn pick<T: Copy>(list: &[T], which: usize) -> Option<T> {
    (!list.is_empty()).then(|| list[which % list.len()])
}

impl Shell {
    fn new(limits: Limits, has_model: bool) -> Self {
        let start = Instant::now() + Duration::from_secs(86_400);
        Self {
            naive: has_model.then(|| Naive::new(limits.clone(), start)),
            machine: Machine::new(limits, 1),
            start,
            now: Duration::ZERO,
            slept: Duration::ZERO,
            leased: Vec::new(),
            open: BTreeMap::new(),
            dialing: Vec::new(),
            tickets: Vec::new(),
            waiting: BTreeMap::new(),
            opened: 0,
            closed: 0,
            calls: 0,
            dials: 0,
        }
    }

    fn at(&self) -> Instant {
        self.start + self.now
    }

    fn clock(&self) -> Now {
        Now {
            instant: self.at(),
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + self.now + self.slept,
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        if let Some(naive) = &mut self.naive {
            naive.now = self.now;
        }
    }

    fn one_leased(&mut self, which: usize) -> Option<Leased<ConnectionId>> {
        (!self.leased.is_empty()).then(|| self.leased.swap_remove(which % self.leased.len()))
    }

    fn one_open(&self, which: usize) -> Option<(ConnectionId, Slot)> {
        let count = self.open.len().max(1);
        let found = self.open.iter().nth(which % count);
        found.map(|(id, slot)| (*id, *slot))
    }

    fn next_dial(&mut self) -> DialId {
        self.dials += 1;
        DialId(self.dials)
    }

    /// Does the same to the model, which must say what the machine said.
    fn same<T>(&mut self, ours: &T, event: impl FnOnce(&mut Naive) -> T)
    where
        T: PartialEq + std::fmt::Debug,
    {
        if let Some(naive) = &mut self.naive {
            assert_eq!(*ours, event(naive), "machine and model");
        }
    }

    fn step(&mut self, step: Step) {
        // No two things happen at the same instant: between runtimes nobody would be the older then.
        self.pass(Duration::from_micros(1));
        let at = self.at();
        match step {
            Step::Advance(ms) => self.pass(Duration::from_millis(ms)),
            Step::Call { lane, replayable } => self.call(Lane(lane), replayable),
            Step::CloseIdle => {
                self.machine.close_idle(at);
                self.same(&(), Naive::close_idle);
            }
            Step::Dial => self.start_dial(),
            Step::Dialed(which) => self.dialed(which),
            Step::DialFailed(which) => {
                if let Some(dial) = pick(&self.dialing, which) {
                    self.dialing.retain(|known| *known != dial);
                    self.machine.dial_failed(at, dial, 7);
                    self.same(&(), |naive| naive.dial_failed(dial, 7));
                }
            }
            Step::Discard(which, how) => self.discard(which, how),
            Step::Evict => {
                let reason = CloseReason::PoolFull { limit: 3 };
                let evicted = self.machine.evict_oldest(at, reason);
                self.same(&evicted, |naive| naive.evict(reason));
            }
            Step::Expire => self.expire(self.clock()),
            Step::IdleEnded(which, how) => self.idle_ended(which, how),
            Step::LaneGone(lane) => self.lane_gone(Lane(lane)),
            Step::Leave(which) => self.leave(which),
            Step::Poke(which) => self.poke(which),
            Step::Prewarm(lane) => {
                let dial = self.next_dial();
                let started = self.machine.prewarm(at, Lane(lane), dial);
                self.same(&started, |naive| naive.prewarm(Lane(lane), dial));
            }
            Step::Put(which, hint) => self.put(which, hint),
            Step::PutBack(which) => {
                if let Some(leased) = self.one_leased(which) {
                    let id = leased.id();
                    self.machine.put_back(at, leased);
                    self.same(&(), |naive| naive.put_back(id));
                }
            }
            Step::Retune(limits) => {
                self.machine.retune(at, limits.clone());
                self.same(&(), |naive| naive.retune(limits));
            }
            Step::ShutDown => {
                self.machine.shut_down(at);
                self.same(&(), Naive::shut_down);
            }
            Step::Sleep(ms) => self.sleep(Duration::from_millis(ms)),
        }
        self.settle();
    }

    fn start_dial(&mut self) {
        let dial = self.next_dial();
        let wanted = self.machine.wants_dial();
        let started = self.machine.start_dial(self.at(), dial);
        assert_eq!(wanted, started, "a dial that is wanted can be started");
        self.same(&started, |naive| naive.start_dial(dial));
    }

    fn expire(&mut self, now: Now) {
        self.machine.expire(now);
        self.same(&(), Naive::expire);
    }

    fn sleep(&mut self, slept: Duration) {
        // The look before the jump sets the base, so that only the jump counts.
        self.expire(self.clock());
        let mut now = self.clock();
        now.wall += slept;
        if slept > Duration::from_secs(2) {
            self.slept += slept;
            if let Some(naive) = &mut self.naive {
                naive.slept = self.slept;
            }
        }
        self.expire(now);
    }

    fn call(&mut self, lane: Lane, replayable: bool) {
        let taken = self.machine.take(self.clock(), lane, replayable);
        let known = taken.as_ref().map(Leased::id).map_err(|miss| *miss);
        self.same(&known, |naive| naive.take(lane, replayable));
        let miss = match taken {
            Ok(leased) => {
                assert_eq!(leased.lane(), lane, "serves its runtime only");
                return self.lease(leased);
            }
            Err(miss) => miss,
        };
        self.calls += 1;
        let token = self.calls;
        self.waiting.insert(token, lane);
        let ticket = self.machine.wait(self.at(), lane, replayable, miss, token);
        if let Some(ticket) = ticket {
            self.tickets.push((token, ticket));
        }
        if let Some(naive) = &mut self.naive
            && naive.wait(lane, replayable, miss, token)
        {
            assert!(ticket.is_some(), "it waits");
        }
    }

    /// A connection is in somebody's hands.
    fn lease(&mut self, leased: Leased<ConnectionId>) {
        let id = leased.id();
        assert_eq!(leased.connection, id, "its own payload");
        assert!(self.open.contains_key(&id), "{id} is open");
        let is_out = self.leased.iter().any(|other| other.id() == id);
        assert!(!is_out, "{id} is given twice");
        self.leased.push(leased);
    }

    fn leave(&mut self, which: usize) {
        let Some((token, ticket)) = pick(&self.tickets, which) else {
            return;
        };
        let left = self.machine.leave(self.at(), ticket);
        self.same(&left.is_some(), |naive| naive.leave(token));
        if let Some(left) = left {
            assert_eq!(left, token, "its own token");
            assert!(self.waiting.remove(&token).is_some(), "it waited");
        } else {
            assert!(!self.waiting.contains_key(&token), "it was served");
        }
    }

    fn poke(&mut self, which: usize) {
        if let Some((id, slot)) = self.one_open(which) {
            let found = self.machine.poked(slot, id).copied();
            let is_out = self.leased.iter().any(|leased| leased.id() == id);
            assert_eq!(found, (!is_out).then_some(id), "idle or leased");
            self.same(&found.is_some(), |naive| naive.poked(id));
        }
    }

    fn dialed(&mut self, which: usize) {
        let Some(dial) = pick(&self.dialing, which) else {
            return;
        };
        self.dialing.retain(|known| *known != dial);
        let id = ConnectionId(dial.0);
        let mut place = None;
        self.machine
            .dialed(self.start + self.now, dial, id, |slot| {
                place = Some(slot);
                id
            });
        self.opened += 1;
        self.open.insert(id, place.expect("payload made"));
        self.same(&(), |naive| naive.dialed(dial, id));
    }

    fn put(&mut self, which: usize, hint: Option<Hint>) {
        let Some(leased) = self.one_leased(which) else {
            return;
        };
        let (id, at) = (leased.id(), self.at());
        let close = hint.is_none().then_some(CloseReason::PeerSaidClose);
        let reuse = close.map_or(Reuse::Keep, Reuse::close);
        let hint = hint.unwrap_or(Hint::NONE);
        let put = self.machine.put(at, leased, reuse, hint);
        self.same(&put, |naive| naive.put(id, close, hint));
        assert!(hint_is_kept(put, close), "{put:?}");
    }

    fn discard(&mut self, which: usize, how: u64) {
        let Some(leased) = self.one_leased(which) else {
            return;
        };
        let id = leased.id();
        let reason = match (how % 2, leased.idle()) {
            (0, Some(idle)) => CloseReason::PeerClosedIdle {
                how: PeerEnd::Fin,
                idle,
            },
            (_, _) => CloseReason::StrayBytes { bytes: 1 },
        };
        self.machine.discard(self.at(), leased, reason);
        self.same(&(), |naive| naive.discard(id, reason));
    }

    fn idle_ended(&mut self, which: usize, how: u64) {
        let Some((id, slot)) = self.one_open(which) else {
            return;
        };
        let how = match how % 6 {
            0 => IdleEnd::Failed(ErrorKind::ConnectionReset),
            1 => IdleEnd::Stray { bytes: 9 },
            2 => IdleEnd::RuntimeGone,
            _ => IdleEnd::PeerClosed(PeerEnd::Fin),
        };
        self.machine.idle_ended(self.at(), slot, id, how);
        self.same(&(), |naive| naive.idle_ended(id, how));
    }

    fn lane_gone(&mut self, lane: Lane) {
        self.machine.lane_gone(self.at(), lane);
        self.same(&(), |naive| naive.lane_gone(lane));
    }
}

/// What is to be closed is closed for that reason.
fn hint_is_kept(put: Put, close: Option<CloseReason>) -> bool {
    match (put, close) {
        (Put::Closed(why), Some(reason)) => why == reason,
        (Put::Delivered | Put::Parked, Some(_)) => false,
        (Put::Closed(_) | Put::Delivered | Put::Parked, None) => true,
    }
}

/// Carrying out what the machine wants, and balancing the books.
impl Shell {
    fn settle(&mut self) {
        let mut effects = Vec::new();
        for action in self.machine.take_actions() {
            effects.push(self.carry_out(action));
        }
        self.machine.assert_consistent();
        let counts = self.machine.counts();
        assert_eq!(counts.active, self.leased.len(), "active");
        let idle = self.open.len() - self.leased.len();
        assert_eq!(counts.idle, idle, "neither closed nor leased is idle");
        assert_eq!(counts.waiting, self.waiting.len(), "waiting");
        assert_eq!(counts.opened, self.opened, "opened");
        assert_eq!(counts.closed_total(), self.closed, "closed");
        if let Some(most) = self.machine.limits().max_idle_per_host {
            assert!(counts.idle <= most, "{} idle of {most}", counts.idle);
        }
        self.compare(effects);
    }

    fn compare(&mut self, mut effects: Vec<Effect>) {
        let Some(naive) = &mut self.naive else {
            return;
        };
        let order = |effect: &Effect| format!("{effect:?}");
        effects.sort_by_key(order);
        let mut expected = std::mem::take(&mut naive.effects);
        expected.sort_by_key(order);
        assert_eq!(effects, expected, "effects of machine and model");
        let counts = self.machine.counts();
        assert_eq!(counts.idle, naive.idle_count());
        assert_eq!(counts.dialing, naive.dials.len());
        assert_eq!(counts.requests, naive.requests);
        assert_eq!(counts.reused, naive.reused);
        assert_eq!(self.machine.wants_dial(), naive.wants_dial());
        let waiting: BTreeSet<u32> = naive.waiters.iter().map(|it| it.token).collect();
        assert!(
            waiting.iter().eq(self.waiting.keys()),
            "nobody is forgotten"
        );
        if let Some(soonest) = naive.latest_ends().into_iter().min() {
            let deadline = self.machine.next_deadline().expect("something ends");
            let left = soonest.saturating_sub(naive.now);
            assert!(deadline <= naive.instant() + left, "the deadline is late");
        }
    }

    fn carry_out(&mut self, action: Action<ConnectionId, u32, u32>) -> Effect {
        match action {
            Action::CancelDial { dial } => {
                let known = self.dialing.iter().position(|known| *known == dial);
                self.dialing.remove(known.expect("a dial under way"));
                Effect::CancelDial(dial)
            }
            Action::Close {
                id,
                connection,
                reason,
                requests,
                was_idle,
                ..
            } => {
                assert_eq!(id, connection, "its own payload");
                assert!(self.open.remove(&id).is_some(), "closed once");
                self.closed += 1;
                Effect::Close(id, reason, requests, was_idle)
            }
            Action::Deliver {
                waiter,
                leased,
                miss,
            } => {
                let lane = self.waiting.remove(&waiter);
                assert_eq!(lane, Some(leased.lane()), "served once, on its runtime");
                let effect = Effect::Deliver(waiter, leased.id(), leased.requests(), miss);
                self.lease(leased);
                effect
            }
            Action::Dial { dial, lane, miss } => {
                self.dialing.push(dial);
                self.assert_room();
                Effect::Dial(dial, lane, miss)
            }
            Action::Recheck { slot, id } => {
                assert_eq!(self.open.get(&id), Some(&slot), "its place");
                Effect::Recheck(id)
            }
            Action::Refuse { waiter, why } => {
                assert!(self.waiting.remove(&waiter).is_some(), "refused once");
                Effect::Refuse(waiter, why)
            }
        }
    }

    /// A dial was started: nothing is over its limit.
    fn assert_room(&self) {
        let counts = self.machine.counts();
        let limits = self.machine.limits();
        let all = counts.idle + counts.active + counts.dialing;
        if let Some(most) = limits.max_conns_per_host {
            assert!(all <= most.max(1), "{all} connections of {most}");
        }
    }

    /// Ends everything, and looks for what is left over.
    fn finish(&mut self) {
        self.step(Step::ShutDown);
        assert!(self.waiting.is_empty(), "every call ended");
        assert!(self.dialing.is_empty(), "every dial was stopped");
        while !self.leased.is_empty() {
            self.step(Step::Put(0, Some(Hint::NONE)));
        }
        assert!(self.machine.is_empty(), "nothing is left");
        assert!(self.open.is_empty(), "all are closed");
    }
}
