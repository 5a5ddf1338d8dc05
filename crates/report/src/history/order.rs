//! The order of connections and exchanges when several sources are put together.
//!
//! Owns the sorting and the references that follow it. Refuses to change anything else.

use super::History;

/// Sorts connections by their opening and exchanges by their start, and closes what the logs leave open.
pub(super) fn settle(history: &mut History) {
    let connections = sorted(history.report.connections.len(), |index| {
        history.report.connections[index].opened_us
    });
    let exchanges = sorted(history.report.exchanges.len(), |index| {
        history.report.exchanges[index].asked_us
    });
    history.report.connections = permuted(&history.report.connections, &connections);
    history.lives = permuted(&history.lives, &connections);
    history.report.exchanges = permuted(&history.report.exchanges, &exchanges);
    history.retries = permuted(&history.retries, &exchanges);
    let new_connection = inverse(&connections);
    let new_exchange = inverse(&exchanges);
    for exchange in &mut history.report.exchanges {
        exchange.connection = exchange.connection.map(|old| new_connection[old]);
    }
    for connection in &mut history.report.connections {
        for exchange in &mut connection.exchanges {
            *exchange = new_exchange[*exchange];
        }
    }
    let mut exchanges = history.report.exchanges.iter();
    history.report.cut_short = exchanges.any(|exchange| exchange.ended_us.is_none());
}

/// The indexes in the order of their time; those of one moment stay as they are.
fn sorted(count: usize, time: impl Fn(usize) -> u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|index| time(*index));
    order
}

fn permuted<T: Clone>(of: &[T], order: &[usize]) -> Vec<T> {
    order.iter().map(|index| of[*index].clone()).collect()
}

fn inverse(order: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; order.len()];
    for (new, old) in order.iter().enumerate() {
        inverse[*old] = new;
    }
    inverse
}
