//! `Census`: the few numbers a shell needs before and after each event.
//!
//! Owns cheap views of the machine. Refuses to allocate: `Counts` is the full account.

use super::{Action, Machine};
use crate::reason::CloseReason;

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

    /// The reason of the close that was decided last and not yet taken; none when the last action is another.
    pub fn last_closed(&self) -> Option<CloseReason> {
        match self.actions.last()? {
            Action::Close { reason, .. } => Some(*reason),
            Action::CancelDial { .. }
            | Action::Deliver { .. }
            | Action::Dial { .. }
            | Action::Recheck { .. }
            | Action::Refuse { .. } => None,
        }
    }
}
