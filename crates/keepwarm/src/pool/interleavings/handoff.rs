//! A connection that is freed, and calls that wait for one.

use std::task::{Context, Waker};
use std::time::Duration;

use shuttle::future::block_on;

use super::explore;
use super::primitives::time;
use super::wires::{Dials, Wires};
use super::world::{CONNECT_TIMEOUT, World, at_most_per_host, finish, join, origin, own};

#[test]
fn a_connection_freed_while_a_call_enters_the_line_serves_it() {
    explore(|| {
        let world = World::new(at_most_per_host(1));
        let lease = world.call(&origin("a")).expect("the first");
        let freeing = world.thread(|_| finish(lease));
        let calling = world.thread(|world| world.call(&origin("a")).map(finish));
        drop(join(freeing));
        drop(join(calling).expect("served"));
        assert_eq!(world.wires.dialed(), 1);
        assert_eq!(world.totals().idle, 1);
        world.end();
    });
}

#[test]
fn a_connection_handed_to_a_call_that_leaves_goes_to_the_next_in_line() {
    explore(|| {
        let world = World::new(at_most_per_host(1));
        let lease = world.call(&origin("a")).expect("the first");
        let mut leaving = world.queue(&origin("a"));
        let staying = world.queue(&origin("a"));
        let leaves = world.thread(|_| {
            let polled = leaving.poll(&mut Context::from_waker(Waker::noop()));
            drop(polled);
            drop(leaving);
        });
        let stays = world.thread(|_| World::wait(staying).map(|lease| lease.map(finish)));
        drop(finish(lease));
        join(leaves);
        assert!(join(stays).expect("served").is_some());
        assert_eq!(world.wires.dialed(), 1);
        assert_eq!(world.totals().idle, 1);
        world.end();
    });
}

#[test]
fn a_connection_handed_to_the_only_call_that_waits_as_it_leaves_is_idle_again() {
    explore(|| {
        let world = World::new(at_most_per_host(1));
        let lease = world.call(&origin("a")).expect("the first");
        let leaving = world.queue(&origin("a"));
        let leaves = world.thread(|_| drop(leaving));
        drop(finish(lease));
        join(leaves);
        assert_eq!(world.totals().idle, 1);
        world.end();
    });
}

#[test]
fn a_dial_a_freed_connection_and_a_timeout_at_once_lose_no_call_and_no_connection() {
    explore(|| {
        let soon = Duration::from_millis(5);
        let wires = Wires::new(usize::MAX, Dials::Open);
        let world = World::with(at_most_per_host(2), wires, soon);
        let lease = world.call(&origin("a")).expect("the first");
        let freeing = world.thread(|_| finish(lease));
        let impatient = world.thread(move |world| {
            let mut waiting = match world.acquire(&origin("a")).expect("not shut") {
                crate::pool::Acquired::Ready(granted) => return Some(finish(own(granted))),
                crate::pool::Acquired::Later(waiting) => waiting,
            };
            let served = std::future::poll_fn(|cx| waiting.poll(cx));
            let served = block_on(time::timeout(soon, served)).ok()?;
            Some(finish(own(served.expect("no dial fails"))))
        });
        let patient = world.thread(|world| world.call(&origin("a")).map(finish));
        drop(join(freeing));
        drop(join(impatient));
        drop(join(patient).expect("served"));
        world.end();
    });
}

#[test]
fn a_dial_that_fails_or_times_out_leaves_its_call_to_a_freed_connection() {
    explore(|| {
        let world = World::with(
            at_most_per_host(2),
            Wires::new(1, Dials::Hang),
            CONNECT_TIMEOUT * 2,
        );
        // The dial may time out, too; then the caller is told, and nothing is left of it.
        let Ok(lease) = world.call(&origin("a")) else {
            return world.end();
        };
        let freeing = world.thread(|_| finish(lease));
        let calling = world.thread(|world| world.call(&origin("a")).map(finish));
        drop(join(freeing));
        // A connection was under way to it for as long as it waited.
        drop(join(calling).expect("served by the freed connection"));
        world.end();
    });
}

#[test]
fn a_refused_dial_leaves_its_call_to_a_freed_connection() {
    explore(|| {
        let wires = Wires::new(1, Dials::Fail);
        let world = World::with(at_most_per_host(2), wires, Duration::ZERO);
        let lease = world.call(&origin("a")).expect("the first");
        let freeing = world.thread(|_| finish(lease));
        let calling = world.thread(|world| world.call(&origin("a")).map(finish));
        drop(join(freeing));
        drop(join(calling).expect("served by the freed connection"));
        world.end();
    });
}

#[test]
fn two_calls_that_wait_for_the_only_connection_are_both_served() {
    explore(|| {
        let world = World::new(at_most_per_host(1));
        let lease = world.call(&origin("a")).expect("the first");
        let calls = [1, 2].map(|_| world.thread(|world| world.call(&origin("a")).map(finish)));
        drop(finish(lease));
        for call in calls {
            drop(join(call).expect("served"));
        }
        assert_eq!(world.wires.dialed(), 1);
        world.end();
    });
}

#[test]
fn a_connection_dropped_unused_serves_the_call_that_waits() {
    explore(|| {
        let world = World::new(at_most_per_host(1));
        let lease = world.call(&origin("a")).expect("the first");
        let dropping = world.thread(|_| drop(lease));
        let calling = world.thread(|world| world.call(&origin("a")).map(finish));
        join(dropping);
        drop(join(calling).expect("served"));
        assert_eq!(world.wires.dialed(), 1);
        world.end();
    });
}

#[test]
fn a_connection_the_server_closes_on_its_way_to_a_call_is_replaced() {
    explore(|| {
        let world = World::new(at_most_per_host(1));
        let lease = world.call(&origin("a")).expect("the first");
        let peer = world.wires.peer(0);
        let closing = world.thread(move |_| peer.close());
        let freeing = world.thread(|_| finish(lease));
        let calling = world.thread(|world| world.call(&origin("a")).map(finish));
        join(closing);
        drop(join(freeing));
        drop(join(calling).expect("served"));
        // The keeper may still have word of the close to read: the books are not settled.
        world.close();
    });
}
