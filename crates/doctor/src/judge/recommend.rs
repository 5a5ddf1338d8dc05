//! `Recommendation`: settings of a client that fit what was measured.
//!
//! Owns the margin. Refuses to recommend what nothing was measured for.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{IdleTimeout, SilentDrop, snippets};
use crate::measured::Measured;

/// keepwarm's own default: a server that keeps connections longer needs nothing shorter.
const DEFAULT_IDLE: Duration = Duration::from_secs(30);
/// keepwarm's default number of idle connections per origin.
const DEFAULT_IDLE_PER_HOST: usize = 100;
/// The soonest that what stands on the way, a NAT or a balancer, is known to forget an idle connection without a word:
/// Azure's, in the table of defaults.
const FORGETS: Duration = Duration::from_secs(240);

/// Settings that fit a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recommendation {
    /// keepwarm's `idle_timeout`; none when nothing is known that would decide it, or connections are not reused.
    pub idle_timeout: Option<Duration>,
    /// Whether that only was seen to be safe, and the server may allow more: no connection ended in the time there was.
    pub may_be_longer: bool,
    /// keepwarm's `max_idle_per_host`: its default while nothing speaks against keeping connections, 0 when none can
    /// be reused; none when that is not known.
    pub max_idle_per_host: Option<usize>,
    /// keepwarm's `retry_policy` (its default): what is safe to send again when a reused connection ends just then;
    /// none when connections are not reused.
    pub retries: Option<&'static str>,
    /// TCP keepalive, so that what stands on the way does not forget a connection that is idle for so long; none when
    /// nothing is known that would.
    pub tcp_keepalive: Option<Duration>,
    /// The same as pieces of code and configuration, by the name of the client or proxy; empty when nothing is
    /// recommended.
    pub snippets: BTreeMap<&'static str, String>,
    /// `h2` where it works, for one connection is then shared by all requests; else `h1`; none when neither is known
    /// to keep connections.
    pub http_version: Option<&'static str>,
}

impl Recommendation {
    pub(super) fn of(
        measured: &Measured,
        idle: &IdleTimeout,
        silent: &SilentDrop,
        over_http2: &IdleTimeout,
    ) -> Self {
        let it = Self::of_main(measured, idle, silent);
        if !measured.http2.examined {
            return it;
        }
        let round_trip = measured.pilot.round_trip;
        let idle_timeout = if measured.reuse == Some(true) {
            // A client may speak either, with one setting for both.
            let theirs = over_http2.value.and(over_http2.safe());
            let theirs = theirs.map(|safe| with_margin(safe, round_trip));
            match (it.idle_timeout, theirs) {
                (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
                (either, other) => either.or(other),
            }
        } else {
            let safe = over_http2.safe();
            safe.map(|safe| with_margin(safe, round_trip).min(DEFAULT_IDLE))
        };
        Self {
            max_idle_per_host: Some(DEFAULT_IDLE_PER_HOST),
            retries: Some("go"),
            http_version: Some("h2"),
            ..it.with_idle(measured, idle_timeout)
        }
    }

    /// The idle timeout, and what follows from it.
    fn with_idle(self, measured: &Measured, idle_timeout: Option<Duration>) -> Self {
        Self {
            idle_timeout,
            tcp_keepalive: idle_timeout
                .filter(|it| *it >= FORGETS)
                .map(|_| FORGETS / 3),
            snippets: idle_timeout
                .map(|idle| snippets::of(&measured.url, idle, DEFAULT_IDLE_PER_HOST))
                .unwrap_or_default(),
            ..self
        }
    }

    fn of_main(measured: &Measured, idle: &IdleTimeout, silent: &SilentDrop) -> Self {
        let Some(keeps) = measured.reuse else {
            return Self::default();
        };
        if !keeps {
            return Self {
                max_idle_per_host: Some(0),
                ..Self::default()
            };
        }
        let round_trip = measured.pilot.round_trip;
        let told = measured.announced.and_then(|announced| announced.timeout);
        let seen = idle.safe().map(|safe| with_margin(safe, round_trip));
        let told = told.map(|told| with_margin(told, round_trip));
        let idle_timeout = match (idle.value.and(seen), told) {
            (Some(seen), Some(told)) => Some(seen.min(told)),
            (Some(seen), None) => Some(seen),
            // Nothing contradicts what the server announces.
            (None, Some(told)) => Some(told.min(DEFAULT_IDLE)),
            // It may be kept for longer than was waited for; this was seen to be safe.
            (None, None) => seen.map(|seen| seen.min(DEFAULT_IDLE)),
        };
        // Beyond the last idle time that was seen to work, nothing is.
        let idle_timeout = match (silent.first_bad, silent.last_good) {
            (None, _) => idle_timeout,
            (Some(_), Some(good)) => {
                let good = with_margin(good, round_trip);
                Some(idle_timeout.map_or(good.min(DEFAULT_IDLE), |it| it.min(good)))
            }
            (Some(_), None) => None,
        };
        let is_bound = idle.value.is_none() && told.is_none() && silent.first_bad.is_none();
        Self {
            may_be_longer: is_bound && idle_timeout.is_some_and(|it| it < DEFAULT_IDLE),
            max_idle_per_host: Some(DEFAULT_IDLE_PER_HOST),
            retries: Some("go"),
            http_version: Some("h1"),
            ..Self::default().with_idle(measured, idle_timeout)
        }
    }
}

/// Less a second, or two round trips and a tenth; of short times at least a half stays.
pub(super) fn with_margin(idle: Duration, round_trip: Duration) -> Duration {
    let margin = Duration::from_secs(1).max(2 * round_trip + idle / 10);
    idle.saturating_sub(margin).max(idle / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_is_a_second_or_a_tenth_and_never_all() {
        let margin = |idle, round_trip| {
            let (idle, round_trip) = (
                Duration::from_millis(idle),
                Duration::from_millis(round_trip),
            );
            with_margin(idle, round_trip).as_millis()
        };
        assert_eq!(margin(5_000, 1), 4_000);
        assert_eq!(margin(60_000, 500), 53_000);
        assert_eq!(margin(1_000, 1), 500);
        assert_eq!(margin(0, 1), 0);
    }
}
