//! What becomes of a request body that the server does not want?
//!
//! POSTs of several sizes to a path that refuses, each on a connection of its own, as a simple client sends them: the
//! head, with or without `Expect: 100-continue`, then all of the body, and only then the answer is read. Only when the
//! user asked for it.

use std::time::Duration;

use http::{Method, StatusCode};
use keepwarm_core::event::CallId;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::bench::Bench;
use crate::exchange::{Answer, Ask, Reading, shape};
use crate::measured::UnreadBody;
use crate::trouble::Trouble;
use crate::wire::Wire;

/// Around the limits of servers and clients: small, above 256 KiB, above a megabyte, above 2 MiB.
const SIZES: [u64; 4] = [64 << 10, 300 << 10, 1_100_000, 2_202_009];
/// Bytes of one write.
const PIECE: usize = 16 << 10;
/// How long `100 Continue` is waited for, and a write that makes no progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sends all of them, one after the other, to a path that refuses.
pub(crate) async fn check(bench: &Bench, nowhere: &Ask) {
    for expect in [false, true] {
        for size in SIZES {
            match upload(bench, nowhere, size, expect).await {
                Ok(seen) => bench.put(|measured| measured.unread_body.push(seen)),
                Err(trouble) => {
                    return bench.note(format!("a POST of {size} bytes: {trouble}"));
                }
            }
        }
    }
}

async fn upload(
    bench: &Bench,
    nowhere: &Ask,
    size: u64,
    expect: bool,
) -> Result<UnreadBody, Trouble> {
    let mut wire = bench.open(bench.addresses[0]).await?;
    let expectation = if expect {
        "expect: 100-continue\r\n"
    } else {
        ""
    };
    let ask = Ask {
        head: false,
        method: Some(Method::POST),
        lines: format!("content-length: {size}\r\n{expectation}"),
        ..nowhere.clone()
    };
    let call = wire.track.ask(Method::POST, &ask.path);
    let text = ask.text(bench.target.authority());
    wire.stream
        .write_all(text.as_bytes())
        .await
        .map_err(Trouble::Connect)?;
    wire.track.sent(call, text.len());
    let mut reading = Reading::new(shape(false));
    let refused = match expect {
        true => is_refused(&mut wire, &mut reading).await,
        false => Ok(false),
    };
    let sent = match refused {
        Ok(false) => send(&mut wire, size).await,
        Ok(true) | Err(_) => 0,
    };
    let continued = reading.continued;
    let (refused, answered) = match refused {
        Ok(refused) => (refused, finish(bench, &mut wire, reading, call).await),
        Err(trouble) => {
            wire.track.failed(call, trouble.reason());
            (false, Err(trouble))
        }
    };
    let closes = match &answered {
        Ok(answer) if answer.reuse.is_keep() => {
            is_over(bench, &mut wire, refused, sent == size).await
        }
        Ok(_) | Err(_) => true,
    };
    Ok(UnreadBody {
        size,
        expect,
        status: answered.as_ref().ok().map(|answer| answer.status.as_u16()),
        sent,
        closes,
        announced: answered
            .as_ref()
            .is_ok_and(|answer| !answer.reuse.is_keep()),
        answer_lost: matches!(
            &answered,
            Err(Trouble::Ended {
                answered: false,
                ..
            })
        ),
        continued,
    })
}

/// Whether the connection serves no more, although its answer did not say so.
async fn is_over(bench: &Bench, wire: &mut Wire, refused: bool, is_whole: bool) -> bool {
    if refused {
        // Client and server may differ about whether the body is still to come: nothing is asked behind it.
        let limit = bench.late_patience(wire) / 4;
        return timeout(limit, wire.end()).await.is_ok();
    }
    !is_whole || bench.ask(wire, &bench.plain()).await.is_err()
}

/// Waits for `100 Continue`; true when the final answer came instead.
async fn is_refused(wire: &mut Wire, reading: &mut Reading) -> Result<bool, Trouble> {
    let waited = timeout(PATIENCE, async {
        while !reading.continued && reading.head.is_none() {
            wire.advance(reading).await?;
        }
        Ok(())
    });
    match waited.await {
        Ok(ended) => ended.map(|()| reading.head.is_some()),
        // Whoever gave no sign gets the body (RFC 9110 §10.1.1).
        Err(_late) => Ok(false),
    }
}

/// How much of the body could be written.
async fn send(wire: &mut Wire, size: u64) -> u64 {
    let piece = [b'a'; PIECE];
    let mut sent = 0;
    while sent < size {
        let left = usize::try_from(size - sent).unwrap_or(PIECE).min(PIECE);
        match timeout(PATIENCE, wire.stream.write(&piece[..left])).await {
            Ok(Ok(written)) if written > 0 => sent += written as u64,
            Ok(Ok(_) | Err(_)) | Err(_) => return sent,
        }
    }
    drop(timeout(PATIENCE, wire.stream.flush()).await);
    sent
}

async fn finish(
    bench: &Bench,
    wire: &mut Wire,
    reading: Reading,
    call: CallId,
) -> Result<Answer, Trouble> {
    let limit = bench.settings.patience;
    let what = "an answer";
    let answered = timeout(limit, wire.read_answer(reading, call)).await;
    let answered = answered.unwrap_or(Err(Trouble::Timeout { what, limit }));
    if let Err(trouble) = &answered {
        wire.track.failed(call, trouble.reason());
    }
    answered
}

/// Whether a status says that the path does not take this.
pub(crate) fn is_refusal(status: StatusCode) -> bool {
    status.is_client_error()
}
