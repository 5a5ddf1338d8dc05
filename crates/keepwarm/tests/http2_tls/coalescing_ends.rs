//! A connection that serves two origins, at its limits and at its end: nobody's call is lost by it, and the accounts of
//! both add up.

use std::collections::HashMap;

use futures_util::future::join_all;
use h2::Reason;
use keepwarm::event::{ConnectionId, EventKind};
use keepwarm::reason::{Again, CloseReason, Retry, Stop};
use keepwarm::{Client, Protocol, RequestBody};

use crate::house::{Door, House};
use crate::support::log::Log;
use crate::support::{bounded, finish, join, ms, run, run_on_two_threads, runtime, spawn, until};

const BOTH: [&str; 2] = ["a.test", "b.test"];

async fn with(door: Door) -> House {
    House::of(&BOTH, door).await
}

/// Every check-out has its end, every connection one opening and at most one close, and no call is left.
fn pairs(log: &Log) {
    let mut exchanges: HashMap<_, i64> = HashMap::new();
    let (mut opened, mut closed) = (Vec::new(), Vec::new());
    let (mut queued, mut dials, mut calls) = (0, 0, 0);
    for event in log.events() {
        match event {
            EventKind::CheckedOut {
                call, connection, ..
            } => {
                *exchanges.entry((call, connection)).or_default() += 1;
            }
            EventKind::ExchangeEnded {
                call, connection, ..
            } => {
                *exchanges.entry((call, connection)).or_default() -= 1;
            }
            EventKind::Opened { connection, .. } => opened.push(connection),
            EventKind::Closed { connection, .. } => closed.push(connection),
            EventKind::Queued { .. } => queued += 1,
            EventKind::Dequeued { .. } => queued -= 1,
            EventKind::DialStarted { .. } => dials += 1,
            EventKind::DialEnded { .. } => dials -= 1,
            EventKind::CallStarted { .. } => calls += 1,
            EventKind::CallEnded { .. } => calls -= 1,
            _ => {}
        }
    }
    assert!(exchanges.values().all(|left| *left == 0), "{exchanges:?}");
    assert_eq!((queued, dials, calls), (0, 0, 0));
    let once = |list: &[ConnectionId]| {
        let mut sorted = list.to_vec();
        sorted.sort();
        sorted.dedup();
        sorted.len() == list.len()
    };
    assert!(once(&opened) && once(&closed), "{opened:?}, {closed:?}");
    assert!(closed.iter().all(|end| opened.contains(end)));
}

/// Waits until nothing is under way, and holds the numbers against each other.
async fn settled(client: &Client, log: &Log) {
    let counts = until(
        || {
            let now = client.stats().total().clone();
            ((now.active, now.waiting, now.dialing) == (0, 0, 0)).then_some(now)
        },
        || format!("{:?}", client.stats().total()),
    )
    .await;
    let closed: u64 = counts.closed.iter().map(|end| end.count).sum();
    assert_eq!(counts.opened, counts.idle as u64 + closed, "{counts:?}");
    pairs(log);
}

/// A 421 leads to a connection of its own, for this call and all later ones; the connection that gave it is as before.
#[test]
fn a_misdirected_call_gets_a_connection_of_its_own_and_is_not_coalesced_again() {
    run(async {
        let house = with(Door::NamedOnly).await;
        let (client, log) = house.client(|it| it);
        house.get(&client, "a.test").await;
        let call = client.post(house.url("b.test")).body("x").send();
        let done = finish(call.await.expect("an answer")).await;
        assert_eq!((done.status.as_u16(), &done.body[..]), (200, &b"hello"[..]));
        assert_eq!(done.retries, [Retry::Again(Again::Misdirected)]);
        assert_eq!(done.connection.coalesced_from(), None);
        let own = done.connection.id;
        // Also when its own connection is gone.
        client.close_idle();
        house.get(&client, "a.test").await;
        let done = house.get(&client, "b.test").await;
        assert_eq!(
            (done.retries.len(), done.connection.coalesced_from()),
            (0, None)
        );
        assert_ne!(done.connection.id, own);
        let asked = house.asked();
        let who: Vec<_> = asked
            .iter()
            .map(|(at, name)| (*at, name.as_str()))
            .collect();
        let expected = [
            (0, "a.test"),
            (0, "b.test"),
            (1, "b.test"),
            (2, "a.test"),
            (3, "b.test"),
        ];
        assert_eq!(who, expected);
        settled(&client, &log).await;
    });
}

