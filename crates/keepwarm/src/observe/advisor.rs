//! `Advisor`: causes of lost connections, told while the service runs.
//!
//! Owns when events are looked at, how many are kept for it, and that a cause is told once an hour. Refuses to find
//! causes itself (`keepwarm_report` does), and to read a clock: the time is that of the events.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use keepwarm_core::event::{ClientId, Event, EventKind, Observer};
use keepwarm_report::{Beginning, Cause, Finding, Log, Report};

/// Looks at what the clients of a process do, and tells each cause of lost connections once per origin and hour.
///
/// Give one to all clients: only then is a client that is built for each request noticed.
///
/// ```
/// use std::sync::Arc;
/// use keepwarm::observe::{Advised, Advisor};
///
/// # fn main() -> keepwarm::Result<()> {
/// let advisor = Arc::new(Advisor::new(|advised: &Advised| {
///     eprintln!("{}: {}", advised.finding.cause, advised.finding.summary);
/// }));
/// let client = keepwarm::Client::builder().observer(advisor.clone()).build()?;
/// # drop(client); Ok(()) }
/// ```
///
/// What it costs: an event is copied into memory, as by [`Recorder`](super::Recorder). At most once a minute, and only
/// when an event comes, the events of the last hour, at most [`Advisor::EVENTS`], are made into a
/// [`Report`] in a thread that is started for it and ends with it: no call waits for that, and
/// a service without calls does nothing. With full memory it is some 15 ms of one processor in each minute, 4 MB, and
/// some 10 MB more while it lasts.
pub struct Advisor(Arc<Inner>);

/// A cause, where it was met, and what was seen of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Advised {
    /// The origin, as `http://host:port`; none when it concerns the clients as a whole.
    pub origin: Option<String>,
    /// The cause with its numbers, evidence and cures. The indexes in it are those of a report that is gone.
    pub finding: Finding,
}

type Tell = Box<dyn Fn(&Advised) + Send + Sync>;

struct Inner {
    beginning: Beginning,
    fresh: Mutex<Fresh>,
    past: Mutex<Past>,
    is_reviewing: AtomicBool,
    tell: Tell,
}

/// Events since the last review: what callers' tasks write to.
#[derive(Default)]
struct Fresh {
    events: VecDeque<Event>,
    dropped: u64,
    last: Option<Instant>,
    next: Option<Instant>,
}

/// What earlier reviews saw, and what they told.
#[derive(Default)]
struct Past {
    events: VecDeque<Event>,
    told: HashMap<(Cause, Option<String>), Instant>,
}

impl Advisor {
    /// Events that are kept at most: some 2 800 calls.
    pub const EVENTS: usize = 20_000;
    /// The time between two reviews, at least.
    pub const EVERY: Duration = Duration::from_secs(60);
    /// How long a cause is not told again for the same origin, and how old the events are at most that it is found in.
    pub const AGAIN: Duration = Duration::from_secs(3600);

    /// Tells causes to this function, which is called in a thread of its own, with no lock held.
    #[must_use]
    pub fn new(tell: impl Fn(&Advised) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            beginning: Beginning::now(),
            fresh: Mutex::default(),
            past: Mutex::default(),
            is_reviewing: AtomicBool::new(false),
            tell: Box::new(tell),
        }))
    }

    /// Tells causes to the process's `tracing` subscriber, at `warn`, with the target `keepwarm`.
    #[cfg(feature = "tracing")]
    #[must_use]
    pub fn to_tracing() -> Self {
        Self::new(|advised| {
            let Finding {
                cause,
                severity,
                summary,
                openings,
                wasted_us,
                cures,
                ..
            } = &advised.finding;
            tracing::warn!(
                target: "keepwarm",
                cause = cause.slug(),
                origin = advised.origin.as_deref(),
                severity = severity.slug(),
                openings,
                wasted_us,
                cure = cures.first().map(|cure| cure.text.as_str()),
                "{summary}"
            );
        })
    }

    /// Looks at the events now, in this thread, and tells what has not been told within the hour.
    ///
    /// Nothing need call it; a service may when it stops, or a test.
    pub fn review(&self) {
        self.0.review();
    }
}

impl Observer for Advisor {
    fn on_event(&self, event: &Event) {
        self.on_owned_event(event.clone());
    }

    fn on_owned_event(&self, event: Event) {
        let at = event.at;
        let mut fresh = lock(&self.0.fresh);
        let oldest = fresh.push(event);
        let is_due = fresh.is_due(at);
        drop(fresh);
        // Freed outside the lock.
        drop(oldest);
        if is_due {
            Inner::review_aside(&self.0);
        }
    }
}

impl fmt::Debug for Advisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Advisor").finish_non_exhaustive()
    }
}

impl Fresh {
    fn push(&mut self, event: Event) -> Option<Event> {
        let mut oldest = None;
        if self.events.len() >= Advisor::EVENTS {
            oldest = self.events.pop_front();
            self.dropped += 1;
        }
        self.last = Some(event.at);
        self.events.push_back(event);
        oldest
    }

    /// Whether it is time for a review; the time of the next is set then.
    fn is_due(&mut self, at: Instant) -> bool {
        let next = *self.next.get_or_insert(at + Advisor::EVERY);
        if at >= next {
            self.next = Some(at + Advisor::EVERY);
        }
        at >= next
    }
}

