//! `IdleTimeout`: one number from several connections, or several numbers, or a bound.
//!
//! Owns the clustering. Refuses to judge the number.

use std::time::{Duration, Instant};

use crate::ending::EndedBy;
use crate::measured::{Life, Measured, Sample, Situation};

/// How long the server keeps idle connections that have served a request.
#[derive(Clone, Debug, Default)]
pub struct IdleTimeout {
    /// The timeout: the middle of what was measured; with several values, the middle of the shortest. None when no
    /// connection ended.
    pub value: Option<Duration>,
    /// No connection ended sooner.
    pub low: Option<Duration>,
    /// Each connection that ended did so no later.
    pub high: Option<Duration>,
    /// Connections were open for so long when the time was over; none when all ended.
    pub at_least: Option<Duration>,
    /// How the connections ended; when not all in the same way, how the first did.
    pub ended_by: Option<EndedBy>,
    /// One value, or one for each backend that seems to be there, the shortest first. Empty when none ended.
    pub values: Vec<Duration>,
    /// This process was held up while it measured, or the machine slept: the times may be wrong by more than the
    /// tolerance (50 ms, or 2 %).
    pub uncertain: bool,
    /// Connections that were waited for.
    pub connections: usize,
    /// Whether HTTP/2 was spoken on them.
    pub is_http2: bool,
}

/// Times this close to each other are one value, whatever they are.
const CLOSE: Duration = Duration::from_millis(50);
/// Times that lie further apart, or by a twentieth, are no single one.
const JITTER: Duration = Duration::from_millis(100);
/// Values this far apart, or by this part of the shorter one, are of different backends and no jitter.
const APART: Duration = Duration::from_millis(200);
/// Servers that look at their connections now and then do so every second or two.
const TICKS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

#[derive(Clone, Copy)]
struct Ended {
    since: Instant,
    after: Duration,
    low: Duration,
    high: Duration,
    by: EndedBy,
}

impl IdleTimeout {
    /// That of HTTP/1, or of HTTP/2 where it is all that was spoken.
    pub(super) fn of(measured: &Measured) -> Self {
        Self::over(measured, measured.is_http2_only())
    }

    pub(super) fn over_http2(measured: &Measured) -> Self {
        Self::over(measured, true)
    }

    fn over(measured: &Measured, is_http2: bool) -> Self {
        let samples: Vec<_> = measured
            .samples
            .iter()
            .filter(|sample| counts(measured, sample, is_http2))
            .collect();
        let (mut ended, mut open, mut doubtful) = (Vec::new(), Vec::new(), 0);
        for sample in &samples {
            match sample.life {
                Life::Ended {
                    uncertain: true, ..
                } => doubtful += 1,
                Life::Ended {
                    after,
                    low,
                    high,
                    by,
                    uncertain: false,
                } => ended.push(Ended {
                    since: sample.since,
                    after,
                    low,
                    high,
                    by,
                }),
                Life::Open(since) => open.push(since),
                Life::Lost(_) => {}
            }
        }
        ended.sort_by_key(|it| it.after);
        let clusters = clusters(&ended, &open);
        Self {
            value: clusters.first().copied(),
            low: ended.iter().map(|it| it.low).min(),
            high: ended.iter().map(|it| it.high).max(),
            at_least: open.iter().min().copied(),
            ended_by: ended.first().map(|it| it.by),
            values: clusters,
            // One clear measurement is enough, whatever disturbed the others.
            uncertain: ended.is_empty() && doubtful > 0,
            connections: samples.len(),
            is_http2,
        }
    }

