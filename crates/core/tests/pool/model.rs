//! The pool machine against a naive model, under random events.
//!
//! Owns the random histories and the comparison: after every event effects, answers and numbers are
//! the same, and the promises hold: no connection lost or given twice, no limit exceeded, every
//! waiting call and every dial ended exactly once.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::time::{Duration, Instant, SystemTime};

use keepwarm_core::event::{ConnectionId, DialId};
use keepwarm_core::pool::{Action, Hint, IdleEnd, Lane, Leased, Limits, Machine, Slot, Ticket};
use keepwarm_core::reason::{CloseReason, PeerEnd, Reuse};
use keepwarm_core::time::Now;
use proptest::prelude::*;

use crate::naive::{Effect, Naive};

/// One random event; numbers choose among what is there, modulo.
#[derive(Clone, Debug)]
enum Step {
    Advance(u64),
    Call(u64, bool),
    CloseIdle,
    Dial,
    Dialed(usize),
    DialFailed(usize),
    Discard(usize, u8),
    Evict,
    Expire,
    IdleEnded(usize, u8),
    LaneGone(u64),
    Leave(usize),
    Poke(usize),
    Prewarm(u64),
    Put(usize, Option<Hint>),
    PutBack(usize),
    Retune(Limits),
    ShutDown,
    Sleep(u64),
}

