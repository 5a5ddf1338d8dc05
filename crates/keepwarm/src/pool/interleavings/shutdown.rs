//! `shutdown` against everything a call may be at.

use std::time::Duration;

use shuttle::future::block_on;

use super::explore;
use super::wires::{Dials, Wires};
use super::world::{World, at_most_per_host, finish, join, origin};
use crate::pool::ShutdownReport;

/// Longer than any scenario: a shutdown that waits for so long has missed the end of an exchange.
const WITHIN: Duration = Duration::from_secs(50);

fn world(opening: usize, then: Dials) -> World {
    World::with(at_most_per_host(1), Wires::new(opening, then), WITHIN)
}

fn shut_down(world: &World) -> ShutdownReport {
    block_on(world.pools.shut_down(WITHIN))
}

/// Every connection there was, by what became of it. (The scheduler may let the whole time pass before an exchange
/// gets to its end.)
fn connections(report: ShutdownReport) -> usize {
    report.closed_idle + report.finished + report.still_running
}

/// After a shutdown, with every call ended: nothing is left, and nothing new begins.
fn assert_shut(world: World) {
    world.settle();
    let totals = world.totals();
    assert_eq!(
        (totals.idle, totals.active, totals.dialing, totals.waiting),
        (0, 0, 0, 0),
        "left after the shutdown"
    );
    assert!(world.call(&origin("a")).is_err(), "a call after the end");
    world.end();
}

#[test]
fn a_shutdown_while_a_call_checks_out_closes_its_connection_when_it_ends() {
    explore(|| {
        let world = world(usize::MAX, Dials::Open);
        drop(finish(world.call(&origin("a")).expect("the first")));
        let calling = world.thread(|world| world.call(&origin("a")).map(finish).is_ok());
        let report = shut_down(&world);
        join(calling);
        assert_eq!(connections(report), 1, "{report:?}");
        assert_eq!(report.refused, 0, "nobody had to wait");
        assert_shut(world);
    });
}

#[test]
fn a_shutdown_while_a_new_origin_is_called_leaves_no_pool_open() {
    explore(|| {
        let world = world(usize::MAX, Dials::Open);
        let calling = world.thread(|world| world.call(&origin("a")).map(finish).is_ok());
        let _report = shut_down(&world);
        join(calling);
        assert_shut(world);
    });
}

#[test]
fn a_shutdown_while_a_connection_is_parked_closes_it() {
    explore(|| {
        let world = world(usize::MAX, Dials::Open);
        let lease = world.call(&origin("a")).expect("the first");
        let freeing = world.thread(|_| finish(lease));
        let report = shut_down(&world);
        drop(join(freeing));
        assert_eq!(connections(report), 1, "{report:?}");
        assert_shut(world);
    });
}

#[test]
fn a_shutdown_ends_the_wait_of_every_call_in_line() {
    explore(|| {
        let world = world(usize::MAX, Dials::Open);
        let lease = world.call(&origin("a")).expect("the first");
        let waiting = world.queue(&origin("a"));
        let freeing = world.thread(|_| finish(lease));
        let waits = world.thread(|_| World::wait(waiting).map(|lease| lease.map(finish)));
        let calls = world.thread(|world| world.call(&origin("a")).map(finish).is_ok());
        let report = shut_down(&world);
        drop(join(freeing));
        let served = join(waits).is_ok();
        join(calls);
        assert!(
            served || report.refused > 0,
            "a call was refused and not counted: {report:?}"
        );
        assert_shut(world);
    });
}

#[test]
fn a_shutdown_stops_a_dial_at_whatever_it_is() {
    explore(|| {
        let world = world(0, Dials::Hang);
        let calling = world.thread(|world| world.call(&origin("a")).map(finish).is_ok());
        let _report = shut_down(&world);
        assert!(!join(calling), "a dial that hangs serves nobody");
        // Ends only when the dial's task does: it would hang beyond the horizon.
        assert_shut(world);
    });
}

#[test]
fn a_shutdown_while_connections_are_opened_ahead_leaves_none() {
    explore(|| {
        let world = world(usize::MAX, Dials::Open);
        let warming = world.thread(|world| world.pools.prewarm(&origin("a"), 1).unwrap_or(0));
        let _report = shut_down(&world);
        join(warming);
        assert_shut(world);
    });
}

#[test]
fn a_dial_given_up_as_it_starts_is_stopped() {
    explore(|| {
        let mut limits = at_most_per_host(1);
        // Then a connection nobody waits for could not be kept, and its dial is stopped.
        limits.max_idle_per_host = Some(0);
        let world = World::with(limits, Wires::new(0, Dials::Hang), Duration::ZERO);
        let leaving = world.queue(&origin("a"));
        let leaves = world.thread(|_| drop(leaving));
        join(leaves);
        world.end();
    });
}

#[test]
fn the_last_claim_dropped_while_a_connection_is_out_leaves_nothing() {
    explore(|| {
        let world = world(usize::MAX, Dials::Open);
        let lease = world.call(&origin("a")).expect("the first");
        let freeing = shuttle::thread::spawn(move || drop(finish(lease)));
        world.close_while(|| join(freeing));
    });
}
