//! Calls that are dropped at every point: the pool stays consistent, and every connection ends with a reason.

use std::time::Duration;

use crate::common::dialers::{Gated, Tapped};
use crate::common::recorder::Recorder;
use crate::common::{LONG, assert_quiet, bounded, build, fed, is_quiet, settle, text, totals};
use bytes::Bytes;
use keepwarm::event::EventKind;
use keepwarm::{Client, Config, RequestBody};
use keepwarm_lab::{Behaviour, Content, End, Lab, Pause, scenario};

/// Go 73 TransportCancelRequestInDial: cancelling in a blocked dial returns at once.
/// Same as Go.
#[tokio::test]
async fn a_call_dropped_while_its_dial_runs_leaves_the_connection_to_the_pool() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let dialer = Gated::new();
        let client = build(Client::builder().dialer(dialer.clone()));
        let call = tokio::spawn(client.get(lab.url("/dropped")).send());
        settle(&client, |now| (now.waiting, now.dialing) == (1, 1)).await;
        call.abort();
        call.await.unwrap_err();
        let now = totals(&client);
        assert_eq!((now.waiting, now.active), (0, 0));
        dialer.permit(1);
        settle(&client, |now| now.idle == 1).await;
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        assert_eq!(response.connection().miss, None);
        response.bytes().await.expect("a body");
        assert_eq!((dialer.asked(), lab.connections().accepted), (1, 1));
        assert_eq!(lab.transcript().requests_for("/dropped"), 0);
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}

/// Go 37 TransportMaxConnsPerHostDialCancellation: a cancelled call in the queue leaks no place.
/// Same as Go.
#[tokio::test]
async fn a_call_dropped_in_the_queue_takes_no_connection_with_it() {
    bounded(async {
        let lab = Lab::start(scenario::slow_head(Pause::gate("answer"))).await;
        let client = build(Client::builder().max_conns_per_host(1));
        let held = tokio::spawn(client.get(lab.url("/held")).send());
        lab.wait_for(|it| it.requests_for("/held") == 1).await;
        let dropped = tokio::spawn(client.get(lab.url("/dropped")).send());
        let last = tokio::spawn(client.get(lab.url("/last")).send());
        settle(&client, |now| now.waiting == 2).await;
        dropped.abort();
        dropped.await.unwrap_err();
        assert_eq!(totals(&client).waiting, 1);
        lab.open("answer");
        for call in [held, last] {
            let response = call.await.expect("no panic").expect("an answer");
            response.bytes().await.expect("a body");
        }
        assert_eq!(lab.transcript().requests_for("/dropped"), 0);
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn a_connection_handed_to_a_call_that_is_gone_serves_the_next() {
    bounded(async {
        let lab = Lab::start(scenario::slow_head(Pause::gate("answer"))).await;
        let client = build(Client::builder().max_conns_per_host(1));
        let held = client.get(lab.url("/held")).send();
        let mut held = Box::pin(held);
        let mut dropped = Box::pin(client.get(lab.url("/dropped")).send());
        tokio::select! {
            biased;
            _ = &mut held => panic!("no answer yet"),
            _ = &mut dropped => panic!("no connection yet"),
            () = lab.wait_for(|it| it.requests_for("/held") == 1) => {}
        }
        lab.open("answer");
        // The connection comes free and goes to the waiting call, which is never polled again.
        let response = held.await.expect("an answer");
        response.bytes().await.expect("a body");
        drop(dropped);
        assert_eq!(assert_quiet(&client).idle, 1);
        text(&client, &lab.url("/next")).await;
        assert_eq!(lab.transcript().requests_for("/dropped"), 0);
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn a_call_dropped_before_its_first_byte_gives_the_connection_back() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let tapped = Tapped::default();
        let client = build(Client::builder().dialer(tapped.clone()));
        text(&client, &lab.url("/")).await;
        tapped.hold();
        let call = tokio::spawn(client.get(lab.url("/dropped")).send());
        while !tapped.is_holding_back() {
            tokio::task::yield_now().await;
        }
        call.abort();
        call.await.unwrap_err();
        tapped.release();
        let counts = assert_quiet(&client);
        assert_eq!((counts.idle, counts.opened), (1, 1), "{counts:?}");
        text(&client, &lab.url("/")).await;
        assert_eq!(lab.transcript().requests_for("/dropped"), 0);
        assert_eq!(lab.connections().accepted, 1);
    })
    .await;
}

/// Go 67 TransportCancelRequestBeforeResponseHeaders: cancelling while waiting for the head closes the connection.
/// Differs: a call is cancelled by dropping it, so there is no error to return; the reason is `cancelled`.
#[tokio::test]
async fn a_call_dropped_while_it_waits_for_the_head_closes_its_connection() {
    bounded(async {
        let lab = Lab::start(scenario::slow_head(Pause::gate("never"))).await;
        let client = Client::new();
        let call = tokio::spawn(client.get(lab.url("/")).send());
        lab.wait_for(|it| it.counters().requests == 1).await;
        call.abort();
        call.await.unwrap_err();
        assert_eq!(assert_quiet(&client).closed_as("cancelled"), 1);
        lab.wait_for(|it| it.connection(1).end() == Some(End::PeerClosed))
            .await;
    })
    .await;
}

/// Go 70 TransportCancelRequestWithBody: cancelling an upload closes the connection and lets the body go.
/// Differs: dropping the call is the cancellation: no error to return.
/// Go 72 TransportCancelRequestWithBodyInDo: a call blocked in its upload can be cancelled.
/// Differs: dropping the call is the cancellation: no error to return.
#[tokio::test]
async fn a_call_dropped_in_its_upload_closes_its_connection() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = Client::new();
        let (feed, stream) = fed(None);
        feed.data("some");
        let body = RequestBody::stream(stream);
        let call = tokio::spawn(client.post(lab.url("/")).body(body).send());
        lab.wait_for(|it| it.counters().requests == 1 && it.request(1, 1).body_bytes == 4)
            .await;
        call.abort();
        call.await.unwrap_err();
        feed.let_go().await;
        assert_eq!(assert_quiet(&client).closed_as("cancelled"), 1);
        lab.wait_for(|it| it.connection(1).end().is_some()).await;
        assert!(!lab.transcript().request(1, 1).body_complete);
    })
    .await;
}