    /// What they are, for a sentence.
    pub(super) fn what(&self) -> &'static str {
        if self.is_http2 {
            "idle HTTP/2 connections"
        } else {
            "idle connections"
        }
    }

    /// Whether anything is known.
    pub(super) fn is_told(&self) -> bool {
        self.value.is_some() || self.at_least.is_some()
    }

    /// Whether several backends seem to differ.
    pub fn differs(&self) -> bool {
        self.values.len() > 1
    }

    /// Whether connections end at times that are spread without order, so that no single number says it: a server that
    /// adds jitter, or looks at its connections now and then.
    pub fn is_jittered(&self) -> bool {
        let (Some(low), Some(high)) = (self.low, self.high) else {
            return false;
        };
        !self.differs() && high.saturating_sub(low) > JITTER.max(low / 20)
    }

    /// The longest idle time that was seen to be safe.
    pub fn safe(&self) -> Option<Duration> {
        self.value
            .map(|_| self.low.unwrap_or_default())
            .or(self.at_least)
    }

    /// Whether it is not known to be so long, and not known to be shorter either.
    pub(super) fn may_be_below(&self, least: Duration) -> bool {
        self.value.is_none() && self.at_least.is_none_or(|open| open < least)
    }
}

/// Whether the sample tells how long the server keeps an idle connection of this version between requests.
fn counts(measured: &Measured, sample: &Sample, is_http2: bool) -> bool {
    if sample.situation.is_http2() != is_http2 {
        return false;
    }
    // A connection that was used up ends at once, and for another reason.
    let limits = measured
        .max_requests
        .as_ref()
        .map_or(&[][..], |known| &known.counts);
    let used_up =
        sample.situation == Situation::AfterTen && limits.iter().any(|count| *count <= 10);
    // A box on the way that forgets connections answers probes with resets, which are then not the server's.
    let lost = |sample: &Sample| matches!(sample.life, Life::Lost(_));
    let probed = sample.situation == Situation::Probed && measured.samples.iter().any(lost);
    sample.situation.is_between_requests() && !used_up && !probed
}

/// Whether one connection alone ended at another time than the others: more of them would tell a backend from a whim.
pub(crate) fn has_outlier(measured: &Measured) -> bool {
    let mut ended: Vec<_> = measured
        .samples
        .iter()
        .filter(|sample| counts(measured, sample, measured.is_http2_only()))
        .filter_map(|sample| match sample.life {
            Life::Ended { after, .. } => Some(after),
            Life::Lost(_) | Life::Open(_) => None,
        })
        .collect();
    ended.sort();
    let groups = groups(&ended);
    groups.len() > 1 && groups.iter().any(|group| group.len() == 1)
}

/// Times that follow each other closely, together. `ended` is sorted.
fn groups(ended: &[Duration]) -> Vec<Vec<Duration>> {
    let mut groups: Vec<Vec<Duration>> = Vec::new();
    for after in ended {
        match groups.last_mut() {
            Some(group)
                if *after - group[group.len() - 1] <= APART.max(group[group.len() - 1] / 10) =>
            {
                group.push(*after);
            }
            Some(_) | None => groups.push(vec![*after]),
        }
    }
    groups
}

/// The middle of each group, when there are groups; else the middle of all. `ended` is sorted.
fn clusters(ended: &[Ended], open: &[Duration]) -> Vec<Duration> {
    let all: Vec<_> = ended.iter().map(|it| it.after).collect();
    let Some(longest) = all.last().copied() else {
        return Vec::new();
    };
    let groups = groups(&all);
    let is_tight = |group: &Vec<Duration>| {
        let (first, last) = (group[0], group[group.len() - 1]);
        group.len() >= 2 && last - first <= CLOSE.max(first / 50)
    };
    // Spread without order is jitter; only groups that agree within themselves are backends.
    let are_two = groups.len() == 2;
    let tight = groups.iter().all(is_tight) && !(are_two && are_ticks(ended, groups[0].len()));
    let mut values: Vec<_> = match tight {
        true => groups.iter().map(|group| middle(group)).collect(),
        false => vec![middle(&all)],
    };
    // Connections that outlived the others by far are those of a backend with a longer timeout.
    let outlived = open
        .iter()
        .filter(|open| **open > longest + APART.max(longest / 4));
    if tight && outlived.clone().count() >= 2 {
        values.extend(outlived.min());
    }
    values
}