#[test]
fn a_421_does_not_end_the_connection_for_the_origin_it_belongs_to() {
    run(async {
        let house = with(Door::NamedOnly).await;
        let (client, log) = house.client(|it| it);
        let first = house.get(&client, "a.test").await;
        // It cannot be sent again: the caller is told, and the next call has its own connection.
        let body = RequestBody::stream(http_body_util::Full::new(bytes::Bytes::from("x")));
        let call = client.post(house.url("b.test")).body(body).send();
        let done = finish(call.await.expect("an answer")).await;
        assert_eq!(done.status, 421);
        assert_eq!(done.retries, [Retry::Stop(Stop::NotReplayable)]);
        let next = house.get(&client, "b.test").await;
        assert_eq!(
            (next.status.as_u16(), next.connection.coalesced_from()),
            (200, None)
        );
        for round in 3..6 {
            let again = house.get(&client, "a.test").await;
            assert_eq!(again.connection.id, first.connection.id);
            assert_eq!(again.connection.requests, round);
        }
        assert_eq!(log.endings(), []);
        settled(&client, &log).await;
    });
}

#[test]
fn a_call_that_must_be_http1_there_is_sent_again_as_that_and_the_connection_stays() {
    run(async {
        let house = with(Door::Resets(Reason::HTTP_1_1_REQUIRED)).await;
        let (client, log) = house.client(|it| it);
        let first = house.get(&client, "a.test").await;
        for _ in 0..2 {
            let done = house.get(&client, "b.test").await;
            assert_eq!(done.connection.protocol(), Protocol::H1);
            assert_eq!(done.connection.coalesced_from(), None);
        }
        assert_eq!(log.decided(), [Retry::Again(Again::Http1Required)]);
        assert_eq!(log.endings(), []);
        assert_eq!(
            client
                .stats()
                .origin(&house.url("a.test"))
                .expect("called")
                .counts
                .idle,
            1
        );
        assert_eq!((first.connection.requests, house.handshakes()), (1, 2));
        settled(&client, &log).await;
    });
}

#[test]
fn a_call_that_meets_a_go_away_on_anothers_connection_is_sent_again_on_its_own() {
    run(async {
        let house = with(Door::LeavesAtTheSecond).await;
        let (client, log) = house.client(|it| it);
        let first = house.get(&client, "a.test").await;
        // Not idempotent: the server has said that it was not processed.
        let call = client.post(house.url("b.test")).body("x").send();
        let done = finish(call.await.expect("an answer")).await;
        assert_eq!((done.status.as_u16(), &done.body[..]), (200, &b"hello"[..]));
        assert_eq!(done.retries, [Retry::Again(Again::GoAway)]);
        assert_eq!(done.connection.coalesced_from(), None);
        let end = log.closed(1).await[0];
        assert_eq!(
            (end.connection, end.closed.reason),
            (first.connection.id, CloseReason::GoAway)
        );
        settled(&client, &log).await;
    });
}

#[test]
fn a_connection_that_closes_under_both_loses_neither() {
    run(async {
        let house = with(Door::ClosedAfter(4)).await;
        let (client, log) = house.client(|it| it);
        let first = house.get(&client, "a.test").await;
        let calls = (0..4).map(|n| spawn(client.get(house.url(BOTH[n % 2]))));
        for done in join(calls.collect()).await {
            assert_eq!((done.status.as_u16(), &done.body[..]), (200, &b"hello"[..]));
            assert_ne!(done.connection.id, first.connection.id);
            assert_eq!(done.retries.len(), 1);
        }
        assert_eq!(log.closed(1).await[0].requests, 5);
        settled(&client, &log).await;
    });
}

#[test]
fn a_connection_is_idle_when_its_last_call_has_gone_whosever_it_is() {
    run(async {
        let house = with(Door::Waits(100)).await;
        let other = House::open().await;
        let (client, log) = house.client(|it| {
            let tls = house.authority.trusted().roots(other.authority.pem());
            let (port, address) = (other.server.address.port(), other.server.address);
            it.tls(tls)
                .resolve("a.test", port, address)
                .idle_timeout(ms(100))
        });
        let first = house.get(&client, "a.test").await;
        let guest = spawn(client.get(house.url("b.test")));
        let sat = |it: &EventKind| matches!(it, EventKind::RequestSent { .. });
        log.count(2, sat).await;
        // A connection that became idle after it shows that the time is over.
        let witness = other.get(&client, "a.test").await;
        let end = log.closed(1).await[0];
        assert_eq!(end.connection, witness.connection.id);
        house.answer();
        let done = join(vec![guest]).await.remove(0);
        assert_eq!(done.connection.id, first.connection.id);
        let ends = log.closed(2).await;
        let CloseReason::IdleTooLong { .. } = ends[1].closed.reason else {
            panic!("{ends:?}");
        };
        assert_eq!(
            (ends[1].connection, ends[1].requests),
            (first.connection.id, 2)
        );
        settled(&client, &log).await;
    });
}

