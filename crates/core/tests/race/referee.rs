//! The referee: what was told to the race, and whether what it does is allowed.
//!
//! Owns the rules once more, written down from the outside and without the race's structures: a list of what was told,
//! looked through anew each time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use keepwarm_core::race::{
    ADDRESSES_KEPT_PER_FAMILY, Action, AttemptId, End, Families, Family, First, Race, SHARE_MIN,
    Settings, Why,
};

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

pub(crate) struct Referee {
    settings: Settings,
    began: Instant,
    /// Every wanted address that was told, once, in the order of telling.
    told: Vec<SocketAddr>,
    unwanted: Vec<SocketAddr>,
    answered: Vec<Family>,
    preferred: Family,
    first_told: Option<Instant>,
    errors: usize,
    started: Vec<(SocketAddr, Instant)>,
    over: Vec<AttemptId>,
    /// An attempt failed since the last start.
    freed: bool,
    cancelled: bool,
    /// The attempt that was reported connected while it was under way.
    connected: Option<AttemptId>,
    end: Option<Action>,
}

impl Referee {
    pub(crate) fn new(settings: Settings, began: Instant) -> Self {
        Self {
            preferred: settings.preferred.unwrap_or(Family::V6),
            settings,
            began,
            told: Vec::new(),
            unwanted: Vec::new(),
            answered: Vec::new(),
            first_told: None,
            errors: 0,
            started: Vec::new(),
            over: Vec::new(),
            freed: false,
            cancelled: false,
            connected: None,
            end: None,
        }
    }

    /// The nth attempt, which may not have been started.
    pub(crate) fn attempt(&self, n: u64) -> AttemptId {
        AttemptId(usize::try_from(n).expect("a small number"))
    }

    pub(crate) fn has_won(&self) -> bool {
        matches!(self.end, Some(Action::Won { .. }))
    }

    pub(crate) fn some_under_way(&self) -> Option<AttemptId> {
        (0..self.started.len())
            .map(AttemptId)
            .find(|attempt| self.is_under_way(*attempt))
    }

    fn is_under_way(&self, attempt: AttemptId) -> bool {
        attempt.0 < self.started.len() && !self.over.contains(&attempt)
    }

    // What the race is about to be told.

    pub(crate) fn resolved(&mut self, now: Instant, about: Families, found: &[SocketAddr]) {
        if self.end.is_some() {
            return;
        }
        let mut leading = None;
        for address in found
            .iter()
            .filter(|address| about.has(Family::of(address)))
        {
            let family = Family::of(address);
            if self.told.contains(address) || self.unwanted.contains(address) {
                continue;
            }
            if self.settings.families.has(family) {
                leading.get_or_insert(family);
                self.told.push(*address);
            } else {
                self.unwanted.push(*address);
            }
        }
        if let (Families::Both, None, Some(family)) = (about, self.settings.preferred, leading) {
            self.preferred = family;
        }
        if !self.told.is_empty() {
            self.first_told.get_or_insert(now);
        }
        self.answer(about);
    }

    pub(crate) fn unresolved(&mut self, about: Families) {
        let waited = FAMILIES
            .iter()
            .any(|family| about.has(*family) && self.is_outstanding(*family));
        if self.end.is_none() && waited {
            self.errors += 1;
        }
        self.answer(about);
    }

    fn answer(&mut self, about: Families) {
        let families = FAMILIES.iter().filter(|family| about.has(**family));
        self.answered.extend(families);
    }

    pub(crate) fn connected(&mut self, attempt: AttemptId) {
        if self.is_under_way(attempt) {
            self.over.push(attempt);
            self.connected = Some(attempt);
        }
    }

    pub(crate) fn failed(&mut self, attempt: AttemptId) {
        if self.is_under_way(attempt) {
            self.over.push(attempt);
            self.freed = true;
        }
    }

    pub(crate) fn cancelled(&mut self) {
        self.cancelled |= self.end.is_none();
    }

    // What the race did.

