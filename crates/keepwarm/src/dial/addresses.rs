//! `Addresses`: what is known of one name's addresses. `Book`: that of all names a dialer was asked for.
//!
//! Owns which address has left, which one worked last, and whose turn it is. Refuses to resolve and to connect.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use keepwarm_core::race::Family;

use super::{Answer, IpFamily};

/// Answers within this time of each other count as one: a burst of dials is not a series of observations.
pub const ONE_ANSWER: Duration = Duration::from_secs(1);
/// Addresses remembered of each family of a name.
const ADDRESSES_KEPT: usize = 256;
/// Answers in a row that an address must be missing from until it has left.
const MISSED_AT_FIRST: u32 = 2;
/// A name for which more would be needed answers at random: nothing is concluded for it any more.
const MISSED_AT_MOST: u32 = 64;
/// How long a last-good address goes first; then the resolver's order has another try ("on the order of 10
/// minutes", RFC 6555 §4).
const GOOD_FOR: Duration = Duration::from_secs(600);
/// Names a dialer remembers.
const NAMES_KEPT: usize = 4096;

/// What is known of the addresses of one host and port. All of it is bounded.
///
/// **Has an address left?** Many names answer with a changing part of their addresses, and a single answer may be
/// wrong. So an address has left once two answers in a row lacked it, which are at least a second apart. When
/// one comes back that had left, the name answers in parts: then twice as many are needed, and after 64 nothing is
/// concluded for it any more. Failures, literal addresses and those given by hand tell nothing. An answer about both
/// families that has no address of one tells nothing about that one: `getaddrinfo` says so too when a query was lost.
#[derive(Debug, Default)]
pub struct Addresses {
    /// Whether any address has left: the look at a connection that is parked costs no lock until then.
    any_gone: AtomicBool,
    turn: AtomicUsize,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    v4: Answers,
    v6: Answers,
    last_good: Option<(SocketAddr, Instant)>,
}

impl Known {
    fn of(&mut self, family: Family) -> &mut Answers {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

/// The answers about one family.
#[derive(Debug)]
struct Answers {
    /// When the last one that counts came.
    last: Option<Instant>,
    seen: Vec<Seen>,
    needed: u32,
    stale_at: Option<Instant>,
}

#[derive(Debug)]
struct Seen {
    address: SocketAddr,
    /// Answers in a row that lacked it.
    missed: u32,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            last: None,
            seen: Vec::new(),
            needed: MISSED_AT_FIRST,
            stale_at: None,
        }
    }
}

impl Answers {
    fn record(&mut self, now: Instant, mut present: BTreeSet<SocketAddr>) {
        let counts = self
            .last
            .is_none_or(|last| now.saturating_duration_since(last) >= ONE_ANSWER);
        if counts {
            self.last = Some(now);
        }
        // Of a longer answer not all is remembered: what is missing then is our doing.
        let whole = present.len() <= ADDRESSES_KEPT;
        let mut came_back = false;
        for seen in &mut self.seen {
            if present.remove(&seen.address) {
                came_back |= seen.missed >= self.needed;
                seen.missed = 0;
            } else if counts && whole {
                seen.missed = seen.missed.saturating_add(1);
            }
        }
        if came_back {
            self.needed = match self.needed.saturating_mul(2) {
                more if more > MISSED_AT_MOST => u32::MAX,
                more => more,
            };
        }
        let fresh = present.into_iter().take(ADDRESSES_KEPT);
        self.seen
            .extend(fresh.map(|address| Seen { address, missed: 0 }));
        if self.seen.len() > ADDRESSES_KEPT {
            self.seen.sort_by_key(|seen| seen.missed);
            self.seen.truncate(ADDRESSES_KEPT);
        }
    }

    fn gone(&self) -> impl Iterator<Item = &SocketAddr> {
        let gone = |seen: &&Seen| seen.missed >= self.needed;
        self.seen.iter().filter(gone).map(|seen| &seen.address)
    }
}

impl Addresses {
    /// Notes an answer about one family or both, as it was given. For a dialer of one's own that resolves names;
    /// [`TcpDialer`](super::TcpDialer) does it by itself.
    pub fn record(&self, now: Instant, about: IpFamily, answer: &Answer) {
        let addresses = &answer.addresses;
        let mut known = self.lock();
        for family in [Family::V4, Family::V6] {
            let of = |address: &&SocketAddr| Family::of(address) == family;
            let present: BTreeSet<SocketAddr> = addresses.iter().filter(of).copied().collect();
            let is_told = about.families().has(family);
            if is_told && (about != IpFamily::Any || !present.is_empty()) {
                let answers = known.of(family);
                answers.stale_at = answer.valid_for.and_then(|time| now.checked_add(time));
                answers.record(now, present);
            }
        }
        let any = known.v4.gone().chain(known.v6.gone()).next().is_some();
        self.any_gone.store(any, Ordering::Relaxed);
    }

