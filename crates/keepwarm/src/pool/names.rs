//! Asking a name again while connections to it are open, so that those to an address that has left are retired although
//! nobody dials.
//!
//! Owns when that is done, and how many questions there are at a time. A keeper begins each; its task ends with the
//! answer. Refuses to resolve: the dialer does, and what it heard is in `Addresses`.

use std::sync::Arc;
use std::time::Duration;

use super::keeper::Keeper;
use super::origin::OriginPool;
use super::sync::atomic::Ordering;
use super::sync::{clock, time};
use crate::connect::connect_timeout;

/// From one answer to the next question at least, whatever the time to live.
const SHORTEST: Duration = Duration::from_secs(5);
/// From a question that brought no answer to the next.
const AFTER_SILENCE: Duration = Duration::from_secs(30);
/// Questions at a time.
const AT_A_TIME: usize = 16;
/// When a question that had to wait for others has its next chance.
const NEXT_CHANCE: Duration = Duration::from_millis(100);

/// "At no time".
pub(super) const NEVER: u64 = u64::MAX;

/// A question under way. Dropped, it sees to the next one: also when it ended for another reason than an answer.
struct Asking(Arc<OriginPool>);

impl Asking {
    /// None when there are enough of them.
    fn begin(pool: &Arc<OriginPool>) -> Option<Self> {
        let count = &pool.shared.asking;
        if count.fetch_add(1, Ordering::AcqRel) < AT_A_TIME {
            return Some(Self(Arc::clone(pool)));
        }
        count.fetch_sub(1, Ordering::AcqRel);
        None
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let Self(pool) = self;
        pool.shared.asking.fetch_sub(1, Ordering::AcqRel);
        let at = pool.next_question(AFTER_SILENCE);
        pool.asks_at.store(at, Ordering::SeqCst);
        pool.shared.wake_keeper_by(at);
    }
}

impl OriginPool {
    /// A dial has asked the name: what it heard is good for as long as its time to live.
    pub(super) fn watch_name(&self, keeper: &Keeper) {
        if self
            .addresses
            .as_ref()
            .is_some_and(|it| it.stale_at().is_some())
        {
            let at = self.next_question(SHORTEST);
            // Before `Keeper::wake_by` reads: see there.
            self.asks_at.store(at, Ordering::SeqCst);
            keeper.wake_by(at);
        }
    }

    /// When the name is asked next: when the last answers are over, or after so long when they are already.
    fn next_question(&self, otherwise: Duration) -> u64 {
        let now = clock::now();
        let stale_at = self.addresses.as_ref().and_then(|it| it.stale_at());
        let at = match stale_at.filter(|at| *at > now) {
            Some(at) => at.max(now + SHORTEST),
            None => now + otherwise,
        };
        self.shared.nanos(at)
    }

    /// Asks when it is time to and connections are open: without one, the next dial asks anyway.
    pub(super) fn ask_if_due(self: &Arc<Self>, keeper: &Keeper, now: u64) {
        let at = self.asks_at.load(Ordering::SeqCst);
        if at > now {
            if at != NEVER {
                keeper.wake_by(at);
            }
            return;
        }
        let claimed =
            (self.asks_at).compare_exchange(at, NEVER, Ordering::SeqCst, Ordering::SeqCst);
        if claimed.is_err() || self.shared.is_stopping() || self.lock().machine.census().open() == 0
        {
            return;
        }
        match Asking::begin(self) {
            Some(asking) => keeper.spawn(ask(asking)),
            None => {
                let at = self.shared.nanos(clock::now() + NEXT_CHANCE);
                self.asks_at.store(at, Ordering::SeqCst);
                keeper.wake_by(at);
            }
        }
    }
}

async fn ask(asking: Asking) {
    let Asking(pool) = &asking;
    if let Some(asked) = pool.shared.connector.ask_again(&pool.origin) {
        // What came within the time is noted already, and what did not is asked for again.
        let _elapsed = time::timeout(connect_timeout(&pool.settings), asked).await;
        pool.retire_gone();
    }
}
