//! Does a connection that was idle for so long still work?
//!
//! One connection for each step of the time there is, used once when its step is over: what the longest that worked and
//! the shortest that did not were idle bounds the time after which connections are dropped without a word. Those that
//! end before are no news here: others wait for that.

use std::time::Duration;

use crate::bench::Bench;

/// Asks, is idle for so long, and asks again.
pub(crate) async fn check(bench: &Bench, idle: Duration) {
    let address = bench.addresses[0];
    let Some(mut wire) = bench.open_or_note(address).await else {
        return;
    };
    let since = match bench.ask(&mut wire, &bench.plain()).await {
        Ok(answer) if answer.reuse.is_keep() => answer.last_byte,
        Ok(_) | Err(_) => return,
    };
    tokio::select! {
        biased;
        _ = wire.end() => {}
        () = tokio::time::sleep_until((since + idle).into()) => {
            let probed = false;
            bench.use_late(&mut wire, address, since, probed).await;
        }
    }
}
