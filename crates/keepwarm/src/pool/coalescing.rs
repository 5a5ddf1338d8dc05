//! Coalescing: a call's place on a connection that was opened for another origin, whose certificate covers this one's
//! name and to whose address this one's name leads (RFC 9113 §9.1.1). Only where [`Settings::coalesces`] says so.
//!
//! Owns the rules, which connections show which names, and what is known of an origin's addresses for this. Refuses to
//! count who sits where (`seats` does), and to hold the locks of two origins at a time.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, Weak};
use std::time::{Duration, Instant};

use keepwarm_core::event::ConnectionId;
use keepwarm_core::origin::{Origin, Scheme};
use keepwarm_core::pool::Lane;
use keepwarm_core::time::Now;

use super::keeper::Keeper;
use super::origin::OriginPool;
use super::seats::{Seat, hand_out};
use super::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use super::sync::{Mutex, clock, time};
use super::{Leased, Shared};
use crate::config::{Settings, Versions};
use crate::conn::Facts;
use crate::connect::{Connector, Way, connect_timeout};
use crate::dial::Answer;
use crate::tls::Certificate;

/// How long addresses hold whose time to live the resolver does not tell.
const HOLD: Duration = Duration::from_secs(60);
/// How long they hold at least; and how long it counts that there was no answer.
const HOLD_AT_LEAST: Duration = Duration::from_secs(5);

/// What an origin has that may be served on connections of others, and whose connections may serve others.
pub(super) struct Coalescing {
    /// Its server has said that it wants a connection of its own.
    ended: AtomicBool,
    /// Streams of its calls on connections of others.
    streams: AtomicU64,
    /// The connection it was last served on, as its calls see it.
    seen: Mutex<Option<(ConnectionId, Arc<Facts>)>>,
}

impl Coalescing {
    /// None for an origin to which the option, or the rule, does not apply.
    pub(super) fn of(
        origin: &Origin,
        settings: &Settings,
        versions: Versions,
        way: Option<&Way>,
        connector: &Connector,
    ) -> Option<Box<Self>> {
        let applies = settings.coalesces()
            && versions != Versions::Http1
            && origin.scheme() == Scheme::Https
            && way.is_some_and(Way::is_direct)
            && connector.proves_names()
            && !is_literal(origin);
        applies.then(|| {
            Box::new(Self {
                ended: AtomicBool::new(false),
                streams: AtomicU64::new(0),
                seen: Mutex::new(None),
            })
        })
    }

    pub(super) fn streams(&self) -> u64 {
        self.streams.load(Ordering::Relaxed)
    }

    pub(super) fn note_stream(&self) {
        self.streams.fetch_add(1, Ordering::Relaxed);
    }

    /// How calls to this origin saw the connection, if they were served on it last.
    fn seen(&self, id: ConnectionId) -> Option<Arc<Facts>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, facts) = seen.as_ref().filter(|(known, _)| *known == id)?;
        Some(Arc::clone(facts))
    }

    fn note_seen(&self, id: ConnectionId, facts: &Arc<Facts>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = seen.replace((id, Arc::clone(facts)));
        drop(seen);
        drop(before);
    }
}

/// A certificate speaks of an address otherwise than of a name, and an address leads nowhere else.
fn is_literal(origin: &Origin) -> bool {
    let bare = origin.host().trim_matches(['[', ']']);
    let address = bare.split_once('%').map_or(bare, |(address, _)| address);
    address.parse::<IpAddr>().is_ok()
}

/// Where an origin's name leads, as far as that is known. It stands in the pool's state, under its lock.
#[derive(Default)]
pub(super) enum Directions {
    #[default]
    Unknown,
    /// A task on this runtime asks.
    Asked(Lane),
    Known {
        addresses: Arc<[SocketAddr]>,
        /// When to ask again; none: never.
        until: Option<Instant>,
    },
}

impl Directions {
    /// The addresses, while they hold.
    fn known(&self, now: Instant) -> Option<&Arc<[SocketAddr]>> {
        match self {
            Self::Known { addresses, until } => {
                until.is_none_or(|until| now < until).then_some(addresses)
            }
            Self::Unknown | Self::Asked(_) => None,
        }
    }

    /// No answer counts as one without addresses.
    fn told(answer: Answer) -> Self {
        let holds = match answer.valid_for {
            Some(time) => time.max(HOLD_AT_LEAST),
            None => HOLD,
        };
        Self::Known {
            addresses: answer.addresses.into(),
            until: clock::now().checked_add(holds),
        }
    }
}

