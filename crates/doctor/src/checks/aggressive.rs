//! Everything that no ordinary client sends: refusals, pipelining, bodies that nobody wants.
//!
//! Owns their order, one connection at a time. Refuses to know whether it may: the examination does.

use super::{errors, pipelining, refusals, uploads};
use crate::bench::Bench;

/// All of it.
pub(crate) async fn check(bench: &Bench) {
    refusals::check(bench).await;
    let nowhere = errors::nowhere(bench);
    let asked = async {
        let mut wire = bench.open(bench.addresses[0]).await?;
        bench.ask(&mut wire, &nowhere).await
    };
    let refusal = match asked.await {
        Ok(answer) => answer.status,
        Err(trouble) => return bench.note(format!("GET {}: {trouble}", nowhere.path)),
    };
    pipelining::check(bench, &nowhere, refusal).await;
    if uploads::is_refusal(refusal) {
        uploads::check(bench, &nowhere).await;
    } else {
        bench.note(format!(
            "no bodies were sent: a path that should not exist is answered {refusal}"
        ));
    }
}