#[test]
fn a_shutdown_waits_for_the_calls_of_both() {
    run(async {
        let house = with(Door::Waits(100)).await;
        let (client, log) = house.client(|it| it);
        house.get(&client, "a.test").await;
        let calls = BOTH.map(|name| spawn(client.get(house.url(name)))).into();
        log.count(3, |it| matches!(it, EventKind::RequestSent { .. }))
            .await;
        let ends = tokio::spawn({
            let client = client.clone();
            async move { client.shutdown(ms(10_000)).await }
        });
        until(
            || client.prewarm("https://c.test/", 0).err(),
            || "it is not shut down".to_owned(),
        )
        .await;
        house.answer();
        let ids: Vec<_> = join(calls)
            .await
            .iter()
            .map(|done| done.connection.id)
            .collect();
        assert_eq!(ids[0], ids[1]);
        let report = ends.await.expect("no panic");
        assert_eq!((report.finished, report.still_running), (1, 0));
        assert_eq!(log.closed(1).await[0].closed.reason, CloseReason::ShutDown);
        settled(&client, &log).await;
    });
}

#[test]
fn a_thousand_calls_to_two_origins_at_once_share_one_connection() {
    run_on_two_threads(async {
        let house = House::open().await;
        let (client, log) = house.client(|it| it);
        house.get(&client, "a.test").await;
        let calls = (0..1000).map(|n| spawn(client.get(house.url(BOTH[n % 2]))));
        for done in join(calls.collect()).await {
            assert_eq!((done.status.as_u16(), &done.body[..]), (200, &b"hello"[..]));
            assert_eq!(done.retries, []);
        }
        let counts = client.stats().total().clone();
        assert_eq!(
            (counts.opened, counts.requests, counts.coalesced),
            (1, 1001, 500)
        );
        assert_eq!(house.handshakes(), 1);
        // However many calls wait, the question is asked once.
        assert_eq!(house.names.asked("b.test"), 1);
        settled(&client, &log).await;
    });
}

#[test]
fn calls_for_which_there_is_no_stream_have_a_connection_of_their_own() {
    run(async {
        let house = with(Door::Waits(1)).await;
        let (client, log) = house.client(|it| it);
        let first = house.get(&client, "a.test").await;
        let busy = spawn(client.get(house.url("a.test")));
        log.count(2, |it| matches!(it, EventKind::RequestSent { .. }))
            .await;
        let own = house.get(&client, "b.test").await;
        assert_ne!(own.connection.id, first.connection.id);
        // Which comes first from then on.
        house.answer();
        join(vec![busy]).await;
        let next = house.get(&client, "b.test").await;
        assert_eq!(next.connection.id, own.connection.id);
        settled(&client, &log).await;
    });
}

#[test]
fn a_call_that_may_not_open_a_connection_gets_the_next_free_stream_of_another() {
    run(async {
        let house = with(Door::Waits(2)).await;
        let (client, log) = house.client(|it| it.max_conns(1));
        let first = house.get(&client, "a.test").await;
        let [leaves, stays] = [(); 2].map(|()| spawn(client.get(house.url("a.test"))));
        let sent = |it: &EventKind| matches!(it, EventKind::RequestSent { .. });
        log.count(3, sent).await;
        let waits = spawn(client.get(house.url("b.test")));
        until(
            || (client.stats().total().waiting == 1).then_some(()),
            || format!("{:?}", client.stats().total()),
        )
        .await;
        // The connection is never idle, and is the only one there may be.
        leaves.abort();
        log.count(4, sent).await;
        house.answer();
        for done in join(vec![stays, waits]).await {
            assert_eq!(done.connection.id, first.connection.id);
        }
        assert_eq!(house.handshakes(), 1);
        settled(&client, &log).await;
    });
}

#[test]
fn a_call_whose_origin_is_at_its_limit_gets_a_stream_of_another_as_soon_as_the_way_is_known() {
    run(async {
        let house = with(Door::Waits(1)).await;
        let (client, log) = house.client(|it| it.max_conns_per_host(1));
        let own = house.get(&client, "b.test").await.connection.id;
        let busy = spawn(client.get(house.url("b.test")));
        let sent = |it: &EventKind| matches!(it, EventKind::RequestSent { .. });
        log.count(2, sent).await;
        let other = house.get(&client, "a.test").await.connection.id;
        assert_ne!(own, other);
        let guest = spawn(client.get(house.url("b.test")));
        log.count(4, sent).await;
        house.answer();
        let done = join(vec![busy, guest]).await;
        assert_eq!((done[0].connection.id, done[1].connection.id), (own, other));
        settled(&client, &log).await;
    });
}

