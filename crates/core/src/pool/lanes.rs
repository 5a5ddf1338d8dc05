//! `Lanes`: the share each runtime has in one origin's pool.
//!
//! Owns the per-runtime lists and counts. Refuses to decide anything. There is nearly always one lane.

use super::Lane;
use super::chain::Chain;

/// One runtime's share.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) lane: Lane,
    /// Idle connections, the one parked last in front.
    pub(super) idle: Chain,
    /// Leased connections.
    pub(super) active: usize,
    /// Waiting calls with no failed dial, oldest in front.
    pub(super) waiting: Chain,
    /// Waiting calls on whose behalf a dial failed, oldest in front.
    pub(super) flagged: Chain,
    /// The first of `waiting` for which no dial was started yet.
    pub(super) next_to_dial: Option<u32>,
    /// Dials under way that somebody may rely on.
    pub(super) dials: usize,
    /// Dials under way that a caller gave up on.
    pub(super) stale_dials: usize,
}

impl Share {
    /// Dials more than calls that could use them.
    pub(super) fn surplus(&self) -> usize {
        self.dials
            .saturating_sub(self.waiting.len() + self.flagged.len())
    }

    /// Calls for which no dial is under way.
    pub(super) fn lacking(&self) -> usize {
        self.waiting.len().saturating_sub(self.dials)
    }

    fn is_unused(&self) -> bool {
        self.idle.len() == 0
            && self.active == 0
            && self.waiting.len() + self.flagged.len() == 0
            && self.dials + self.stale_dials == 0
    }
}

/// The shares of all runtimes.
#[derive(Debug, Default)]
pub(super) struct Lanes(pub(super) Vec<Share>);

impl Lanes {
    /// Where a lane's share is.
    #[inline]
    pub(super) fn find(&self, lane: Lane) -> Option<usize> {
        self.0.iter().position(|share| share.lane == lane)
    }

    /// Where a lane's share is, made when missing (then unused ones go).
    pub(super) fn find_or_add(&mut self, lane: Lane) -> usize {
        if let Some(at) = self.find(lane) {
            return at;
        }
        self.0.retain(|share| !share.is_unused());
        self.0.push(Share {
            lane,
            idle: Chain::EMPTY,
            active: 0,
            waiting: Chain::EMPTY,
            flagged: Chain::EMPTY,
            next_to_dial: None,
            dials: 0,
            stale_dials: 0,
        });
        self.0.len() - 1
    }
}
