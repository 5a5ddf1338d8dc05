//! The naive pool: lists that are searched and sorted anew for every question.
//!
//! Owns the rules once more, written for obviousness. Shares nothing with the machine but the words
//! and the learner (which has tests of its own).

use std::time::{Duration, Instant};

use keepwarm_core::event::{ConnectionId, DialId};
use keepwarm_core::learn::{Estimate, Learner};
use keepwarm_core::pool::{Lane, Limits, Put, Refusal};
use keepwarm_core::reason::{CloseReason, KeyPart, Miss};

/// An effect, comparable.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    CancelDial(DialId),
    Close(ConnectionId, CloseReason, u64, bool),
    Deliver(u32, ConnectionId, u64, Option<Miss>),
    Dial(DialId, Lane, Miss),
    Recheck(ConnectionId),
    Refuse(u32, Refusal<u32>),
}

#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) lane: Lane,
    pub(super) opened: Duration,
    pub(super) requests: u64,
    pub(crate) idle: bool,
    /// Awake time of the last parking, and its number among all parkings.
    pub(super) since: Option<Duration>,
    pub(super) parking: u64,
    pub(super) slept_at: Duration,
    pub(super) idle_before: Option<Duration>,
    pub(super) announced_max: u64,
    pub(super) poked: bool,
    pub(super) gone: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    pub(crate) token: u32,
    pub(super) lane: Lane,
    pub(super) replayable: bool,
    pub(super) miss: Miss,
    pub(super) error: Option<u32>,
    pub(super) dial_started: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Dial {
    pub(crate) id: DialId,
    pub(super) lane: Lane,
    pub(super) prewarm: bool,
    pub(super) stale: bool,
}

#[derive(PartialEq)]
pub(super) enum Fit {
    Usable,
    Doubtful,
    Withheld,
    Spent(CloseReason),
}

pub(crate) struct Naive {
    pub(crate) limits: Limits,
    base: Instant,
    /// Awake time since the base.
    pub(crate) now: Duration,
    /// Sleep of the machine so far.
    pub(crate) slept: Duration,
    pub(crate) connections: Vec<Connection>,
    pub(crate) waiters: Vec<Waiter>,
    pub(crate) dials: Vec<Dial>,
    pub(super) learner: Learner,
    pub(super) closing: bool,
    pub(crate) shut: bool,
    pub(super) parkings: u64,
    pub(crate) opened: u64,
    pub(crate) requests: u64,
    pub(crate) reused: u64,
    pub(crate) effects: Vec<Effect>,
}

impl Naive {
    pub(crate) fn new(limits: Limits, base: Instant) -> Self {
        Self {
            limits,
            base,
            now: Duration::ZERO,
            slept: Duration::ZERO,
            connections: Vec::new(),
            waiters: Vec::new(),
            dials: Vec::new(),
            learner: Learner::new(),
            closing: false,
            shut: false,
            parkings: 0,
            opened: 0,
            requests: 0,
            reused: 0,
            effects: Vec::new(),
        }
    }

    pub(crate) fn instant(&self) -> Instant {
        self.base + self.now
    }

    pub(crate) fn idle_count(&self) -> usize {
        self.connections.iter().filter(|c| c.idle).count()
    }

    pub(super) fn measured(&self) -> Option<Estimate> {
        self.learner
            .measured(self.instant())
            .filter(|_| self.limits.learn)
    }

    /// (withheld after, closed after) by what the server announced.
    pub(super) fn announced(&self) -> Option<(Duration, Duration)> {
        let announced = self.learner.announced(self.instant())?;
        let latest = announced.timeout + announced.margin;
        let contradicted = self.measured().is_some_and(|m| m.timeout > latest);
        (self.limits.honour_hint && !contradicted)
            .then_some((announced.timeout - announced.margin, latest))
    }

    pub(super) fn idle_time(&self, c: &Connection) -> Duration {
        c.since.map_or(Duration::ZERO, |since| {
            self.now - since + self.slept - c.slept_at
        })
    }

