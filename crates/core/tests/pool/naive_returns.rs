//! The naive pool, second half: connections that come back, and time and limits.
//!
//! Owns the same rules as the machine's `returns` and `upkeep`, written for obviousness.

use std::time::Duration;

use keepwarm_core::event::ConnectionId;
use keepwarm_core::pool::{Hint, IdleEnd, Lane, Limits, Put, Refusal};
use keepwarm_core::reason::CloseReason;

use super::naive::{Connection, Effect, Fit, Naive};

impl Naive {
    pub(crate) fn put(&mut self, id: ConnectionId, close: Option<CloseReason>, hint: Hint) -> Put {
        let now = self.instant();
        let c = self.get(id).clone();
        let gone = c.gone.then_some(CloseReason::RuntimeGone);
        if let Some(reason) = close.or(gone) {
            self.close(id, reason);
            return Put::Closed(reason);
        }
        if let (Some(idle), Some(known)) = (c.idle_before, self.measured())
            && idle > known.timeout + (known.timeout / 10).max(Duration::from_millis(5))
            && c.requests > 1
        {
            self.learner.on_reused_at(idle);
        }
        if self.limits.honour_hint {
            if let Some(timeout) = hint.timeout {
                self.learner.on_announced(now, timeout, Duration::ZERO);
            }
            if let Some(further) = hint.max {
                self.get(id).announced_max = c.requests + further;
            }
        }
        let own = self.limits.max_requests_per_connection;
        let limit = own.unwrap_or(u64::MAX).min(self.get(id).announced_max);
        let objection = if self.shut {
            Some(CloseReason::ShutDown)
        } else if !self.limits.keep_alive {
            Some(CloseReason::PoolOff)
        } else if let Some(reason) = self.too_old(&c) {
            Some(reason)
        } else if c.requests >= limit {
            let requests = c.requests;
            Some(CloseReason::UsedUp { requests, limit })
        } else if self.limits.honour_hint && hint.timeout == Some(Duration::ZERO) {
            Some(CloseReason::IdleTooLong {
                idle: Duration::ZERO,
                limit: Duration::ZERO,
            })
        } else {
            None
        };
        if let Some(reason) = objection {
            self.close(id, reason);
            return Put::Closed(reason);
        }
        let (now, slept) = (self.now, self.slept);
        let c = self.get(id);
        c.since = Some(now);
        c.slept_at = slept;
        let lane = c.lane;
        if self.waiters.iter().any(|w| w.lane == lane) {
            self.deliver(id, lane, Some(Duration::ZERO), false);
            return Put::Delivered;
        }
        self.settle(id)
    }

    fn undo(&mut self, id: ConnectionId) {
        let c = self.get(id);
        c.requests -= 1;
        let reused = c.requests > 0;
        self.requests -= 1;
        self.reused -= u64::from(reused);
    }

    pub(crate) fn put_back(&mut self, id: ConnectionId) {
        self.undo(id);
        let c = self.get(id).clone();
        let idle = self.idle_time(&c);
        let fit = self.fit(&c);
        let oldest = self.waiters.iter().find(|w| w.lane == c.lane);
        let serves = oldest.is_some_and(|w| match fit {
            Fit::Usable => true,
            Fit::Doubtful => w.replayable,
            Fit::Withheld | Fit::Spent(_) => false,
        });
        if c.gone {
            self.close(id, CloseReason::RuntimeGone);
        } else if self.shut {
            self.close(id, CloseReason::ShutDown);
        } else if !self.limits.keep_alive && c.requests > 0 {
            self.close(id, CloseReason::PoolOff);
        } else if let Fit::Spent(reason) = fit {
            self.close(id, reason);
        } else if serves {
            self.deliver(id, c.lane, c.since.map(|_| idle), false);
        } else {
            let (now, slept) = (self.now, self.slept);
            let c = self.get(id);
            if c.since.is_none() {
                c.since = Some(now);
                c.slept_at = slept;
            }
            let lane = c.lane;
            self.settle(id);
            self.refuse_hopeless(lane);
        }
    }

    fn learn(&mut self, c: &Connection, idle: Duration) {
        if self.limits.learn && c.requests > 0 && c.slept_at == self.slept {
            let now = self.instant();
            self.learner.on_peer_close(now, idle, Duration::ZERO);
        }
    }

