//! `SilentDrop`: do idle connections die without a word, after how long, and does TCP keepalive help?
//!
//! Owns the bounds. Refuses to know how a connection was found dead.

use std::time::Duration;

use crate::ending::EndedBy;
use crate::measured::{LateOutcome, LateUse, Life, Measured};

/// Whether idle connections are dropped without FIN or reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SilentDrop {
    /// Whether; none when no connection that was idle was used late.
    pub found: Option<bool>,
    /// The longest idle time after which a connection was alive, below `first_bad`.
    pub last_good: Option<Duration>,
    /// The shortest after which one was dead.
    pub first_bad: Option<Duration>,
    /// Whether connections that TCP keepalive probed meanwhile outlived that.
    pub tcp_keepalive_helps: Option<bool>,
}

impl SilentDrop {
    pub(super) fn of(measured: &Measured) -> Self {
        let uses = measured.late_uses.iter();
        let uses: Vec<_> = uses.filter(|late| !crossed(measured, late)).collect();
        let dead = |late: &&&LateUse| late.outcome != LateOutcome::Answered;
        let bare = || uses.iter().filter(|late| !late.probed);
        let first_bad = bare().filter(dead).map(|late| late.idle).min();
        let good = bare().filter(|late| !dead(late)).map(|late| late.idle);
        let good = good.filter(|idle| first_bad.is_none_or(|bad| *idle < bad));
        let last_good = good.max();
        let known = first_bad.is_some() || last_good.is_some();
        let probed = |bad| {
            let probed = uses
                .iter()
                .filter(move |late| late.probed && late.idle >= bad);
            probed.map(|late| late.outcome == LateOutcome::Answered)
        };
        Self {
            found: known.then_some(first_bad.is_some()),
            last_good,
            first_bad,
            // One that died tells that it does not; only when none did, one that lived tells that it does.
            tcp_keepalive_helps: first_bad.and_then(|bad| probed(bad).min()),
        }
    }
}

/// Whether the server's own reset of idle connections may have crossed the request: then nothing was silent.
fn crossed(measured: &Measured, late: &LateUse) -> bool {
    let resets = |sample: &crate::measured::Sample| match sample.life {
        Life::Ended {
            low,
            by: EndedBy::Rst,
            ..
        } => low <= late.idle + late.idle / 50,
        Life::Ended { .. } | Life::Lost(_) | Life::Open(_) => false,
    };
    late.outcome == LateOutcome::Reset && measured.samples.iter().any(resets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::measured;

    fn judged(uses: &[(u64, bool, LateOutcome)]) -> SilentDrop {
        let mut measured = measured();
        measured.late_uses = uses
            .iter()
            .map(|(idle, probed, outcome)| LateUse {
                idle: Duration::from_secs(*idle),
                probed: *probed,
                outcome: *outcome,
            })
            .collect();
        SilentDrop::of(&measured)
    }

    const GOOD: LateOutcome = LateOutcome::Answered;
    const DEAD: LateOutcome = LateOutcome::Silence;
    const BARE: bool = false;
    const PROBED: bool = true;

    #[test]
    fn nothing_is_known_without_a_late_use() {
        assert_eq!(judged(&[]), SilentDrop::default());
        let it = judged(&[(10, BARE, GOOD), (75, BARE, GOOD), (75, PROBED, GOOD)]);
        assert_eq!((it.found, it.first_bad), (Some(false), None));
        assert_eq!(it.last_good, Some(Duration::from_secs(75)));
        assert_eq!(it.tcp_keepalive_helps, None);
    }

    #[test]
    fn the_bounds_are_the_last_that_lived_and_the_first_that_was_dead() {
        let it = judged(&[
            (10, BARE, GOOD),
            (20, BARE, GOOD),
            (30, BARE, DEAD),
            (45, BARE, LateOutcome::Reset),
            // Of another backend, or way.
            (60, BARE, GOOD),
        ]);
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs());
        assert_eq!(
            (seconds(it.last_good), seconds(it.first_bad)),
            (Some(20), Some(30))
        );
        assert_eq!((it.found, it.tcp_keepalive_helps), (Some(true), None));
    }

    #[test]
    fn keepalive_helps_when_only_those_it_probed_lived() {
        let bare = [(10, BARE, GOOD), (30, BARE, DEAD)];
        let with = |more: &[_]| judged(&[&bare[..], more].concat()).tcp_keepalive_helps;
        assert_eq!(with(&[(75, PROBED, GOOD)]), Some(true));
        assert_eq!(with(&[(75, PROBED, DEAD)]), Some(false));
        assert_eq!(with(&[(75, PROBED, GOOD), (75, PROBED, DEAD)]), Some(false));
        // It was used before anything was dead: that tells nothing.
        assert_eq!(with(&[(20, PROBED, GOOD)]), None);
    }

    #[test]
    fn a_reset_that_the_server_sends_by_itself_at_that_time_is_no_silence() {
        let mut measured = measured();
        let time = Duration::from_secs(30);
        measured.late_uses.push(LateUse {
            idle: time,
            probed: BARE,
            outcome: LateOutcome::Reset,
        });
        assert_eq!(SilentDrop::of(&measured).found, Some(true));
        measured.samples.push(crate::measured::Sample {
            situation: crate::measured::Situation::AfterOne,
            address: ([127, 0, 0, 1], 80).into(),
            since: std::time::Instant::now(),
            life: Life::Ended {
                after: time,
                low: time,
                high: time,
                by: EndedBy::Rst,
                uncertain: false,
            },
        });
        assert_eq!(SilentDrop::of(&measured).found, None);
    }
}
