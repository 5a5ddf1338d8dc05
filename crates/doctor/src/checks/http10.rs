//! Does the server keep the connection of an HTTP/1.0 request?

use http::header::CONNECTION;

use crate::bench::Bench;
use crate::exchange::Ask;
use crate::measured::Http10;
use crate::trouble::Trouble;

/// Asks twice on one connection with HTTP/1.0, without and with `Connection: keep-alive`.
pub(crate) async fn check(bench: &Bench) {
    let unasked = twice(bench, false).await;
    let keep_alive = twice(bench, true).await;
    match (unasked, keep_alive) {
        (Ok(unasked), Ok(keep_alive)) => bench.put(|measured| {
            measured.http10 = Some(Http10 {
                keep_alive,
                unasked,
            });
        }),
        (Err(trouble), _) | (_, Err(trouble)) => bench.note(format!("HTTP/1.0: {trouble}")),
    }
}

/// Whether the answer says `Connection: keep-alive`, without which a client of HTTP/1.0 cannot know (RFC 9112 §C.2.2),
/// and a second request was answered.
async fn twice(bench: &Bench, keep_alive: bool) -> Result<bool, Trouble> {
    let mut wire = bench.open(bench.addresses[0]).await?;
    let ask = Ask {
        http10: true,
        keep_alive,
        ..bench.plain()
    };
    let first = bench.ask(&mut wire, &ask).await?;
    let says = first.headers.get_all(CONNECTION).iter();
    let says = says.filter_map(|value| value.to_str().ok());
    let says = says.flat_map(|value| value.split(','));
    let kept = says
        .map(str::trim)
        .any(|word| word.eq_ignore_ascii_case("keep-alive"));
    if !kept || !first.reuse.is_keep() {
        return Ok(false);
    }
    Ok(bench.ask(&mut wire, &ask).await.is_ok())
}