/// Go 71 TransportCancelRequestInDo: a call blocked in sending or waiting can be cancelled.
/// Same as Go.
#[tokio::test]
async fn a_call_that_loses_a_select_closes_its_connection() {
    bounded(async {
        let lab = Lab::start(scenario::slow_head(Pause::gate("never"))).await;
        let client = Client::new();
        tokio::select! {
            _ = client.get(lab.url("/")).send() => panic!("nobody answers"),
            () = lab.wait_for(|it| it.counters().requests == 1) => {}
        }
        assert_eq!(assert_quiet(&client).closed_as("cancelled"), 1);
        lab.replace(scenario::well_behaved());
        assert_eq!(text(&client, &lab.url("/")).await, "hello, world\n");
    })
    .await;
}

#[tokio::test]
async fn a_body_dropped_half_read_is_drained_or_closed_never_lost() {
    bounded(async {
        let lab = Lab::spawn_thread(scenario::well_behaved());
        let client = build(Client::builder().drain_time(LONG));
        for (size, slug) in [(100_000, None), (20 << 20, Some("body-not-read"))] {
            let url = lab.url(&format!("/bytes/{size}"));
            let mut response = client.get(url).send().await.expect("a head");
            response.chunk().await.expect("a body");
            drop(response);
            let counts = settle(&client, is_quiet).await;
            match slug {
                None => assert_eq!(counts.idle, 1),
                Some(slug) => assert_eq!(counts.closed_as(slug), 1),
            }
            assert_quiet(&client);
        }
    })
    .await;
}

