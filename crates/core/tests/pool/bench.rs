//! The bench of the pool's scenarios: a machine, a clock that is moved by hand, and short verbs.

use std::time::{Duration, Instant, SystemTime};

use keepwarm_core::event::{ConnectionId, DialId};
use keepwarm_core::pool::{Action, Hint, Lane, Leased, Limits, Machine, Put, Refusal, Ticket};
use keepwarm_core::reason::{CloseReason, Miss, Reuse};
use keepwarm_core::time::Now;

/// The runtime of most scenarios.
pub(crate) const LANE: Lane = Lane(1);

/// A machine and a clock; the waiting calls' tokens are names, the payload is the dial's number.
pub(crate) struct Pool {
    pub(crate) machine: Machine<u64, &'static str, &'static str>,
    pub(crate) start: Instant,
    pub(crate) at: Instant,
    pub(crate) wall: Duration,
}

pub(crate) type Effect = Action<u64, &'static str, &'static str>;

impl Pool {
    pub(crate) fn new(limits: Limits) -> Self {
        let start = Instant::now();
        Self {
            machine: Machine::new(limits, 42),
            start,
            at: start,
            wall: Duration::from_secs(1_000),
        }
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.at += Duration::from_millis(ms);
        self.wall += Duration::from_millis(ms);
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            instant: self.at,
            wall: SystemTime::UNIX_EPOCH + self.wall,
        }
    }

    pub(crate) fn take(&mut self, replayable: bool) -> Result<Leased<u64>, Miss> {
        self.machine.take(self.now(), LANE, replayable)
    }

    pub(crate) fn wait(&mut self, lane: Lane, name: &'static str) -> Option<Ticket> {
        let miss = match self.machine.take(self.now(), lane, false) {
            Ok(leased) => panic!("{} is idle", leased.id()),
            Err(miss) => miss,
        };
        self.machine.wait(self.at, lane, false, miss, name)
    }

    pub(crate) fn dial(&mut self, number: u64) -> bool {
        self.machine.start_dial(self.at, DialId(number))
    }

    pub(crate) fn land(&mut self, number: u64) {
        let id = ConnectionId(number);
        self.machine.dialed(self.at, DialId(number), id, |_| number);
    }

    /// A connection leased to a call named after nobody.
    pub(crate) fn open(&mut self, number: u64) -> Leased<u64> {
        self.wait(LANE, "opener");
        assert!(self.dial(number));
        self.land(number);
        let mut effects = self.effects();
        match effects.pop() {
            Some(Action::Deliver { leased, .. }) => leased,
            other => panic!("no delivery but {other:?}"),
        }
    }

    pub(crate) fn put(&mut self, leased: Leased<u64>) -> Put {
        self.put_hinted(leased, Hint::NONE)
    }

    pub(crate) fn put_hinted(&mut self, leased: Leased<u64>, hint: Hint) -> Put {
        self.machine.put(self.at, leased, Reuse::Keep, hint)
    }

    pub(crate) fn effects(&mut self) -> Vec<Effect> {
        self.machine.assert_consistent();
        self.machine.take_actions()
    }

    /// The reasons of the closes since the last look, which must be all that happened.
    pub(crate) fn closes(&mut self) -> Vec<CloseReason> {
        let reason = |effect| match effect {
            Action::Close { reason, .. } => reason,
            other => panic!("not a close: {other:?}"),
        };
        self.effects().into_iter().map(reason).collect()
    }

    /// One delivery, which must be all that happened.
    pub(crate) fn delivered(&mut self) -> (&'static str, Leased<u64>, Option<Miss>) {
        let mut effects = self.effects();
        assert_eq!(effects.len(), 1, "{effects:?}");
        match effects.pop() {
            Some(Action::Deliver {
                waiter,
                leased,
                miss,
            }) => (waiter, leased, miss),
            other => panic!("no delivery but {other:?}"),
        }
    }

    pub(crate) fn refusals(&mut self) -> Vec<(&'static str, Refusal<&'static str>)> {
        let refusal = |effect| match effect {
            Action::Refuse { waiter, why } => Some((waiter, why)),
            Action::CancelDial { .. }
            | Action::Close { .. }
            | Action::Deliver { .. }
            | Action::Dial { .. }
            | Action::Recheck { .. } => None,
        };
        self.effects().into_iter().filter_map(refusal).collect()
    }
}
