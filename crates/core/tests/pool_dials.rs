//! How many connections of one origin are opened at the same time.

use std::time::Instant;

use keepwarm_core::event::{ConnectionId, DialId};
use keepwarm_core::pool::{Lane, Limits, Machine};
use keepwarm_core::reason::Miss;

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
