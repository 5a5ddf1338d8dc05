//! The numbers, the events and what really happened agree, where many calls share a connection.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use h2::Reason;
use keepwarm::Client;
use keepwarm::event::{CallId, ConnectionId, DialId, EventKind};

use crate::common::recorder::Recorder;
use crate::common::{SHORT, assert_quiet, bounded, build, is_quiet, settle};
use crate::peer::{Answer, Conduct, Peer};

/// What has started and not ended; several exchanges run on one connection here.
#[derive(Debug, Default)]
struct Account {
    calls: BTreeSet<CallId>,
    queued: BTreeSet<CallId>,
    dials: BTreeSet<DialId>,
    connections: BTreeSet<ConnectionId>,
    exchanges: BTreeMap<CallId, ConnectionId>,
    opened: u64,
    closed: BTreeMap<&'static str, u64>,
    requests: u64,
    reused: u64,
}

impl Account {
    fn of(events: &[EventKind]) -> Self {
        let mut account = Self::default();
        for (index, event) in events.iter().enumerate() {
            assert!(
                account.on(event),
                "event {index}, {event:?}: {account:#?}\n{events:#?}"
            );
        }
        account
    }

    /// Whether the event may come now.
    fn on(&mut self, event: &EventKind) -> bool {
        match event {
            EventKind::Configured { .. } => true,
            EventKind::CallStarted { call, .. } => self.calls.insert(*call),
            EventKind::Queued { call, .. } => {
                self.calls.contains(call) && self.queued.insert(*call)
            }
            EventKind::Dequeued { call, .. } => self.queued.remove(call),
            EventKind::DialStarted { dial, .. } => self.dials.insert(*dial),
            EventKind::DialEnded { dial, .. } => self.dials.remove(dial),
            EventKind::Opened { connection, .. } => {
                self.opened += 1;
                self.connections.insert(*connection)
            }
            EventKind::CheckedOut {
                call,
                connection,
                reused,
                ..
            } => {
                self.requests += 1;
                self.reused += u64::from(*reused);
                let free = self.exchanges.insert(*call, *connection).is_none();
                free && self.calls.contains(call)
                    && !self.queued.contains(call)
                    && self.connections.contains(connection)
            }
            EventKind::RequestSent {
                call, connection, ..
            }
            | EventKind::ResponseHead {
                call, connection, ..
            } => self.runs(*call, *connection),
            EventKind::ExchangeEnded {
                call, connection, ..
            } => self.runs(*call, *connection) && self.exchanges.remove(call).is_some(),
            EventKind::Parked { connection } => {
                self.connections.contains(connection) && !self.is_busy(*connection)
            }
            EventKind::Closed {
                connection, closed, ..
            } => {
                *self.closed.entry(closed.reason.slug()).or_default() += 1;
                !self.is_busy(*connection) && self.connections.remove(connection)
            }
            EventKind::RetryDecided { call, .. } => {
                self.calls.contains(call) && !self.exchanges.contains_key(call)
            }
            EventKind::CallEnded { call, .. } => {
                let over = !self.exchanges.contains_key(call) && !self.queued.contains(call);
                over && self.calls.remove(call)
            }
        }
    }

    fn runs(&self, call: CallId, connection: ConnectionId) -> bool {
        self.exchanges.get(&call) == Some(&connection)
    }

    fn is_busy(&self, connection: ConnectionId) -> bool {
        self.exchanges.values().any(|busy| *busy == connection)
    }
}

fn mixed(path: &str, number: usize) -> Answer {
    match path {
        "/reset" => Answer::Reset(Reason::INTERNAL_ERROR),
        "/refused" if !number.is_multiple_of(3) => Answer::Reset(Reason::REFUSED_STREAM),
        "/nothing" => Answer::Nothing,
        "/large" => Answer::Bytes(300_000),
        "/silent" => Answer::Silence,
        _ if number.is_multiple_of(40) => Answer::PathThenGoAway,
        _ => Answer::Path,
    }
}

/// One call of the mix; what becomes of it does not matter here, only that it is told.
async fn one(client: &Client, peer: &Peer, number: usize) {
    let path = [
        "/a", "/reset", "/nothing", "/large", "/dropped", "/silent", "/refused",
    ][number % 7];
    let call = client.get(peer.url(path));
    match path {
        "/dropped" => drop(tokio::time::timeout(SHORT / 50, call.send()).await),
        "/silent" => drop(call.timeout(SHORT / 10).send().await),
        "/large" if number.is_multiple_of(2) => drop(call.send().await),
        _ => {
            if let Ok(response) = call.send().await {
                drop(response.bytes().await);
            }
        }
    }
}

/// Go 194 TransportTraceGotConnH2IdleConns: a connection that a call gets is told once, shared or not.
/// Same as Go.
#[tokio::test]
async fn the_numbers_and_the_events_agree_after_a_mixed_run() {
    bounded(async {
        let peer = Peer::start(Conduct::new(mixed).streams(7)).await;
        let recorder = Recorder::new();
        let observer = Arc::clone(&recorder);
        let client = build(Client::builder().http2_only().observer(observer));
        recorder.watch(&client);
        let lanes = (0..25).map(|lane| {
            let (client, peer) = (&client, &peer);
            async move {
                for round in 0..21 {
                    one(client, peer, lane + round).await;
                }
            }
        });
        join_all(lanes).await;
        settle(&client, is_quiet).await;
        client.close_idle();
        let counts = settle(&client, |now| now.idle == 0).await;
        assert_quiet(&client);
        recorder.release();
        let account = Account::of(&recorder.events());
        assert!(account.calls.is_empty(), "{account:#?}");
        assert!(account.queued.is_empty(), "{account:#?}");
        assert!(account.dials.is_empty(), "{account:#?}");
        assert!(account.exchanges.is_empty(), "{account:#?}");
        assert!(account.connections.is_empty(), "{account:#?}");
        assert_eq!(account.opened, counts.opened, "{counts:?}");
        for (slug, count) in &account.closed {
            assert_eq!(*count, counts.closed_as(slug), "{slug}: {counts:?}");
        }
        let closed: u64 = counts.closed.iter().map(|end| end.count).sum();
        assert_eq!(closed, counts.opened, "{counts:?}");
        println!(
            "{} opened, {} requests, {} reused, {:?}; events: {} and {}",
            counts.opened,
            counts.requests,
            counts.reused,
            account.closed,
            account.requests,
            account.reused
        );
        // A check-out that was undone, for not a byte was written, counts as an event and not as a request.
        assert!(counts.requests <= account.requests, "{counts:?}");
        assert!(counts.reused <= counts.requests, "{counts:?}");
    })
    .await;
}
