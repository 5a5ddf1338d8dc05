//! Does an answer other than the plain one end its connection?
//!
//! Asked are HEAD, and a path that surely does not exist.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::bench::Bench;
use crate::exchange::Ask;
use crate::measured::{ErrorClose, Situation};

/// HEAD, and then the plain request on the same connection.
pub(crate) async fn head(bench: &Bench) {
    let ask = Ask {
        head: true,
        ..bench.plain()
    };
    drop(followed(bench, &ask, |_status| "HEAD".to_owned()).await);
}

/// The request for a path that surely does not exist.
pub(super) fn nowhere(bench: &Bench) -> Ask {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let number = now.map_or(0, |now| now.subsec_nanos());
    Ask {
        path: format!("/keepwarm-doctor-no-such-path-{number}"),
        ..bench.plain()
    }
}

/// The plain request where it is answered with a redirect, and once more on the same connection.
pub(crate) async fn redirect(bench: &Bench) {
    drop(followed(bench, &bench.plain(), |status| status.to_string()).await);
}

/// A path that does not exist, then the plain request; then waits for the end, when the plan has a connection for it.
pub(crate) async fn not_found(bench: &Bench, waits: bool) {
    let ask = nowhere(bench);
    let Some((mut wire, address, since)) = followed(bench, &ask, |status| status.to_string()).await
    else {
        return;
    };
    if !waits {
        return;
    }
    let situation = Situation::AfterError;
    bench
        .wait_for_end(&mut wire, situation, address, since)
        .await;
}

/// Asks, then asks for the target; the connection when it served both and may serve again.
pub(super) async fn followed(
    bench: &Bench,
    ask: &Ask,
    key: impl FnOnce(u16) -> String,
) -> Option<(crate::wire::Wire, std::net::SocketAddr, std::time::Instant)> {
    let address = bench.addresses[0];
    let mut wire = bench.open_or_note(address).await?;
    let first = match bench.ask(&mut wire, ask).await {
        Ok(first) => first,
        Err(trouble) => {
            let (method, path) = (ask.method(), ask.path.get(..64).unwrap_or(&ask.path));
            bench.note(format!("{method} {path}: {trouble}"));
            return None;
        }
    };
    let announced = !first.reuse.is_keep();
    let second = match announced {
        true => None,
        false => bench.ask(&mut wire, &bench.plain()).await.ok(),
    };
    let closes = second.is_none();
    let key = key(first.status.as_u16());
    bench.put(|measured| {
        measured
            .error_close
            .insert(key, ErrorClose { closes, announced });
    });
    let since = second.filter(|answer| answer.reuse.is_keep())?.last_byte;
    Some((wire, address, since))
}
