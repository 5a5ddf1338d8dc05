//! The verdict on a run: every count of either side against the other, and nothing left behind.
//!
//! Owns the comparisons; what does not hold is a complaint in the ledger. Refuses to run calls.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use keepwarm::{Client, Counts};

use super::callers::Callers;
use super::ledger::{Book, Ledger};
use super::watch::{Seen, Watch};

/// How long what was started may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for something that must come; whether it came.
pub(crate) async fn comes(mut is_there: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !is_there() {
        if began.elapsed() > PATIENCE {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    true
}

/// Ends the run: lets everything settle, shuts the client down, and compares.
pub(crate) async fn conclude(callers: Callers, watch: &Watch) -> Counts {
    let Callers {
        client,
        ledger,
        tally,
        is_patient,
        ..
    } = callers;
    let total = |client: &Client| client.stats().total().clone();
    let is_quiet = |now: &Counts| (now.active, now.dialing, now.waiting) == (0, 0, 0);
    if !comes(|| is_quiet(&total(&client))).await {
        ledger.complain(format!("it never becomes quiet: {:?}", total(&client)));
    }
    // What the client opened is in the server's queue at the latest now.
    let opened = total(&client).opened;
    if !comes(|| ledger.book().accepted >= opened).await {
        ledger.complain(format!("{opened} opened, fewer accepted"));
    }
    let report = client.shutdown(Duration::from_secs(2)).await;
    let counts = total(&client);
    if !is_quiet(&counts) || counts.idle > 0 {
        ledger.complain(format!("after {report:?}: {counts:?}"));
    }
    drop(client);
    if !comes(|| watch.seen().open_ends().is_none()).await {
        ledger.complain(format!("never ended: {:?}", watch.seen().open_ends()));
    }
    if !comes(|| ledger.book().open == 0).await {
        let open = ledger.book().open;
        ledger.complain(format!("the server still has {open} connections"));
    }
    let runtime = tokio::runtime::Handle::current().metrics();
    if !comes(|| runtime.num_alive_tasks() == 0).await {
        let tasks = runtime.num_alive_tasks();
        ledger.complain(format!("{tasks} tasks are left"));
    }
    let (seen, book) = (watch.seen().clone(), ledger.book().clone());
    client_agrees_with_itself(&ledger, &counts, &seen);
    let lost = tally.not_answered() + counts.sent_again();
    client_agrees_with_server(&ledger, &counts, &seen, &book, lost);
    if is_patient {
        let not_answered = tally.not_answered();
        agree(&ledger, "calls without an answer", not_answered, 0);
        agree(&ledger, "requests", counts.requests, book.heads);
        agree(&ledger, "connections", counts.opened, book.accepted);
        let answered = tally.answered.load(Ordering::Relaxed);
        agree(&ledger, "answers", answered, book.heads);
    }
    counts
}

fn agree(ledger: &Ledger, what: &str, one: u64, other: u64) {
    if one != other {
        ledger.complain(format!("{what}: {one} and {other} should agree"));
    }
}

fn at_most(ledger: &Ledger, what: &str, less: u64, more: u64) {
    if less > more {
        ledger.complain(format!("{what}: {less} should be at most {more}"));
    }
}

fn client_agrees_with_itself(ledger: &Ledger, counts: &Counts, seen: &Seen) {
    let closed: u64 = counts.closed.iter().map(|end| end.count).sum();
    agree(ledger, "opened and closed", counts.opened, closed);
    agree(ledger, "opened, as told", counts.opened, seen.opened);
    agree(ledger, "closed, as told", closed, seen.closed);
    // A check-out that came to nothing is told, and not counted as a request.
    at_most(ledger, "requests told", counts.requests, seen.checked_out);
    at_most(ledger, "reuses told", counts.reused, seen.reused);
    let exchanges = seen.kept + seen.not_kept;
    agree(ledger, "exchanges ended", seen.checked_out, exchanges);
    let requests: u64 = seen.requests.values().flatten().sum();
    agree(ledger, "requests by connection", counts.requests, requests);
}

fn client_agrees_with_server(
    ledger: &Ledger,
    counts: &Counts,
    seen: &Seen,
    book: &Book,
    lost: u64,
) {
    at_most(ledger, "opened by accepted", counts.opened, book.accepted);
    let reached = counts.opened + seen.failed_dials;
    at_most(ledger, "accepted by opened", book.accepted, reached);
    at_most(ledger, "heads by requests", book.heads, counts.requests);
    at_most(ledger, "lost requests", counts.requests - book.heads, lost);
    let used = book.connections.values().flatten();
    let reused: u64 = used.map(|heads| heads.saturating_sub(1)).sum();
    at_most(ledger, "reuses seen by reuses", reused, counts.reused);
    at_most(ledger, "lost reuses", counts.reused - reused, lost);
    for (ports, requests) in &seen.requests {
        let heads = book.connections.get(ports).map_or(&[][..], Vec::as_slice);
        // A dial that was given up may have reached the server: then the order is not certain.
        if heads.len() != requests.len() {
            continue;
        }
        for (requests, heads) in requests.iter().zip(heads) {
            // Only a connection's last request may get lost on its way.
            if requests.checked_sub(*heads).is_none_or(|lost| lost > 1) {
                ledger.complain(format!(
                    "on {ports:?} the client sent {requests} requests, the server saw {heads}"
                ));
            }
        }
    }
}