    pub(super) fn too_old(&self, c: &Connection) -> Option<CloseReason> {
        let age = self.now - c.opened;
        let limit = self.limits.max_lifetime?;
        (age >= limit).then_some(CloseReason::TooOld { age, limit })
    }

    pub(super) fn fit(&self, c: &Connection) -> Fit {
        let idle = self.idle_time(c);
        let too_long = |limit| Fit::Spent(CloseReason::IdleTooLong { idle, limit });
        if let Some(limit) = self.limits.idle_timeout
            && idle >= limit
        {
            return too_long(limit);
        }
        if let Some((withheld, overdue)) = self.announced()
            && idle >= overdue
        {
            return too_long(withheld);
        }
        if let Some(reason) = self.too_old(c) {
            return Fit::Spent(reason);
        }
        if self.announced().is_some_and(|(from, _)| idle >= from) {
            Fit::Withheld
        } else if self
            .measured()
            .is_some_and(|m| idle >= m.timeout - m.margin)
        {
            Fit::Doubtful
        } else {
            Fit::Usable
        }
    }

    /// When this idle connection has to be closed at the latest, on the awake clock.
    pub(crate) fn latest_ends(&self) -> Vec<Duration> {
        let ends = |c: &Connection| {
            let since = c.since.expect("idle since some moment");
            let overdue = self.announced().map(|(_, overdue)| overdue);
            let slept = self.slept - c.slept_at;
            let by_idle = [self.limits.idle_timeout, overdue]
                .into_iter()
                .flatten()
                .map(|limit| since + limit.saturating_sub(slept));
            let by_age = self.limits.max_lifetime.map(|limit| c.opened + limit);
            by_idle.chain(by_age).min()
        };
        let idle = self.connections.iter().filter(|c| c.idle);
        idle.filter_map(ends).collect()
    }

    /// Identifiers of a lane's idle connections, newest first.
    pub(super) fn idle_of(&self, is_meant: impl Fn(&Connection) -> bool) -> Vec<ConnectionId> {
        let mut idle: Vec<_> = self
            .connections
            .iter()
            .filter(|c| c.idle && is_meant(c))
            .collect();
        idle.sort_by_key(|c| std::cmp::Reverse((c.since, c.parking)));
        idle.into_iter().map(|c| c.id).collect()
    }

    pub(crate) fn get(&mut self, id: ConnectionId) -> &mut Connection {
        let mut all = self.connections.iter_mut();
        all.find(|c| c.id == id).expect("open")
    }

    pub(super) fn close(&mut self, id: ConnectionId, reason: CloseReason) {
        let at = self.connections.iter().position(|c| c.id == id);
        let c = self.connections.remove(at.expect("open"));
        self.effects
            .push(Effect::Close(id, reason, c.requests, c.idle));
        if !c.idle && !c.gone {
            self.refuse_hopeless(c.lane);
        }
    }

    pub(super) fn check_out(&mut self, id: ConnectionId, idle_before: Option<Duration>) -> u64 {
        let c = self.get(id);
        c.idle = false;
        c.poked = false;
        c.idle_before = idle_before;
        let reused = c.requests > 0;
        c.requests += 1;
        let requests = c.requests;
        self.requests += 1;
        self.reused += u64::from(reused);
        requests
    }

    /// Open, awake all the while, and idle for longer than the estimate by more than a late word explains.
    fn outlives_estimate(&self, c: &Connection) -> bool {
        let late_word = Duration::from_millis(10);
        c.requests > 0
            && c.slept_at == self.slept
            && self.measured().is_some_and(|known| {
                let tolerance = (known.timeout / 10).max(Duration::from_millis(5));
                self.idle_time(c) > known.timeout + tolerance + late_word
            })
    }

    pub(crate) fn take(&mut self, lane: Lane, replayable: bool) -> Result<ConnectionId, Miss> {
        self.closing = false;
        if !self.limits.keep_alive {
            return Err(Miss::KeepAliveOff);
        }
        self.take_idle(lane, replayable)
    }

