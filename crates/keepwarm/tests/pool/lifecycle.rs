//! Opening ahead, closing, retuning and the end of a client: over real sockets.

use std::time::Duration;

use keepwarm::event::EventKind;
use keepwarm::reason::{CloseReason, Miss, Reuse};
use keepwarm::{Config, ErrorKind, Limits, ShutdownReport};
use keepwarm_lab::{Lab, scenario};

use crate::support::dialers::{Dealt, Fate, Fates};
use crate::support::{GATE, PATIENCE, Rig, finish, held, join, ms, run, spawn};

/// Go 24 TransportCloseIdleConnsThenReturn: after close-idle, what becomes idle is closed until the next call.
/// Same as Go.
/// Go 25 CloseIdleConnections: idle connections really go away.
/// Same as Go.
/// Go 26 TransportIdleConnCrash: close-idle during an exchange does not disturb it.
/// Same as Go.
/// Go 28 ClientCloseIdleConnections: the client forwards the call.
/// Same as Go.
#[test]
fn close_idle_closes_what_is_idle_and_what_becomes_so() {
    run(async {
        let rig = Rig::start(held()).await;
        rig.fetch_at_once(3).await;
        rig.lab.shut(GATE);
        let call = rig.spawn(1);
        rig.lab.wait_for(|it| it.counters().requests == 4).await;
        rig.client.close_idle();
        let counts = rig.counts();
        assert_eq!(
            (counts.idle, counts.active, counts.closed_as("shut-down")),
            (0, 1, 2)
        );
        rig.lab.open(GATE);
        let done = join(call).await.remove(0);
        assert_eq!(done.body, b"hello, world\n", "what runs is not disturbed");
        assert_eq!(done.reuse, Reuse::close(CloseReason::ShutDown));
        let next = rig.fetch("/").await;
        assert_eq!(next.connection.miss, Some(Miss::FirstForOrigin));
        assert!(next.reuse.is_keep(), "the next call ends it, as in Go");
        assert!(rig.fetch("/").await.connection.reused);
    });
}

/// X21: shutdown refuses new work, waits for what runs, closes everything and tells the counts.
#[test]
fn shutdown_reports_what_it_did() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_conns_per_host(3)).await;
        rig.fetch_at_once(3).await;
        rig.lab.shut(GATE);
        let running = rig.spawn(1);
        rig.lab.wait_for(|it| it.counters().requests == 4).await;
        let report = rig.client.shutdown(ms(30)).await;
        let expected = ShutdownReport {
            closed_idle: 2,
            finished: 0,
            still_running: 1,
            refused: 0,
        };
        assert_eq!(report, expected);
        rig.lab.open(GATE);
        let done = join(running).await.remove(0);
        assert_eq!(done.reuse, Reuse::close(CloseReason::ShutDown));
        assert_eq!(rig.log.closed(3).await.len(), 3);
        let total = rig.client.stats().total().clone();
        assert_eq!(
            (total.idle, total.active, total.dialing, total.waiting),
            (0, 0, 0, 0)
        );
    });
}

/// X21: those who wait are refused, what runs may end.
#[test]
fn shutdown_refuses_those_who_wait_and_lets_the_others_end() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_conns_per_host(2)).await;
        let running = rig.spawn(2);
        rig.lab.wait_for(|it| it.counters().requests == 2).await;
        let waiting = rig.spawn(3);
        rig.until(|it| it.waiting == 3).await;
        let (report, done) = tokio::join!(rig.client.shutdown(PATIENCE), async {
            for call in waiting {
                let error = call.await.expect("no panic").expect_err("refused");
                assert_eq!(error.kind(), ErrorKind::Closed);
                assert_eq!(error.reason(), Some(&CloseReason::ShutDown));
                assert!(error.is_safe_to_retry());
            }
            rig.lab.open(GATE);
            join(running).await
        });
        assert_eq!(done.len(), 2);
        let expected = ShutdownReport {
            closed_idle: 0,
            finished: 2,
            still_running: 0,
            refused: 3,
        };
        assert_eq!(report, expected);
        let again = rig.client.shutdown(Duration::ZERO).await;
        assert_eq!(
            (again.closed_idle, again.finished, again.still_running),
            (0, 0, 0)
        );
    });
}

#[test]
fn shutdown_stops_dials() {
    run(async {
        let fates = Fates::deal([Fate::Hangs]);
        let dialer = Dealt(std::sync::Arc::clone(&fates));
        let rig = Rig::with(scenario::well_behaved(), |it| it.dialer(dialer)).await;
        let call = spawn(rig.get("/"));
        rig.until(|it| it.dialing == 1).await;
        rig.client.shutdown(PATIENCE).await;
        let error = call.await.expect("no panic").expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Closed);
        let dropped = || (fates.dropped() == 1).then_some(());
        crate::support::until(dropped, || "the dial goes on".to_owned()).await;
        assert_eq!(rig.counts().dialing, 0);
        assert!(rig.client.prewarm(&rig.lab.url("/"), 1).is_err());
    });
}

#[test]
fn the_last_clone_takes_the_connections_along() {
    run(async {
        let rig = Rig::start(scenario::well_behaved()).await;
        rig.fetch("/").await;
        let Rig { lab, client, log } = rig;
        let clone = client.clone();
        drop(client);
        finish(clone.get(lab.url("/")).send().await.expect("an answer")).await;
        assert_eq!(lab.connections().accepted, 1, "a clone keeps the pool");
        drop(clone);
        assert_eq!(log.closed(1).await[0].closed.reason, CloseReason::ShutDown);
        lab.wait_for(|it| it.counters().open == 0).await;
    });
}

