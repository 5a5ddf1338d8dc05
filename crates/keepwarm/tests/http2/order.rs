//! The order of events of a shared connection, where another call comes in the middle of one being told.

use std::sync::{Arc, Condvar, Mutex};

use keepwarm::event::{CallId, Event, EventKind, Observer};
use keepwarm::{Client, Response, Result};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::common::{assert_quiet, bounded, build};
use crate::peer::{Answer, Conduct, Peer};

/// What was told, in the order in which its telling ended.
#[derive(Default)]
struct Interrupted {
    log: Mutex<Log>,
    told: Condvar,
}

#[derive(Default)]
struct Log {
    names: Vec<&'static str>,
    interrupt: Option<(Client, String)>,
    second: Option<JoinHandle<Result<Response>>>,
}

impl Observer for Interrupted {
    fn on_event(&self, event: &Event) {
        let name = match &event.kind {
            EventKind::Parked { .. } => {
                self.call_meanwhile();
                "parked"
            }
            EventKind::Queued { call, .. } if *call == CallId(2) => "queued",
            EventKind::CheckedOut { call, .. } if *call == CallId(2) => "checked out",
            _ => return,
        };
        self.log.lock().expect("no panic").names.push(name);
        self.told.notify_all();
    }
}

impl Interrupted {
    /// Makes a call while the first `Parked` is being told, and waits until it is told of.
    fn call_meanwhile(&self) {
        let mut log = self.log.lock().expect("no panic");
        let Some((client, url)) = log.interrupt.take() else {
            return;
        };
        log.second = Some(Handle::current().spawn(client.get(url).send()));
        let log = self.told.wait_while(log, |log| log.names.is_empty());
        drop(log.expect("no panic"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parked_is_told_before_the_next_call_has_the_connection() {
    bounded(async {
        let peer = Peer::start(Conduct::new(|_, _| Answer::Path)).await;
        let observer = Arc::new(Interrupted::default());
        let client = build(Client::builder().http2_only().observer(observer.clone()));
        observer.log.lock().expect("no panic").interrupt = Some((client.clone(), peer.url("/2")));
        let first = client.get(peer.url("/1")).send().await.expect("an answer");
        assert_eq!(first.text().await.expect("a body"), "/1");
        let second = observer.log.lock().expect("no panic").second.take();
        let second = second.expect("it was made").await.expect("no panic");
        let second = second.expect("an answer");
        assert_eq!(second.text().await.expect("a body"), "/2");
        let names = observer.log.lock().expect("no panic").names.clone();
        assert_eq!(names, ["queued", "parked", "checked out", "parked"]);
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.idle), (1, 1), "{counts:?}");
    })
    .await;
}