    pub(super) fn take_idle(&mut self, lane: Lane, replayable: bool) -> Result<ConnectionId, Miss> {
        let candidates = self.idle_of(|c| c.lane == lane);
        let mut passed = 0;
        for (index, id) in candidates.iter().enumerate() {
            let c = self.get(*id).clone();
            let idle = self.idle_time(&c);
            while self.fit(&c) == Fit::Doubtful && self.outlives_estimate(&c) {
                self.learner.on_reused_at(idle);
            }
            let oldest = self.get(candidates[candidates.len() - 1]).clone();
            while !replayable && self.fit(&c) == Fit::Doubtful && self.outlives_estimate(&oldest) {
                self.learner.on_reused_at(self.idle_time(&oldest));
            }
            match self.fit(&c) {
                Fit::Doubtful if !replayable => {
                    return Err(Miss::AllDoubtful {
                        idle: candidates.len() - index,
                        estimate: self.measured().expect("doubtful by it").timeout,
                    });
                }
                Fit::Usable | Fit::Doubtful => {
                    self.check_out(*id, Some(idle));
                    return Ok(*id);
                }
                Fit::Withheld => {
                    // The rest is older; closing what is spent of it is the timer's affair.
                    passed += candidates.len() - index;
                    break;
                }
                Fit::Spent(reason) => {
                    passed += 1;
                    self.close(*id, reason);
                }
            }
        }
        let active = |c: &&Connection| !c.idle;
        let all = &self.connections;
        let here = all
            .iter()
            .filter(active)
            .filter(|c| c.lane == lane && !c.gone);
        let here = here.count();
        let elsewhere = all.iter().any(|c| c.idle && c.lane != lane);
        let anywhere = all.iter().filter(active).count();
        Err(if passed > 0 {
            Miss::AllExpired { idle: passed }
        } else if here > 0 {
            Miss::AllBusy { active: here }
        } else if elsewhere {
            Miss::DifferentKey(KeyPart::Runtime)
        } else if anywhere > 0 {
            Miss::AllBusy { active: anywhere }
        } else {
            Miss::FirstForOrigin
        })
    }

    pub(super) fn lane_waiters(&self, lane: Lane, flagged: bool) -> usize {
        let mine = |w: &&Waiter| w.lane == lane && w.error.is_some() == flagged;
        self.waiters.iter().filter(mine).count()
    }

    pub(super) fn relied_on(&self, lane: Lane) -> usize {
        let mine = |d: &&Dial| d.lane == lane && !d.stale;
        self.dials.iter().filter(mine).count()
    }

    pub(super) fn lacking(&self, lane: Lane) -> usize {
        self.lane_waiters(lane, false)
            .saturating_sub(self.relied_on(lane))
    }

    pub(super) fn surplus(&self, lane: Lane) -> usize {
        let waiting = self.lane_waiters(lane, false) + self.lane_waiters(lane, true);
        self.relied_on(lane).saturating_sub(waiting)
    }

    pub(super) fn lanes(&self) -> Vec<Lane> {
        let mut lanes: Vec<_> = self.waiters.iter().map(|w| w.lane).collect();
        lanes.extend(self.dials.iter().map(|d| d.lane));
        lanes.sort();
        lanes.dedup();
        lanes
    }

    pub(super) fn max_conns(&self) -> usize {
        self.limits
            .max_conns_per_host
            .map_or(usize::MAX, |n| n.max(1))
    }

    pub(super) fn has_room(&self) -> bool {
        let idle = self.idle_count();
        let stale = self.dials.iter().filter(|d| d.stale).count();
        let lanes = self.lanes();
        let surplus: usize = lanes.iter().map(|lane| self.surplus(*lane)).sum();
        let all = self.connections.len() + self.dials.len();
        all - idle - stale - surplus < self.max_conns()
    }

    pub(super) fn surplus_dial(&self) -> Option<DialId> {
        let mut all = self.dials.iter();
        let stale = all.clone().find(|d| d.stale);
        stale
            .or_else(|| all.find(|d| self.surplus(d.lane) > 0))
            .map(|d| d.id)
    }

    pub(crate) fn wants_dial(&self) -> bool {
        self.lanes().iter().any(|lane| self.lacking(*lane) > 0) && self.has_room()
    }