#[test]
fn prewarm_opens_no_more_than_the_limits_leave_room_for() {
    run(async {
        let settings = |it: Config| it.max_idle_per_host(4).max_conns_per_host(3);
        let rig = Rig::with(scenario::well_behaved(), settings).await;
        let url = rig.lab.url("/");
        assert_eq!(rig.client.prewarm(&url, 2).expect("a start"), 2);
        assert_eq!(rig.client.prewarm(&url, 5).expect("a start"), 1);
        let counts = rig.until(|it| it.idle == 3).await;
        assert_eq!((counts.opened, counts.requests), (3, 0));
        assert_eq!(rig.client.prewarm(&url, 5).expect("a start"), 0);
        assert!(rig.client.prewarm("not a URL", 1).is_err());
        let few = Rig::with(scenario::well_behaved(), |it| it.max_conns(2)).await;
        let url = few.lab.url("/");
        assert_eq!(few.client.prewarm(&url, 5).expect("a start"), 2);
    });
}

#[test]
fn prewarm_refuses_what_calls_refuse() {
    run(async {
        let rig = Rig::start(scenario::well_behaved()).await;
        for url in ["ftp://127.0.0.1/", "http://127.0.0.1:0/", "nowhere"] {
            let error = rig.client.get(url).send().await.expect_err("no origin");
            assert_eq!(error.kind(), ErrorKind::Usage, "{url}");
            let error = rig.client.prewarm(url, 1).expect_err("no origin");
            assert_eq!(error.kind(), ErrorKind::Usage, "{url}");
        }
    });
}

#[test]
fn prewarmed_connections_serve_a_burst() {
    run(async {
        let rig = Rig::start(held()).await;
        rig.client.prewarm(&rig.lab.url("/"), 5).expect("a start");
        rig.until(|it| it.idle == 5).await;
        let done = rig.fetch_at_once(5).await;
        assert!(done.iter().all(|it| it.connection.miss.is_none()));
        assert_eq!(
            rig.log
                .counted(|kind| matches!(kind, EventKind::Queued { .. })),
            0
        );
        assert_eq!(rig.counts().opened, 5);
    });
}

/// Five idle connections, then other limits.
async fn retuned(change: impl FnOnce(&mut Limits)) -> Rig {
    let rig = Rig::start(held()).await;
    rig.fetch_at_once(5).await;
    assert_eq!(rig.counts().idle, 5);
    let mut limits = rig.client.limits();
    change(&mut limits);
    rig.client.retune(limits).expect("limits that work");
    rig
}

#[test]
fn retune_to_fewer_idle_closes_at_once() {
    run(async {
        let rig = retuned(|it| it.max_idle_per_host = Some(2)).await;
        let counts = rig.counts();
        assert_eq!((counts.idle, counts.closed_as("host-full")), (2, 3));
        assert_eq!(counts.closed[0].reason, CloseReason::HostFull { limit: 2 });
        let rig = retuned(|it| it.max_idle = Some(1)).await;
        let counts = rig.counts();
        assert_eq!((counts.idle, counts.closed_as("pool-full")), (1, 4));
        let rig = retuned(|it| it.max_conns_per_host = Some(4)).await;
        assert_eq!(rig.counts().idle, 4);
        rig.lab.wait_for(|it| it.counters().open == 4).await;
    });
}

#[test]
fn retune_to_shorter_times_closes_in_time() {
    run(async {
        let rig = retuned(|it| it.idle_timeout = Some(ms(50))).await;
        let ends = rig.log.closed(5).await;
        assert!(
            ends.iter()
                .all(|end| end.closed.reason.slug() == "idle-too-long")
        );
        let rig = retuned(|it| it.max_lifetime = Some(ms(50))).await;
        let ends = rig.log.closed(5).await;
        assert!(
            ends.iter().all(|end| end.closed.reason.slug() == "too-old"),
            "{ends:?}"
        );
    });
}

#[test]
fn retune_to_fewer_connections_in_all_closes_idle_ones() {
    run(async {
        let rig = retuned(|it| it.max_conns = Some(2)).await;
        let counts = rig.until(|it| it.idle == 2).await;
        assert_eq!(counts.closed_as("pool-full"), 3);
    });
}

#[test]
fn retune_reaches_origins_that_come_later() {
    run(async {
        let rig = retuned(|it| it.max_requests_per_connection = Some(1)).await;
        let other = Lab::start(scenario::well_behaved()).await;
        let response = rig
            .client
            .get(other.url("/"))
            .send()
            .await
            .expect("an answer");
        let reason = CloseReason::UsedUp {
            requests: 1,
            limit: 1,
        };
        assert_eq!(finish(response).await.reuse, Reuse::close(reason));
    });
}

#[test]
fn retune_to_a_longer_queue_and_more_places_serves_at_once() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_conns(1)).await;
        let calls = rig.spawn(4);
        rig.lab.wait_for(|it| it.counters().requests == 1).await;
        rig.until(|it| it.waiting == 3).await;
        let limits = Limits {
            max_conns: None,
            ..rig.client.limits()
        };
        rig.client.retune(limits).expect("limits that work");
        rig.lab.wait_for(|it| it.counters().requests == 4).await;
        rig.lab.open(GATE);
        assert_eq!(join(calls).await.len(), 4);
    });
}
