//! What a lane of the terminal is: one connection, many of a kind, or the calls that got none.
//!
//! Owns the folding to at most [`MOST`] lanes. Refuses to draw.

use crate::cause::Cause;
use crate::report::{Connection, Report};

/// More lanes than this are not read; the rest is grouped.
pub(super) const MOST: usize = 40;
/// A shorter run of single-request connections is as quickly read one by one.
const RUN_LEAST: usize = 3;

pub(super) struct Lane {
    pub(super) origin: usize,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// Indexes of connections that are told as one, and what they have in common.
    Connections(Vec<usize>, Common),
    /// Indexes of exchanges that got no connection.
    Unserved(Vec<usize>),
}

/// What connections of one lane have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Common {
    /// One connection alone.
    Itself,
    /// Nothing but their origin.
    Origin,
    /// One request each, and the cause of their opening, if any.
    SingleRequest(Option<Cause>),
}

/// The lanes by origin, in the order of opening; at most [`MOST`], unless there are more origins than that.
pub(super) fn lanes(report: &Report) -> Vec<Lane> {
    let mut lanes = unserved(report);
    let room = MOST.saturating_sub(lanes.len());
    let folded = report.connections.len() > room;
    let mut by_origin = vec![Vec::new(); report.origins.len()];
    for (index, connection) in report.connections.iter().enumerate() {
        if let Some(list) = by_origin.get_mut(connection.origin) {
            list.push(index);
        }
    }
    for (origin, members) in by_origin.into_iter().enumerate() {
        if folded {
            lanes.extend(runs(report, origin, &members));
        } else {
            lanes.extend(
                members
                    .into_iter()
                    .map(|index| Lane::of(origin, vec![index], Common::Itself)),
            );
        }
    }
    shorten(lanes, report.origins.len())
}

impl Lane {
    fn of(origin: usize, members: Vec<usize>, common: Common) -> Self {
        Self {
            origin,
            kind: Kind::Connections(members, common),
        }
    }
}

fn unserved(report: &Report) -> Vec<Lane> {
    let mut by_origin = vec![Vec::new(); report.origins.len()];
    for (index, exchange) in report.exchanges.iter().enumerate() {
        if exchange.connection.is_none()
            && let Some(list) = by_origin.get_mut(exchange.origin)
        {
            list.push(index);
        }
    }
    by_origin
        .into_iter()
        .enumerate()
        .filter(|(_, list)| !list.is_empty())
        .map(|(origin, list)| Lane {
            origin,
            kind: Kind::Unserved(list),
        })
        .collect()
}

/// Single-request connections that follow each other, with one cause, become one lane.
fn runs(report: &Report, origin: usize, members: &[usize]) -> Vec<Lane> {
    let kind = |index: &usize| common(&report.connections[*index]);
    members
        .chunk_by(|a, b| kind(a) == kind(b) && kind(a) != Common::Itself)
        .flat_map(|run| {
            if run.len() >= RUN_LEAST {
                vec![Lane::of(origin, run.to_vec(), kind(&run[0]))]
            } else {
                let alone = |index: &usize| Lane::of(origin, vec![*index], Common::Itself);
                run.iter().map(alone).collect()
            }
        })
        .collect()
}

fn common(connection: &Connection) -> Common {
    if !connection.is_older && connection.end.is_some() && connection.exchanges.len() <= 1 {
        Common::SingleRequest(connection.blame.map(|blame| blame.cause))
    } else {
        Common::Itself
    }
}

/// Keeps each origin's first lanes and makes one of the rest.
fn shorten(lanes: Vec<Lane>, origins: usize) -> Vec<Lane> {
    if lanes.len() <= MOST || origins == 0 {
        return lanes;
    }
    let each = (MOST / origins).max(1);
    let mut kept: Vec<Lane> = Vec::new();
    let mut counts = vec![0_usize; origins];
    for lane in lanes {
        counts[lane.origin] += 1;
        if counts[lane.origin] < each || matches!(lane.kind, Kind::Unserved(_)) {
            kept.push(lane);
            continue;
        }
        let Kind::Connections(members, _) = lane.kind else {
            continue;
        };
        let last = kept.iter_mut().find_map(|it| match &mut it.kind {
            Kind::Connections(all, Common::Origin) if it.origin == lane.origin => Some(all),
            Kind::Connections(..) | Kind::Unserved(_) => None,
        });
        match last {
            Some(all) => all.extend(members),
            None => kept.push(Lane::of(lane.origin, members, Common::Origin)),
        }
    }
    for lane in &mut kept {
        if let Kind::Connections(members, common) = &mut lane.kind
            && members.len() == 1
        {
            *common = Common::Itself;
        }
    }
    kept
}
