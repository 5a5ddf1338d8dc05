//! Several calls on one leased connection, as HTTP/2 has them: joining, leaving, waiting for a place.
//!
//! Owns short histories of `join`, `unjoin`, `pull_waiter` and `restrict_dials`.

use std::time::Duration;

use keepwarm_core::event::DialId;
use keepwarm_core::pool::{Action, Limits, Put};
use keepwarm_core::reason::{CloseReason, Reuse};

use crate::bench::{LANE, Pool};

#[test]
fn those_who_join_count_as_requests_on_one_connection() {
    let mut pool = Pool::new(Limits::default());
    let mut shared = pool.open(1);
    for _ in 0..9 {
        pool.machine.join(pool.at, &mut shared).expect("no limit");
    }
    assert_eq!(shared.requests(), 10);
    let counts = pool.machine.counts();
    assert_eq!((counts.active, counts.opened), (1, 1));
    assert_eq!((counts.requests, counts.reused), (10, 9));
    pool.machine.unjoin(&mut shared);
    let counts = pool.machine.counts();
    assert_eq!((counts.requests, counts.reused), (9, 8));
    assert_eq!(shared.requests(), 9);
    assert_eq!(pool.put(shared), Put::Parked);
    assert_eq!(pool.take(true).unwrap().requests(), 10);
}

#[test]
fn the_limits_on_a_connection_speak_against_joining_it() {
    let most = Limits {
        max_requests_per_connection: Some(2),
        ..Limits::default()
    };
    let mut pool = Pool::new(most);
    let mut shared = pool.open(1);
    assert_eq!(pool.machine.join(pool.at, &mut shared), Ok(()));
    let used_up = CloseReason::UsedUp {
        requests: 2,
        limit: 2,
    };
    assert_eq!(pool.machine.join(pool.at, &mut shared), Err(used_up));
    assert_eq!(pool.machine.counts().requests, 2);

    let old = Limits {
        max_lifetime: Some(Duration::from_secs(1)),
        lifetime_jitter: 0.0,
        ..Limits::default()
    };
    let mut pool = Pool::new(old);
    let mut shared = pool.open(1);
    pool.pass(999);
    assert_eq!(pool.machine.join(pool.at, &mut shared), Ok(()));
    pool.pass(1);
    let refused = pool.machine.join(pool.at, &mut shared).unwrap_err();
    assert_eq!(refused.slug(), "too-old");

    let mut pool = Pool::new(Limits::default());
    let mut shared = pool.open(1);
    pool.machine.shut_down(pool.at);
    let refused = pool.machine.join(pool.at, &mut shared).unwrap_err();
    assert_eq!(refused, CloseReason::ShutDown);
    let put = pool.machine.put(
        pool.at,
        shared,
        Reuse::close(refused),
        keepwarm_core::pool::Hint::NONE,
    );
    assert_eq!(put, Put::Closed(CloseReason::ShutDown));
}

#[test]
fn one_pioneer_finds_out_and_the_others_follow_or_join() {
    let mut pool = Pool::new(Limits::default());
    pool.machine.restrict_dials(Some(1));
    for name in ["a", "b", "c"] {
        assert!(pool.wait(LANE, name).is_some());
    }
    assert!(pool.dial(1));
    assert!(!pool.machine.wants_dial(), "one finds out for all");
    pool.land(1);
    let dialled = pool.effects();
    assert!(matches!(
        &dialled[..],
        [Action::Dial { .. }, Action::Deliver { waiter: "a", .. },]
    ));
    // Its connection cannot be shared: the others dial at once.
    pool.machine.restrict_dials(None);
    assert!(pool.dial(2) && pool.dial(3) && !pool.dial(4));
    // It can: they get places on it, oldest first, and their dials are stopped.
    let pulled = pool.machine.pull_waiter(LANE).map(|(name, _)| name);
    assert_eq!(pulled, Some("b"));
    let pulled = pool.machine.pull_waiter(LANE).map(|(name, _)| name);
    assert_eq!(pulled, Some("c"));
    assert!(pool.machine.pull_waiter(LANE).is_none());
    let stopped: Vec<_> = pool
        .effects()
        .into_iter()
        .filter_map(|effect| match effect {
            Action::CancelDial { dial } => Some(dial),
            Action::Close { .. }
            | Action::Deliver { .. }
            | Action::Dial { .. }
            | Action::Recheck { .. }
            | Action::Refuse { .. } => None,
        })
        .collect();
    assert_eq!(stopped, [DialId(2), DialId(3)]);
    assert_eq!(pool.machine.counts().dialing, 0);
}

#[test]
fn idle_connections_that_answer_to_a_description_are_retired() {
    let mut pool = Pool::new(Limits::default());
    let leased: Vec<_> = (1..=5).map(|number| pool.open(number)).collect();
    for lease in leased {
        pool.put(lease);
    }
    let taken = pool.take(true).unwrap();
    let gone = CloseReason::AddressGone;
    pool.machine.retire_idle(gone, |payload| payload % 2 == 1);
    // Five is with a call: it is looked at when it comes back.
    assert_eq!(pool.closes(), [gone, gone]);
    assert_eq!(pool.machine.counts().idle, 2);
    assert_eq!(pool.put(taken), Put::Parked);
}

#[test]
fn no_dial_at_all_lets_calls_wait_for_a_place() {
    let mut pool = Pool::new(Limits::default());
    let shared = pool.open(1);
    pool.machine.restrict_dials(Some(0));
    pool.wait(LANE, "waits");
    assert!(!pool.machine.wants_dial());
    assert_eq!(pool.put(shared), Put::Delivered);
}