/// Which open connections show which names.
#[derive(Default)]
pub(super) struct Shown(Mutex<HashMap<String, Vec<Showing>>>);

/// A connection whose certificate shows a name.
#[derive(Clone)]
struct Showing {
    pool: Weak<OriginPool>,
    id: ConnectionId,
    remote: SocketAddr,
    certificate: Arc<Certificate>,
}

impl Shown {
    /// A connection is open. To be told before anybody can use it, so that its end is told later.
    pub(super) fn add(&self, pool: &Arc<OriginPool>, id: ConnectionId, facts: &Facts) {
        let (Some(certificate), Some(remote)) = (facts.certificate(), facts.remote()) else {
            return;
        };
        let showing = Showing {
            pool: Arc::downgrade(pool),
            id,
            remote,
            certificate: Arc::clone(certificate),
        };
        let names = certificate.names();
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            shown.entry(name).or_default().push(showing.clone());
        }
    }

    /// It has ended.
    pub(super) fn remove(&self, id: ConnectionId, facts: &Facts) {
        let Some(certificate) = facts.certificate() else {
            return;
        };
        let names = certificate.names();
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            if let Some(all) = shown.get_mut(&name) {
                all.retain(|showing| showing.id != id);
                if all.is_empty() {
                    shown.remove(&name);
                }
            }
        }
    }

    /// Those that show a host's name, or a wildcard in place of its first label, at these addresses if there are any
    /// given. Whether they cover it is not said yet.
    fn find(&self, host: &str, at: Option<&[SocketAddr]>) -> Vec<Showing> {
        let wildcard = host.split_once('.').map(|(_, rest)| format!("*.{rest}"));
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let names = [Some(host), wildcard.as_deref()].into_iter().flatten();
        let showing = names.filter_map(|name| shown.get(name)).flatten();
        let is_there = |it: &&Showing| at.is_none_or(|at| at.contains(&it.remote));
        showing.filter(is_there).cloned().collect()
    }
}

/// What a look at another origin's connection brought.
enum Given {
    Seat(Seat),
    /// It was taken and cannot serve this call.
    Back(Leased),
    Nothing,
}

/// A question for an origin's addresses. Dropped, it tells what it heard: also when it ended without an answer.
struct Asking {
    pool: Arc<OriginPool>,
    heard: Directions,
}

impl Drop for Asking {
    fn drop(&mut self) {
        let heard = std::mem::take(&mut self.heard);
        self.pool.lock().directions = heard;
        self.pool.seat_waiters_elsewhere();
        // Who has no place now may dial.
        self.pool.enter(None, |state| state.hold_dials(false));
    }
}

async fn ask(mut asking: Asking) {
    let pool = &asking.pool;
    let asked = pool.shared.connector.look_up(&pool.origin);
    let answer = time::timeout(connect_timeout(&pool.settings), asked).await;
    asking.heard = Directions::told(match answer {
        Ok(Ok(answer)) => answer,
        // The dial that follows says what is wrong.
        Ok(Err(_)) | Err(_) => Answer {
            addresses: Vec::new(),
            valid_for: Some(HOLD_AT_LEAST),
        },
    });
}

impl OriginPool {
    /// From now on its calls are served on connections of its own alone: its server said so.
    pub(crate) fn end_coalescing(&self) {
        if let Some(coalescing) = &self.coalescing {
            coalescing.ended.store(true, Ordering::Relaxed);
        }
    }

    /// A place for a call on another origin's connection. None: there is none, or it is not known yet whether there is;
    /// then dials are held until it is.
    #[cold]
    #[inline(never)]
    pub(super) fn seat_elsewhere(
        self: &Arc<Self>,
        now: Now,
        keeper: &Arc<Keeper>,
        replayable: bool,
    ) -> Option<Box<Seat>> {
        self.find_elsewhere(now, keeper, replayable).map(Box::new)
    }