/// Ends the claim on a review, also when what is called in it panics.
struct Reviewing<'a>(&'a AtomicBool);

impl Drop for Reviewing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Inner {
    /// In a thread of its own, unless one is at it. Where no thread can be had, the next minute sees the same events.
    fn review_aside(inner: &Arc<Self>) {
        if inner.is_reviewing.swap(true, Ordering::AcqRel) {
            return;
        }
        let theirs = Arc::clone(inner);
        let thread = thread::Builder::new().name("keepwarm-advisor".to_owned());
        let started = thread.spawn(move || {
            let _claim = Reviewing(&theirs.is_reviewing);
            theirs.review();
        });
        if started.is_err() {
            drop(Reviewing(&inner.is_reviewing));
        }
    }

    fn review(&self) {
        for advised in self.unsaid() {
            (self.tell)(&advised);
        }
    }

    /// What there is to tell; it counts as told.
    fn unsaid(&self) -> Vec<Advised> {
        let mut past = lock(&self.past);
        // Taken, so that callers' tasks wait for no copying.
        let (fresh, dropped, last) = {
            let mut fresh = lock(&self.fresh);
            let events = std::mem::take(&mut fresh.events);
            (events, std::mem::take(&mut fresh.dropped), fresh.last)
        };
        let Some(now) = last else {
            return Vec::new();
        };
        past.events.extend(fresh);
        past.forget(now);
        let mut log = Log::of_events("advisor", &self.beginning, &past.events);
        log.dropped = dropped;
        let report = Report::of(&[log]);
        let mut unsaid = Vec::new();
        for finding in &report.findings {
            let origin = finding.origin.and_then(|index| report.origins.get(index));
            let origin = origin.map(|origin| origin.name.clone());
            if past.note(finding.cause, origin.clone(), now) {
                let finding = finding.clone();
                unsaid.push(Advised { origin, finding });
            }
        }
        unsaid
    }
}

impl Past {
    /// Whether it was not told within the hour; then it counts as told.
    fn note(&mut self, cause: Cause, origin: Option<String>, now: Instant) -> bool {
        let key = (cause, origin);
        let is_new = !self.told.contains_key(&key);
        if is_new {
            self.told.insert(key, now);
        }
        is_new
    }

    /// Lets go what is older than an hour, and of the rest what is too much. The limits of clients of which something
    /// is left stay: without them a cause in the settings cannot be seen.
    fn forget(&mut self, now: Instant) {
        let is_recent = |at: Instant| now.saturating_duration_since(at) < Advisor::AGAIN;
        self.told.retain(|_, at| is_recent(*at));
        let too_many = self.events.len().saturating_sub(Advisor::EVENTS);
        let too_old = self.events.iter().take_while(|event| !is_recent(event.at));
        let going = too_many.max(too_old.count());
        let mut gone: Vec<Event> = self.events.drain(..going).collect();
        let left: HashSet<ClientId> = self.events.iter().map(|event| event.client).collect();
        gone.retain(|event| {
            let is_limits = matches!(event.kind, EventKind::Configured { .. });
            is_limits && left.contains(&event.client)
        });
        for limits in gone.into_iter().rev() {
            self.events.push_front(limits);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use keepwarm_core::event::{CallId, PoolLimits};

    use super::*;

    fn event(client: u64, at: Instant, kind: EventKind) -> Event {
        Event {
            at,
            client: ClientId(client),
            kind,
        }
    }

    fn ended(client: u64, at: Instant) -> Event {
        let call = CallId(1);
        event(client, at, EventKind::CallEnded { call, failed: None })
    }

    fn configured(client: u64, at: Instant) -> Event {
        let limits = PoolLimits {
            keep_alive: true,
            max_idle: None,
            max_idle_per_host: None,
            max_conns: None,
            max_conns_per_host: None,
            idle_timeout: None,
            max_lifetime: None,
            max_requests_per_connection: None,
        };
        event(client, at, EventKind::Configured { limits })
    }

    #[test]
    fn what_is_kept_is_bounded_in_number_and_age_and_the_limits_of_living_clients_stay() {
        let advisor = Advisor::new(|_| {});
        let began = Instant::now();
        advisor.on_event(&configured(1, began));
        advisor.on_event(&configured(2, began));
        for _ in 0..3 * Advisor::EVENTS {
            lock(&advisor.0.fresh).push(ended(1, began));
        }
        assert_eq!(lock(&advisor.0.fresh).events.len(), Advisor::EVENTS);
        lock(&advisor.0.fresh)
            .events
            .push_front(configured(1, began));
        lock(&advisor.0.fresh)
            .events
            .push_front(configured(2, began));
        advisor.review();
        let kept = || lock(&advisor.0.past).events.len();
        assert_eq!(kept(), Advisor::EVENTS + 1, "and the limits of client 1");

        advisor.on_event(&ended(1, began + Advisor::AGAIN));
        advisor.review();
        assert_eq!(kept(), 2, "one event, and its client's limits");
    }

    #[test]
    fn a_review_is_due_a_minute_after_the_first_event_and_after_each_review() {
        let mut fresh = Fresh::default();
        let began = Instant::now();
        let seconds = [0, 59, 60, 61, 119, 120, 500, 559, 560];
        let due = seconds.map(|it| fresh.is_due(began + Duration::from_secs(it)));
        let expected = [false, false, true, false, false, true, true, false, true];
        assert_eq!(due, expected);
    }
}
