//! The checks of HTTP/2, each on a connection of its own.
//!
//! Owns the order: the first answer over HTTP/2 lets the others begin. Refuses to judge.

pub(crate) mod idle;
pub(crate) mod ping;
pub(crate) mod series;

use std::time::Instant;

use tokio::sync::watch;

use crate::bench::Bench;
use crate::http2::Session;
use crate::measured::GoAway;

/// The stream named by a GOAWAY behind which another will come: the highest there can be (RFC 9113 §6.8).
const MORE_TO_COME: u32 = 0x7fff_ffff;

/// Tells once HTTP/2 is known to work; dropped, that it is not spoken.
pub(crate) type Tell = watch::Sender<bool>;
/// Waits for it.
pub(crate) type Told = watch::Receiver<bool>;

/// Whether it works; ready when that is known.
async fn works(mut told: Told) -> bool {
    told.wait_for(|works| *works).await.is_ok()
}

/// Reads on behind a GOAWAY, and puts what was seen on the board.
async fn after_go_away(bench: &Bench, session: &mut Session, since: Instant, on_idle: bool) {
    if session.seen().first_go_away.is_none() {
        return;
    }
    put_go_away(bench, session, since, on_idle);
    session.linger().await;
    put_go_away(bench, session, since, on_idle);
}

fn put_go_away(bench: &Bench, session: &Session, since: Instant, on_idle: bool) {
    let seen = session.seen();
    let (Some(first), Some(last)) = (seen.first_go_away, seen.last_go_away) else {
        return;
    };
    // What comes behind one that names a stream only complains about what a client says in answer to it.
    let is_first_of_two = first.last_stream == MORE_TO_COME && seen.go_aways > 1;
    let (it, stages) = match is_first_of_two {
        true => (last, 2),
        false => (first, 1),
    };
    let after = |at: Instant| at.saturating_duration_since(since);
    let it = GoAway {
        code: it.code,
        last_stream: it.last_stream,
        stages,
        on_idle,
        after: after(first.at),
        closed: seen.end.map(|(by, at)| (by, after(at))),
    };
    bench.put(|measured| {
        let known = &mut measured.http2.go_away;
        if on_idle || known.is_none_or(|known| !known.on_idle) {
            *known = Some(it);
        }
    });
}
