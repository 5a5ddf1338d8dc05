//! What does half a connection do?
//!
//! Behind the server's FIN: is a request reset, as by one that closed its socket, or swallowed? (An answer cannot come
//! there any more.) And: is a request still answered when we end our half right behind it?

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use crate::bench::Bench;
use crate::exchange::Ask;
use crate::measured::AfterTheirs;
use crate::trouble::Trouble;
use crate::wire::Wire;

/// Asks, and ends our half.
pub(crate) async fn ours(bench: &Bench) {
    let Some(mut wire) = bench.open_or_note(bench.addresses[0]).await else {
        return;
    };
    let ask = Ask {
        half_closes: true,
        ..bench.plain()
    };
    let answers = match bench.ask(&mut wire, &ask).await {
        Ok(_) => true,
        Err(Trouble::Ended { .. } | Trouble::Timeout { .. }) => false,
        Err(trouble) => return bench.note(format!("a request before our FIN: {trouble}")),
    };
    bench.put(|measured| measured.half_close.answers_after_ours = Some(answers));
}

impl Bench {
    /// Asks behind the server's FIN. Our write succeeds whatever happens there: only a later one shows the reset.
    pub(crate) async fn ask_behind_their_end(&self, wire: &mut Wire) {
        let text = self.plain().text(self.target.authority());
        let mut failed = wire.stream.write_all(text.as_bytes()).await.is_err();
        let (began, patience) = (Instant::now(), self.late_patience(wire));
        let mut pause = Duration::from_millis(10);
        while !failed && began.elapsed() < patience {
            tokio::time::sleep(pause).await;
            pause *= 2;
            // A blank line before a request is nothing (RFC 9112 §2.2).
            failed = wire.stream.write_all(b"\r\n").await.is_err();
        }
        let seen = if failed {
            AfterTheirs::Reset
        } else {
            AfterTheirs::Swallowed
        };
        self.put(|measured| measured.half_close.after_theirs = Some(seen));
    }
}
