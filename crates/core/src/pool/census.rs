//! `Census`: the few numbers a shell needs before and after each event.
//!
//! Owns cheap views of the machine. Refuses to allocate: `Counts` is the full account.

use super::Machine;

/// How many connections there are, by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Idle.
    pub idle: usize,
    /// Serving calls.
    pub active: usize,
    /// Being opened, those that callers gave up on not included.
    pub dialing: usize,
}

impl Census {
    /// What counts against limits on open connections.
    pub fn open(&self) -> usize {
        self.idle + self.active + self.dialing
    }
}

impl<C, W, E> Machine<C, W, E> {
    /// The numbers now.
    #[inline]
    pub fn census(&self) -> Census {
        Census {
            idle: self.idle,
            active: self.active,
            dialing: self.dials.len() - self.dials.stale(),
        }
    }
}