    /// Looks at every action, and at what is left when there is none.
    pub(crate) fn judge(&mut self, race: &mut Race<u64>, now: Instant) {
        while let Some(action) = race.next_action() {
            assert_eq!(self.end, None, "an action after the last one");
            match &action {
                Action::Cancel { attempt } => self.judge_cancel(race, now, *attempt),
                Action::Failed { why } => {
                    self.judge_failure(now, *why);
                    self.end = Some(action);
                }
                Action::Start { attempt, address } => {
                    self.judge_start(race, now, *attempt, *address);
                }
                Action::Won { attempt } => {
                    assert_eq!(self.connected, Some(*attempt), "the winner had connected");
                    assert_eq!(self.some_under_way(), None, "the others were cancelled");
                    self.end = Some(action);
                }
            }
        }
        assert_eq!(race.unresolved().len(), self.errors);
        assert_eq!(race.attempts().len(), self.started.len());
        for (index, attempt) in race.attempts().iter().enumerate() {
            let under_way = self.is_under_way(AttemptId(index));
            assert_eq!(attempt.ended.is_none(), under_way, "attempt {index}");
        }
        assert_eq!(race.is_over(), self.end.is_some());
        match self.end {
            Some(_) => assert_eq!(race.next_deadline(), None),
            None => self.judge_rest(race, now),
        }
    }

    /// The race is not over and does nothing: it must have a reason to wait, and know until when.
    fn judge_rest(&self, race: &Race<u64>, now: Instant) {
        assert_eq!(self.connected, None, "a connection is no use to it?");
        assert!(!self.cancelled);
        let outstanding = FAMILIES.iter().any(|family| self.is_outstanding(*family));
        let next = race.next_deadline();
        assert!(next.is_none_or(|at| at > now), "it would wake at once");
        assert!(
            self.some_under_way().is_some() || outstanding || next.is_some(),
            "nothing will ever wake it"
        );
        if self.is_crowded() {
            return;
        }
        let waits = FAMILIES
            .iter()
            .any(|family| !self.waiting(*family).is_empty());
        let start = self.may_start_at(self.is_good_waiting()).filter(|_| waits);
        let shares = race.attempts().iter().filter(|one| one.ended.is_none());
        let shares = shares.filter_map(|one| Some(one.started + one.share?));
        let expected = shares.chain(start).chain(self.deadline()).min();
        assert_eq!(next, expected, "when to wake");
    }

    fn judge_start(
        &mut self,
        race: &Race<u64>,
        now: Instant,
        attempt: AttemptId,
        address: SocketAddr,
    ) {
        assert_eq!(attempt.0, self.started.len(), "numbered in order");
        assert!(self.told.contains(&address), "an address that was told");
        assert!(!self.has_started(&address), "two attempts on {address}");
        assert!(self.deadline().is_none_or(|at| at > now), "after the end");
        let good = self.settings.first == First::LastGood(address);
        let may = self.may_start_at(good);
        assert!(may.is_some_and(|at| at <= now), "before its time");
        if !self.is_crowded() {
            self.judge_turn(address);
        }
        match (race.attempts()[attempt.0].share, self.deadline()) {
            (None, _) => {}
            (Some(share), Some(end)) => assert!(share >= SHARE_MIN && now + share < end),
            (Some(_), None) => panic!("a share of nothing"),
        }
        self.started.push((address, now));
        self.freed = false;
    }

    /// Whose turn it is: the last-good address, as many of the preferred family as go first, then the families in
    /// turns.
    fn judge_turn(&self, address: SocketAddr) {
        if self.is_good_waiting() {
            assert_eq!(First::LastGood(address), self.settings.first);
            return;
        }
        let family = Family::of(&address);
        let of = |family| move |(one, _): &&(SocketAddr, Instant)| Family::of(one) == family;
        let preferred = self.started.iter().filter(of(self.preferred)).count();
        let turn = match self.started.last() {
            Some((last, _)) if preferred >= self.settings.first_family_count.max(1) => {
                Family::of(last).other()
            }
            Some(_) | None => self.preferred,
        };
        if family != turn {
            assert!(self.waiting(turn).is_empty(), "out of turn: {address}");
        }
        if self.settings.first == First::AsResolved {
            assert_eq!(self.waiting(family)[0], address, "the first told");
        }
    }

