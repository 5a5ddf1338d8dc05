//! `Learner`: what a server's closes of idle connections teach about its keep-alive timeout.
//!
//! Owns the samples, the announcement, and the rule that makes an estimate of them. Refuses to know
//! connections, sockets and what is done about an estimate.
//!
//! A close that meets a parked connection is a free measurement; a `Keep-Alive: timeout` header is an
//! announcement. Measurements win where they contradict what was announced. A sample can only be late
//! (we notice a close after it happened), so the smallest of those that agree is the truth.

use std::time::{Duration, Instant};

/// Samples kept.
const KEPT: usize = 8;
/// Samples kept that lie above the present estimate: a stall of our own makes a whole batch of
/// closes look late, and that batch must not push out the good ones.
const KEPT_LATE: usize = 3;
/// An estimate nobody confirmed for so long is forgotten (or four times itself, if that is longer).
const FORGET: Duration = Duration::from_secs(600);

/// Where an estimate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The server said so (`Keep-Alive: timeout`).
    Announced,
    /// Its closes were seen.
    Measured,
}

impl Source {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Measured => "measured",
        }
    }
}

/// How long the server keeps an idle connection, as far as we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The server's idle timeout.
    pub timeout: Duration,
    /// How long before the timeout a connection becomes doubtful.
    pub margin: Duration,
    /// Where the number comes from.
    pub source: Source,
}

impl Estimate {
    fn new(timeout: Duration, round_trip: Duration, source: Source) -> Self {
        let margin = round_trip
            .saturating_mul(2)
            .max(timeout / 10)
            .max(Duration::from_millis(1))
            .min(timeout / 2);
        Self {
            timeout,
            margin,
            source,
        }
    }

    /// The idle time from which on the server may close any moment: timeout less margin.
    pub fn doubtful_after(&self) -> Duration {
        self.timeout - self.margin
    }
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    idle: Duration,
    at: Instant,
}

/// Learns one server's idle timeout.
#[derive(Clone, Debug, Default)]
pub struct Learner {
    /// Oldest first.
    samples: Vec<Sample>,
    announced: Option<Sample>,
    round_trip: Duration,
}

impl Learner {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The server closed a parked connection, cleanly and unannounced, that had served and had been
    /// idle for `idle`.
    pub fn on_peer_close(&mut self, now: Instant, idle: Duration, round_trip: Duration) {
        self.round_trip = round_trip;
        self.drop_stale(now);
        if let Some(present) = self.timeout() {
            let ceiling = present + tolerance(present);
            if idle > ceiling {
                self.on_late(now, present, ceiling);
            }
        }
        if self.samples.len() == KEPT {
            self.samples.remove(0);
        }
        self.samples.push(Sample { idle, at: now });
    }

    /// A sample above the estimate arrives: perhaps the server's timeout was raised.
    fn on_late(&mut self, now: Instant, present: Duration, ceiling: Duration) {
        let confirmed = self
            .samples
            .iter()
            .rposition(|sample| sample.idle <= ceiling);
        let newer_disagree = confirmed.is_some_and(|last| last + 1 < self.samples.len());
        // Two in a row are not enough when they came in one batch: the old timeout must have had time to show.
        let patience = (present * 4).max(Duration::from_secs(1));
        let silent = confirmed.is_some_and(|last| since(now, self.samples[last].at) >= patience);
        if newer_disagree && silent {
            self.samples.retain(|sample| sample.idle > ceiling);
        } else {
            let late = |sample: &Sample| sample.idle > ceiling;
            if self.samples.iter().filter(|sample| late(sample)).count() >= KEPT_LATE
                && let Some(oldest) = self.samples.iter().position(late)
            {
                self.samples.remove(oldest);
            }
        }
    }

    /// The server announced `Keep-Alive: timeout`. Returns whether that is news.
    pub fn on_announced(&mut self, now: Instant, timeout: Duration, round_trip: Duration) -> bool {
        self.round_trip = round_trip;
        let known = self.announced.is_some_and(|known| {
            known.idle == timeout && since(now, known.at) < forget_after(timeout)
        });
        self.announced = Some(Sample {
            idle: timeout,
            at: now,
        });
        !known
    }