#[test]
fn a_connection_that_is_used_up_takes_nobody_in() {
    run(async {
        let house = House::open().await;
        let (client, log) = house.client(|it| it.max_requests_per_connection(Some(3)));
        let mut on = Vec::new();
        for name in ["a.test", "b.test", "b.test", "b.test", "b.test"] {
            on.push(house.get(&client, name).await.connection.id.0);
        }
        assert_eq!(on, [1, 1, 1, 2, 2]);
        let end = log.closed(1).await[0];
        let used_up = CloseReason::UsedUp {
            requests: 3,
            limit: 3,
        };
        assert_eq!((end.closed.reason, end.requests), (used_up, 3));
        settled(&client, &log).await;
    });
}

#[test]
fn a_name_without_an_answer_fails_as_it_does_by_itself() {
    run(async {
        let house = House::of(&["a.test", "*.a.test"], Door::Open).await;
        let (client, log) = house.client(|it| it);
        house.get(&client, "a.test").await;
        let error = client.get(house.url("nowhere.a.test")).send().await;
        let error = error.expect_err("no address");
        assert!(
            error.to_string().contains("cannot resolve nowhere.a.test"),
            "{error}"
        );
        settled(&client, &log).await;
    });
}

#[test]
fn a_call_that_leaves_while_the_way_is_asked_holds_up_nobody() {
    run(async {
        let house = House::open().await;
        let (client, log) = house.client(|it| it);
        house.get(&client, "a.test").await;
        house.names.hold(Some("b.test"));
        let leaves = spawn(client.get(house.url("b.test")));
        let stays = spawn(client.get(house.url("b.test")));
        log.count(3, |it| matches!(it, EventKind::Queued { .. }))
            .await;
        leaves.abort();
        assert!(leaves.await.expect_err("it was aborted").is_cancelled());
        house.names.hold(None);
        let done = join(vec![stays]).await.remove(0);
        assert!(done.connection.coalesced_from().is_some());
        assert_eq!(house.names.asked("b.test"), 1);
        settled(&client, &log).await;
    });
}

/// The question is asked on the runtime of the call that wants to know. One that stands still holds up no other.
#[test]
fn a_runtime_that_stands_still_while_it_asks_holds_up_no_other() {
    let servers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let house = servers.block_on(House::open());
    let (one, other) = (runtime(), runtime());
    let (client, log) = house.client(|it| it);
    let first = one.block_on(bounded(house.get(&client, "a.test")));
    house.names.hold(Some("b.test"));
    let call = client.get(house.url("b.test"));
    let waits = one.spawn(async move { finish(call.send().await.expect("an answer")).await });
    one.block_on(bounded(until(
        || (house.names.asked("b.test") == 1).then_some(()),
        || format!("{:?}", log.events()),
    )));
    waits.abort();
    assert!(
        one.block_on(waits)
            .expect_err("it was aborted")
            .is_cancelled()
    );
    // From here on nobody drives the first runtime.
    house.names.hold(None);
    let own = other.block_on(bounded(house.get(&client, "b.test")));
    assert_ne!(own.connection.id, first.connection.id);
    assert_eq!(own.connection.coalesced_from(), None);
    drop(one);
    other.block_on(bounded(async {
        until(
            || (client.stats().total().waiting == 0).then_some(()),
            || format!("{:?}", client.stats().total()),
        )
        .await;
    }));
}

#[test]
fn opening_ahead_of_need_opens_one_of_its_own() {
    run(async {
        let house = House::open().await;
        let (client, log) = house.client(|it| it);
        house.get(&client, "a.test").await;
        let started = client
            .prewarm(&house.url("b.test"), 1)
            .expect("settings that work");
        assert_eq!(started, 1);
        log.count(2, |it| matches!(it, EventKind::Opened { .. }))
            .await;
        let done = house.get(&client, "b.test").await;
        assert_eq!(
            (done.connection.coalesced_from(), house.handshakes()),
            (None, 2)
        );
        join_all(BOTH.map(|name| house.get(&client, name))).await;
        assert_eq!(client.stats().total().coalesced, 0);
        settled(&client, &log).await;
    });
}
