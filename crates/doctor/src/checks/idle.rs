//! After how long does the server end an idle connection?
//!
//! The clock starts with the last byte of an answer: the server's own starts when it has written it, so the two one-way
//! delays cancel out.

use crate::bench::{Bench, HTTP_1_1};
use crate::measured::Situation;
use crate::wire::{Way, Wire};

/// Asks on a new connection as the situation says, then waits for its end.
pub(crate) async fn check(bench: &Bench, situation: Situation) {
    let address = bench.any_address();
    let plain = bench.way(&[HTTP_1_1]);
    let tls = plain.tls;
    let way = Way {
        tls: tls.filter(|_| situation != Situation::ConnectOnly),
        probes: (situation == Situation::Probed).then(|| bench.settings.probe_interval()),
        ..plain
    };
    let mut wire = match bench.open_by(address, way).await {
        Ok(wire) => wire,
        Err(trouble) => return bench.note(format!("one more connection: {trouble}")),
    };
    let requests = match situation {
        Situation::ConnectOnly | Situation::HandshakeOnly | Situation::Http2ConnectOnly => 0,
        Situation::AfterError
        | Situation::AfterOne
        | Situation::Asked
        | Situation::Http2
        | Situation::Http2Ping
        | Situation::Probed => 1,
        Situation::AfterTen => 10,
    };
    let mut since = wire.opened;
    for _ in 0..requests {
        match bench.ask(&mut wire, &bench.plain()).await {
            Ok(answer) if answer.reuse.is_keep() => since = answer.last_byte,
            // A limit on requests, or an end that another check measures.
            Ok(_) => return,
            Err(trouble) => return give_up(bench, &wire, &trouble),
        }
    }
    bench
        .wait_for_end(&mut wire, situation, address, since)
        .await;
}

fn give_up(bench: &Bench, wire: &Wire, trouble: &crate::trouble::Trouble) {
    let answers = wire.answers;
    bench.note(format!("a connection after {answers} answers: {trouble}"));
}
