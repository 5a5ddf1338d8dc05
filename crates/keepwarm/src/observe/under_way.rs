//! `UnderWay`: what has begun and not ended, found by its number.
//!
//! Owns the bound on it: a source that tells beginnings and no ends cannot make it grow. Refuses to know what began.

use hashbrown::HashTable;
use keepwarm_core::event::ClientId;

/// What is remembered of each kind at most: more calls or connections at once than one process has.
pub(super) const MOST: usize = 1 << 18;

/// Values of what is under way, by the client and the number that tell them apart.
pub(super) struct UnderWay<T> {
    entries: HashTable<Entry<T>>,
    most: usize,
}

struct Entry<T> {
    client: ClientId,
    number: u64,
    value: T,
}

impl<T> Entry<T> {
    fn is(&self, client: ClientId, number: u64) -> bool {
        self.number == number && self.client == client
    }

    fn hash(&self) -> u64 {
        hash(self.client, self.number)
    }
}

/// Numbers are counted upwards by ourselves: spreading them is enough, nobody chooses them to collide.
fn hash(client: ClientId, number: u64) -> u64 {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let hash = (client.0.rotate_left(32) ^ number).wrapping_mul(SPREAD);
    hash ^ (hash >> 32)
}

impl<T> UnderWay<T> {
    /// Room for so many; what begins beyond that is not remembered.
    pub(super) fn new(most: usize) -> Self {
        Self {
            entries: HashTable::new(),
            most,
        }
    }

    /// It began. Gives back what is not remembered: itself when there is no room, or one that began under its number
    /// before.
    pub(super) fn begin(&mut self, client: ClientId, number: u64, value: T) -> Option<T> {
        if let Some(known) = self.get(client, number) {
            return Some(std::mem::replace(known, value));
        }
        if self.entries.len() >= self.most {
            return Some(value);
        }
        let entry = Entry {
            client,
            number,
            value,
        };
        self.entries.insert_unique(entry.hash(), entry, Entry::hash);
        None
    }

    /// It, if it is under way.
    pub(super) fn get(&mut self, client: ClientId, number: u64) -> Option<&mut T> {
        let found = self
            .entries
            .find_mut(hash(client, number), |entry| entry.is(client, number));
        found.map(|entry| &mut entry.value)
    }

    /// It ended.
    pub(super) fn end(&mut self, client: ClientId, number: u64) -> Option<T> {
        let found = self
            .entries
            .find_entry(hash(client, number), |entry| entry.is(client, number));
        found.ok().map(|entry| entry.remove().0.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: ClientId = ClientId(1);

    #[test]
    fn what_began_is_found_until_it_ends() {
        let mut under_way = UnderWay::new(8);
        assert_eq!(under_way.begin(CLIENT, 3, 'a'), None);
        assert_eq!(under_way.get(CLIENT, 3), Some(&mut 'a'));
        assert_eq!(under_way.get(ClientId(2), 3), None, "another client's");
        assert_eq!(under_way.end(CLIENT, 3), Some('a'));
        assert_eq!(under_way.end(CLIENT, 3), None);
    }

    #[test]
    fn beginnings_without_ends_do_not_make_it_grow() {
        let mut under_way = UnderWay::new(100);
        let forgotten = (0..1000).filter_map(|n| under_way.begin(CLIENT, n, n));
        assert_eq!(forgotten.count(), 900);
        assert_eq!(under_way.entries.len(), 100);
        assert_eq!(under_way.begin(CLIENT, 7, 0), Some(7), "the same again");
        assert_eq!(under_way.end(CLIENT, 7), Some(0));
        assert_eq!(
            under_way.begin(CLIENT, 5000, 1),
            None,
            "there is room again"
        );
    }
}
