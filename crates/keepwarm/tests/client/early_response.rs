//! Answers that come before the request is sent whole: both go on at once, or the upload stops.

use crate::common::{LONG, SHORT, assert_quiet, bounded, build, fed, ok, settle, slugs, text};
use bytes::Bytes;
use keepwarm::reason::CloseReason;
use keepwarm::{Client, RequestBody};
use keepwarm_lab::{
    AfterEarly, Behaviour, ConnectionHeader, End, Lab, Script, Upload, Which, alphabet, body_hash,
    scenario,
};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn early(status: u16, then: AfterEarly) -> Behaviour {
    Behaviour {
        status,
        upload: Upload::AnswerEarly { after: 0, then },
        ..Behaviour::default()
    }
}

#[tokio::test]
async fn data_flows_both_ways_at_once() {
    bounded(async {
        // Each piece is answered before the next one is given: nothing could be collected first.
        let script = Script::new()
            .read_head()
            .send(CHUNKED)
            .read_bytes("4\r\none!\r\n".len() as u64)
            .send("4\r\nONE!\r\n")
            .read_bytes("4\r\ntwo!\r\n".len() as u64)
            .send("4\r\nTWO!\r\n")
            .read_bytes("0\r\n\r\n".len() as u64)
            .send("0\r\n\r\n")
            .answer(ok("next"));
        let lab = Lab::start(script).await;
        let client = Client::new();
        let (feed, stream) = fed(None);
        let call = client.post(lab.url("/")).body(RequestBody::stream(stream));
        let mut response = call.send().await.expect("a head");
        for (ours, theirs) in [("one!", "ONE!"), ("two!", "TWO!")] {
            feed.data(ours);
            let data = response.chunk().await.expect("a body").expect("data");
            assert_eq!(data, theirs);
        }
        drop(feed);
        assert_eq!(response.chunk().await.expect("an end"), None);
        assert!(response.reuse().expect("a verdict").is_keep());
        assert_eq!(text(&client, &lab.url("/next")).await, "next");
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn megabytes_flow_both_ways_at_once() {
    bounded(async {
        // The lab echoes the chunked body as it comes: neither side could hold all of it.
        let script = Script::new()
            .read_head()
            .send("HTTP/1.1 200 OK\r\n\r\n")
            .echo();
        let lab = Lab::spawn_thread(script);
        let client = Client::new();
        let size = 24 << 20;
        let call = client.post(lab.url("/")).body(alphabet(0, size));
        let mut response = call.send().await.expect("a head");
        let (mut received, mut position) = (0, 0);
        while received < size {
            let data = response.chunk().await.expect("a body").expect("data");
            assert!(data == alphabet(position, data.len()));
            received += data.len();
            position += data.len() as u64;
        }
        assert_eq!(received, size);
        drop(response);
        settle(&client, crate::common::is_quiet).await;
    })
    .await;
}

/// Go 90 Issue3595: a refusal during an endless upload is delivered.
/// Same as Go.
#[tokio::test]
async fn an_early_refusal_is_delivered_at_once_and_stops_the_upload() {
    bounded(async {
        let lab = Lab::start(scenario::early_refusal()).await;
        let client = build(Client::builder().drain_time(LONG));
        let (feed, stream) = fed(None);
        feed.data("the beginning");
        let call = client.post(lab.url("/")).body(RequestBody::stream(stream));
        let mut response = call.send().await.expect("an answer");
        assert_eq!(response.status(), 413);
        while response.chunk().await.expect("a body").is_some() {}
        assert_eq!(
            slugs(response.reuse()),
            ["request-not-sent", "peer-said-close"]
        );
        feed.let_go().await;
        assert_eq!(assert_quiet(&client).closed_as("request-not-sent"), 1);
        lab.wait_for(|it| it.connection(1).end() == Some(End::PeerClosed))
            .await;
        assert!(!lab.transcript().request(1, 1).body_complete);
    })
    .await;
}

/// Go 89 TransportNoReuseAfterEarlyResponse: an early refusal is delivered and its connection does not serve again.
/// Same as Go.
#[tokio::test]
async fn an_early_error_on_a_connection_that_would_stay_stops_the_upload_too() {
    bounded(async {
        for status in [400, 413, 500, 503] {
            let lab = Lab::start([early(status, AfterEarly::ReadOn), Behaviour::default()]).await;
            let client = build(Client::builder().drain_time(LONG));
            let (feed, stream) = fed(Some(1 << 30));
            feed.data("the beginning");
            let call = client.post(lab.url("/")).body(RequestBody::stream(stream));
            let mut response = call.send().await.expect("an answer");
            assert_eq!(response.status(), status);
            while response.chunk().await.expect("a body").is_some() {}
            assert_eq!(slugs(response.reuse()), ["request-not-sent"]);
            feed.let_go().await;
            assert_eq!(text(&client, &lab.url("/next")).await, "hello, world\n");
            assert_eq!(assert_quiet(&client).opened, 2);
        }
    })
    .await;
}

/// X17: an early refusal without a body is delivered without any waiting for the upload.
#[tokio::test]
async fn x17_an_early_refusal_without_a_body_costs_no_waiting() {
    bounded(async {
        // Any time given to the upload would be a minute here.
        let behaviour = Behaviour {
            body: keepwarm_lab::Content::Bytes(Vec::new()),
            ..early(403, AfterEarly::ReadOn)
        };
        let lab = Lab::start(behaviour).await;
        let config = Client::builder().drain_time(LONG).expect_timeout(LONG);
        let client = build(config);
        let (feed, stream) = fed(None);
        let call = client.post(lab.url("/")).body(RequestBody::stream(stream));
        let response = call.send().await.expect("an answer");
        assert_eq!(response.status(), 403);
        assert_eq!(slugs(response.reuse()), ["request-not-sent"]);
        assert_eq!(response.text().await.expect("nothing"), "");
        feed.let_go().await;
        assert_quiet(&client);
    })
    .await;
}

/// Go 91 TransportPrefersResponseOverWriteError: the answer wins over the failed write.
/// Same as Go.
#[tokio::test]
async fn a_refusal_is_read_although_the_connection_was_closed_or_reset_behind_it() {
    bounded(async {
        let body = Bytes::from(vec![b'u'; 16 << 20]);
        for then in [AfterEarly::Close, AfterEarly::Reset] {
            let behaviour = Behaviour {
                connection: ConnectionHeader::Close(Which::All),
                ..early(413, then)
            };
            let lab = Lab::start(behaviour).await;
            let client = Client::new();
            for round in 0..10 {
                let call = client.post(lab.url("/")).body(body.clone());
                let response = call.send().await;
                let mut response = response.unwrap_or_else(|error| {
                    panic!("{then:?}, round {round}: {error:?}\n{}", lab.transcript())
                });
                assert_eq!(response.status(), 413);
                let data = response.chunk().await.expect("a body");
                assert_eq!(data.as_deref(), Some(&b"hello, world\n"[..]));
                while response.chunk().await.expect("an end").is_some() {}
                let why = response.reuse().and_then(|it| it.primary());
                assert_eq!(why, Some(&CloseReason::RequestNotSent));
            }
            assert_eq!(assert_quiet(&client).closed_as("request-not-sent"), 10);
        }
    })
    .await;
}

/// Go 89 TransportNoReuseAfterEarlyResponse: an early success is delivered at once.
/// Differs: the upload goes on while the answer is read, and the connection stays when both end in time.
#[tokio::test]
async fn an_early_success_lets_the_upload_go_on_and_keeps_the_connection() {
    bounded(async {
        let lab = Lab::start(scenario::early_answer()).await;
        let client = build(Client::builder().drain_time(LONG));
        let body = alphabet(0, 16 << 20);
        for round in 1..=2 {
            let call = client.post(lab.url("/")).body(body.clone());
            let response = call.send().await.expect("a head");
            assert_eq!(response.status(), 200);
            assert_eq!(response.text().await.expect("a body"), "hello, world\n");
            let request = lab.transcript().request(1, round).clone();
            assert!(!request.body_complete || request.body_bytes == 16 << 20);
        }
        lab.wait_for(|it| it.request(1, 2).body_complete).await;
        assert_eq!(lab.transcript().request(1, 2).body_hash, body_hash(&body));
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn an_upload_that_outlives_a_whole_answer_gets_the_drain_time_and_no_more() {
    bounded(async {
        let lab = Lab::start(scenario::early_answer()).await;
        let client = build(Client::builder().drain_time(SHORT));
        let (feed, stream) = fed(None);
        let call = client.post(lab.url("/")).body(RequestBody::stream(stream));
        let mut response = call.send().await.expect("a head");
        let data = response.chunk().await.expect("a body").expect("data");
        assert_eq!(data, "hello, world\n");
        assert_eq!(response.chunk().await.expect("an end"), None);
        assert_eq!(slugs(response.reuse()), ["request-not-sent"]);
        // The upload goes with the exchange, not with the response.
        feed.let_go().await;
        assert_eq!(assert_quiet(&client).closed_as("request-not-sent"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_response_dropped_during_its_upload_leaves_nothing_behind() {
    bounded(async {
        let script = Script::new().read_head().send(CHUNKED).hang();
        let lab = Lab::start(script).await;
        let client = build(Client::builder().drain_time(SHORT));
        let (feed, stream) = fed(None);
        let call = client.post(lab.url("/")).body(RequestBody::stream(stream));
        let response = call.send().await.expect("a head");
        drop(response);
        feed.let_go().await;
        settle(&client, crate::common::is_quiet).await;
        assert_eq!(assert_quiet(&client).closed_as("request-not-sent"), 1);
        lab.wait_for(|it| it.connection(1).end().is_some()).await;
    })
    .await;
}

#[tokio::test]
async fn a_body_that_fails_behind_an_early_head_fails_the_response() {
    bounded(async {
        let script = Script::new().read_head().send(CHUNKED).hang();
        let lab = Lab::start(script).await;
        let client = Client::new();
        let (feed, stream) = fed(None);
        let call = client.post(lab.url("/")).body(RequestBody::stream(stream));
        let mut response = call.send().await.expect("a head");
        feed.fail("the disk is gone");
        let error = response.chunk().await.unwrap_err();
        assert_eq!(error.kind(), keepwarm::ErrorKind::Usage);
        assert_eq!(slugs(response.reuse()), ["request-not-sent"]);
        assert_quiet(&client);
    })
    .await;
}
