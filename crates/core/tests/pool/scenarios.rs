//! The pool machine's races and promises, one by one, in plain words.
//!
//! Owns short histories with expected effects. The model test finds what nobody thought of; these say
//! what was meant.

use std::time::Duration;

use keepwarm_core::event::{ConnectionId, DialId};
use keepwarm_core::learn::Source;
use keepwarm_core::pool::{Action, Hint, IdleEnd, Lane, Limits, Put, Refusal};
use keepwarm_core::reason::{CloseReason, KeyPart, Miss, PeerEnd, Reuse};

use crate::bench::{LANE, Pool};

fn one_connection() -> Limits {
    Limits {
        max_conns_per_host: Some(1),
        ..Limits::default()
    }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn the_connection_parked_last_is_taken_first() {
    let mut pool = Pool::new(Limits::default());
    let (first, second) = (pool.open(1), pool.open(2));
    assert_eq!(pool.put(first), Put::Parked);
    pool.pass(1);
    assert_eq!(pool.put(second), Put::Parked);
    pool.pass(5);
    let taken = pool.take(true).unwrap();
    assert_eq!((taken.id(), taken.idle()), (ConnectionId(2), Some(ms(5))));
    assert_eq!((taken.requests(), taken.reused()), (2, true));
    let counts = pool.machine.counts();
    assert_eq!((counts.idle, counts.active, counts.reused), (1, 1, 1));
    assert_eq!(pool.put(taken), Put::Parked);
}

#[test]
fn each_miss_says_why() {
    let mut pool = Pool::new(Limits::default());
    assert_eq!(pool.take(true).unwrap_err(), Miss::FirstForOrigin);
    let leased = pool.open(1);
    assert_eq!(pool.take(true).unwrap_err(), Miss::AllBusy { active: 1 });
    assert_eq!(pool.put(leased), Put::Parked);
    let other = pool.machine.take(pool.now(), Lane(2), true);
    assert_eq!(other.unwrap_err(), Miss::DifferentKey(KeyPart::Runtime));
    pool.pass(30_000);
    assert_eq!(pool.take(true).unwrap_err(), Miss::AllExpired { idle: 1 });
    let (idle, limit) = (ms(30_000), ms(30_000));
    assert_eq!(pool.closes(), [CloseReason::IdleTooLong { idle, limit }]);

    let mut off = Pool::new(Limits {
        keep_alive: false,
        ..Limits::default()
    });
    assert_eq!(off.take(true).unwrap_err(), Miss::KeepAliveOff);
    let leased = off.open(1);
    assert!(matches!(off.put(leased), Put::Closed(_)));
    assert_eq!(off.closes(), [CloseReason::PoolOff]);
}

#[test]
fn whichever_comes_first_serves_the_call_and_the_dial_nobody_waits_for_is_parked() {
    let mut pool = Pool::new(Limits::default());
    let busy = pool.open(1);
    pool.wait(LANE, "second");
    assert!(pool.dial(2));
    pool.effects();
    assert_eq!(pool.put(busy), Put::Delivered);
    let (waiter, leased, miss) = pool.delivered();
    assert_eq!(
        (waiter, leased.id(), miss),
        ("second", ConnectionId(1), None)
    );
    assert!(!pool.machine.wants_dial());
    pool.land(2);
    assert!(pool.effects().is_empty(), "parked, not closed");
    assert_eq!(pool.machine.counts().idle, 1);
    let fresh = pool.take(false).unwrap();
    assert_eq!((fresh.requests(), fresh.reused()), (1, false));
    assert_eq!(
        (pool.put(fresh), pool.put(leased)),
        (Put::Parked, Put::Parked)
    );
}

#[test]
fn a_dial_starts_only_while_more_calls_wait_than_dials_are_under_way() {
    let mut pool = Pool::new(Limits::default());
    pool.wait(LANE, "first");
    pool.wait(LANE, "second");
    assert!(pool.dial(1) && pool.dial(2));
    assert!(!pool.dial(3));
    // The surplus dial of a served call is the next call's.
    pool.land(1);
    let served = pool.effects().pop();
    assert!(matches!(
        served,
        Some(Action::Deliver {
            waiter: "first",
            ..
        })
    ));
    pool.wait(LANE, "third");
    assert!(pool.dial(3), "two wait, one dial is under way");
    assert!(!pool.machine.wants_dial());
}

#[test]
fn calls_are_served_in_order_of_arrival() {
    let mut pool = Pool::new(one_connection());
    let leased = pool.open(1);
    for name in ["a", "b", "c"] {
        pool.wait(LANE, name);
    }
    assert!(!pool.machine.wants_dial(), "the limit is reached");
    assert_eq!(pool.put(leased), Put::Delivered);
    let (first, leased, _) = pool.delivered();
    assert_eq!(pool.put(leased), Put::Delivered);
    let (second, leased, _) = pool.delivered();
    assert_eq!((first, second), ("a", "b"));
    assert_eq!(leased.idle(), Some(Duration::ZERO), "straight from a call");
}

#[test]
fn a_call_that_gave_up_is_never_served_and_its_ticket_is_dead() {
    let mut pool = Pool::new(one_connection());
    let leased = pool.open(1);
    let ticket = pool.wait(LANE, "impatient").unwrap();
    assert_eq!(pool.machine.leave(pool.at, ticket), Some("impatient"));
    assert_eq!(pool.machine.leave(pool.at, ticket), None);
    let later = pool.wait(LANE, "later").unwrap();
    assert_eq!(
        pool.machine.leave(pool.at, ticket),
        None,
        "not the later call's"
    );
    assert_eq!(pool.put(leased), Put::Delivered);
    assert_eq!(pool.machine.leave(pool.at, later), None, "served already");
    assert_eq!(pool.delivered().0, "later");
}

#[test]
fn a_connection_freed_between_miss_and_wait_is_delivered_at_once() {
    let mut pool = Pool::new(Limits::default());
    let leased = pool.open(1);
    let miss = pool.take(true).unwrap_err();
    assert_eq!(pool.put(leased), Put::Parked);
    let ticket = pool
        .machine
        .wait(pool.at, LANE, true, miss, "late")
        .unwrap();
    assert_eq!(pool.delivered().0, "late");
    assert_eq!(pool.machine.leave(pool.at, ticket), None);
    assert!(!pool.machine.wants_dial());
}

#[test]
fn a_stuck_dial_of_a_call_that_gave_up_makes_room_for_the_next_call() {
    let mut pool = Pool::new(one_connection());
    let ticket = pool.wait(LANE, "impatient").unwrap();
    assert!(pool.dial(1));
    assert!(pool.machine.leave(pool.at, ticket).is_some());
    pool.effects();
    pool.wait(LANE, "next");
    assert!(pool.dial(2), "not held up by the stuck dial");
    let effects = pool.effects();
    assert!(matches!(effects[0], Action::CancelDial { dial: DialId(1) }));
    assert!(matches!(
        effects[1],
        Action::Dial {
            dial: DialId(2),
            ..
        }
    ));
    // It was on its way already: closed, and over no limit.
    pool.land(1);
    assert_eq!(pool.closes(), [CloseReason::HostFull { limit: 1 }]);
    pool.land(2);
    assert_eq!(pool.delivered().0, "next");
}

#[test]
fn dials_that_callers_gave_up_on_are_bounded() {
    let mut pool = Pool::new(Limits::default());
    for number in 0..100 {
        let ticket = pool.wait(LANE, "impatient").unwrap();
        assert!(pool.dial(number));
        assert!(pool.machine.leave(pool.at, ticket).is_some());
        assert!(pool.machine.counts().dialing <= 8);
    }
}

#[test]
fn a_dial_error_is_a_calls_only_when_nothing_else_can_serve_it() {
    let mut pool = Pool::new(Limits::default());
    let busy = pool.open(1);
    pool.wait(LANE, "a");
    pool.wait(LANE, "b");
    assert!(pool.dial(2) && pool.dial(3));
    pool.effects();
    pool.machine.dial_failed(pool.at, DialId(2), "refused");
    assert!(
        pool.effects().is_empty(),
        "another dial and a connection are left"
    );
    assert!(
        !pool.machine.wants_dial(),
        "no second dial for a failed one"
    );
    pool.land(3);
    let (waiter, third, miss) = pool.delivered();
    assert_eq!((waiter, miss), ("a", Some(Miss::AllBusy { active: 1 })));
    // b lost its dial to a: it gets one of its own.
    assert!(pool.dial(4));
    pool.effects();
    pool.machine.dial_failed(pool.at, DialId(4), "unreachable");
    assert!(pool.effects().is_empty(), "two connections are at work");
    let close = Reuse::close(CloseReason::PeerSaidClose);
    let put = pool.machine.put(pool.at, busy, close.clone(), Hint::NONE);
    assert!(matches!(put, Put::Closed(_)));
    assert!(pool.refusals().is_empty());
    let put = pool.machine.put(pool.at, third, close, Hint::NONE);
    assert!(matches!(put, Put::Closed(_)));
    assert_eq!(pool.refusals(), [("b", Refusal::DialFailed("unreachable"))]);
    assert!(pool.machine.is_empty());
}

#[test]
fn the_queue_refuses_when_it_is_full_but_not_what_can_be_dialled() {
    let mut pool = Pool::new(Limits {
        max_waiters: Some(0),
        ..one_connection()
    });
    assert!(
        pool.wait(LANE, "dialled").is_some(),
        "a dial can start for it"
    );
    assert!(pool.dial(1));
    pool.effects();
    assert!(pool.wait(LANE, "queued").is_none());
    assert_eq!(
        pool.refusals(),
        [("queued", Refusal::QueueFull { limit: 0 })]
    );
}

#[test]
fn the_newcomer_loses_when_the_idle_list_is_full() {
    let mut pool = Pool::new(Limits {
        max_idle_per_host: Some(1),
        ..Limits::default()
    });
    let (first, second) = (pool.open(1), pool.open(2));
    assert_eq!(pool.put(first), Put::Parked);
    assert!(matches!(pool.put(second), Put::Closed(_)));
    assert_eq!(pool.closes(), [CloseReason::HostFull { limit: 1 }]);
}

#[test]
fn an_idle_connection_of_another_runtime_makes_room() {
    let mut pool = Pool::new(one_connection());
    let leased = pool.open(1);
    assert_eq!(pool.put(leased), Put::Parked);
    pool.wait(Lane(2), "other runtime");
    assert!(pool.dial(2));
    let effects = pool.effects();
    assert!(matches!(
        effects[0],
        Action::Close {
            reason: CloseReason::HostFull { limit: 1 },
            was_idle: true,
            ..
        }
    ));
    assert!(matches!(effects[1], Action::Dial { lane: Lane(2), .. }));
}

#[test]
fn a_connection_poked_on_its_way_into_the_pool_is_looked_at_again() {
    let mut pool = Pool::new(Limits::default());
    let leased = pool.open(1);
    let (slot, id) = (leased.slot(), leased.id());
    assert_eq!(pool.machine.poked(slot, id), None);
    assert_eq!(pool.put(leased), Put::Parked);
    assert!(
        matches!(pool.effects()[..], [Action::Recheck { slot: s, id: i }] if s == slot && i == id)
    );
    assert_eq!(pool.machine.poked(slot, id), Some(&mut 1));
    assert_eq!(
        pool.machine.poked(slot, ConnectionId(99)),
        None,
        "another one's place"
    );
    pool.machine
        .idle_ended(pool.at, slot, id, IdleEnd::Stray { bytes: 3 });
    assert_eq!(pool.closes(), [CloseReason::StrayBytes { bytes: 3 }]);
    pool.machine
        .idle_ended(pool.at, slot, id, IdleEnd::PeerClosed(PeerEnd::Fin));
    assert!(pool.effects().is_empty(), "it ends once");
}

#[test]
fn a_checkout_undone_counts_for_nothing_and_keeps_its_age() {
    let mut pool = Pool::new(Limits::default());
    let leased = pool.open(1);
    assert_eq!(pool.put(leased), Put::Parked);
    pool.pass(10);
    let taken = pool.take(true).unwrap();
    pool.machine.put_back(pool.at, taken);
    pool.pass(10);
    let again = pool.take(true).unwrap();
    assert_eq!((again.requests(), again.idle()), (2, Some(ms(20))));
    let counts = pool.machine.counts();
    assert_eq!((counts.requests, counts.reused), (2, 1));
    let idle = ms(20);
    pool.machine.discard(
        pool.at,
        again,
        CloseReason::PeerClosedIdle {
            how: PeerEnd::Fin,
            idle,
        },
    );
    assert!(matches!(
        pool.effects()[..],
        [Action::Close {
            requests: 1,
            was_idle: false,
            ..
        }]
    ));
    assert_eq!(pool.machine.counts().requests, 1);
}

#[test]
fn a_learnt_timeout_keeps_unrepeatable_calls_off_old_connections() {
    let mut pool = Pool::new(Limits::default());
    let (first, second) = (pool.open(1), pool.open(2));
    let (slot, id) = (first.slot(), first.id());
    assert_eq!(
        (pool.put(first), pool.put(second)),
        (Put::Parked, Put::Parked)
    );
    pool.pass(1_000);
    pool.machine
        .idle_ended(pool.at, slot, id, IdleEnd::PeerClosed(PeerEnd::Fin));
    assert_eq!(
        pool.closes(),
        [CloseReason::PeerClosedIdle {
            how: PeerEnd::Fin,
            idle: ms(1_000)
        }]
    );
    let estimate = pool.machine.learned(pool.at).unwrap();
    assert_eq!(
        (estimate.timeout, estimate.source),
        (ms(1_000), Source::Measured)
    );

    let doubtful = Miss::AllDoubtful {
        idle: 1,
        estimate: ms(1_000),
    };
    assert_eq!(pool.take(false).unwrap_err(), doubtful);
    pool.pass(500);
    let leased = pool.take(true).unwrap();
    assert_eq!(leased.idle(), Some(ms(1_500)));
    assert_eq!(pool.put(leased), Put::Parked);
    assert_eq!(pool.machine.learned(pool.at), None, "it served after 1.5 s");
}

#[test]
fn an_announced_timeout_is_obeyed_with_a_margin_and_measured_all_the_same() {
    let mut pool = Pool::new(Limits::default());
    let hint = Hint {
        timeout: Some(ms(5_000)),
        max: None,
    };
    let leased = pool.open(1);
    assert_eq!(pool.put_hinted(leased, hint), Put::Parked);
    assert_eq!(pool.machine.next_deadline(), Some(pool.at + ms(5_500)));
    pool.pass(4_499);
    let leased = pool.take(false).unwrap();
    assert_eq!(pool.put_hinted(leased, hint), Put::Parked);
    pool.pass(4_500);
    assert_eq!(pool.take(true).unwrap_err(), Miss::AllExpired { idle: 1 });
    assert!(
        pool.effects().is_empty(),
        "it stays, so that the close is seen"
    );
    pool.pass(1_000);
    pool.machine.expire(pool.now());
    let (idle, limit) = (ms(5_500), ms(4_500));
    assert_eq!(pool.closes(), [CloseReason::IdleTooLong { idle, limit }]);
}

#[test]
fn an_announced_maximum_uses_a_connection_up() {
    let mut pool = Pool::new(Limits::default());
    let leased = pool.open(1);
    let hint = |max| Hint {
        timeout: None,
        max: Some(max),
    };
    assert_eq!(pool.put_hinted(leased, hint(1)), Put::Parked);
    let leased = pool.take(true).unwrap();
    let put = pool.put(leased);
    assert!(
        matches!(put, Put::Closed(_)),
        "one more was offered and used"
    );
    let reason = CloseReason::UsedUp {
        requests: 2,
        limit: 2,
    };
    assert_eq!(pool.closes(), [reason]);
    let leased = pool.open(2);
    assert!(matches!(pool.put_hinted(leased, hint(0)), Put::Closed(_)));
    let reason = CloseReason::UsedUp {
        requests: 1,
        limit: 1,
    };
    assert_eq!(pool.closes(), [reason]);
}

#[test]
fn a_connection_whose_server_announces_no_keeping_at_all_is_not_parked() {
    let mut pool = Pool::new(Limits::default());
    let leased = pool.open(1);
    let hint = Hint {
        timeout: Some(Duration::ZERO),
        max: None,
    };
    assert!(matches!(pool.put_hinted(leased, hint), Put::Closed(_)));
    let (idle, limit) = (Duration::ZERO, Duration::ZERO);
    assert_eq!(pool.closes(), [CloseReason::IdleTooLong { idle, limit }]);
}

#[test]
fn a_suspended_machine_finds_its_idle_connections_expired() {
    let mut pool = Pool::new(Limits::default());
    let leased = pool.open(1);
    assert_eq!(pool.put(leased), Put::Parked);
    pool.pass(1_000);
    pool.wall += ms(3_600_000);
    assert_eq!(pool.take(true).unwrap_err(), Miss::AllExpired { idle: 1 });
    let idle = ms(3_601_000);
    let limit = ms(30_000);
    assert_eq!(pool.closes(), [CloseReason::IdleTooLong { idle, limit }]);
    // A clock set back hurts nobody.
    let leased = pool.open(2);
    assert_eq!(pool.put(leased), Put::Parked);
    pool.wall -= ms(900_000);
    let leased = pool.take(true).unwrap();
    assert_eq!(pool.put(leased), Put::Parked);
}

#[test]
fn lifetimes_are_jittered_and_end_idle_connections_on_time() {
    let mut pool = Pool::new(Limits {
        max_lifetime: Some(ms(10_000)),
        lifetime_jitter: 0.5,
        idle_timeout: None,
        ..Limits::default()
    });
    let leased: Vec<_> = (0..20).map(|number| pool.open(number)).collect();
    for leased in leased {
        assert_eq!(pool.put(leased), Put::Parked);
    }
    let mut deadlines = Vec::new();
    while let Some(deadline) = pool.machine.next_deadline() {
        pool.at = deadline;
        pool.wall = deadline - pool.start + ms(1_000_000);
        pool.machine.expire(pool.now());
        for reason in pool.closes() {
            let age = deadline - pool.start;
            assert_eq!(reason, CloseReason::TooOld { age, limit: age });
            assert!((ms(5_000)..=ms(10_000)).contains(&age));
            deadlines.push(deadline);
        }
    }
    assert_eq!(deadlines.len(), 20);
    deadlines.dedup();
    assert!(deadlines.len() > 15, "spread, not together");
}

#[test]
fn close_idle_closes_what_becomes_idle_later_until_somebody_asks() {
    let mut pool = Pool::new(Limits::default());
    let (first, second, third) = (pool.open(1), pool.open(2), pool.open(3));
    assert_eq!(pool.put(first), Put::Parked);
    pool.machine.close_idle(pool.at);
    assert!(matches!(pool.put(second), Put::Closed(_)));
    assert_eq!(pool.closes(), [CloseReason::ShutDown; 2]);
    assert_eq!(pool.take(true).unwrap_err(), Miss::AllBusy { active: 1 });
    assert_eq!(pool.put(third), Put::Parked);
}

#[test]
fn shut_down_refuses_those_who_wait_and_closes_what_comes_back() {
    let mut pool = Pool::new(Limits::default());
    let leased = pool.open(1);
    pool.wait(LANE, "waits");
    assert!(pool.dial(2));
    pool.effects();
    pool.machine.shut_down(pool.at);
    let effects = pool.effects();
    assert!(matches!(
        effects[0],
        Action::Refuse {
            waiter: "waits",
            why: Refusal::ShutDown
        }
    ));
    assert!(matches!(effects[1], Action::CancelDial { dial: DialId(2) }));
    assert!(
        pool.machine
            .wait(pool.at, LANE, true, Miss::FirstForOrigin, "late")
            .is_none()
    );
    assert_eq!(pool.refusals(), [("late", Refusal::ShutDown)]);
    assert!(matches!(pool.put(leased), Put::Closed(_)));
    pool.land(2);
    assert_eq!(pool.closes(), [CloseReason::ShutDown; 2]);
    assert!(pool.machine.is_empty());
}

#[test]
fn a_runtime_that_goes_away_takes_only_its_own_with_it() {
    let mut pool = Pool::new(Limits::default());
    let (leased, parked) = (pool.open(1), pool.open(2));
    assert_eq!(pool.put(parked), Put::Parked);
    assert!(pool.machine.prewarm(pool.at, Lane(2), DialId(3)));
    pool.effects();
    pool.land(3);
    pool.machine.lane_gone(pool.at, LANE);
    assert_eq!(pool.closes(), [CloseReason::RuntimeGone]);
    assert!(matches!(pool.put(leased), Put::Closed(_)));
    assert_eq!(pool.closes(), [CloseReason::RuntimeGone]);
    let leased = pool.machine.take(pool.now(), Lane(2), true).unwrap();
    assert_eq!(leased.id(), ConnectionId(3));
}

#[test]
fn retune_closes_the_excess_at_once_and_lets_waiting_calls_dial() {
    let mut pool = Pool::new(Limits::default());
    let leased: Vec<_> = (1..=3).map(|number| pool.open(number)).collect();
    for leased in leased {
        assert_eq!(pool.put(leased), Put::Parked);
        pool.pass(1);
    }
    let limits = Limits {
        max_idle_per_host: Some(1),
        max_conns_per_host: Some(1),
        ..Limits::default()
    };
    pool.machine.retune(pool.at, limits);
    assert_eq!(pool.closes(), [CloseReason::HostFull { limit: 1 }; 2]);
    let last = pool.take(true).unwrap();
    assert_eq!(last.id(), ConnectionId(3), "the youngest stays");
    pool.wait(LANE, "waits");
    assert!(!pool.machine.wants_dial());
    pool.machine.retune(pool.at, Limits::default());
    assert!(pool.dial(9));
}

#[test]
fn eviction_takes_the_connection_idle_longest() {
    let mut pool = Pool::new(Limits::default());
    let (first, second) = (pool.open(1), pool.open(2));
    assert_eq!(pool.put(second), Put::Parked);
    let since = pool.at;
    pool.pass(1);
    assert_eq!(pool.put(first), Put::Parked);
    assert_eq!(pool.machine.oldest_idle(), Some(since));
    let reason = CloseReason::PoolFull { limit: 1 };
    assert!(pool.machine.evict_oldest(pool.at, reason));
    let effects = pool.effects();
    assert!(matches!(
        effects[..],
        [Action::Close {
            id: ConnectionId(2),
            ..
        }]
    ));
    assert!(pool.machine.evict_oldest(pool.at, reason));
    assert!(!pool.machine.evict_oldest(pool.at, reason));
}