    /// A connection answered a request after having been idle for `idle`: what says that the server
    /// would have closed it by then is wrong, and is let go. Returns whether anything was.
    pub fn on_reused_at(&mut self, idle: Duration) -> bool {
        let before = self.samples.len();
        self.samples
            .retain(|sample| sample.idle + tolerance(sample.idle) >= idle);
        before != self.samples.len()
    }

    /// The best estimate: measured, else announced.
    pub fn estimate(&self, now: Instant) -> Option<Estimate> {
        self.measured(now).or_else(|| self.announced(now))
    }

    /// What was measured, if it still holds.
    pub fn measured(&self, now: Instant) -> Option<Estimate> {
        let timeout = self.timeout()?;
        let confirmed = self.confirmed(timeout)?;
        (since(now, confirmed) < forget_after(timeout))
            .then(|| Estimate::new(timeout, self.round_trip, Source::Measured))
    }

    /// What was announced last, if it still holds.
    pub fn announced(&self, now: Instant) -> Option<Estimate> {
        self.announced
            .filter(|known| since(now, known.at) < forget_after(known.idle))
            .map(|known| Estimate::new(known.idle, self.round_trip, Source::Announced))
    }

    /// When the present answers stop to hold by themselves; none when there is nothing to forget.
    pub fn holds_until(&self, now: Instant) -> Option<Instant> {
        let measured = self
            .timeout()
            .and_then(|timeout| self.confirmed(timeout)?.checked_add(forget_after(timeout)));
        let announced = self
            .announced
            .and_then(|known| known.at.checked_add(forget_after(known.idle)));
        [measured, announced]
            .into_iter()
            .flatten()
            .filter(|until| *until > now)
            .min()
    }

    /// The smallest sample that enough others agree with.
    fn timeout(&self) -> Option<Duration> {
        let agreeing = |low: Duration| {
            let high = low + tolerance(low);
            let near = |sample: &&Sample| (low..=high).contains(&sample.idle);
            self.samples.iter().filter(near).count()
        };
        // Of one or two samples the smaller counts; of more, a lone early close (a restart) does not.
        let needed = if self.samples.len() < 3 { 1 } else { 2 };
        let all = self.samples.iter().map(|sample| sample.idle);
        all.clone()
            .filter(|idle| agreeing(*idle) >= needed)
            .min()
            .or_else(|| all.min())
    }

    /// When the newest sample that supports this timeout was taken.
    fn confirmed(&self, timeout: Duration) -> Option<Instant> {
        let high = timeout + tolerance(timeout);
        self.samples
            .iter()
            .filter(|sample| (timeout..=high).contains(&sample.idle))
            .map(|sample| sample.at)
            .max()
    }

    fn drop_stale(&mut self, now: Instant) {
        self.samples
            .retain(|sample| since(now, sample.at) < forget_after(sample.idle));
    }
}

/// How far above the smallest a sample may lie and still agree: 10 %, at least 5 ms.
pub(crate) fn tolerance(timeout: Duration) -> Duration {
    (timeout / 10).max(Duration::from_millis(5))
}

fn forget_after(timeout: Duration) -> Duration {
    timeout.saturating_mul(4).max(FORGET)
}

