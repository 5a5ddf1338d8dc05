//! `Http2Diagnosis`: what the measurements of HTTP/2 come to.
//!
//! Owns the comparison that tells whether PING counts. Refuses to judge the numbers.

use std::time::Duration;

use super::IdleTimeout;
use crate::measured::{Life, Measured, Situation};

/// What was learnt of HTTP/2.
#[derive(Clone, Debug, Default)]
pub struct Http2Diagnosis {
    /// How long the server keeps idle connections.
    pub idle: IdleTimeout,
    /// Whether a PING counts as use, so that idle connections that are pinged live on; none when that was not seen:
    /// no idle connection ended, or sooner than the first PING, or PINGs were refused.
    pub ping_counts: Option<bool>,
    /// Requests it serves on a connection, when it ends every one after the same number; else none.
    pub max_requests: Option<u64>,
}

/// Times of two connections that differ by less than this, or this part, are the same timeout.
const SAME: Duration = Duration::from_millis(100);

impl Http2Diagnosis {
    pub(super) fn of(measured: &Measured) -> Self {
        let idle = IdleTimeout::over_http2(measured);
        let known = measured.http2.max_requests.as_ref();
        Self {
            ping_counts: ping_counts(measured, &idle),
            max_requests: known.and_then(super::same_count),
            idle,
        }
    }
}

fn ping_counts(measured: &Measured, idle: &IdleTimeout) -> Option<bool> {
    let pings = measured.http2.pings.filter(|pings| !pings.refused)?;
    let (first, value) = (pings.first?, idle.value?);
    // A PING behind the end of the others tells nothing.
    if idle.low.is_none_or(|low| first >= low) {
        return None;
    }
    let others = idle.high.unwrap_or(value);
    let beyond = others + SAME.max(others / 20);
    let mut pinged = measured.samples.iter();
    let pinged = pinged.find(|sample| sample.situation == Situation::Http2Ping)?;
    match pinged.life {
        Life::Ended {
            uncertain: true, ..
        } => None,
        Life::Ended { high, .. } if high <= beyond => Some(false),
        // The timeout began anew with the PING; what ends between is jitter.
        Life::Ended { low, .. } if low >= first + value * 9 / 10 => Some(true),
        Life::Ended { .. } | Life::Lost(_) => None,
        Life::Open(open) => (open > beyond).then_some(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ending::EndedBy;
    use crate::measured::{Pilot, Pings, Sample};
    use http::{HeaderMap, Version};
    use keepwarm_core::reason::Reuse;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn ended(after: u64) -> Life {
        let after = MS(after);
        Life::Ended {
            after,
            low: after,
            high: after,
            by: EndedBy::GoAway,
            uncertain: false,
        }
    }

    fn counts(idle: Life, pinged: Life, first: Option<u64>, refused: bool) -> Option<bool> {
        let pilot = Pilot {
            status: 200,
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
            reuse: Reuse::Keep,
            body: 0,
            round_trip: MS(1),
        };
        let mut measured = Measured::of("https://a.test/".to_owned(), pilot);
        let since = std::time::Instant::now();
        let address = "127.0.0.1:1".parse().expect("an address");
        measured.samples = [(Situation::Http2, idle), (Situation::Http2Ping, pinged)]
            .map(|(situation, life)| Sample {
                situation,
                address,
                since,
                life,
            })
            .to_vec();
        measured.http2.pings = Some(Pings {
            acknowledged: 1,
            first: first.map(MS),
            refused,
        });
        Http2Diagnosis::of(&measured).ping_counts
    }

    #[test]
    fn a_connection_that_outlives_the_others_by_a_timeout_shows_that_ping_counts() {
        let first = Some(1_001);
        assert_eq!(counts(ended(1_500), ended(2_502), first, false), Some(true));
        let open = Life::Open(MS(2_000));
        assert_eq!(counts(ended(1_500), open, first, false), Some(true));
        let as_the_other = ended(1_504);
        assert_eq!(
            counts(ended(1_500), as_the_other, first, false),
            Some(false)
        );
    }

    #[test]
    fn what_shows_nothing_is_not_told() {
        let first = Some(1_001);
        let jitter = ended(1_800);
        assert_eq!(counts(ended(1_500), jitter, first, false), None);
        assert_eq!(counts(ended(900), ended(902), first, false), None);
        assert_eq!(counts(ended(1_500), ended(1_501), None, false), None);
        assert_eq!(counts(ended(1_500), ended(1_501), first, true), None);
        let open = Life::Open(MS(9_000));
        assert_eq!(counts(open, open, first, false), None);
    }
}