    /// Returns whether the call waits; a delivery on the spot counts as not waiting.
    pub(crate) fn wait(&mut self, lane: Lane, replayable: bool, miss: Miss, token: u32) -> bool {
        self.closing = false;
        if self.shut {
            self.effects.push(Effect::Refuse(token, Refusal::ShutDown));
            return false;
        }
        if self.limits.keep_alive
            && let Ok(id) = self.take_idle(lane, replayable)
        {
            let requests = self.get(id).requests;
            self.effects
                .push(Effect::Deliver(token, id, requests, None));
            return false;
        }
        if let Some(limit) = self.limits.max_waiters {
            let lanes = self.lanes();
            let uncovered: usize = lanes.iter().map(|lane| self.lacking(*lane)).sum();
            let flagged = self.waiters.iter().filter(|w| w.error.is_some()).count();
            let backlog = uncovered + flagged;
            if backlog >= limit && !(backlog == 0 && self.has_room()) {
                let why = Refusal::QueueFull { limit };
                self.effects.push(Effect::Refuse(token, why));
                return false;
            }
        }
        self.waiters.push(Waiter {
            token,
            lane,
            replayable,
            miss,
            error: None,
            dial_started: false,
        });
        true
    }

    pub(crate) fn leave(&mut self, token: u32) -> bool {
        let Some(at) = self.waiters.iter().position(|w| w.token == token) else {
            return false;
        };
        let lane = self.waiters.remove(at).lane;
        if self.surplus(lane) == 0 {
            return true;
        }
        let relied_on = |d: &&mut Dial| d.lane == lane && !d.stale && !d.prewarm;
        let Some(dial) = self.dials.iter_mut().find(relied_on) else {
            return true;
        };
        let id = dial.id;
        if !self.limits.keep_alive || self.limits.max_idle_per_host == Some(0) {
            self.cancel(id);
            return true;
        }
        dial.stale = true;
        let stale: Vec<_> = self.dials.iter().filter(|d| d.stale).collect();
        if stale.len() > 8 {
            self.cancel(stale[0].id);
        }
        true
    }

    pub(super) fn cancel(&mut self, id: DialId) {
        let at = self.dials.iter().position(|d| d.id == id);
        let dial = self.dials.remove(at.expect("under way"));
        self.effects.push(Effect::CancelDial(id));
        self.refuse_hopeless(dial.lane);
    }

    pub(super) fn refuse_hopeless(&mut self, lane: Lane) {
        let serves = |c: &Connection| c.lane == lane && !c.idle && !c.gone;
        if self.connections.iter().any(serves) || self.dials.iter().any(|d| d.lane == lane) {
            return;
        }
        for waiter in std::mem::take(&mut self.waiters) {
            match waiter.error {
                Some(error) if waiter.lane == lane => {
                    let why = Refusal::DialFailed(error);
                    self.effects.push(Effect::Refuse(waiter.token, why));
                }
                Some(_) | None => self.waiters.push(waiter),
            }
        }
    }

    pub(crate) fn start_dial(&mut self, id: DialId) -> bool {
        if !self.wants_dial() {
            return false;
        }
        let candidate = |lane: &Lane| {
            let mine = |w: &&Waiter| w.lane == *lane && w.error.is_none();
            let mut unflagged = self.waiters.iter().filter(mine);
            let first = unflagged.clone().find(|w| !w.dial_started);
            first.or_else(|| unflagged.next()).map(|w| w.token)
        };
        let lanes = self.lanes();
        let lacking = lanes.iter().filter(|lane| self.lacking(**lane) > 0);
        // Tokens rise with arrival.
        let token = lacking.filter_map(candidate).min().expect("somebody lacks");
        self.make_room();
        let mut waiters = self.waiters.iter_mut();
        let waiter = waiters.find(|w| w.token == token).expect("waits");
        waiter.dial_started = true;
        let (lane, miss) = (waiter.lane, waiter.miss);
        self.push_dial(id, lane, miss);
        true
    }

