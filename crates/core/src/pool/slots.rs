//! `Slots`: every connection's constant place, idle or leased.
//!
//! Owns the slab and which connection holds which place. Refuses to decide anything.

use super::chain::{Link, Nodes};
use super::leased::Facts;
use super::{Lane, Slot};
use crate::event::ConnectionId;

/// The state of one place.
#[derive(Debug)]
pub(super) enum Place<C> {
    /// Nobody's.
    Vacant,
    /// Its connection is with a call.
    Leased,
    /// Its connection is here.
    Idle(C),
}

/// One place.
#[derive(Debug)]
pub(super) struct Entry<C> {
    pub(super) id: ConnectionId,
    pub(super) lane: Lane,
    link: Link,
    /// Its waker fired while it was leased.
    pub(super) poked: bool,
    /// Its runtime went away while it was leased.
    pub(super) gone: bool,
    pub(super) facts: Facts,
    pub(super) place: Place<C>,
}

/// All places of one origin.
#[derive(Debug)]
pub(super) struct Slots<C> {
    entries: Vec<Entry<C>>,
    vacant: Vec<u32>,
}

impl<C> Nodes for Slots<C> {
    #[inline]
    fn link(&mut self, index: u32) -> &mut Link {
        &mut self.entries[index as usize].link
    }
}

impl<C> Slots<C> {
    pub(super) const fn new() -> Self {
        Self {
            entries: Vec::new(),
            vacant: Vec::new(),
        }
    }

    /// A place for a new connection, in the state leased.
    pub(super) fn claim(&mut self, id: ConnectionId, lane: Lane, facts: Facts) -> Slot {
        let entry = Entry {
            id,
            lane,
            link: Link::LOOSE,
            poked: false,
            gone: false,
            facts,
            place: Place::Leased,
        };
        if let Some(index) = self.vacant.pop() {
            self.entries[index as usize] = entry;
            return Slot(index);
        }
        let index = u32::try_from(self.entries.len()).expect("fewer than 2^32 connections");
        self.entries.push(entry);
        Slot(index)
    }

    /// Gives the place of a closed connection free.
    pub(super) fn release(&mut self, slot: Slot) {
        self.entry_mut(slot).place = Place::Vacant;
        self.vacant.push(slot.0);
        if self.vacant.len() == self.entries.len() {
            // All closed: a burst's memory goes back.
            self.vacant = Vec::new();
            self.entries = Vec::new();
        }
    }

    #[inline]
    pub(super) fn entry(&self, slot: Slot) -> &Entry<C> {
        &self.entries[slot.0 as usize]
    }

    #[inline]
    pub(super) fn entry_mut(&mut self, slot: Slot) -> &mut Entry<C> {
        &mut self.entries[slot.0 as usize]
    }

    /// The entry of this very connection, if it still has its place.
    pub(super) fn find(&mut self, slot: Slot, id: ConnectionId) -> Option<&mut Entry<C>> {
        self.entries
            .get_mut(slot.0 as usize)
            .filter(|entry| entry.id == id && !matches!(entry.place, Place::Vacant))
    }

    /// Whether this very connection is idle.
    pub(super) fn is_idle(&self, slot: Slot, id: ConnectionId) -> bool {
        self.entries
            .get(slot.0 as usize)
            .is_some_and(|entry| entry.id == id && matches!(entry.place, Place::Idle(_)))
    }

    /// Whether this very connection still exists.
    pub(super) fn is_open(&self, slot: Slot, id: ConnectionId) -> bool {
        self.entries
            .get(slot.0 as usize)
            .is_some_and(|entry| entry.id == id && !matches!(entry.place, Place::Vacant))
    }

    /// The facts of the connection at an index that an idle list holds.
    #[inline]
    pub(super) fn parked(&self, index: u32) -> &Facts {
        &self.entries[index as usize].facts
    }

    /// The next older neighbour of an idle connection.
    pub(super) fn older(&self, index: u32) -> Option<u32> {
        let behind = self.entries[index as usize].link.behind;
        (behind != super::chain::NONE).then_some(behind)
    }

    /// Takes the idle connection out; its place stays its own.
    #[inline]
    pub(super) fn lease(&mut self, index: u32) -> C {
        let entry = &mut self.entries[index as usize];
        match std::mem::replace(&mut entry.place, Place::Leased) {
            Place::Idle(connection) => connection,
            Place::Leased | Place::Vacant => unreachable!("idle lists hold idle connections only"),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<C>> {
        self.entries.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Slot, &mut Entry<C>)> {
        (0..).map(Slot).zip(&mut self.entries)
    }
}