/// Whether one server with a clock of whole seconds explains two groups, the first of which has so many members: what
/// became idle before a tick of it ends a second or two sooner than what became idle behind it. Backends would be met
/// in any order. `ended` is sorted.
fn are_ticks(ended: &[Ended], first: usize) -> bool {
    let (shorter, longer) = ended.split_at(first);
    let is_before = |it: &Ended| longer.iter().all(|that| it.since < that.since);
    let end = |group: &[Ended]| group.iter().map(|it| it.since + it.after).min();
    let apart = end(longer).zip(end(shorter));
    let apart = apart.map(|(longer, shorter)| longer.saturating_duration_since(shorter));
    let is_tick = |apart: Duration| TICKS.iter().any(|tick| apart.abs_diff(*tick) <= CLOSE);
    shorter.iter().all(is_before) && apart.is_some_and(is_tick)
}

fn middle(sorted: &[Duration]) -> Duration {
    let half = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => (sorted[half - 1] + sorted[half]) / 2,
        _ => sorted[half],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each connection as the milliseconds at which it became idle, and for how long it was.
    fn values_since(ended: &[(u64, u64)], open: &[u64]) -> Vec<u128> {
        let began = Instant::now();
        let mut ended: Vec<_> = ended.to_vec();
        ended.sort_by_key(|(_, after)| *after);
        let ended = ended.iter().map(|(since, after)| {
            let after = Duration::from_millis(*after);
            Ended {
                since: began + Duration::from_millis(*since),
                after,
                low: after,
                high: after,
                by: EndedBy::Fin,
            }
        });
        let ended: Vec<_> = ended.collect();
        let open: Vec<_> = open.iter().copied().map(Duration::from_millis).collect();
        let found = clusters(&ended, &open);
        found.iter().map(Duration::as_millis).collect()
    }

    fn values(ended: &[u64], open: &[u64]) -> Vec<u128> {
        let ended: Vec<_> = ended.iter().map(|after| (0, *after)).collect();
        values_since(&ended, open)
    }

    #[test]
    fn what_agrees_is_one_value() {
        assert_eq!(values(&[1000, 1001, 1003, 1004], &[]), [1002]);
        assert_eq!(values(&[1000], &[]), [1000]);
        assert_eq!(values(&[], &[8000]), [0; 0]);
    }

    #[test]
    fn two_groups_are_two_backends() {
        assert_eq!(values(&[500, 501, 1500, 1502], &[]), [500, 1501]);
        assert_eq!(values(&[500, 501], &[8000, 8001]), [500, 8000]);
    }

    #[test]
    fn spread_without_order_is_jitter() {
        assert_eq!(values(&[800, 950, 1100, 1250], &[]).len(), 1);
        assert_eq!(values(&[500, 900, 1500, 2100], &[]).len(), 1);
        assert_eq!(values(&[500, 501, 1500], &[]).len(), 1);
    }

    #[test]
    fn a_clock_of_whole_seconds_is_one_server() {
        let ticks = [(0, 3010), (4, 3006), (12, 3998), (20, 3990)];
        assert_eq!(values_since(&ticks, &[]).len(), 1);
        let ticks = [(0, 3010), (4, 3006), (12, 4998), (20, 4990)];
        assert_eq!(values_since(&ticks, &[]).len(), 1);
        // Met in any order, or another time apart: two backends.
        let mixed = [(0, 3010), (4, 4006), (12, 2998), (20, 3990)];
        assert_eq!(values_since(&mixed, &[]).len(), 2);
        let apart = [(0, 3010), (4, 3006), (12, 4298), (20, 4290)];
        assert_eq!(values_since(&apart, &[]).len(), 2);
    }

    #[test]
    fn times_without_order_are_jittered_and_those_that_agree_are_not() {
        let between = |low, high, values: &[u64]| IdleTimeout {
            low: Some(Duration::from_millis(low)),
            high: Some(Duration::from_millis(high)),
            values: values.iter().copied().map(Duration::from_millis).collect(),
            ..IdleTimeout::default()
        };
        assert!(between(1_200, 1_800, &[1_500]).is_jittered());
        assert!(!between(1_200, 1_290, &[1_250]).is_jittered());
        assert!(!between(60_000, 62_000, &[61_000]).is_jittered());
        assert!(!between(600, 1_600, &[600, 1_600]).is_jittered());
        assert!(!IdleTimeout::default().is_jittered());
    }
}
