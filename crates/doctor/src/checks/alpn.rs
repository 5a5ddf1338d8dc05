//! Which protocols does a TLS server agree to?

use crate::bench::{Bench, HTTP_1_1, HTTP_2};
use crate::wire::Wire;

/// Shakes hands, offering both, and hangs up.
pub(crate) async fn check(bench: &Bench) {
    let Some(connector) = &bench.connector else {
        return;
    };
    let protocols = [HTTP_2, HTTP_1_1];
    let patience = bench.settings.patience;
    let connector = Some((connector, &protocols[..]));
    match Wire::open(
        &bench.target,
        bench.addresses[0],
        connector,
        patience,
        &bench.journal,
    )
    .await
    {
        Ok(wire) => {
            let alpn = wire.tls.and_then(|info| info.alpn);
            bench.put(|measured| measured.alpn = Some(alpn.unwrap_or_default()));
        }
        Err(trouble) => bench.note(format!("HTTP/2 could not be offered: {trouble}")),
    }
}
