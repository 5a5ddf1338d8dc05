//! Does TLS take up an earlier session again?
//!
//! One connection asks, so that whatever ticket the server gives has come; the next offers it.

use crate::bench::Bench;
use crate::trouble::Trouble;

/// Other handshakes run beside these and may take the ticket first: a single one that was not resumed tells nothing.
const TRIES: usize = 3;

/// Shakes hands until a session was taken up, a few times.
pub(crate) async fn check(bench: &Bench) {
    if bench.connector.is_none() {
        return;
    }
    let resumed = match any_resumed(bench).await {
        Ok(resumed) => resumed,
        Err(trouble) => return bench.note(format!("a second TLS handshake: {trouble}")),
    };
    bench.put(|measured| {
        if let Some(tls) = &mut measured.tls {
            tls.resumed = Some(resumed);
        }
    });
}

async fn any_resumed(bench: &Bench) -> Result<bool, Trouble> {
    for _ in 0..=TRIES {
        let mut wire = bench.open(bench.addresses[0]).await?;
        if wire.tls.as_ref().is_some_and(|tls| tls.resumed) {
            return Ok(true);
        }
        bench.ask(&mut wire, &bench.plain()).await?;
    }
    Ok(false)
}
