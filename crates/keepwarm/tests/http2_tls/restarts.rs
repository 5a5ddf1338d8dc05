//! What holds of a server that is restarted three times under load, whichever it is: no call is lost.
//!
//! Owns the account at the end. Refuses to know how a server is restarted, and what makes the load.

use std::sync::atomic::{AtomicUsize, Ordering};

use keepwarm::reason::{Again, Retry};
use keepwarm::{Client, Counts};

use crate::support::log::Log;
use crate::support::until;

/// Waits for so many more calls to be done.
pub(crate) async fn until_more(done: &AtomicUsize, wanted: usize) {
    let goal = done.load(Ordering::SeqCst) + wanted;
    until(
        || Some(()).filter(|()| done.load(Ordering::SeqCst) >= goal),
        || format!("{done:?}"),
    )
    .await;
}

/// The client's numbers, which agree with the calls that were done; what was sent again was so for a restart's sake.
pub(crate) fn none_was_lost(what: &str, client: &Client, log: &Log, done: AtomicUsize) -> Counts {
    let counts = client.stats().total().clone();
    println!(
        "{done:?} GETs over 3 {what}: {} connections, {} sent again, {:?}",
        counts.opened,
        counts.sent_again(),
        counts.closed
    );
    // Sent again after a GOAWAY that came before its stream was opened, a call counts once: its check-out is undone.
    let done = done.into_inner() as u64;
    let sent = done..=done + counts.sent_again();
    assert!(sent.contains(&counts.requests), "{counts:?}");
    let causes = [Again::GoAway, Again::IdleCloseRace, Again::NothingWritten].map(Retry::Again);
    for retry in log.decided() {
        assert!(causes.contains(&retry), "{retry:?}");
    }
    counts
}

/// Each restart ended a connection, and every end has one of these reasons.
pub(crate) fn all_ended_as(counts: &Counts, reasons: &[&str]) {
    let told: u64 = reasons.iter().map(|reason| counts.closed_as(reason)).sum();
    assert!(told >= 3, "{counts:?}");
    let ends: u64 = counts.closed.iter().map(|end| end.count).sum();
    assert_eq!(told, ends, "{counts:?}");
}
