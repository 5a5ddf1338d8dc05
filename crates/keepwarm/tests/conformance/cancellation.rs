//! Section D of the matrix: calls given up, and calls whose time runs out.

use std::time::Duration;

use keepwarm::{Client, RequestBody};
use keepwarm_lab::{Behaviour, End, Lab, scenario};

use crate::common::{assert_quiet, bounded, build, is_quiet, settle, text};
use crate::streams::{Counted, Uses};
use crate::support::{GATE, Rig, finish, held, join, ms, run, spawn};

/// Go 68 TransportCancelRequest: given up in the middle of a body, what was read stays, nothing stray is read, and
/// nothing is kept of the call.
/// Differs: giving up is dropping the response, so there is no error to read.
#[tokio::test]
async fn c068_a_response_given_up_in_its_body_closes() {
    bounded(async {
        let lab = Lab::start([scenario::stall_in_body(5), Behaviour::default()]).await;
        let client = build(Client::builder().drain_time(Duration::ZERO));
        let mut response = client.get(lab.url("/")).send().await.expect("a head");
        let read = response.chunk().await.expect("a body").expect("data");
        drop(response);
        assert_eq!(read, "hello");
        lab.wait_for(|it| it.connection(1).end() == Some(End::PeerClosed))
            .await;
        assert_eq!(assert_quiet(&client).closed_as("body-not-read"), 1);
        assert_eq!(text(&client, &lab.url("/")).await, "hello, world\n");
    })
    .await;
}

/// Go 74 CancelRequestWhenSharingConnection: the late end of one call does not touch the call that has its connection
/// now, and the other way round.
/// Same as Go.
/// Go 75 TransportResponseCancelRace: giving up what is complete leaves the next call alone.
/// Same as Go.
#[test]
fn c074_calls_on_one_connection_do_not_touch_each_other() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_conns_per_host(1)).await;
        rig.lab.open(GATE);
        let mut first = rig.get("/1").send().await.expect("an answer");
        while first.chunk().await.expect("a body").is_some() {}
        rig.lab.shut(GATE);
        let second = spawn(rig.get("/2"));
        rig.lab.wait_for(|it| it.counters().requests == 2).await;
        drop(first);
        rig.lab.open(GATE);
        let second = join(vec![second]).await.remove(0);
        assert_eq!(second.body, b"hello, world\n");
        assert!(second.connection.reused);

        let mut third = rig.get("/3").send().await.expect("an answer");
        let data = third.chunk().await.expect("a body").expect("data");
        while third.chunk().await.expect("a body").is_some() {}
        rig.lab.shut(GATE);
        let fourth = spawn(rig.get("/4"));
        rig.lab.wait_for(|it| it.counters().requests == 4).await;
        fourth.abort();
        assert_eq!(rig.ended().await.slug(), "cancelled");
        assert_eq!(data, "hello, world\n");
        assert!(third.reuse().expect("a verdict").is_keep());
        assert!(third.chunk().await.expect("an end").is_none());
        rig.lab.open(GATE);
        assert_eq!(finish(third).await.status, 200);
        assert!(!rig.fetch("/5").await.connection.reused);
    });
}

/// Go 85 Issue4191_InfiniteGetToPutTimeout: piping an endless answer into a PUT ends with its deadline.
/// Same as Go.
#[tokio::test]
async fn c085_piping_an_endless_answer_ends() {
    bounded(async {
        let source = Lab::spawn_thread(Behaviour::default());
        let sink = Lab::spawn_thread(Behaviour::default());
        let client = Client::new();
        let call = client.get(source.url("/bytes/1000000000000"));
        let endless = call.send().await.expect("a head").into_body();
        let call = client.put(sink.url("/")).timeout(ms(200));
        let error = call.body(RequestBody::stream(endless)).send().await;
        assert!(error.unwrap_err().is_timeout());
        settle(&client, is_quiet).await;
        for lab in [&source, &sink] {
            lab.wait_for(|it| it.counters().open == 0).await;
        }
    })
    .await;
}

/// Go 87 TransportReqCancelerCleanupOnRequestBodyWriteError: an early answer and a failing upload of 1 GiB leave
/// nothing of the call.
/// Same as Go.
#[tokio::test]
async fn c087_an_early_answer_to_a_failing_upload_leaves_nothing() {
    bounded(async {
        let lab = Lab::spawn_thread(scenario::early_refusal_and_close());
        let client = Client::new();
        for round in 1..=5 {
            let uses = Uses::default();
            let body = RequestBody::stream(Counted::of(1 << 30, &uses));
            let response = client.post(lab.url("/")).body(body).send().await;
            drop(response.expect("the early answer").bytes().await);
            settle(&client, is_quiet).await;
            assert_eq!(assert_quiet(&client).requests, round);
            assert_eq!(uses.let_go(), 1);
        }
        lab.wait_for(|it| it.counters().open == 0).await;
    })
    .await;
}

/// Go 88 TransportCloseResponseBody: dropping an endless body makes the server's writing fail.
/// Same as Go.
#[tokio::test]
async fn c088_dropping_an_endless_body_stops_the_server() {
    bounded(async {
        let lab = Lab::spawn_thread(Behaviour::default());
        let client = Client::new();
        let call = client.get(lab.url("/bytes/1000000000000"));
        let mut response = call.send().await.expect("a head");
        assert!(response.chunk().await.expect("a body").is_some());
        drop(response);
        lab.wait_for(|it| it.counters().open == 0).await;
        let end = lab.transcript().connection(1).end();
        assert!(
            matches!(end, Some(End::PeerClosed | End::PeerReset)),
            "{end:?}"
        );
        settle(&client, is_quiet).await;
        assert_eq!(assert_quiet(&client).closed_as("body-not-read"), 1);
    })
    .await;
}
