//! `Race`: the state of one race, and its rules.
//!
//! Owns when which attempt starts and ends. Refuses to know sockets, names and clocks.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::attempt::{Action, Attempt, AttemptId, End, Unresolved, Why};
use super::candidates::{Candidates, Each};
use super::settings::{Families, Family, SHARE_MIN, Settings};

/// One race for one connection. `E` is what a query or an attempt fails with. See the [module](super).
#[derive(Debug)]
pub struct Race<E> {
    settings: Settings,
    /// When the whole race is over.
    deadline: Option<Instant>,
    preferred: Family,
    candidates: Candidates,
    /// Whose answer has not come yet.
    outstanding: Each<bool>,
    /// Until when the other family's addresses wait for the preferred family's answer.
    held_until: Option<Instant>,
    /// When the next attempt may start; none: when one has failed.
    next_start: Option<Instant>,
    attempts: Vec<Attempt<E>>,
    under_way: usize,
    unresolved: Vec<Unresolved<E>>,
    actions: VecDeque<Action>,
    over: bool,
}

impl<E> Race<E> {
    /// Begins a race: `connect_timeout` runs from `now` on. The queries are the shell's to make.
    pub fn new(settings: Settings, now: Instant) -> Self {
        let settings = settings.bounded();
        let wanted = |family| settings.families.has(family);
        Self {
            // A time too far away to be written is no limit.
            deadline: settings
                .connect_timeout
                .and_then(|limit| now.checked_add(limit)),
            preferred: settings.preferred.unwrap_or(Family::V6),
            candidates: Candidates::new(
                settings.families,
                settings.first,
                settings.first_family_count,
            ),
            outstanding: Each {
                v4: wanted(Family::V4),
                v6: wanted(Family::V6),
            },
            held_until: None,
            next_start: Some(now),
            attempts: Vec::new(),
            under_way: 0,
            unresolved: Vec::new(),
            actions: VecDeque::new(),
            over: false,
            settings,
        }
    }

    /// An answer came, perhaps an empty one: of one family, or of both at once. Addresses of a family that it is not
    /// about are ignored; another answer about the same family adds to the first (RFC 8305 §6).
    pub fn on_resolved(&mut self, now: Instant, answer: Families, addresses: &[SocketAddr]) {
        if self.over {
            return;
        }
        let leading = self.candidates.add(answer, addresses);
        if let (Families::Both, None, Some(leading)) = (answer, self.settings.preferred, leading) {
            // The system's resolver sorts by RFC 6724: its first address tells the family to begin with (as in Go).
            self.preferred = Family::of(&leading);
        }
        self.answered(answer);
        if self.held_until.is_none() && self.candidates.len() > 0 {
            // RFC 8305 §3, "Resolution Delay".
            self.held_until = now.checked_add(self.settings.resolution_delay);
        }
        self.settle(now);
    }

    /// A query failed. Its error is kept when its answer was still waited for.
    pub fn on_unresolved(&mut self, now: Instant, asked: Families, error: E) {
        let waited = [Family::V4, Family::V6]
            .into_iter()
            .any(|family| asked.has(family) && *self.outstanding.of(family));
        if waited && !self.over {
            self.unresolved.push(Unresolved { asked, error });
            self.answered(asked);
        }
        self.settle(now);
    }

    fn answered(&mut self, about: Families) {
        self.outstanding.v4 &= !about.has(Family::V4);
        self.outstanding.v6 &= !about.has(Family::V6);
    }

    /// An attempt connected: the race is won, the other attempts are cancelled (RFC 8305 §5). That holds even when
    /// `connect_timeout` has run out unnoticed: the connection is there. Ignored for an attempt that is over: close it.
    pub fn on_connected(&mut self, now: Instant, attempt: AttemptId) {
        if self.end(now, attempt, End::Connected) {
            self.finish(now, Action::Won { attempt }, || End::Cancelled);
        }
        self.settle(now);
    }

    /// An attempt failed: the next one may start at once. RFC 8305 §5 wants 10 ms between attempts so that a lossy
    /// network is not flooded; one that failed was answered, and Go goes on at once too. Ignored for an attempt that
    /// is over.
    pub fn on_failed(&mut self, now: Instant, attempt: AttemptId, error: E) {
        if self.end(now, attempt, End::Failed(error)) {
            self.next_start = Some(now);
        }
        self.settle(now);
    }

    /// Time passed. To be called at [`next_deadline`](Self::next_deadline); at any other time it does no harm.
    pub fn on_time(&mut self, now: Instant) {
        self.settle(now);
    }

    /// Nobody wants the connection any more.
    pub fn cancel(&mut self, now: Instant) {
        if !self.over {
            let why = Why::Cancelled;
            self.finish(now, Action::Failed { why }, || End::Cancelled);
        }
    }

