//! Which idle connections may disprove an estimate of the server's idle timeout, merely by being open.

use std::time::{Duration, Instant, SystemTime};

use keepwarm_core::event::{ConnectionId, DialId};
use keepwarm_core::pool::{Hint, IdleEnd, Lane, Limits, Machine};
use keepwarm_core::reason::{Miss, PeerEnd, Reuse};
use keepwarm_core::time::Now;

const LANE: Lane = Lane(0);
const SERVER: Duration = Duration::from_millis(80);

struct Pool {
    machine: Machine<(), (), ()>,
    at: Instant,
    opened: u64,
}

impl Pool {
    fn new() -> Self {
        Self {
            machine: Machine::new(Limits::default(), 1),
            at: Instant::now(),
            opened: 0,
        }
    }

    fn open(&mut self) {
        self.opened += 1;
        let (dial, id) = (DialId(self.opened), ConnectionId(self.opened));
        assert!(self.machine.prewarm(self.at, LANE, dial));
        self.machine.dialed(self.at, dial, id, |_| ());
        drop(self.machine.take_actions());
    }

    fn serve(&mut self) {
        let now = Now {
            instant: self.at,
            wall: SystemTime::UNIX_EPOCH,
        };
        let leased = self.machine.take(now, LANE, true).expect("an idle one");
        let _parked = self.machine.put(self.at, leased, Reuse::Keep, Hint::NONE);
    }

    fn pass(&mut self, time: Duration) {
        self.at += time;
    }

    /// A connection that has served is closed by the server after its timeout.
    fn learn(&mut self) {
        self.open();
        self.serve();
        let now = Now {
            instant: self.at,
            wall: SystemTime::UNIX_EPOCH,
        };
        let leased = self.machine.take(now, LANE, true).expect("an idle one");
        let (slot, id) = (leased.slot(), leased.id());
        let _parked = self.machine.put(self.at, leased, Reuse::Keep, Hint::NONE);
        self.pass(SERVER);
        self.machine
            .idle_ended(self.at, slot, id, IdleEnd::PeerClosed(PeerEnd::Fin));
        drop(self.machine.take_actions());
        assert!(self.machine.learned(self.at).is_some());
    }

    /// Asks for a connection for a request that cannot be repeated.
    fn ask(&mut self) -> Result<(), Miss> {
        let now = Now {
            instant: self.at,
            wall: SystemTime::UNIX_EPOCH,
        };
        let leased = self.machine.take(now, LANE, false)?;
        self.machine.put_back(self.at, leased);
        Ok(())
    }
}

#[test]
fn one_that_served_and_is_open_long_after_disproves_the_estimate() {
    let mut pool = Pool::new();
    pool.learn();
    pool.open();
    pool.serve();
    pool.pass(2 * SERVER);
    assert_eq!(pool.ask(), Ok(()));
    assert_eq!(pool.machine.learned(pool.at), None);
}

#[test]
fn one_that_never_served_is_under_another_timeout_and_proves_nothing() {
    let mut pool = Pool::new();
    pool.learn();
    pool.open();
    pool.pass(2 * SERVER);
    let refused = pool.ask().expect_err("doubtful");
    assert_eq!(refused.slug(), "all-doubtful");
    assert!(pool.machine.learned(pool.at).is_some());
}

#[test]
fn the_first_request_on_one_opened_long_before_proves_nothing() {
    let mut pool = Pool::new();
    pool.learn();
    pool.open();
    pool.pass(2 * SERVER);
    pool.serve();
    assert!(pool.machine.learned(pool.at).is_some());
    pool.pass(2 * SERVER);
    pool.serve();
    assert_eq!(pool.machine.learned(pool.at), None);
}
