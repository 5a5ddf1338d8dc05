//! What becomes of a second request that is sent before the first is answered?
//!
//! Both go out in one write; the second is for the path that does not exist, so that the answers can be told apart.
//! Only when the user asked for it.

use http::{Method, StatusCode};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::bench::Bench;
use crate::exchange::{Answer, Ask, Reading, shape};
use crate::measured::Pipelining;
use crate::trouble::Trouble;
use crate::wire::Wire;

/// Asks both; `refusal` is what the second is answered when it is alone.
pub(crate) async fn check(bench: &Bench, nowhere: &Ask, refusal: StatusCode) {
    match seen(bench, nowhere, refusal).await {
        Ok(seen) => bench.put(|measured| measured.pipelining = Some(seen)),
        Err(trouble) => bench.note(format!("two requests at once: {trouble}")),
    }
}

async fn seen(bench: &Bench, nowhere: &Ask, refusal: StatusCode) -> Result<Pipelining, Trouble> {
    let mut wire = bench.open(bench.addresses[0]).await?;
    let authority = bench.target.authority();
    let plain = bench.plain();
    let text = plain.text(authority) + &nowhere.text(authority);
    wire.stream
        .write_all(text.as_bytes())
        .await
        .map_err(Trouble::Connect)?;
    let usual = bench.first.status;
    let first = match answer(bench, &mut wire, &plain).await {
        Ok(first) => first,
        Err(Trouble::Ended { .. } | Trouble::Timeout { .. }) => return Ok(Pipelining::Refused),
        Err(trouble) => return Err(trouble),
    };
    if first.status == refusal && refusal != usual {
        return Ok(Pipelining::OutOfOrder);
    }
    if first.status != usual {
        return Ok(Pipelining::Refused);
    }
    match answer(bench, &mut wire, nowhere).await {
        Ok(second) if second.status == refusal => Ok(Pipelining::Both),
        Ok(_) => Ok(Pipelining::OutOfOrder),
        Err(Trouble::Ended { .. }) => Ok(Pipelining::FirstThenClose),
        Err(Trouble::Timeout { .. }) => Ok(Pipelining::FirstOnly),
        Err(trouble) => Err(trouble),
    }
}

async fn answer(bench: &Bench, wire: &mut Wire, ask: &Ask) -> Result<Answer, Trouble> {
    let call = wire.track.ask(Method::GET, &ask.path);
    let limit = bench.late_patience(wire);
    let answered = timeout(limit, wire.read_answer(Reading::new(shape(ask.head)), call)).await;
    let what = "an answer";
    let answered = answered.unwrap_or(Err(Trouble::Timeout { what, limit }));
    if let Err(trouble) = &answered {
        wire.track.failed(call, trouble.reason());
    }
    answered
}
