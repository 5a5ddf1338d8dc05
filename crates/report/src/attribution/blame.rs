//! The blame for each opening.
//!
//! Owns the ghosts: the places that ended connections leave. Refuses to know more than one client's pool at a time.

use std::collections::BTreeMap;

use keepwarm_core::reason::Miss;

use super::ending::{self, Loss};
use super::pattern::Patterns;
use crate::cause::Cause;
use crate::history::History;
use crate::report::{Blame, Exchange, Necessity, Outcome};

/// A body whose answer is this old while others had to wait for a connection is held, if it is never read to its end.
const HELD_US: u64 = 200_000;

/// A place that a connection has left.
#[derive(Clone, Copy, Debug)]
struct Ghost {
    connection: usize,
    loss: Loss,
}

/// A connection's end, in the order of time.
#[derive(Clone, Copy, Debug)]
struct Ended {
    at: u64,
    ghost: Ghost,
}

/// What is decided about an opening.
struct Verdict {
    necessity: Necessity,
    blame: Option<Blame>,
}

impl Verdict {
    const NEEDED: Self = Self {
        necessity: Necessity::Needed,
        blame: None,
    };

    fn avoidable(cause: Cause, earlier: Option<usize>) -> Self {
        Self {
            necessity: Necessity::Avoidable,
            blame: Some(Blame { cause, earlier }),
        }
    }
}

/// Says of each connection whether it was needed, and if not, which one should have served.
pub(super) fn judge(history: &mut History, patterns: &[Patterns]) {
    let mut pools: BTreeMap<(usize, u64, usize), Vec<usize>> = BTreeMap::new();
    for (index, connection) in history.report.connections.iter().enumerate() {
        let pool = (connection.source, connection.client, connection.origin);
        pools.entry(pool).or_default().push(index);
    }
    for ((_, _, origin), connections) in pools {
        judge_pool(history, &connections, &patterns[origin]);
    }
}

fn judge_pool(history: &mut History, connections: &[usize], patterns: &Patterns) {
    let mut ends: Vec<Ended> = connections
        .iter()
        .filter_map(|index| {
            let loss = ending::loss(history, *index, patterns)?;
            let at = history.report.connections[*index].end.as_ref()?.at_us;
            let connection = *index;
            Some(Ended {
                at,
                ghost: Ghost { connection, loss },
            })
        })
        .collect();
    ends.sort_by_key(|ended| ended.at);
    let mut openings = connections.to_vec();
    openings.sort_by_key(|index| history.report.connections[*index].dialed_us);
    let mut pool = Pool {
        ends,
        seen: 0,
        ghosts: Vec::new(),
        replaced: Vec::new(),
    };
    for opened in openings {
        // Judged already: a client of its own for each call.
        let is_judged = history.report.connections[opened].blame.is_some();
        if is_judged || history.report.connections[opened].is_older {
            continue;
        }
        let verdict = pool.judge(history, connections, opened);
        let connection = &mut history.report.connections[opened];
        connection.necessity = verdict.necessity;
        connection.blame = verdict.blame;
    }
}

struct Pool {
    ends: Vec<Ended>,
    /// Of these, how many have left their ghost.
    seen: usize,
    /// The last to end is the first to be blamed.
    ghosts: Vec<Ghost>,
    /// Connections in whose place another was opened while they were still there: their end costs nothing more.
    replaced: Vec<usize>,
}

impl Pool {
    fn judge(&mut self, history: &History, connections: &[usize], opened: usize) -> Verdict {
        let connection = &history.report.connections[opened];
        let miss = history.lives[opened].miss;
        let until = match miss {
            // What ended later was in use when this was wanted.
            Some(Miss::AllBusy { .. }) | None => connection.dialed_us,
            // These say themselves that what was there had ended, if it is told a little later.
            Some(
                Miss::AllDoubtful { .. }
                | Miss::AllExpired { .. }
                | Miss::DifferentKey(_)
                | Miss::FirstForOrigin
                | Miss::KeepAliveOff
                | Miss::OnlyClosing
                | Miss::Prewarm,
            ) => connection.opened_us,
        };
        self.admit(until, opened);
        let spare = || idle_at(history, connections, opened);
        match miss {
            Some(Miss::Prewarm) => Verdict::NEEDED,
            Some(Miss::DifferentKey(_)) => Verdict::avoidable(Cause::ClientRuntimes, spare()),
            Some(Miss::AllDoubtful { .. }) => {
                let spare = spare();
                self.replaced.extend(spare);
                Verdict::avoidable(Cause::WriteAvoidsRace, spare)
            }
            Some(
                Miss::AllBusy { .. }
                | Miss::AllExpired { .. }
                | Miss::FirstForOrigin
                | Miss::KeepAliveOff
                | Miss::OnlyClosing,
            )
            | None => match self.ghosts.pop() {
                Some(ghost) => Verdict {
                    necessity: if ghost.loss.is_forced {
                        Necessity::Forced
                    } else {
                        Necessity::Avoidable
                    },
                    blame: Some(Blame {
                        cause: ghost.loss.cause,
                        earlier: Some(ghost.connection),
                    }),
                },
                None => match held_at(history, connections, connection.dialed_us) {
                    Some(held) => Verdict::avoidable(Cause::ClientBodyHeld, Some(held)),
                    None => Verdict::NEEDED,
                },
            },
        }
    }

    /// Lets the connections that ended by then leave their ghosts, but for the one that was opened: it may be over by
    /// the moment up to which the others count.
    fn admit(&mut self, until: u64, opened: usize) {
        while let Some(ended) = self.ends.get(self.seen).filter(|ended| ended.at <= until) {
            self.seen += 1;
            let is_replaced = self.replaced.contains(&ended.ghost.connection);
            if !is_replaced && ended.ghost.connection != opened {
                self.ghosts.push(ended.ghost);
            }
        }
    }
}

/// A connection that nobody was on as this one was dialed: the one used last.
fn idle_at(history: &History, connections: &[usize], opened: usize) -> Option<usize> {
    let report = &history.report;
    let at = report.connections[opened].dialed_us;
    let last_use = |index: &usize| {
        let exchanges = &report.connections[*index].exchanges;
        let is_before = |it: &usize| report.exchanges[*it].asked_us <= at;
        let before = exchanges.partition_point(is_before);
        let last = exchanges[..before].last()?;
        let until = report.exchanges[*last].until_us(report.length_us);
        (until <= at).then_some(until)
    };
    let mut idle: Vec<(u64, usize)> = connections
        .iter()
        .filter(|index| **index != opened)
        .filter(|index| {
            let connection = &report.connections[**index];
            connection.opened_us <= at && connection.until_us(report.length_us) >= at
        })
        .filter_map(|index| Some((last_use(index)?, *index)))
        .collect();
    idle.sort_unstable();
    idle.last().map(|(_, index)| *index)
}

/// A connection whose answer had long been there at this moment and was never read to its end.
fn held_at(history: &History, connections: &[usize], at: u64) -> Option<usize> {
    let report = &history.report;
    let is_held = |it: &&Exchange| {
        let is_old = it.head_us.is_some_and(|head| head + HELD_US <= at);
        let was_read = it.outcome == Outcome::Answered
            && it.verdict.as_deref() != Some("body-not-read")
            && it.verdict.as_deref() != Some("cancelled");
        is_old && !was_read && it.ended_us.is_none_or(|ended| ended > at)
    };
    connections.iter().copied().find(|index| {
        let connection = &report.connections[*index];
        let mut exchanges = connection.exchanges.iter();
        connection.protocol == "h1" && exchanges.any(|it| is_held(&&report.exchanges[*it]))
    })
}
