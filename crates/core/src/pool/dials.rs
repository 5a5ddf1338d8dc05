//! `Dials`: the connections being opened.
//!
//! Owns which dials are under way, in order of their start, and which ones callers gave up on.
//! Refuses to know how a connection is opened.

use std::collections::VecDeque;

use super::Lane;
use crate::event::DialId;
use crate::reason::{CloseReason, Miss};

/// Cancelled dials remembered, for the case that one lands all the same.
const REMEMBERED: usize = 64;

/// A dial under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dial {
    pub(super) id: DialId,
    pub(super) lane: Lane,
    pub(super) miss: Miss,
    /// A call ran out of patience with it: it may still land, but nobody relies on it.
    pub(super) stale: bool,
}

/// All dials of one origin, oldest first. There are as many as calls wait, seldom more: a list is enough.
#[derive(Debug, Default)]
pub(super) struct Dials {
    under_way: VecDeque<Dial>,
    stale: usize,
    cancelled: VecDeque<(DialId, Lane, CloseReason)>,
}

impl Dials {
    pub(super) fn len(&self) -> usize {
        self.under_way.len()
    }

    pub(super) fn stale(&self) -> usize {
        self.stale
    }

    pub(super) fn start(&mut self, id: DialId, lane: Lane, miss: Miss) {
        self.under_way.push_back(Dial {
            id,
            lane,
            miss,
            stale: false,
        });
    }

    /// Removes a dial that ended.
    pub(super) fn end(&mut self, id: DialId) -> Option<Dial> {
        let index = self.under_way.iter().position(|dial| dial.id == id)?;
        let dial = self.under_way.remove(index)?;
        self.stale -= usize::from(dial.stale);
        Some(dial)
    }

    /// Removes a dial and remembers why, in case it lands.
    pub(super) fn cancel(&mut self, id: DialId, why: CloseReason) -> Option<Dial> {
        let dial = self.end(id)?;
        if self.cancelled.len() == REMEMBERED {
            self.cancelled.pop_front();
        }
        self.cancelled.push_back((id, dial.lane, why));
        Some(dial)
    }

    /// Forgets a cancelled dial that ended after all.
    pub(super) fn end_cancelled(&mut self, id: DialId) -> Option<(Lane, CloseReason)> {
        let index = self.cancelled.iter().position(|known| known.0 == id)?;
        self.cancelled
            .remove(index)
            .map(|(_, lane, why)| (lane, why))
    }

    /// The oldest dial that answers to a description.
    pub(super) fn oldest(&self, is_meant: impl Fn(&Dial) -> bool) -> Option<DialId> {
        self.under_way
            .iter()
            .find(|dial| is_meant(dial))
            .map(|dial| dial.id)
    }

    /// Marks a dial as one that nobody relies on.
    pub(super) fn give_up_on(&mut self, id: DialId) {
        if let Some(dial) = self.under_way.iter_mut().find(|dial| dial.id == id)
            && !dial.stale
        {
            dial.stale = true;
            self.stale += 1;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Dial> {
        self.under_way.iter()
    }
}
