//! The limits over all origins, reached and changed from several threads.

use std::sync::Arc;

use shuttle::sync::Barrier;

use super::world::{World, finish, join, origin};
use super::{explore, explore_times};
use crate::config::Limits;
use crate::pool::Lease;

fn over_all(max_conns: Option<usize>, max_idle: Option<usize>) -> Limits {
    Limits {
        max_conns,
        max_idle,
        idle_timeout: None,
        ..Limits::default()
    }
}

fn leases<const N: usize>(world: &World, names: [&str; N]) -> [Lease; N] {
    names.map(|name| world.call(&origin(name)).expect("within the limits"))
}

#[test]
fn two_origins_that_park_above_max_idle_at_once_evict_without_a_deadlock() {
    explore(|| {
        let world = World::new(over_all(None, Some(1)));
        let [first, second] = leases(&world, ["a", "b"]);
        let parks = [first, second].map(|lease| world.thread(|_| finish(lease)));
        for park in parks {
            drop(join(park));
        }
        assert!(world.totals().idle <= 1);
        world.end();
    });
}

#[test]
fn connections_taken_as_soon_as_they_are_parked_cost_no_other_its_place() {
    explore_times(20, || {
        let world = World::new(over_all(None, Some(5)));
        let parking = leases(&world, ["a", "b", "c"]).map(|lease| world.thread(|_| finish(lease)));
        let taking =
            ["b", "c"].map(|name| world.thread(|world| world.call(&origin(name)).map(drop)));
        for parked in parking {
            drop(join(parked));
        }
        for taken in taking {
            join(taken).expect("served");
        }
        world.settle();
        // Three connections, or up to five when the calls dialled: as many as may be idle.
        assert_eq!(world.totals().closed_as("pool-full"), 0);
        world.end();
    });
}

#[test]
fn a_limit_lowered_by_two_while_connections_are_parked_holds_afterwards() {
    explore(|| {
        let world = World::new(over_all(None, None));
        let [a, b, c] = leases(&world, ["a", "b", "a"]);
        drop(finish(a));
        drop(finish(b));
        let parking = world.thread(|_| finish(c));
        let lowering = [1, 1].map(|max_idle| {
            world.thread(move |world| world.pools.retune(over_all(None, Some(max_idle))))
        });
        drop(join(parking));
        for lowered in lowering {
            join(lowered);
        }
        assert!(world.totals().idle <= 1);
        world.end();
    });
}

#[test]
fn two_origins_called_at_once_are_both_served_while_there_is_room() {
    explore(|| {
        let world = World::new(over_all(Some(2), None));
        let both = Arc::new(Barrier::new(2));
        let calls = ["a", "b"].map(|name| {
            let both = Arc::clone(&both);
            world.thread(move |world| {
                let lease = world.call(&origin(name)).expect("there is room");
                // Neither gives its connection up before the other has one.
                both.wait();
                finish(lease)
            })
        });
        for call in calls {
            drop(join(call));
        }
        world.end();
    });
}

#[test]
fn two_places_that_come_free_at_once_serve_two_origins_that_wait() {
    explore(|| {
        let world = World::new(over_all(Some(2), None));
        let [first, second] = leases(&world, ["a", "b"]);
        let waits = ["c", "d"].map(|name| world.queue(&origin(name)));
        let parks = [first, second].map(|lease| world.thread(|_| finish(lease)));
        let both = Arc::new(Barrier::new(2));
        let served = waits.map(|waiting| {
            let both = Arc::clone(&both);
            world.thread(move |_| {
                let lease = World::wait(waiting).expect("served");
                both.wait();
                lease.map(finish)
            })
        });
        for park in parks {
            drop(join(park));
        }
        for served in served {
            assert!(join(served).is_some());
        }
        world.end();
    });
}

#[test]
fn a_connection_parked_while_another_thread_seeks_a_place_gives_its_own() {
    explore(|| {
        let world = World::new(over_all(Some(1), None));
        let [first] = leases(&world, ["a"]);
        let waiting = world.queue(&origin("b"));
        let parking = world.thread(|_| finish(first));
        // Takes the connection out again, and parks it once more.
        let again = world.thread(|world| world.call(&origin("a")).map(finish));
        let served = world.thread(|_| World::wait(waiting).map(|lease| lease.map(finish)));
        drop(join(parking));
        assert!(join(served).expect("served").is_some());
        drop(join(again).expect("served"));
        world.end();
    });
}

#[test]
fn limits_changed_while_an_origin_is_new_bind_it() {
    explore(|| {
        let world = World::new(over_all(None, None));
        let calling = world.thread(|world| world.call(&origin("a")).map(finish));
        let tuning = [2, 2].map(|max_idle_per_host| {
            world.thread(move |world| {
                let mut limits = over_all(None, None);
                limits.max_idle_per_host = Some(max_idle_per_host);
                world.pools.retune(limits);
            })
        });
        drop(join(calling).expect("served"));
        for tuned in tuning {
            join(tuned);
        }
        for pool in world.pools.pools() {
            let state = pool.lock();
            assert_eq!(state.machine.limits(), &world.pools.limits().machine());
        }
        world.end();
    });
}

#[test]
fn limits_changed_by_two_at_once_are_one_of_the_two_everywhere() {
    explore(|| {
        let world = World::new(over_all(None, None));
        drop(world.call(&origin("a")).map(finish).expect("served"));
        let tuning = [1, 2].map(|limit| {
            world.thread(move |world| {
                let mut limits = over_all(Some(limit), Some(limit));
                limits.max_idle_per_host = Some(limit);
                world.pools.retune(limits);
            })
        });
        for tuned in tuning {
            join(tuned);
        }
        let limits = world.pools.limits();
        assert_eq!(Some(world.pools.global.max_idle()), limits.max_idle);
        assert_eq!(Some(world.pools.global.max_conns()), limits.max_conns);
        for pool in world.pools.pools() {
            assert_eq!(pool.lock().machine.limits(), &limits.machine());
        }
        world.end();
    });
}

#[test]
fn a_prewarm_that_gives_its_place_back_feeds_who_waits_for_one() {
    explore(|| {
        let world = World::new(over_all(Some(1), None));
        let warming = world.thread(|world| world.pools.prewarm(&origin("a"), 1).unwrap_or(0));
        let calling = world.thread(|world| world.call(&origin("b")).map(finish));
        join(warming);
        drop(join(calling).expect("served"));
        world.end();
    });
}
