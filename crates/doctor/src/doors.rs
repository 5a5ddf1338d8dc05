//! `Doors`: how many connections may be open at once.
//!
//! Owns the count. Whoever wants one more waits, outside of every measured time, until another is closed. Refuses to
//! know what they are for.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many connections at once, all checks together.
#[derive(Clone, Debug)]
pub(crate) struct Doors(Arc<Semaphore>);

/// Leave to open one connection, and to keep it while this lives.
#[derive(Debug)]
pub(crate) struct Leave {
    /// None when there is no limit any more, which does not happen: nobody closes the doors.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Doors {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most)))
    }

    /// Waits until one more may be opened. Who came first is first.
    pub(crate) async fn enter(&self) -> Leave {
        Leave {
            _permit: Arc::clone(&self.0).acquire_owned().await.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn one_more_than_there_may_be_waits_for_another_to_leave() {
        let doors = Doors::new(2);
        let first = doors.enter().await;
        let _second = doors.enter().await;
        assert!(
            timeout(Duration::from_secs(1), doors.enter())
                .await
                .is_err()
        );
        drop(first);
        assert!(timeout(Duration::from_secs(1), doors.enter()).await.is_ok());
    }
}