    fn find_elsewhere(
        self: &Arc<Self>,
        now: Now,
        keeper: &Arc<Keeper>,
        replayable: bool,
    ) -> Option<Seat> {
        let coalescing = self.coalescing.as_ref()?;
        if coalescing.ended.load(Ordering::Relaxed) || self.versions() == Versions::Http1 {
            return None;
        }
        let state = self.lock();
        let speaks_http1 = state.speaks_http1();
        let known = state.directions.known(now.instant).map(Arc::clone);
        drop(state);
        if speaks_http1 {
            return None;
        }
        let Some(addresses) = known else {
            if self.hosts(None).next().is_some() {
                self.ask_the_way(now.instant, keeper);
            }
            return None;
        };
        let mut hosts = self.hosts(Some(&addresses));
        hosts.find_map(|(host, showing)| self.seat_at(&host, &showing, now, keeper, replayable))
    }

    /// Connections of other origins that this one's calls may use as far as they are concerned; at these addresses, if
    /// there are any given.
    fn hosts(
        self: &Arc<Self>,
        at: Option<&[SocketAddr]>,
    ) -> impl Iterator<Item = (Arc<Self>, Showing)> {
        let showing = self.shared.shown.find(self.origin.host(), at);
        showing.into_iter().filter_map(|showing| {
            let host = showing.pool.upgrade()?;
            let serves = !Arc::ptr_eq(&host, self)
                && host.origin.port() == self.origin.port()
                && (Arc::ptr_eq(&host.settings, &self.settings) || host.settings == self.settings)
                && self.is_covered_by(&showing);
            serves.then_some((host, showing))
        })
    }

    fn is_covered_by(&self, showing: &Showing) -> bool {
        let coalescing = self.coalescing.as_ref();
        coalescing.is_some_and(|it| it.seen(showing.id).is_some())
            || showing.certificate.covers(self.origin.host())
    }

    /// Asks where the name leads, unless that is under way. Calls that come meanwhile wait for the answer.
    fn ask_the_way(self: &Arc<Self>, now: Instant, keeper: &Arc<Keeper>) {
        let mut begins = false;
        self.enter(Some(keeper), |state| match &state.directions {
            Directions::Known { .. } if state.directions.known(now).is_some() => {}
            Directions::Asked(lane) if *lane == keeper.lane => {}
            // Whether that runtime is driven now is not known here.
            Directions::Asked(_) => state.hold_dials(false),
            Directions::Known { .. } | Directions::Unknown => {
                begins = true;
                state.directions = Directions::Asked(keeper.lane);
                // Who waits already does so for something else.
                let nobody_waits = state.machine.counts().waiting == 0;
                state.hold_dials(nobody_waits);
            }
        });
        if begins {
            let asking = Asking {
                pool: Arc::clone(self),
                heard: Directions::Unknown,
            };
            keeper.spawn(ask(asking));
        }
    }

    /// A place on this connection of another origin.
    fn seat_at(
        self: &Arc<Self>,
        host: &Arc<Self>,
        showing: &Showing,
        now: Now,
        keeper: &Keeper,
        replayable: bool,
    ) -> Option<Seat> {
        let mut seat = match host.give_place(now, keeper, replayable, showing.id) {
            Given::Seat(seat) => seat,
            Given::Back(leased) => {
                host.put_back(leased);
                return None;
            }
            Given::Nothing => return None,
        };
        let coalescing = self.coalescing.as_ref()?;
        let facts = coalescing.seen(showing.id).unwrap_or_else(|| {
            let facts = Arc::new(seat.facts().seen_from_elsewhere(&host.origin));
            coalescing.note_seen(showing.id, &facts);
            facts
        });
        seat.visit(self, facts);
        Some(seat)
    }

    /// A place for a call to another origin on this connection of ours, if it is well and has one.
    fn give_place(
        self: &Arc<Self>,
        now: Now,
        keeper: &Keeper,
        replayable: bool,
        id: ConnectionId,
    ) -> Given {
        self.enter(Some(keeper), |state| {
            if state.is_sat_on(id) {
                let seat = state.join_one(self, now.instant, keeper.lane, id);
                return seat.map_or(Given::Nothing, Given::Seat);
            }
            match state.machine.take(now, keeper.lane, replayable) {
                Ok(leased) if leased.id() == id && leased.connection.is_shared_and_well() => {
                    Given::Seat(state.sit_down(self, leased, None))
                }
                Ok(leased) => Given::Back(leased),
                Err(_) => Given::Nothing,
            }
        })
    }