fn hints() -> impl Strategy<Value = Hint> {
    let timeout = prop_oneof![3 => Just(None), 1 => (0..2u64).prop_map(Some), 2 => (20..400u64).prop_map(Some)];
    let max = prop_oneof![3 => Just(None), 1 => (0..4u64).prop_map(Some)];
    (timeout, max).prop_map(|(timeout, max)| Hint {
        timeout: timeout.map(Duration::from_millis),
        max,
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    let small = || prop_oneof![1 => Just(None), 2 => (0..6usize).prop_map(Some)];
    let time = || prop_oneof![1 => Just(None), 2 => (0..600u64).prop_map(|ms| Some(Duration::from_millis(ms)))];
    let requests = prop_oneof![2 => Just(None), 1 => (1..5u64).prop_map(Some)];
    let switches = (
        prop::bool::weighted(0.93),
        prop::bool::weighted(0.7),
        prop::bool::weighted(0.7),
    );
    (
        small(),
        small(),
        small(),
        time(),
        time(),
        requests,
        switches,
    )
        .prop_map(
            |(idle, conns, waiters, idle_timeout, max_lifetime, requests, switches)| Limits {
                keep_alive: switches.0,
                max_idle_per_host: idle,
                max_conns_per_host: conns,
                idle_timeout,
                max_lifetime,
                lifetime_jitter: 0.0,
                max_requests_per_connection: requests,
                max_waiters: waiters,
                max_dials_per_host: None,
                honour_hint: switches.1,
                learn: switches.2,
            },
        )
}

fn steps() -> impl Strategy<Value = Step> {
    let lane = || prop_oneof![4 => Just(1u64), 1 => Just(2u64)];
    let hint =
        prop_oneof![4 => Just(Some(Hint::NONE)), 2 => hints().prop_map(Some), 1 => Just(None)];
    prop_oneof![
        14 => (0..150u64).prop_map(Step::Advance),
        20 => (lane(), any::<bool>()).prop_map(|(lane, replayable)| Step::Call(lane, replayable)),
        1 => Just(Step::CloseIdle),
        12 => Just(Step::Dial),
        12 => any::<usize>().prop_map(Step::Dialed),
        3 => any::<usize>().prop_map(Step::DialFailed),
        2 => (any::<usize>(), any::<u8>()).prop_map(|(which, how)| Step::Discard(which, how)),
        1 => Just(Step::Evict),
        3 => Just(Step::Expire),
        4 => (any::<usize>(), any::<u8>()).prop_map(|(which, how)| Step::IdleEnded(which, how)),
        1 => lane().prop_map(Step::LaneGone),
        4 => any::<usize>().prop_map(Step::Leave),
        3 => any::<usize>().prop_map(Step::Poke),
        2 => lane().prop_map(Step::Prewarm),
        16 => (any::<usize>(), hint).prop_map(|(which, hint)| Step::Put(which, hint)),
        3 => any::<usize>().prop_map(Step::PutBack),
        1 => limits().prop_map(Step::Retune),
        1 => (0..40u8).prop_map(|n| if n == 0 { Step::ShutDown } else { Step::Expire }),
        1 => (0..9_000u64).prop_map(Step::Sleep),
    ]
}

/// Machine and model side by side, and the shell's part: who holds what.
struct Bench {
    machine: Machine<ConnectionId, u32, u32>,
    naive: Naive,
    leased: Vec<Leased<ConnectionId>>,
    slots: HashMap<ConnectionId, Slot>,
    tickets: Vec<(u32, Ticket)>,
    waiting: HashSet<u32>,
    closed: HashSet<ConnectionId>,
    calls: u32,
    dials: u64,
}

impl Bench {
    fn new(limits: Limits) -> Self {
        Self {
            machine: Machine::new(limits.clone(), 1),
            naive: Naive::new(limits, Instant::now() + Duration::from_secs(86_400)),
            leased: Vec::new(),
            slots: HashMap::new(),
            tickets: Vec::new(),
            waiting: HashSet::new(),
            closed: HashSet::new(),
            calls: 0,
            dials: 0,
        }
    }

    fn at(&self) -> Instant {
        self.naive.instant()
    }

    fn now(&self) -> Now {
        Now {
            instant: self.at(),
            wall: SystemTime::UNIX_EPOCH
                + Duration::from_secs(1_000_000)
                + self.naive.now
                + self.naive.slept,
        }
    }

    fn one_leased(&mut self, which: usize) -> Option<Leased<ConnectionId>> {
        (!self.leased.is_empty()).then(|| self.leased.swap_remove(which % self.leased.len()))
    }

    fn next_dial(&mut self) -> DialId {
        self.dials += 1;
        DialId(self.dials)
    }

    fn step(&mut self, step: Step) {
        // No two things happen at the same instant: between lanes nobody would be the older then.
        self.naive.now += Duration::from_micros(1);
        let at = self.at();
        match step {
            Step::Advance(ms) => self.naive.now += Duration::from_millis(ms),
            Step::Call(lane, replayable) => self.call(Lane(lane), replayable),
            Step::CloseIdle => {
                self.machine.close_idle(at);
                self.naive.close_idle();
            }
            Step::Dial => {
                let dial = self.next_dial();
                assert_eq!(
                    self.machine.start_dial(at, dial),
                    self.naive.start_dial(dial)
                );
            }
            Step::Dialed(which) => self.dialed(which),
            Step::DialFailed(which) => {
                if let Some(dial) = pick(&self.naive.dials, which).map(|dial| dial.id) {
                    self.machine.dial_failed(at, dial, 7);
                    self.naive.dial_failed(dial, 7);
                }
            }
            Step::Discard(which, how) => self.discard(which, how),
            Step::Evict => {
                let reason = CloseReason::PoolFull { limit: 3 };
                let evicted = self.machine.evict_oldest(at, reason);
                assert_eq!(evicted, self.naive.evict(reason));
            }
            Step::Expire => {
                self.machine.expire(self.now());
                self.naive.expire();
            }
            Step::IdleEnded(which, how) => self.idle_ended(which, how),
            Step::LaneGone(lane) => {
                self.machine.lane_gone(at, Lane(lane));
                self.naive.lane_gone(Lane(lane));
            }
            Step::Leave(which) => self.leave(which),
            Step::Poke(which) => self.poke(which),
            Step::Prewarm(lane) => {
                let dial = self.next_dial();
                let started = self.machine.prewarm(at, Lane(lane), dial);
                assert_eq!(started, self.naive.prewarm(Lane(lane), dial));
            }
            Step::Put(which, hint) => self.put(which, hint),
            Step::PutBack(which) => {
                if let Some(leased) = self.one_leased(which) {
                    let id = leased.id();
                    self.machine.put_back(at, leased);
                    self.naive.put_back(id);
                }
            }
            Step::Retune(limits) => {
                self.machine.retune(at, limits.clone());
                self.naive.retune(limits);
            }
            Step::ShutDown => {
                self.machine.shut_down(at);
                self.naive.shut_down();
            }
            Step::Sleep(ms) => self.sleep(Duration::from_millis(ms)),
        }
        self.compare();
    }

    fn leave(&mut self, which: usize) {
        if let Some((token, ticket)) = pick(&self.tickets, which).copied() {
            let left = self.machine.leave(self.at(), ticket);
            assert_eq!(left.is_some(), self.naive.leave(token));
            assert!(left.is_none_or(|left| left == token && self.waiting.remove(&token)));
        }
    }

    fn poke(&mut self, which: usize) {
        if let Some(id) = pick(&self.naive.connections, which).map(|c| c.id) {
            let found = self.machine.poked(self.slots[&id], id).copied();
            assert_eq!(found, self.naive.poked(id).then_some(id));
        }
    }

    fn sleep(&mut self, slept: Duration) {
        // The look before the jump sets the base, so that only the jump counts.
        self.machine.expire(self.now());
        self.naive.expire();
        let mut now = self.now();
        now.wall += slept;
        if slept > Duration::from_secs(2) {
            self.naive.slept += slept;
        }
        self.machine.expire(now);
        self.naive.expire();
    }

    fn call(&mut self, lane: Lane, replayable: bool) {
        let taken = self.machine.take(self.now(), lane, replayable);
        let expected = self.naive.take(lane, replayable);
        match taken {
            Ok(leased) => {
                assert_eq!(Ok(leased.id()), expected);
                assert_eq!(leased.lane(), lane, "serves its lane only");
                self.leased.push(leased);
            }
            Err(miss) => {
                assert_eq!(Err(miss), expected);
                self.calls += 1;
                let token = self.calls;
                self.waiting.insert(token);
                let ticket = self.machine.wait(self.at(), lane, replayable, miss, token);
                if self.naive.wait(lane, replayable, miss, token) {
                    self.tickets.push((token, ticket.expect("waits")));
                } else if let Some(ticket) = ticket {
                    assert_eq!(self.machine.leave(self.at(), ticket), None, "served");
                }
            }
        }
    }

    fn dialed(&mut self, which: usize) {
        let Some(dial) = pick(&self.naive.dials, which).map(|dial| dial.id) else {
            return;
        };
        let id = ConnectionId(dial.0);
        let mut place = None;
        self.machine.dialed(self.naive.instant(), dial, id, |slot| {
            place = Some(slot);
            id
        });
        self.slots.insert(id, place.expect("payload made"));
        self.naive.dialed(dial, id);
    }

    fn put(&mut self, which: usize, hint: Option<Hint>) {
        let Some(leased) = self.one_leased(which) else {
            return;
        };
        let (id, at) = (leased.id(), self.at());
        let reason = CloseReason::PeerSaidClose;
        let (put, expected) = match hint {
            Some(hint) => (
                self.machine.put(at, leased, Reuse::Keep, hint),
                self.naive.put(id, None, hint),
            ),
            None => (
                self.machine
                    .put(at, leased, Reuse::close(reason), Hint::NONE),
                self.naive.put(id, Some(reason), Hint::NONE),
            ),
        };
        assert_eq!(put, expected);
    }

    fn discard(&mut self, which: usize, how: u8) {
        let Some(leased) = self.one_leased(which) else {
            return;
        };
        let id = leased.id();
        let reason = match (how % 2, leased.idle()) {
            (0, Some(idle)) => CloseReason::PeerClosedIdle {
                how: PeerEnd::Fin,
                idle,
            },
            _ => CloseReason::StrayBytes { bytes: 1 },
        };
        self.machine.discard(self.at(), leased, reason);
        self.naive.discard(id, reason);
    }

    fn idle_ended(&mut self, which: usize, how: u8) {
        let Some(id) = pick(&self.naive.connections, which).map(|c| c.id) else {
            return;
        };
        let how = match how % 6 {
            0 => IdleEnd::Failed(ErrorKind::ConnectionReset),
            1 => IdleEnd::Stray { bytes: 9 },
            2 => IdleEnd::RuntimeGone,
            _ => IdleEnd::PeerClosed(PeerEnd::Fin),
        };
        self.machine.idle_ended(self.at(), self.slots[&id], id, how);
        self.naive.idle_ended(id, how);
    }

    /// Carries the actions out, and checks everything against the model.
    fn compare(&mut self) {
        let mut effects = Vec::new();
        for action in self.machine.take_actions() {
            effects.push(self.carry_out(action));
        }
        let order = |effect: &Effect| format!("{effect:?}");
        effects.sort_by_key(order);
        let mut expected = std::mem::take(&mut self.naive.effects);
        expected.sort_by_key(order);
        assert_eq!(effects, expected);

        self.machine.assert_consistent();
        let counts = self.machine.counts();
        let naive = &self.naive;
        assert_eq!(counts.idle, naive.idle_count());
        assert_eq!(counts.active, self.leased.len(), "every lease is somewhere");
        assert_eq!(counts.dialing, naive.dials.len());
        assert_eq!(counts.waiting, naive.waiters.len());
        assert_eq!(counts.opened, naive.opened);
        assert_eq!(counts.requests, naive.requests);
        assert_eq!(counts.reused, naive.reused);
        assert_eq!(counts.closed_total(), self.closed.len() as u64);
        assert_eq!(self.machine.wants_dial(), naive.wants_dial());
        let waiting: HashSet<u32> = naive.waiters.iter().map(|w| w.token).collect();
        assert_eq!(self.waiting, waiting, "nobody is forgotten");
        let soonest = naive.latest_ends().into_iter().min();
        if let Some(soonest) = soonest {
            let deadline = self.machine.next_deadline().expect("something ends");
            assert!(
                deadline <= naive.instant() + soonest.saturating_sub(naive.now),
                "the deadline is never late"
            );
        }
    }

    fn carry_out(&mut self, action: Action<ConnectionId, u32, u32>) -> Effect {
        match action {
            Action::CancelDial { dial } => Effect::CancelDial(dial),
            Action::Close {
                id,
                connection,
                reason,
                requests,
                was_idle,
                ..
            } => {
                assert_eq!(id, connection, "its own payload");
                assert!(self.closed.insert(id), "closed once");
                Effect::Close(id, reason, requests, was_idle)
            }
            Action::Deliver {
                waiter,
                leased,
                miss,
            } => {
                assert!(self.waiting.remove(&waiter), "served once");
                let effect = Effect::Deliver(waiter, leased.id(), leased.requests(), miss);
                self.leased.push(leased);
                effect
            }
            Action::Dial { dial, lane, miss } => {
                let counts = self.machine.counts();
                if let Some(limit) = self.machine.limits().max_conns_per_host {
                    let all = counts.idle + counts.active + counts.dialing;
                    assert!(all <= limit.max(1), "over max_conns_per_host");
                }
                Effect::Dial(dial, lane, miss)
            }
            Action::Recheck { slot, id } => {
                assert_eq!(self.slots[&id], slot);
                Effect::Recheck(id)
            }
            Action::Refuse { waiter, why } => {
                assert!(self.waiting.remove(&waiter), "refused once");
                Effect::Refuse(waiter, why)
            }
        }
    }

    /// Ends everything, and looks for what is left over.
    fn finish(&mut self) {
        self.step(Step::ShutDown);
        while !self.leased.is_empty() {
            self.step(Step::Put(0, Some(Hint::NONE)));
        }
        assert!(self.machine.is_empty(), "nothing is left");
        assert!(self.waiting.is_empty(), "every call ended");
        assert_eq!(self.closed.len() as u64, self.naive.opened, "all closed");
    }
}

fn pick<T>(list: &[T], which: usize) -> Option<&T> {
    (!list.is_empty()).then(|| &list[which % list.len()])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_machine_does_what_the_naive_pool_does(
        limits in limits(),
        steps in prop::collection::vec(steps(), 1..160),
    ) {
        let mut bench = Bench::new(limits);
        for step in steps {
            bench.step(step);
        }
        bench.finish();
    }
}
