//! `Candidates`: the addresses not tried yet, and whose turn it is.
//!
//! Owns order, limit and the removal of duplicates. Refuses to know time and attempts.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;

use super::settings::{ADDRESSES_KEPT_PER_FAMILY, Families, Family, First};

/// Something of each family.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Each<T> {
    pub(super) v4: T,
    pub(super) v6: T,
}

impl<T> Each<T> {
    pub(super) fn of(&self, family: Family) -> &T {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    pub(super) fn of_mut(&mut self, family: Family) -> &mut T {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

/// The list of RFC 8305 §4. It is never written out: who is next is decided when somebody is to start, so that
/// addresses that come late stand in their right place.
#[derive(Debug)]
pub(super) struct Candidates {
    families: Families,
    first: First,
    first_family_count: usize,
    waiting: Each<VecDeque<SocketAddr>>,
    /// Every address that was ever kept.
    kept: BTreeSet<SocketAddr>,
    taken: Each<usize>,
    last: Option<Family>,
    pub(super) left_out: usize,
    pub(super) unwanted: usize,
}

impl Candidates {
    pub(super) fn new(families: Families, first: First, first_family_count: usize) -> Self {
        Self {
            families,
            first,
            first_family_count,
            waiting: Each::default(),
            kept: BTreeSet::new(),
            taken: Each::default(),
            last: None,
            left_out: 0,
            unwanted: 0,
        }
    }

    /// The addresses of an answer; the first one that is wanted and new is returned.
    pub(super) fn add(&mut self, answer: Families, addresses: &[SocketAddr]) -> Option<SocketAddr> {
        let mut seen = self.kept.clone();
        let mut fresh: Each<Vec<SocketAddr>> = Each::default();
        let mut leading = None;
        for address in addresses.iter().filter(|new| answer.has(Family::of(new))) {
            if !seen.insert(*address) {
                continue;
            }
            let family = Family::of(address);
            if self.families.has(family) {
                leading.get_or_insert(*address);
                fresh.of_mut(family).push(*address);
            } else {
                self.unwanted += 1;
            }
        }
        self.keep(Family::V4, fresh.v4);
        self.keep(Family::V6, fresh.v6);
        leading
    }

    /// Puts new addresses of one family behind those that wait, as far as there is room. They are put in order
    /// before, so that a rotation reaches all of a long answer, and the last-good one is not cut off.
    fn keep(&mut self, family: Family, mut fresh: Vec<SocketAddr>) {
        let good = match self.first {
            First::LastGood(good) => fresh.iter().position(|address| *address == good),
            First::AsResolved | First::Rotated(_) => None,
        };
        if let Some(place) = good {
            fresh[..=place].rotate_right(1);
        }
        if let First::Rotated(turn) = self.first {
            let places = turn.checked_rem(fresh.len()).unwrap_or(0);
            fresh.rotate_left(places);
        }
        let same = |kept: &&SocketAddr| Family::of(kept) == family;
        let room = ADDRESSES_KEPT_PER_FAMILY - self.kept.iter().filter(same).count();
        self.left_out += fresh.len().saturating_sub(room);
        fresh.truncate(room);
        self.kept.extend(&fresh);
        let waiting = self.waiting.of_mut(family);
        let mut fresh = fresh.into_iter();
        if good.is_some()
            && let Some(good) = fresh.next()
        {
            waiting.push_front(good);
        }
        waiting.extend(fresh);
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.v4.len() + self.waiting.v6.len()
    }

    /// The family of the last-good address, when that waits.
    pub(super) fn last_good(&self) -> Option<Family> {
        let First::LastGood(good) = self.first else {
            return None;
        };
        let family = Family::of(&good);
        (self.waiting.of(family).front() == Some(&good)).then_some(family)
    }

    /// Takes the next address: the last-good one; then as many of the preferred family as go before; from then on the
    /// families take turns (RFC 8305 §4). When one has none left, or none yet, it is the other's turn.
    pub(super) fn take(&mut self, preferred: Family) -> Option<SocketAddr> {
        let wanted = match (self.last_good(), self.last) {
            (Some(family), _) => family,
            (None, Some(last)) if *self.taken.of(preferred) >= self.first_family_count => {
                last.other()
            }
            (None, _) => preferred,
        };
        let family = if self.waiting.of(wanted).is_empty() {
            wanted.other()
        } else {
            wanted
        };
        let address = self.waiting.of_mut(family).pop_front()?;
        *self.taken.of_mut(family) += 1;
        self.last = Some(family);
        Some(address)
    }
}