    /// Whether this address was one of the name's, and is none any more: an idle connection to it is to be closed.
    /// Cheap as long as no address has left.
    pub fn is_gone(&self, remote: SocketAddr) -> bool {
        if !self.any_gone.load(Ordering::Relaxed) {
            return false;
        }
        let mut known = self.lock();
        let answers = known.of(Family::of(&remote));
        answers.gone().any(|gone| *gone == remote)
    }

    /// Whether any address has left.
    #[inline]
    pub(crate) fn has_gone(&self) -> bool {
        self.any_gone.load(Ordering::Relaxed)
    }

    /// When the last answers' time to live is over, and asking again may tell something new; none: not told.
    pub fn stale_at(&self) -> Option<Instant> {
        let known = self.lock();
        [known.v4.stale_at, known.v6.stale_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// The number of a dial, for spreading dials over the addresses.
    pub(super) fn next_turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// The address to try first, although the resolver has others before it.
    pub(super) fn last_good(&self, now: Instant) -> Option<SocketAddr> {
        let mut known = self.lock();
        let (address, since) = known.last_good?;
        if now.saturating_duration_since(since) >= GOOD_FOR {
            known.last_good = None;
            return None;
        }
        Some(address)
    }

    /// Notes which address won a race. It goes first from now on if it did not this time. One that went first and won
    /// needs no note: the resolver's order works, and following it keeps connections spread as the name's owner wants.
    pub(super) fn won(&self, now: Instant, address: SocketAddr, was_first: bool) {
        if !was_first {
            self.lock().last_good = Some((address, now));
        }
    }

    /// Nothing more will be heard about the name: nothing is concluded from what is known.
    fn forget(&self) {
        *self.lock() = Known::default();
        self.any_gone.store(false, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a dialer knows of names. Bounded: beyond [`NAMES_KEPT`] the one asked for longest ago goes, one that nobody
/// holds before one that a pool does.
#[derive(Debug, Default)]
pub(super) struct Book {
    names: Mutex<HashMap<(Box<str>, u16), Entry>>,
    /// Counts the questions: a cheap clock.
    asked: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    addresses: Arc<Addresses>,
    asked: u64,
}

impl Book {
    /// What is known of this name.
    pub(super) fn of(&self, host: &str, port: u16) -> Arc<Addresses> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (Box::from(host), port);
        if let Some(entry) = names.get_mut(&key) {
            entry.asked = asked;
            return Arc::clone(&entry.addresses);
        }
        if names.len() >= NAMES_KEPT {
            let rank = |entry: &Entry| (Arc::strong_count(&entry.addresses) > 1, entry.asked);
            let oldest = names.iter().min_by_key(|(_, entry)| rank(entry));
            if let Some(key) = oldest.map(|(key, _)| key.clone())
                && let Some(entry) = names.remove(&key)
            {
                entry.addresses.forget();
            }
        }
        let addresses = Arc::<Addresses>::default();
        let entry = Entry {
            addresses: Arc::clone(&addresses),
            asked,
        };
        names.insert(key, entry);
        addresses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_book_is_bounded_and_forgets_what_nobody_holds_first() {
        let book = Book::default();
        let held = book.of("held.test", 80);
        for number in 0..NAMES_KEPT {
            book.of(&format!("host-{number}.test"), 80);
        }
        assert_eq!(book.names.lock().expect("no panic").len(), NAMES_KEPT);
        assert!(Arc::ptr_eq(&held, &book.of("held.test", 80)));
        // The first of the others made room.
        let names = book.names.lock().expect("no panic");
        assert!(!names.contains_key(&(Box::from("host-0.test"), 80)));
        assert!(names.contains_key(&(Box::from("host-1.test"), 80)));
    }

    #[test]
    fn a_forgotten_name_concludes_nothing() {
        let (addresses, now) = (Addresses::default(), Instant::now());
        let old: SocketAddr = "192.0.2.1:80".parse().expect("an address");
        let new: SocketAddr = "192.0.2.2:80".parse().expect("an address");
        addresses.record(now, IpFamily::Any, &Answer::from(vec![old]));
        addresses.record(now + ONE_ANSWER, IpFamily::Any, &Answer::from(vec![new]));
        addresses.record(
            now + ONE_ANSWER * 2,
            IpFamily::Any,
            &Answer::from(vec![new]),
        );
        assert!(addresses.is_gone(old));
        addresses.forget();
        assert!(!addresses.is_gone(old));
    }

    #[test]
    fn a_last_good_address_goes_first_for_ten_minutes() {
        let (addresses, now) = (Addresses::default(), Instant::now());
        let good: SocketAddr = "192.0.2.1:80".parse().expect("an address");
        addresses.won(now, good, true);
        assert_eq!(addresses.last_good(now), None);
        addresses.won(now, good, false);
        // That it won again from the first place does not make it stay longer.
        addresses.won(now + GOOD_FOR / 2, good, true);
        let almost = now + GOOD_FOR - Duration::from_millis(1);
        assert_eq!(addresses.last_good(almost), Some(good));
        assert_eq!(addresses.last_good(now + GOOD_FOR), None);
    }
}
