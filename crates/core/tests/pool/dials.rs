//! How many connections of one origin are opened at the same time.

use std::time::{Instant, SystemTime};

use keepwarm_core::event::{ConnectionId, DialId};
use keepwarm_core::pool::{Action, Hint, Lane, Limits, Machine, Put};
use keepwarm_core::reason::{CloseReason, Miss, Reuse};
use keepwarm_core::time::Now;

#[test]
fn a_crowd_of_calls_is_dialled_for_a_few_at_a_time() {
    let limits = Limits {
        max_dials_per_host: Some(2),
        ..Limits::default()
    };
    let mut machine: Machine<u32, u32, ()> = Machine::new(limits, 1);
    let at = Instant::now();
    for call in 0..5 {
        let _ticket = machine.wait(at, Lane(0), true, Miss::FirstForOrigin, call);
    }
    assert!(machine.start_dial(at, DialId(1)));
    assert!(machine.start_dial(at, DialId(2)));
    assert!(!machine.wants_dial(), "two dials are under way");
    assert!(!machine.start_dial(at, DialId(3)));
    drop(machine.take_actions());
    machine.dialed(at, DialId(1), ConnectionId(1), |_| 7);
    assert!(machine.wants_dial(), "one landed, three calls still wait");
    assert!(machine.start_dial(at, DialId(3)));
    drop(machine.take_actions());
}

#[test]
fn a_close_that_leaves_a_call_without_hope_still_says_why_it_was() {
    let limits = Limits {
        max_requests_per_connection: Some(1),
        ..Limits::default()
    };
    let mut machine: Machine<u32, u32, &str> = Machine::new(limits, 1);
    let at = Instant::now();
    assert!(machine.prewarm(at, Lane(0), DialId(1)));
    machine.dialed(at, DialId(1), ConnectionId(1), |_| 7);
    let now = Now {
        instant: at,
        wall: SystemTime::UNIX_EPOCH,
    };
    let leased = machine.take(now, Lane(0), true).expect("an idle one");
    let _ticket = machine.wait(at, Lane(0), true, Miss::AllBusy { active: 1 }, 2);
    assert!(machine.start_dial(at, DialId(2)));
    machine.dial_failed(at, DialId(2), "refused");
    drop(machine.take_actions());
    // Its dial failed; the only connection it could hope for is used up.
    let (requests, limit) = (1, 1);
    let reason = CloseReason::UsedUp { requests, limit };
    let put = machine.put(at, leased, Reuse::Keep, Hint::NONE);
    assert_eq!(put, Put::Closed(reason));
    let actions = machine.take_actions();
    assert!(matches!(actions.first(), Some(Action::Close { .. })));
    assert!(matches!(actions.last(), Some(Action::Refuse { .. })));
}