fn since(now: Instant, at: Instant) -> Duration {
    now.saturating_duration_since(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Feeds samples (second, idle in ms) and answers the measured timeout at a second.
    fn measured(samples: &[(u64, u64)], second: u64) -> Option<Duration> {
        let start = Instant::now();
        let mut learner = Learner::new();
        for (at, idle) in samples {
            learner.on_peer_close(start + Duration::from_secs(*at), ms(*idle), Duration::ZERO);
        }
        let estimate = learner.measured(start + Duration::from_secs(second))?;
        assert_eq!(estimate.source, Source::Measured);
        Some(estimate.timeout)
    }

    #[test]
    fn a_single_first_close_counts() {
        assert_eq!(measured(&[(0, 5_000)], 1), Some(ms(5_000)));
    }

    #[test]
    fn the_smallest_of_those_that_agree_is_the_estimate() {
        let samples = [(0, 5_100), (1, 5_000), (2, 5_300)];
        assert_eq!(measured(&samples, 3), Some(ms(5_000)));
    }

    #[test]
    fn a_lone_early_close_does_not_rule_over_several_that_agree() {
        let samples = [(0, 5_000), (1, 5_010), (2, 700)];
        assert_eq!(measured(&samples, 3), Some(ms(5_000)));
        let twice = [(0, 5_000), (1, 5_010), (2, 700), (3, 720)];
        assert_eq!(measured(&twice, 4), Some(ms(700)), "two are no accident");
    }

    #[test]
    fn a_batch_of_late_closes_does_not_hide_the_timeout() {
        let mut samples = vec![(0, 20), (0, 21)];
        samples.extend((0..50).map(|extra| (0, 40 + extra % 3)));
        assert_eq!(measured(&samples, 1), Some(ms(20)));
    }

    #[test]
    fn two_later_closes_let_go_of_a_timeout_that_was_raised() {
        let raised = [(0, 5_000), (1, 5_000), (60, 65_000), (125, 65_010)];
        assert_eq!(measured(&raised[..3], 61), Some(ms(5_000)));
        assert_eq!(measured(&raised, 126), Some(ms(65_000)));
    }

    #[test]
    fn what_nobody_confirms_for_ten_minutes_is_forgotten() {
        assert_eq!(measured(&[(0, 5_000)], 599), Some(ms(5_000)));
        assert_eq!(measured(&[(0, 5_000)], 600), None);
        // A timeout of five minutes cannot be confirmed as often.
        assert_eq!(measured(&[(0, 300_000)], 1_199), Some(ms(300_000)));
        let start = Instant::now();
        let mut learner = Learner::new();
        assert!(learner.on_announced(start, ms(5_000), Duration::ZERO));
        assert!(!learner.on_announced(start, ms(5_000), Duration::ZERO));
        let until = learner.holds_until(start).unwrap();
        assert_eq!(until, start + Duration::from_secs(600));
        assert_eq!(learner.announced(until), None);
    }

    #[test]
    fn a_reuse_beyond_the_estimate_disproves_it() {
        let start = Instant::now();
        let mut learner = Learner::new();
        learner.on_peer_close(start, ms(1_000), Duration::ZERO);
        assert!(!learner.on_reused_at(ms(1_090)), "within the tolerance");
        assert!(learner.measured(start).is_some());
        assert!(learner.on_reused_at(ms(1_200)));
        assert_eq!(learner.measured(start), None);
    }

    #[test]
    fn the_margin_is_two_round_trips_or_a_tenth_and_never_more_than_half() {
        let start = Instant::now();
        let margin = |timeout, round_trip| {
            let mut learner = Learner::new();
            learner.on_peer_close(start, timeout, round_trip);
            let estimate = learner.estimate(start).unwrap();
            assert_eq!(estimate.doubtful_after() + estimate.margin, timeout);
            estimate.margin
        };
        assert_eq!(margin(ms(5_000), ms(20)), ms(500));
        assert_eq!(margin(ms(1_000), ms(150)), ms(300));
        assert_eq!(margin(ms(5), Duration::ZERO), ms(1));
        assert_eq!(margin(ms(1_000), ms(800)), ms(500));
        assert_eq!(margin(ms(1), Duration::MAX), Duration::from_micros(500));
    }

    #[test]
    fn a_measurement_goes_before_an_announcement() {
        let start = Instant::now();
        let mut learner = Learner::new();
        learner.on_announced(start, ms(5_000), Duration::ZERO);
        let announced = learner.estimate(start).unwrap();
        assert_eq!(announced.source, Source::Announced);
        assert_eq!(announced.timeout, ms(5_000));
        learner.on_peer_close(start, ms(4_000), Duration::ZERO);
        assert_eq!(learner.estimate(start).unwrap().source, Source::Measured);
    }
}
