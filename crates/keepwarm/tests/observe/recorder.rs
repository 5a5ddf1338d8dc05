//! `observe::Recorder` and `observe::Several`: which events are kept, in which order, by whom.

use std::sync::Arc;

use keepwarm::event::{EventKind, Observer};
use keepwarm::observe::{Recorder, Several};

use crate::events::Puppet;

fn calls(recorder: &Recorder) -> Vec<u64> {
    let events = recorder.events();
    let numbers = events.iter().map(|event| match &event.kind {
        EventKind::CallEnded { call, .. } => call.0,
        other => panic!("{other:?}"),
    });
    numbers.collect()
}

fn tell(observer: &dyn Observer, calls: std::ops::Range<u64>) {
    let puppet = Puppet::new(observer);
    calls.for_each(|call| puppet.call_ended(call));
}

#[test]
fn the_latest_events_are_kept_the_oldest_first() {
    let recorder = Recorder::new(4);
    tell(&recorder, 0..3);
    assert_eq!((calls(&recorder), recorder.dropped()), (vec![0, 1, 2], 0));
    tell(&recorder, 3..6);
    assert_eq!(
        (calls(&recorder), recorder.dropped()),
        (vec![2, 3, 4, 5], 2)
    );
    tell(&recorder, 6..101);
    let kept = vec![97, 98, 99, 100];
    assert_eq!((calls(&recorder), recorder.dropped()), (kept, 97));
    let log = recorder.log("test");
    assert_eq!((log.records.len(), log.dropped), (4, 97));
}

#[test]
fn a_recorder_without_room_counts() {
    let recorder = Recorder::new(0);
    tell(&recorder, 0..3);
    assert_eq!((calls(&recorder), recorder.dropped()), (vec![], 3));
}

#[test]
fn several_observers_are_told_the_same() {
    let recorders: Vec<Arc<Recorder>> = (0..3).map(|_| Arc::new(Recorder::new(9))).collect();
    let observers = recorders.iter().map(|it| Arc::clone(it) as _).collect();
    let several = Several::new(observers);
    tell(&several, 0..2);
    let event = recorders[0].events().swap_remove(1);
    several.on_owned_event(event);
    for recorder in &recorders {
        assert_eq!(calls(recorder), [0, 1, 1]);
    }
    tell(&Several::default(), 0..1);
}
