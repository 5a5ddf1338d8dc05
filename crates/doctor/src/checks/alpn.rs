//! Which protocols does a TLS server agree to?

use crate::bench::{Bench, HTTP_1_1, HTTP_2};

/// Shakes hands, offering both, and hangs up.
pub(crate) async fn check(bench: &Bench) {
    if bench.connector.is_none() {
        return;
    }
    let protocols = [HTTP_2, HTTP_1_1];
    match bench
        .open_by(bench.addresses[0], bench.way(&protocols))
        .await
    {
        Ok(wire) => {
            let alpn = wire.tls.and_then(|info| info.alpn);
            bench.put(|measured| measured.alpn = Some(alpn.unwrap_or_default()));
        }
        Err(trouble) => bench.note(format!("HTTP/2 could not be offered: {trouble}")),
    }
}
