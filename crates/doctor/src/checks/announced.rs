//! What does the server announce with `Keep-Alive`, when it is asked, and is it true?

use crate::bench::Bench;
use crate::exchange::Ask;
use crate::measured::{Announced, Situation};

/// Asks with `Connection: keep-alive`, for some servers announce only then; then waits for the end.
///
/// It waits only when the plan has a connection for it.
pub(crate) async fn check(bench: &Bench, waits: bool) {
    let address = bench.addresses[0];
    let Some(mut wire) = bench.open_or_note(address).await else {
        return;
    };
    let ask = Ask {
        keep_alive: true,
        ..bench.plain()
    };
    let answer = match bench.ask(&mut wire, &ask).await {
        Ok(answer) => answer,
        Err(trouble) => {
            return bench.note(format!("a request with Connection: keep-alive: {trouble}"));
        }
    };
    let hint = answer.hint;
    bench.put(|measured| {
        measured.announced = Some(Announced {
            timeout: hint.timeout,
            max: hint.max,
            only_when_asked: measured.pilot.header("keep-alive").is_none(),
        });
    });
    if waits && answer.reuse.is_keep() {
        let since = answer.last_byte;
        let situation = Situation::Asked;
        bench
            .wait_for_end(&mut wire, situation, address, since)
            .await;
    }
}
