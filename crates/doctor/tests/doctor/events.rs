//! What an examination tells an observer: complete pairs, as a client's.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keepwarm_core::event::{Event, EventKind, Observer};
use keepwarm_core::reason::{CloseReason, PeerEnd};
use keepwarm_doctor::Settings;
use keepwarm_lab::{Lab, scenario};

use crate::support::{begin, within};

#[derive(Default)]
struct Kept(Mutex<Vec<Event>>);

impl Observer for Kept {
    fn on_event(&self, event: &Event) {
        self.0.lock().expect("nobody panics").push(event.clone());
    }
}

#[tokio::test]
async fn connections_and_requests_are_told_from_beginning_to_end() {
    let timeout = Duration::from_millis(700);
    let lab = Lab::spawn_thread(scenario::idle_timeout(timeout));
    let kept = Arc::new(Kept::default());
    let settings = Settings {
        observer: Some(Arc::clone(&kept) as Arc<dyn Observer>),
        ..within(Duration::from_secs(20))
    };
    let mut examination = begin(&lab.url("/a"), settings).await.expect("it is there");
    examination.finished().await;
    examination.close().await;
    let events = kept.0.lock().expect("nobody panics");
    let (mut open, mut asked, mut idle_ends) = (BTreeSet::new(), BTreeSet::new(), 0);
    let (mut opened, mut answered) = (0_u64, 0);
    for event in events.iter() {
        match &event.kind {
            EventKind::Opened { connection, .. } => {
                opened += 1;
                assert!(open.insert(*connection), "{event:?}");
            }
            EventKind::CallStarted { call, .. } => assert!(asked.insert(*call), "{event:?}"),
            EventKind::CheckedOut { connection, .. }
            | EventKind::RequestSent { connection, .. } => {
                assert!(open.contains(connection), "{event:?}");
            }
            EventKind::ExchangeEnded { received, .. } => answered += u64::from(*received > 0),
            EventKind::CallEnded { call, .. } => assert!(asked.remove(call), "{event:?}"),
            EventKind::Closed {
                connection, closed, ..
            } => {
                assert!(open.remove(connection), "{event:?}");
                if let CloseReason::PeerClosedIdle { how, idle } = closed.reason {
                    assert_eq!(how, PeerEnd::Fin);
                    // Ours is counted from when the answer was read: late, when this machine is busy.
                    idle_ends += u32::from(idle >= timeout / 2);
                }
            }
            EventKind::Configured { .. }
            | EventKind::DialEnded { .. }
            | EventKind::DialStarted { .. }
            | EventKind::Parked { .. }
            | EventKind::Queued { .. }
            | EventKind::Dequeued { .. }
            | EventKind::ResponseHead { .. }
            | EventKind::RetryDecided { .. } => {}
        }
    }
    assert!(open.is_empty() && asked.is_empty(), "{open:?} {asked:?}");
    assert!(idle_ends >= 6, "{idle_ends}");
    let seen = lab.transcript();
    assert_eq!(opened, lab.connections().accepted);
    let requests = |it: &keepwarm_lab::Transcript| {
        let each = it.connections();
        each.iter()
            .map(|it| it.requests().count() as u64)
            .sum::<u64>()
    };
    assert_eq!(answered, requests(&seen));
}