    fn judge_cancel(&mut self, race: &Race<u64>, now: Instant, attempt: AttemptId) {
        assert!(self.is_under_way(attempt), "ended twice");
        self.over.push(attempt);
        let attempt = &race.attempts()[attempt.0];
        match &attempt.ended {
            Some((_, End::ShareUsedUp { share })) => {
                assert!(attempt.started + *share <= now, "less than its share");
                assert_eq!(attempt.share, Some(*share));
                self.freed = true;
            }
            Some((_, End::Cancelled)) => assert!(self.connected.is_some() || self.cancelled),
            Some((_, End::ConnectTimeout { .. })) => assert!(self.is_late(now)),
            Some((_, End::Connected | End::Failed(_))) | None => panic!("not cancelled at all"),
        }
    }

    fn judge_failure(&self, now: Instant, why: Why) {
        assert_eq!(self.some_under_way(), None, "the others were cancelled");
        assert_eq!(self.connected, None, "a connection was thrown away");
        match why {
            Why::Cancelled => assert!(self.cancelled),
            Why::ConnectTimeout { limit } => {
                assert_eq!(self.settings.connect_timeout, Some(limit));
                assert!(self.is_late(now));
            }
            Why::AllFailed { left_out } => {
                self.judge_exhausted(left_out);
                assert!(!self.started.is_empty());
            }
            Why::NoAddress { unwanted } => {
                self.judge_exhausted(0);
                assert_eq!((self.told.len(), self.errors), (0, 0));
                assert!(unwanted >= self.unwanted.len());
            }
            Why::Unresolved => {
                self.judge_exhausted(0);
                assert!(self.told.is_empty() && self.errors > 0);
            }
        }
    }

    /// Nothing to wait for, and all tried that was not too much.
    fn judge_exhausted(&self, left_out: usize) {
        assert!(FAMILIES.iter().all(|family| !self.is_outstanding(*family)));
        for family in FAMILIES {
            let told = self.told.iter().filter(|one| Family::of(one) == family);
            let tried = told.clone().filter(|one| self.has_started(one)).count();
            assert_eq!(tried, told.count().min(ADDRESSES_KEPT_PER_FAMILY));
        }
        assert!(left_out >= self.told.len() - self.started.len());
    }

    // The rules.

    fn is_outstanding(&self, family: Family) -> bool {
        self.settings.families.has(family) && !self.answered.contains(&family)
    }

    fn has_started(&self, address: &SocketAddr) -> bool {
        self.started.iter().any(|(started, _)| started == address)
    }

    fn waiting(&self, family: Family) -> Vec<SocketAddr> {
        let waits = |one: &&SocketAddr| Family::of(one) == family && !self.has_started(one);
        self.told.iter().filter(waits).copied().collect()
    }

    fn is_good_waiting(&self) -> bool {
        let First::LastGood(good) = self.settings.first else {
            return false;
        };
        self.told.contains(&good) && !self.has_started(&good)
    }

    /// More was told of a family than is kept: who waits is not known here.
    fn is_crowded(&self) -> bool {
        self.told.len() > ADDRESSES_KEPT_PER_FAMILY
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.began + self.settings.connect_timeout?)
    }

    fn is_late(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|at| at <= now)
    }

    /// When the next attempt may start; none: when one has failed.
    fn may_start_at(&self, is_good: bool) -> Option<Instant> {
        let Some((_, last)) = self.started.last() else {
            let holds = self.is_outstanding(self.preferred) && !is_good;
            let told = self.first_told?;
            let delay = self.settings.resolution_delay;
            return Some(if holds { told + delay } else { self.began });
        };
        if self.freed {
            return Some(*last);
        }
        let delay = self.settings.attempt_delay?;
        Some(*last + delay.clamp(Duration::from_millis(10), Duration::from_secs(2)))
    }
}