/// Go 69 CancelRequestMidBody: what was read before a cancelled read stays.
/// Differs: a read that is dropped loses nothing and may be taken up again; the call ends when the response is
/// dropped.
#[tokio::test]
async fn reading_a_body_can_be_cancelled_and_taken_up_again() {
    bounded(async {
        let lab = Lab::start(scenario::slow_body(5, Pause::gate("rest"))).await;
        let client = Client::new();
        let mut response = client.get(lab.url("/")).send().await.expect("a head");
        let mut all = response
            .chunk()
            .await
            .expect("a body")
            .expect("data")
            .to_vec();
        for _ in 0..3 {
            let step = Duration::from_millis(1);
            let cancelled = tokio::time::timeout(step, response.chunk()).await;
            cancelled.expect_err("nothing comes");
        }
        lab.open("rest");
        while let Some(data) = response.chunk().await.expect("a body") {
            all.extend_from_slice(&data);
        }
        assert_eq!(all, b"hello, world\n");
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}

#[tokio::test]
async fn a_client_dropped_while_a_body_is_read_lets_it_finish() {
    bounded(async {
        let lab = Lab::start(scenario::slow_body(5, Pause::gate("rest"))).await;
        let client = Client::new();
        let response = client.get(lab.url("/")).send().await.expect("a head");
        drop(client);
        lab.open("rest");
        assert_eq!(response.text().await.expect("a body"), "hello, world\n");
        lab.wait_for(|it| it.connection(1).end() == Some(End::PeerClosed))
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_client_dropped_while_a_call_waits_for_its_head_closes_behind_it() {
    bounded(async {
        let lab = Lab::start(scenario::slow_head(Pause::gate("answer"))).await;
        let client = Client::new();
        let call = tokio::spawn(client.get(lab.url("/")).send());
        drop(client);
        lab.wait_for(|it| it.counters().requests == 1).await;
        lab.open("answer");
        let response = call.await.expect("no panic").expect("an answer");
        assert_eq!(response.text().await.expect("a body"), "hello, world\n");
        lab.wait_for(|it| it.counters().open == 0).await;
    })
    .await;
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

/// Runs calls that are dropped after random times, and checks that nothing is lost.
async fn random_cancellations(lab: &Lab, config: Config, seed: u64) {
    let recorder = Recorder::new();
    let client = &build(config.observer(recorder.clone()));
    let mut dice = Dice(seed);
    let mut calls = tokio::task::JoinSet::new();
    let upload = Bytes::from(vec![b'u'; 300_000]);
    for _ in 0..200 {
        let path = ["/", "/bytes/100000", "/chunked/600000", "/delay/1"];
        let url = lab.url(path[usize::try_from(dice.below(4)).expect("small")]);
        let call = match dice.below(3) {
            0 => client.post(url).body(upload.clone()),
            _ => client.get(url),
        };
        let patience = Duration::from_micros(dice.below(3000));
        calls.spawn(async move {
            let whole = async { call.send().await?.bytes().await };
            drop(tokio::time::timeout(patience, whole).await);
        });
        if dice.below(3) == 0 {
            calls.join_next().await;
        }
    }
    while calls.join_next().await.is_some() {}
    let counts = settle(client, is_quiet).await;
    assert_quiet(client);
    lab.wait_for(|it| {
        let lab = it.counters();
        lab.open == counts.idle as u64 && lab.accepted >= counts.opened
    })
    .await;
    // A dial that was cancelled may have reached the server all the same.
    let cancelled = recorder.count(|event| {
        matches!(
            event,
            EventKind::DialEnded {
                outcome: Err(_),
                ..
            }
        )
    });
    let accepted = lab.connections().accepted;
    assert!(
        accepted <= counts.opened + cancelled as u64,
        "{accepted} > {} + {cancelled}",
        counts.opened
    );
    let known = ["cancelled", "body-not-read", "host-full", "pool-full"];
    for end in &counts.closed {
        assert!(
            known.contains(&end.reason.slug()),
            "{counts:?} cancelled {cancelled}"
        );
    }
    text(client, &lab.url("/")).await;
}

#[tokio::test]
async fn two_hundred_random_cancellations_lose_nothing() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        random_cancellations(&lab, Client::builder(), 1).await;
    })
    .await;
}

#[tokio::test]
async fn two_hundred_random_cancellations_under_tight_limits_lose_nothing() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let config = Client::builder().max_conns_per_host(3).max_idle_per_host(2);
        random_cancellations(&lab, config, 2).await;
    })
    .await;
}

/// Go 86 ErrorWriteLoopRace: random cancellations leave nothing of their calls behind.
/// Same as Go.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_random_cancellations_on_four_threads_lose_nothing() {
    bounded(async {
        let lab = Lab::spawn_thread(scenario::well_behaved());
        let config = Client::builder().max_conns_per_host(4);
        random_cancellations(&lab, config, 3).await;
    })
    .await;
}

/// Go 65 TransportCheckContextDoneEarly: what was cancelled before its start opens nothing.
/// Same as Go.
/// Go 66 TransportCancelRequestBeforeDo: nothing of it reaches the server.
/// Same as Go.
#[tokio::test]
async fn calls_that_are_never_polled_do_nothing() {
    bounded(async {
        let lab = Lab::start(Behaviour {
            body: Content::Size(0),
            ..Behaviour::default()
        })
        .await;
        let client = Client::new();
        for _ in 0..10 {
            drop(client.get(lab.url("/")).send());
        }
        assert_eq!(assert_quiet(&client).requests, 0);
        assert_eq!(lab.connections().accepted, 0);
    })
    .await;
}
