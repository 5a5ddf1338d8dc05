//! `World`: one client's pools with connections in memory, and the account that every scenario ends with.
//!
//! Owns the calls as the transport makes them, without HTTP. Refuses to look into a decision: it sees what a call
//! sees, and the books.

use std::sync::{Arc, Weak};
use std::time::Duration;

use keepwarm_core::origin::Origin;
use keepwarm_core::pool::Hint;
use keepwarm_core::reason::Reuse;
use shuttle::future::block_on;
use shuttle::thread::{self, JoinHandle};

use super::primitives::{clock, runtime};
use super::wires::{Dials, Wires};
use crate::config::{Config, Limits};
use crate::error::{Error, Result};
use crate::pool::{Acquired, Counts, Granted, Handle, Lease, Shared, Waiting};

/// A client. Clones are claims on the same one.
#[derive(Clone)]
pub(super) struct World {
    pub(super) pools: Handle,
    pub(super) wires: Wires,
    runtime: runtime::Handle,
}

impl World {
    /// A client whose dials all succeed, and for which no time passes.
    pub(super) fn new(limits: Limits) -> Self {
        Self::with(limits, Wires::new(usize::MAX, Dials::Open), Duration::ZERO)
    }

    /// A client with this dialer. Sleeps up to the horizon may end; longer ones never do.
    pub(super) fn with(limits: Limits, wires: Wires, horizon: Duration) -> Self {
        clock::restart(horizon);
        let mut config = Config::default().dialer(wires.clone());
        config.limits = limits;
        config.settings.timeouts.connect = Some(CONNECT_TIMEOUT);
        Self {
            pools: Handle::new(Shared::new(config)),
            wires,
            runtime: runtime::Handle::enter_new(),
        }
    }

    /// Runs something on a thread of its own.
    pub(super) fn thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let world = self.clone();
        thread::spawn(move || work(&world))
    }

    /// A connection, or a place in the line.
    pub(super) fn acquire(&self, origin: &Origin) -> Result<Acquired> {
        self.pools
            .acquire(&origin.parts(), false, self.pools.now(), true)
    }

    /// A connection, waited for if need be, and asked for again when it ended on its way: what a call does.
    pub(super) fn call(&self, origin: &Origin) -> Result<Lease> {
        loop {
            match self.acquire(origin)? {
                Acquired::Ready(granted) => return Ok(own(granted)),
                Acquired::Later(waiting) => {
                    if let Some(lease) = Self::wait(waiting)? {
                        return Ok(lease);
                    }
                }
            }
        }
    }

    /// Waits in the line. None when what was handed over had ended.
    pub(super) fn wait(mut waiting: Waiting) -> Result<Option<Lease>> {
        let granted = block_on(std::future::poll_fn(|cx| waiting.poll(cx)))?;
        match own(granted).look() {
            Ok(lease) => Ok(Some(lease)),
            Err(None) => Ok(None),
            Err(Some(_)) => Err(Error::usage("nobody says anything in these scenarios")),
        }
    }

    /// A place in the line; every connection is known to be taken.
    pub(super) fn queue(&self, origin: &Origin) -> Waiting {
        match self.acquire(origin) {
            Ok(Acquired::Later(waiting)) => waiting,
            Ok(Acquired::Ready(_)) | Err(_) => panic!("a place in the line was due"),
        }
    }

    pub(super) fn totals(&self) -> Counts {
        self.pools.stats().total().clone()
    }

    /// The end: nobody uses the client any more. Waits until the dials under way have ended, proves the books, closes
    /// the client and proves that nothing is left of it.
    pub(super) fn end(self) {
        self.settle();
        self.assert_books();
        self.close();
    }

    /// Waits until no dial is under way: of the tasks the keeper alone stays.
    pub(super) fn settle(&self) {
        while self.runtime.running() > 1 {
            thread::yield_now();
        }
    }

    /// Closes the client and proves that nothing is left of it.
    pub(super) fn close(self) {
        self.close_while(|| ());
    }

    /// The same, while somebody who has no claim on the client still works.
    pub(super) fn close_while(self, work: impl FnOnce()) {
        let Self {
            pools,
            wires,
            runtime,
        } = self;
        let shared: Arc<Shared> = Arc::clone(&*pools);
        let all = shared.pools();
        drop(pools);
        work();
        // A task that never ends is a deadlock.
        runtime.join();
        assert_eq!(wires.open(), 0, "connections left open");
        assert_eq!(shared.global.counted(), (0, 0), "idle, open");
        for pool in all {
            let state = pool.lock();
            state.machine.assert_consistent();
            assert!(state.machine.is_empty(), "left in a pool");
            assert!(state.dials.is_empty(), "a dial's way to be stopped");
        }
        let held: Weak<Shared> = Arc::downgrade(&shared);
        drop(shared);
        assert!(held.upgrade().is_none(), "the pools are still held");
    }

    /// With no call under way: nothing is active or waiting, and every count agrees with every other.
    pub(super) fn assert_books(&self) {
        let totals = self.totals();
        assert_eq!((totals.active, totals.waiting), (0, 0), "calls under way");
        let closed: u64 = totals.closed.iter().map(|end| end.count).sum();
        let open = usize::try_from(totals.opened - closed).expect("few");
        assert_eq!(open, totals.idle, "opened, closed and idle");
        assert_eq!(open, self.wires.open(), "the sockets");
        let over_all = (totals.idle, totals.idle + totals.dialing);
        assert_eq!(self.pools.global.counted(), over_all, "idle, open");
        for pool in self.pools.pools() {
            pool.lock().machine.assert_consistent();
        }
    }
}

/// Beyond every horizon but that of a scenario which wants dials to time out.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) fn origin(name: &str) -> Origin {
    format!("http://{name}.test")
        .parse()
        .expect("a host's name makes an origin")
}

/// At most so many connections to one origin, kept for ever.
pub(super) fn at_most_per_host(connections: usize) -> Limits {
    Limits {
        max_conns_per_host: Some(connections),
        idle_timeout: None,
        ..Limits::default()
    }
}

/// The connection that was given: nothing is shared in these scenarios.
pub(super) fn own(granted: Granted) -> Lease {
    match granted {
        Granted::Lease(lease) => lease,
        Granted::Seat(_) => panic!("no wire here carries several calls"),
    }
}

/// The exchange on a connection is over, and went well.
pub(super) fn finish(mut lease: Lease) -> Reuse {
    lease.touch();
    lease.finish(clock::now(), Reuse::Keep, Hint::NONE)
}

/// Waits for a thread; its panic is ours.
pub(super) fn join<T>(thread: JoinHandle<T>) -> T {
    thread
        .join()
        .expect("shuttle ends a run at a thread's panic")
}