    pub(crate) fn discard(&mut self, id: ConnectionId, reason: CloseReason) {
        self.undo(id);
        let c = self.get(id).clone();
        if let CloseReason::PeerClosedIdle { idle, .. } = reason {
            let known = self.learner.measured(self.instant());
            if known.is_none_or(|known| idle <= known.timeout) {
                self.learn(&c, idle);
            }
        }
        self.close(id, reason);
    }

    pub(crate) fn idle_ended(&mut self, id: ConnectionId, how: IdleEnd) {
        let c = self.get(id).clone();
        if !c.idle {
            return;
        }
        let idle = self.idle_time(&c);
        let reason = match how {
            IdleEnd::Failed(kind) => CloseReason::IoError { kind },
            IdleEnd::PeerClosed(how) => {
                self.learn(&c, idle);
                CloseReason::PeerClosedIdle { how, idle }
            }
            IdleEnd::Known(reason) => reason,
            IdleEnd::RuntimeGone => CloseReason::RuntimeGone,
            IdleEnd::Stray { bytes } => CloseReason::StrayBytes { bytes },
        };
        self.close(id, reason);
    }

    pub(crate) fn poked(&mut self, id: ConnectionId) -> bool {
        let c = self.get(id);
        c.poked |= !c.idle;
        c.idle
    }

    pub(crate) fn expire(&mut self) {
        for id in self.idle_of(|_| true) {
            let c = self.get(id).clone();
            if let Fit::Spent(reason) = self.fit(&c) {
                self.close(id, reason);
            }
        }
    }

    pub(crate) fn evict(&mut self, reason: CloseReason) -> bool {
        let Some(oldest) = self.idle_of(|_| true).pop() else {
            return false;
        };
        self.close(oldest, reason);
        true
    }

    pub(crate) fn close_idle(&mut self) {
        self.closing = true;
        while let Some(dial) = self.surplus_dial() {
            self.cancel(dial);
        }
        while self.evict(CloseReason::ShutDown) {}
    }

    pub(crate) fn shut_down(&mut self) {
        self.shut = true;
        for waiter in std::mem::take(&mut self.waiters) {
            self.effects
                .push(Effect::Refuse(waiter.token, Refusal::ShutDown));
        }
        self.close_idle();
    }

    pub(crate) fn lane_gone(&mut self, lane: Lane) {
        for waiter in std::mem::take(&mut self.waiters) {
            if waiter.lane == lane {
                let why = Refusal::RuntimeGone;
                self.effects.push(Effect::Refuse(waiter.token, why));
            } else {
                self.waiters.push(waiter);
            }
        }
        for id in self.idle_of(|c| c.lane == lane) {
            self.close(id, CloseReason::RuntimeGone);
        }
        while let Some(dial) = self.dials.iter().find(|d| d.lane == lane) {
            self.cancel(dial.id);
        }
        for c in self.connections.iter_mut().filter(|c| c.lane == lane) {
            c.gone = true;
        }
    }

    pub(crate) fn retune(&mut self, limits: Limits) {
        self.limits = limits;
        if !self.limits.keep_alive {
            while self.evict(CloseReason::PoolOff) {}
        }
        self.expire();
        if let Some(limit) = self.limits.max_idle_per_host {
            while self.idle_count() > limit {
                self.evict(CloseReason::HostFull { limit });
            }
        }
        let limit = self.max_conns();
        while self.connections.len() + self.dials.len() > limit {
            if let Some(dial) = self.surplus_dial() {
                self.cancel(dial);
            } else if !self.evict(CloseReason::HostFull { limit }) {
                break;
            }
        }
        for lane in self.lanes() {
            for id in self.idle_of(|c| c.lane == lane) {
                let c = self.get(id).clone();
                let fit = self.fit(&c);
                let Some(oldest) = self.waiters.iter().find(|w| w.lane == lane) else {
                    break;
                };
                if fit == Fit::Usable || (fit == Fit::Doubtful && oldest.replayable) {
                    let idle = self.idle_time(&c);
                    self.deliver(id, lane, Some(idle), false);
                } else {
                    break;
                }
            }
        }
    }
}
