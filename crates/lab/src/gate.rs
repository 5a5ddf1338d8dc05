//! Owns the named gates a test opens by hand, so that no test has to sleep.
//! Knows nothing of connections.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// The gates of one lab. A gate exists as soon as somebody names it, starts shut, and once opened
/// stays open for everyone.
#[derive(Debug, Default)]
pub(crate) struct Gates {
    open: Mutex<HashSet<String>>,
    changed: Notify,
}

impl Gates {
    /// Opens a gate: everyone waiting passes, and so does everyone who comes later.
    pub(crate) fn open(&self, name: &str) {
        self.lock().insert(name.to_owned());
        self.changed.notify_waiters();
    }

    /// Shuts a gate again for those who come later.
    pub(crate) fn shut(&self, name: &str) {
        self.lock().remove(name);
    }

    /// Waits until the gate is open.
    pub(crate) async fn wait(&self, name: &str) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Registered before the look, or an opening in between would be missed.
            changed.as_mut().enable();
            if self.lock().contains(name) {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
