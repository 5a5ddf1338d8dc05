//! After how long does the server end an idle HTTP/2 connection, and how?
//!
//! The clock starts with the last byte of an answer, or of the SETTINGS where nothing was asked; it stops at the first
//! of GOAWAY, FIN, close_notify and reset.

use std::net::SocketAddr;
use std::time::Instant;

use super::{Tell, Told, after_go_away, works};
use crate::bench::Bench;
use crate::exchange::Answer;
use crate::http2::Session;
use crate::measured::Situation;
use crate::trouble::Trouble;
use crate::wire::Wire;

/// How often a request is tried before HTTP/2 is called broken.
const TRIES: usize = 2;

/// Shakes hands, offering both versions; when HTTP/2 is chosen, asks over it, tells the others, and waits for the end
/// when there is a connection for that.
pub(crate) async fn first(bench: &Bench, waits: bool, tell: Tell) {
    if bench.connector.is_none() {
        return;
    }
    let address = bench.addresses[0];
    let wire = match bench.offer_http2(address).await {
        Ok(wire) => wire,
        Err(trouble) => return bench.note(format!("HTTP/2 could not be offered: {trouble}")),
    };
    let alpn = wire.tls.as_ref().and_then(|info| info.alpn.clone());
    let is_chosen = alpn.as_deref() == Some("h2");
    bench.put(|measured| measured.alpn = Some(alpn.unwrap_or_default()));
    if !is_chosen {
        return;
    }
    let Some((mut session, answer)) = tried(bench, wire, address).await else {
        return;
    };
    if answer.status != bench.first.status {
        let (status, other) = (answer.status, bench.first.status);
        bench.note(format!(
            "over HTTP/2 the answer is {status}, over HTTP/1.1 {other}"
        ));
    }
    begun(bench, &session);
    // Nobody listens when the examination is over.
    let _unheard = tell.send(true);
    if waits {
        wait(bench, &mut session, address, answer.last_byte).await;
    }
}

/// The first answer over HTTP/2; a second connection has to confirm that there is none.
async fn tried(bench: &Bench, wire: Wire, address: SocketAddr) -> Option<(Session, Answer)> {
    let mut wire = Some(wire);
    for attempt in 1..=TRIES {
        let begun = match wire.take() {
            Some(wire) => Session::begin(wire, bench.settings.patience).await,
            None => bench.open_http2(address).await,
        };
        let asked = match begun {
            Ok(mut session) => match bench.ask_http2(&mut session).await {
                Ok(answer) => return Some((session, answer)),
                Err(trouble) => Err(trouble),
            },
            Err(trouble) => Err(trouble),
        };
        let Err(trouble): Result<(), Trouble> = asked else {
            continue;
        };
        match trouble {
            Trouble::Connect(_)
            | Trouble::NoHttp2
            | Trouble::Refused { .. }
            | Trouble::Tls(_)
            | Trouble::TooLong { .. } => {
                bench.note(format!("HTTP/2: {trouble}"));
                return None;
            }
            Trouble::Ended { .. }
            | Trouble::Http2 { .. }
            | Trouble::Protocol { .. }
            | Trouble::Timeout { .. } => {
                bench.note(format!("HTTP/2, attempt {attempt}: {trouble}"));
                if attempt == TRIES {
                    bench.put(|measured| measured.http2.broken = Some(trouble.to_string()));
                }
            }
        }
    }
    None
}

/// A request was answered over HTTP/2.
pub(crate) fn begun(bench: &Bench, session: &Session) {
    let seen = session.seen();
    bench.put(|measured| {
        measured.http2.examined = true;
        measured.http2.max_concurrent_streams = seen.max_concurrent_streams;
    });
}

/// One more connection, where HTTP/2 is all there is.
pub(crate) async fn again(bench: &Bench) {
    let address = bench.any_address();
    if let Some((mut session, since)) = bench.asked_http2_or_note(address).await {
        wait(bench, &mut session, address, since).await;
    }
}

/// Waits for the end of a connection that has served.
pub(crate) async fn wait(
    bench: &Bench,
    session: &mut Session,
    address: SocketAddr,
    since: Instant,
) {
    let end = session.end();
    bench
        .wait_until(Situation::Http2, address, since, end)
        .await;
    after_go_away(bench, session, since, true).await;
}

/// Exchanges SETTINGS, asks nothing, and waits for the end.
pub(crate) async fn connect_only(bench: &Bench, told: Told) {
    if !works(told).await {
        return;
    }
    let address = bench.any_address();
    let Some(mut session) = bench.http2_or_note(address).await else {
        return;
    };
    let since = session.seen().settings.unwrap_or_else(Instant::now);
    let situation = Situation::Http2ConnectOnly;
    let end = session.end();
    bench.wait_until(situation, address, since, end).await;
}