    /// What to do next; none: nothing until the next event.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`on_time`](Self::on_time); none: only an answer or an attempt's end brings the race on.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.over {
            return None;
        }
        let waits = self.candidates.len() > 0;
        let start = self.next_start().filter(|_| waits);
        let shares = self.attempts.iter().filter_map(Attempt::deadline);
        shares.chain(start).chain(self.deadline).min()
    }

    /// Whether it is won or has failed.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Every attempt so far, in the order of their starts.
    pub fn attempts(&self) -> &[Attempt<E>] {
        &self.attempts
    }

    /// The queries that failed, in the order in which that was told.
    pub fn unresolved(&self) -> &[Unresolved<E>] {
        &self.unresolved
    }

    /// Addresses beyond [`ADDRESSES_KEPT_PER_FAMILY`](super::ADDRESSES_KEPT_PER_FAMILY), which are not tried.
    pub fn left_out(&self) -> usize {
        self.candidates.left_out
    }

    /// Every attempt and every failed query, for the error that is made of them.
    pub fn into_parts(self) -> (Vec<Attempt<E>>, Vec<Unresolved<E>>) {
        (self.attempts, self.unresolved)
    }

    /// Does what is due: the one place where attempts start and the race fails.
    fn settle(&mut self, now: Instant) {
        if self.over {
            return;
        }
        // Before the time limit: what the addresses said tells more.
        if self.is_exhausted() {
            self.give_up(now);
            return;
        }
        if let (Some(limit), true) = (self.settings.connect_timeout, self.is_late(now)) {
            let why = Why::ConnectTimeout { limit };
            self.finish(now, Action::Failed { why }, || End::ConnectTimeout {
                limit,
            });
            return;
        }
        for index in 0..self.attempts.len() {
            let attempt = &self.attempts[index];
            let (Some(deadline), Some(share)) = (attempt.deadline(), attempt.share) else {
                continue;
            };
            if deadline <= now && self.end(now, AttemptId(index), End::ShareUsedUp { share }) {
                let attempt = AttemptId(index);
                self.actions.push_back(Action::Cancel { attempt });
                // A failure like any other: the next may start at once.
                self.next_start = Some(now);
                self.start_due(now);
            }
        }
        self.start_due(now);
        if self.is_exhausted() {
            self.give_up(now);
        }
    }

    fn is_late(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Nothing is under way, to be tried, or to be waited for.
    fn is_exhausted(&self) -> bool {
        let waits = self.outstanding.v4 || self.outstanding.v6;
        self.under_way == 0 && self.candidates.len() == 0 && !waits
    }

    fn give_up(&mut self, now: Instant) {
        let why = if !self.attempts.is_empty() {
            Why::AllFailed {
                left_out: self.candidates.left_out,
            }
        } else if self.unresolved.is_empty() {
            Why::NoAddress {
                unwanted: self.candidates.unwanted,
            }
        } else {
            Why::Unresolved
        };
        self.finish(now, Action::Failed { why }, || End::Cancelled);
    }

    /// When the next attempt may start.
    fn next_start(&self) -> Option<Instant> {
        // RFC 8305 §3: until the first attempt, the other family waits a little for the preferred family's answer.
        // The last-good address does not: whatever that answer holds, it goes first.
        let holds = self.attempts.is_empty()
            && *self.outstanding.of(self.preferred)
            && self.candidates.last_good().is_none();
        match self.held_until {
            Some(until) if holds => Some(until),
            Some(_) | None => self.next_start,
        }
    }

    fn start_due(&mut self, now: Instant) {
        if self.next_start().is_none_or(|at| at > now) {
            return;
        }
        let Some(address) = self.candidates.take(self.preferred) else {
            return;
        };
        let attempt = AttemptId(self.attempts.len());
        self.attempts.push(Attempt {
            address,
            started: now,
            share: self.share(now),
            ended: None,
        });
        self.under_way += 1;
        // RFC 8305 §5, "Connection Attempt Delay": from this start, not from when it was due.
        self.next_start = self
            .settings
            .attempt_delay
            .and_then(|delay| now.checked_add(delay));
        self.actions.push_back(Action::Start { attempt, address });
    }

    /// The share of an attempt that starts now: what time there is, divided among it and the addresses left, at least
    /// [`SHARE_MIN`] (Go's `partialDeadline`). The last address has all there is.
    fn share(&self, now: Instant) -> Option<Duration> {
        let there_is = self.deadline?.saturating_duration_since(now);
        let addresses = u32::try_from(self.candidates.len() + 1).unwrap_or(u32::MAX);
        let share = (there_is / addresses).max(SHARE_MIN);
        (share < there_is).then_some(share)
    }

    /// Ends one attempt; false when it is over already, or never was.
    fn end(&mut self, now: Instant, attempt: AttemptId, how: End<E>) -> bool {
        let Some(attempt) = self.attempts.get_mut(attempt.0) else {
            return false;
        };
        if attempt.ended.is_some() {
            return false;
        }
        attempt.ended = Some((now, how));
        self.under_way -= 1;
        true
    }

    /// The only way into the end: what is under way is cancelled, and ends like this.
    fn finish(&mut self, now: Instant, last: Action, how: impl Fn() -> End<E>) {
        for index in 0..self.attempts.len() {
            let attempt = AttemptId(index);
            if self.end(now, attempt, how()) {
                self.actions.push_back(Action::Cancel { attempt });
            }
        }
        self.actions.push_back(last);
        self.over = true;
    }
}
