//! `MaxAge`: does the server end connections for their age, and at which?
//!
//! Owns the doubt: a connection may have ended for being idle, or used up. Refuses to know how it was asked.

use std::time::Duration;

use super::IdleTimeout;
use crate::measured::{Age, Measured};

/// The greatest age of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaxAge {
    /// The age at which the server ends connections that are not idle; seen only when they are asked, so that it may
    /// be a little less.
    pub value: Option<Duration>,
    /// One that was this old was answered, and none ended for its age.
    pub at_least: Option<Duration>,
    /// Whether a second connection ended at the same age.
    pub is_confirmed: bool,
}

impl MaxAge {
    pub(super) fn of(measured: &Measured, idle: &IdleTimeout, max_requests: Option<u64>) -> Self {
        let ages = &measured.ages;
        let old = |age: &&Age| !was_idle(age, idle) && !was_used_up(age, measured, max_requests);
        let ended: Vec<_> = ages.ended.iter().filter(old).map(|age| age.after).collect();
        let unknown = Self {
            at_least: ages.at_least,
            ..Self::default()
        };
        let Some(first) = ended.first().copied() else {
            return unknown;
        };
        // Whatever ended one at another age than the other, it was not that.
        let same = |other: Duration| other.abs_diff(first) <= first / 4;
        let outlived = ages
            .at_least
            .is_some_and(|open| open > first && !same(open));
        if outlived || !ended.iter().all(|other| same(*other)) {
            return unknown;
        }
        Self {
            value: ended.iter().min().copied(),
            at_least: None,
            is_confirmed: ended.len() > 1,
        }
    }
}

/// Whether it may have ended for being idle: for half of what others were at least. Jitter can be that much.
fn was_idle(age: &Age, idle: &IdleTimeout) -> bool {
    let shortest = idle.low.or(idle.at_least);
    shortest.is_none_or(|shortest| 2 * age.idle >= shortest)
}

/// Whether it may have ended for the number of its requests.
fn was_used_up(age: &Age, measured: &Measured, max_requests: Option<u64>) -> bool {
    let served = measured.max_requests.as_ref().map(|known| {
        let least = known.counts.iter().min().copied();
        max_requests.or(least).unwrap_or(known.at_least)
    });
    served.is_none_or(|served| age.requests >= served)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::measured;
    use crate::measured::MaxRequests;

    fn judged(ends: &[(u64, u64, u64)], at_least: u64, idle: u64) -> MaxAge {
        let mut seen = measured();
        seen.max_requests = Some(MaxRequests {
            at_least: 300,
            ..MaxRequests::default()
        });
        seen.ages.at_least = Some(Duration::from_secs(at_least));
        let ends = ends.iter().map(|(after, requests, idle)| Age {
            after: Duration::from_secs(*after),
            requests: *requests,
            idle: Duration::from_secs(*idle),
            announced: true,
        });
        seen.ages.ended.extend(ends);
        let idle = IdleTimeout {
            low: Some(Duration::from_secs(idle)),
            ..IdleTimeout::default()
        };
        MaxAge::of(&seen, &idle, None)
    }

    fn value(ends: &[(u64, u64, u64)], at_least: u64, idle: u64) -> Option<u64> {
        judged(ends, at_least, idle).value.map(|age| age.as_secs())
    }

    #[test]
    fn an_end_that_nothing_else_explains_is_for_age() {
        assert_eq!(value(&[(30, 15, 2)], 28, 60), Some(30));
        assert_eq!(value(&[(31, 15, 2), (30, 15, 2)], 28, 60), Some(30));
        assert!(judged(&[(31, 15, 2), (30, 15, 2)], 28, 60).is_confirmed);
        assert_eq!(value(&[], 78, 60), None);
        assert_eq!(judged(&[], 78, 60).at_least, Some(Duration::from_secs(78)));
    }

    #[test]
    fn an_end_that_something_else_explains_is_not() {
        // Idle for as long as the server keeps idle connections.
        assert_eq!(value(&[(6, 3, 2)], 4, 2), None);
        // Not as long as others, but with jitter it could be.
        assert_eq!(value(&[(6, 3, 2)], 4, 4), None);
        assert_eq!(value(&[(6, 3, 2)], 4, 5), Some(6));
        // As many requests as were ever answered.
        assert_eq!(value(&[(30, 300, 2)], 28, 60), None);
        // Another age each time, or one that grew older.
        assert_eq!(value(&[(30, 15, 2), (10, 5, 2)], 28, 60), None);
        assert_eq!(value(&[(10, 15, 2)], 60, 60), None);
    }
}
