//! Clients built for a call or two each: no pool is shared, whatever each of them does.
//!
//! Owns the rule that tells a habit from two clients with their own reasons. Refuses to look inside a pool.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::cause::Cause;
use crate::history::History;
use crate::report::{Blame, Necessity};

/// A client that made no more calls than this was hardly used.
const FEW_CALLS: usize = 2;
/// So many of them are a habit.
const MANY_CLIENTS: usize = 3;

/// Blames the openings of clients that one shared client would have spared.
pub(super) fn judge(history: &mut History) {
    let mut calls: BTreeMap<(usize, u64), usize> = BTreeMap::new();
    for exchange in history.report.exchanges.iter().filter(|it| !it.again) {
        *calls.entry((exchange.source, exchange.client)).or_default() += 1;
    }
    let mut hardly_used: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for (index, connection) in history.report.connections.iter().enumerate() {
        let client = (connection.source, connection.client);
        let is_few = calls.get(&client).is_some_and(|calls| *calls <= FEW_CALLS);
        // One that was there before the events begin may have had many calls.
        if is_few && !connection.is_older && !connection.exchanges.is_empty() {
            let at = (connection.source, connection.origin);
            hardly_used.entry(at).or_default().push(index);
        }
    }
    for connections in hardly_used.into_values() {
        let clients = |index: &usize| history.report.connections[*index].client;
        let mut distinct: Vec<u64> = connections.iter().map(clients).collect();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() >= MANY_CLIENTS {
            judge_habit(history, &connections);
        }
    }
}

/// A shared client would have had as many connections as calls were under way at once.
fn judge_habit(history: &mut History, connections: &[usize]) {
    let last_use = |index: usize| {
        let exchanges = &history.report.connections[index].exchanges;
        let until = exchanges
            .iter()
            .map(|it| history.report.exchanges[*it].until_us(history.report.length_us));
        until.max().unwrap_or(0)
    };
    let mut spans: Vec<(u64, usize, u64)> = connections
        .iter()
        .map(|index| {
            let begun = history.report.connections[*index].dialed_us;
            (begun, *index, last_use(*index))
        })
        .collect();
    spans.sort_unstable();
    let mut shared = 0;
    // Those in use, by when they are free; and the one that became free last.
    let mut busy: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let mut earlier = None;
    for (begun, index, until) in spans {
        while let Some(Reverse((free, connection))) = busy.peek().copied()
            && free <= begun
        {
            earlier = Some(connection);
            busy.pop();
        }
        let is_needed = busy.len() >= shared;
        busy.push(Reverse((until, index)));
        if is_needed {
            shared += 1;
            continue;
        }
        let connection = &mut history.report.connections[index];
        connection.necessity = Necessity::Avoidable;
        connection.blame = Some(Blame {
            cause: Cause::ClientPerRequest,
            earlier,
        });
    }
}