    /// Places elsewhere for calls that wait, before a connection is opened for them.
    pub(super) fn seat_waiters_elsewhere(self: &Arc<Self>) {
        if self.coalescing.is_none() {
            return;
        }
        let now = self.shared.now();
        let mut left = self.lock().machine.counts().waiting;
        for keeper in self.shared.all_keepers().iter() {
            let mut seats = Vec::new();
            while seats.len() < left && self.has_waiter_with_directions(now.instant, keeper.lane) {
                // Whether a waiting call may be repeated is not asked: as if not.
                match self.find_elsewhere(now, keeper, false) {
                    Some(seat) => seats.push(seat),
                    None => break,
                }
            }
            left -= seats.len();
            self.hand_out_to_waiters(keeper.lane, seats);
        }
    }

    fn has_waiter_with_directions(&self, now: Instant, lane: Lane) -> bool {
        let state = self.lock();
        state.machine.has_waiter(lane) && state.directions.known(now).is_some()
    }

    /// In one step: what follows for dials is found out once. Places that nobody wants any more are given back.
    fn hand_out_to_waiters(self: &Arc<Self>, lane: Lane, seats: Vec<Seat>) {
        if seats.is_empty() {
            return;
        }
        let mut waiters = Vec::with_capacity(seats.len());
        self.enter(None, |state| {
            while waiters.len() < seats.len()
                && let Some((waiter, _)) = state.machine.pull_waiter(lane)
            {
                waiters.push(waiter);
            }
        });
        // Not under this lock: a place that is given back is another origin's.
        let mut seats = seats.into_iter();
        hand_out(waiters.into_iter().zip(seats.by_ref()).collect());
        drop(seats);
    }
}

impl Shared {
    /// Every keeper there is.
    fn all_keepers(&self) -> Arc<Vec<Arc<Keeper>>> {
        self.keepers.load_full()
    }
}

#[cfg(all(test, feature = "http2", feature = "tls", not(keepwarm_shuttle)))]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::conn::{Beyond, Protocol};
    use keepwarm_core::event::Opening;

    #[test]
    fn addresses_hold_as_long_as_the_answer_says_or_a_minute() {
        let holds = |valid_for: Option<Duration>| {
            let answer = Answer {
                addresses: vec!["192.0.2.1:443".parse().expect("an address")],
                valid_for,
            };
            let before = clock::now();
            let told = Directions::told(answer);
            let Directions::Known { until, .. } = &told else {
                panic!("an answer was told");
            };
            assert!(told.known(before).is_some());
            assert!(until.is_none_or(|until| told.known(until).is_none()));
            // To the second: the answer came a moment later.
            until.map(|until| until.saturating_duration_since(before).as_secs())
        };
        let seconds = Duration::from_secs;
        assert_eq!(holds(None), Some(60));
        assert_eq!(holds(Some(seconds(300))), Some(300));
        assert_eq!(holds(Some(Duration::ZERO)), Some(5));
        assert_eq!(holds(Some(Duration::MAX)), None);
        let nothing_known = [Directions::Unknown, Directions::Asked(Lane(1))];
        assert!(
            nothing_known
                .iter()
                .all(|it| it.known(clock::now()).is_none())
        );
    }

    #[test]
    fn nothing_is_left_of_a_connection_that_has_ended() {
        let names = ["a.test", "*.B.test", "a.test"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let certificate = Certificate::of_der(made.cert.der().clone());
        let remote = "192.0.2.1:443".parse().expect("an address");
        let beyond = Beyond {
            certificate: Some(Arc::new(certificate)),
            ..Beyond::default()
        };
        let facts = Facts::new(None, Some(remote), Protocol::H2, beyond, Opening::default());
        let shared = Arc::new(Shared::new(Config::default()));
        let origin = "https://a.test/".parse().expect("an origin");
        let pool = OriginPool::new(origin, false, shared);
        let shown = Shown::default();
        for id in [1, 2] {
            shown.add(&pool, ConnectionId(id), &facts);
        }
        let found = |host: &str, at: Option<&[SocketAddr]>| {
            let ids = shown.find(host, at).into_iter().map(|it| it.id.0);
            ids.collect::<Vec<_>>()
        };
        assert_eq!(found("a.test", None), [1, 2]);
        assert_eq!(found("x.b.test", Some(&[remote])), [1, 2]);
        assert!(found("x.b.test", Some(&[])).is_empty());
        assert!(found("b.test", None).is_empty());
        shown.remove(ConnectionId(1), &facts);
        assert_eq!(found("a.test", None), [2]);
        shown.remove(ConnectionId(2), &facts);
        assert!(shown.0.lock().expect("no panic").is_empty());
    }
}