    pub(super) fn push_dial(&mut self, id: DialId, lane: Lane, miss: Miss) {
        self.dials.push(Dial {
            id,
            lane,
            prewarm: miss == Miss::Prewarm,
            stale: false,
        });
        self.effects.push(Effect::Dial(id, lane, miss));
    }

    pub(super) fn make_room(&mut self) {
        while self.connections.len() + self.dials.len() >= self.max_conns() {
            let limit = self.max_conns();
            if let Some(dial) = self.surplus_dial() {
                self.cancel(dial);
            } else {
                assert!(self.evict(CloseReason::HostFull { limit }), "room");
            }
        }
    }

    pub(crate) fn prewarm(&mut self, lane: Lane, id: DialId) -> bool {
        let open = self.connections.len() + self.dials.len();
        let lanes = self.lanes();
        let surplus: usize = lanes.iter().map(|lane| self.surplus(*lane)).sum();
        let stale = self.dials.iter().filter(|d| d.stale).count();
        let spare = self.idle_count() + surplus + stale;
        let full = self.limits.max_idle_per_host.is_some_and(|n| spare >= n);
        if self.shut || !self.limits.keep_alive || open >= self.max_conns() || full {
            return false;
        }
        self.closing = false;
        self.push_dial(id, lane, Miss::Prewarm);
        true
    }

    /// The dial must be under way.
    pub(crate) fn dialed(&mut self, dial: DialId, id: ConnectionId) {
        let at = self.dials.iter().position(|d| d.id == dial);
        let lane = self.dials.remove(at.expect("under way")).lane;
        self.opened += 1;
        self.connections.push(Connection {
            id,
            lane,
            opened: self.now,
            requests: 0,
            idle: false,
            since: None,
            parking: 0,
            slept_at: self.slept,
            idle_before: None,
            announced_max: u64::MAX,
            poked: false,
            gone: false,
        });
        if self.waiters.iter().any(|w| w.lane == lane) {
            self.deliver(id, lane, None, true);
        } else if !self.limits.keep_alive {
            self.close(id, CloseReason::PoolOff);
        } else {
            self.get(id).since = Some(self.now);
            self.settle(id);
        }
    }

    pub(crate) fn dial_failed(&mut self, dial: DialId, error: u32) {
        let at = self.dials.iter().position(|d| d.id == dial);
        let ended = self.dials.remove(at.expect("under way"));
        let lane = ended.lane;
        if !ended.stale && self.lacking(lane) > 0 {
            let mine = |w: &&mut Waiter| w.lane == lane && w.error.is_none();
            let waiter = self.waiters.iter_mut().find(mine);
            waiter.expect("somebody lacks").error = Some(error);
        }
        self.refuse_hopeless(lane);
    }

    pub(super) fn deliver(
        &mut self,
        id: ConnectionId,
        lane: Lane,
        idle: Option<Duration>,
        fresh: bool,
    ) {
        let at = self.waiters.iter().position(|w| w.lane == lane);
        let waiter = self.waiters.remove(at.expect("somebody waits"));
        let requests = self.check_out(id, idle);
        let miss = fresh.then_some(waiter.miss);
        self.effects
            .push(Effect::Deliver(waiter.token, id, requests, miss));
    }

    pub(super) fn settle(&mut self, id: ConnectionId) -> Put {
        let overdue = self.announced().map(|(_, overdue)| overdue);
        let never = [self.limits.idle_timeout, overdue].contains(&Some(Duration::ZERO));
        let reason = if self.closing {
            CloseReason::ShutDown
        } else if never {
            CloseReason::IdleTooLong {
                idle: Duration::ZERO,
                limit: Duration::ZERO,
            }
        } else if let Some(limit) = self.limits.max_idle_per_host
            && self.idle_count() >= limit
        {
            CloseReason::HostFull { limit }
        } else {
            self.parkings += 1;
            let parking = self.parkings;
            let c = self.get(id);
            c.idle = true;
            c.parking = parking;
            if std::mem::take(&mut c.poked) {
                self.effects.push(Effect::Recheck(id));
            }
            return Put::Parked;
        };
        self.close(id, reason);
        Put::Closed(reason)
    }
}
