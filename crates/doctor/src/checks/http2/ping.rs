//! Does PING keep an idle HTTP/2 connection alive?
//!
//! Asked once, then pinged: seldom, for servers take many PINGs for an attack (`ENHANCE_YOUR_CALM`).

use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use super::{Told, works};
use crate::bench::Bench;
use crate::ending::EndedBy;
use crate::http2::Session;
use crate::measured::{ENHANCE_YOUR_CALM, Pings, Situation};

/// The first PING, since the answer: servers that end idle connections sooner are not asked about it.
const FIRST: Duration = Duration::from_secs(1);
/// The longest time between two. The gaps double until then, so that a timeout of any length meets a PING in its second
/// half or just after, and few are sent.
const EVERY: Duration = Duration::from_secs(10);

/// Asks, pings now and then, and waits for the end.
pub(crate) async fn check(bench: &Bench, told: Told) {
    if !works(told).await {
        return;
    }
    let address = bench.any_address();
    let Some((mut session, since)) = bench.asked_http2_or_note(address).await else {
        return;
    };
    let end = end(bench, &mut session, since);
    bench
        .wait_until(Situation::Http2Ping, address, since, end)
        .await;
    put(bench, &session, since);
    let is_refused = |pings: &Pings| pings.refused;
    let pings = bench.measured().http2.pings;
    if let Some(pings) = pings.filter(is_refused) {
        let count = pings.acknowledged;
        bench.note(format!(
            "the server takes PINGs ill: after {count} of them it said GOAWAY with ENHANCE_YOUR_CALM"
        ));
    }
}

async fn end(bench: &Bench, session: &mut Session, since: Instant) -> (EndedBy, Instant) {
    let mut due = FIRST;
    loop {
        let at = (since + due).into();
        if let Ok(end) = timeout_at(at, session.end()).await {
            return end;
        }
        if !session.ping() {
            bench.note(format!(
                "a PING was not acknowledged within {} s: no more were sent",
                (due - before(due)).as_secs()
            ));
            return session.end().await;
        }
        due = next(due);
        let at = (since + due).into();
        // Its end is looked for above.
        drop(timeout_at(at, session.pong()).await);
        put(bench, session, since);
    }
}

fn next(due: Duration) -> Duration {
    due + due.min(EVERY)
}

fn before(due: Duration) -> Duration {
    due - (due / 2).min(EVERY)
}

fn put(bench: &Bench, session: &Session, since: Instant) {
    let seen = session.seen();
    let refused = seen
        .first_go_away
        .is_some_and(|go_away| go_away.code == ENHANCE_YOUR_CALM);
    let first = seen.first_pong;
    let pings = Pings {
        acknowledged: seen.pongs,
        first: first.map(|at| at.saturating_duration_since(since)),
        refused,
    };
    bench.put(|measured| measured.http2.pings = Some(pings));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_are_at_least_a_second_apart_and_at_most_ten() {
        let mut due = FIRST;
        let mut all = Vec::new();
        while due < Duration::from_secs(60) {
            all.push(due.as_secs());
            assert_eq!(before(next(due)), due);
            due = next(due);
        }
        assert_eq!(all, [1, 2, 4, 8, 16, 26, 36, 46, 56]);
    }
}
