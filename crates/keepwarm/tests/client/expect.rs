//! `Expect: 100-continue`: met, refused, ignored, and not asked for.

use crate::common::{LONG, Untouchable, assert_quiet, bounded, build, ok, raw, settle, text};
use keepwarm::reason::CloseReason;
use keepwarm::{Client, Config, RequestBody};
use keepwarm_lab::{Behaviour, Expect, Interim, Lab, Pause, Script, scenario};

fn patient() -> Config {
    Client::builder().expect_timeout(LONG)
}

fn refusing(status: u16) -> Behaviour {
    Behaviour {
        expect: Expect::Final(status),
        ..Behaviour::default()
    }
}

/// Go 113 TransportExpect100ContinueSent: 100 releases the body, and nothing before it does.
/// Same as Go.
#[tokio::test]
async fn the_body_waits_for_continue() {
    bounded(async {
        let lab = Lab::start(Behaviour {
            expect: Expect::ContinueAfter(Pause::gate("continue")),
            ..Behaviour::default()
        })
        .await;
        let client = build(patient());
        let call = client
            .post(lab.url("/echo"))
            .body("asked")
            .expect_continue();
        let call = tokio::spawn(call.send());
        lab.wait_for(|it| it.counters().requests == 1).await;
        // Other calls go on meanwhile, and give a body that did not wait the time to arrive.
        for _ in 0..5 {
            text(&client, &lab.url("/other")).await;
        }
        assert_eq!(lab.transcript().request(1, 1).body_bytes, 0);
        assert_eq!(lab.transcript().connection(1).sent_bytes(), 0);
        lab.open("continue");
        let response = call.await.expect("no panic").expect("an answer");
        assert_eq!(response.text().await.expect("a body"), "asked");
        let transcript = lab.transcript();
        let request = transcript.request(1, 1);
        assert_eq!(request.header("expect"), Some("100-continue"));
        assert_eq!(request.header_count("expect"), 1);
        assert_eq!(assert_quiet(&client).idle, 2);
    })
    .await;
}

/// Go 119 ConcurrentReadWriteReqBody: an expectation and a full exchange.
/// Same as Go.
#[tokio::test]
async fn an_expectation_that_is_met_keeps_the_connection() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = build(patient());
        for _ in 0..10 {
            // The caller's own field does the same as the method.
            let call = client
                .post(lab.url("/echo"))
                .header("Expect", "100-Continue");
            let response = call.body("asked").send().await.expect("an answer");
            assert_eq!(response.text().await.expect("a body"), "asked");
        }
        assert_eq!(lab.transcript().request(1, 1).header_count("expect"), 1);
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// Go 115 TransportExpect100Continue200ResponseWithConnClose: a final answer with close: no byte of the body is
/// sent.
/// Same as Go.
/// Go 116 TransportExpect100Continue500ResponseNoConnClose: a final error instead of 100.
/// Differs: the body is not sent although the connection could stay: closing is cheaper than an upload nobody
/// wants.
#[tokio::test]
async fn a_final_answer_instead_of_continue_is_delivered_and_the_body_not_sent() {
    bounded(async {
        for status in [401, 417] {
            let lab = Lab::start(refusing(status)).await;
            let client = build(patient());
            let call = client.post(lab.url("/")).body("secret").expect_continue();
            let mut response = call.send().await.expect("an answer");
            assert_eq!(response.status(), status);
            while response.chunk().await.expect("a body").is_some() {}
            let why = response.reuse().and_then(|it| it.primary());
            assert_eq!(why, Some(&CloseReason::NoContinue));
            assert_eq!(assert_quiet(&client).closed_as("no-continue"), 1);
            lab.wait_for(|it| it.connection(1).end().is_some()).await;
            assert_eq!(lab.transcript().request(1, 1).body_bytes, 0);
        }
    })
    .await;
}

/// Go 102 NoSniffExpectRequestBody: the body is not touched before 100.
/// Same as Go.
/// X24: 417, 401 or 413 before 100 with a body of 1 GiB: close instead of uploading.
#[tokio::test]
async fn x24_a_refused_gibibyte_is_not_even_asked_for() {
    bounded(async {
        for status in [401, 413, 417] {
            let lab = Lab::start(refusing(status)).await;
            let client = build(patient());
            let body = RequestBody::stream(Untouchable(1 << 30));
            let call = client.post(lab.url("/")).body(body).expect_continue();
            let response = call.send().await.expect("an answer");
            assert_eq!(response.status(), status);
            response.bytes().await.expect("a body");
            lab.wait_for(|it| it.connection(1).end().is_some()).await;
            let transcript = lab.transcript();
            let request = transcript.request(1, 1);
            assert_eq!(request.header("content-length"), Some("1073741824"));
            assert_eq!(request.body_bytes, 0);
            assert_quiet(&client);
        }
    })
    .await;
}

#[tokio::test]
async fn without_a_timeout_the_body_does_not_wait() {
    bounded(async {
        let lab = Lab::start(scenario::ignored_expectation()).await;
        let client = build(Client::builder().expect_timeout(None));
        let call = client
            .post(lab.url("/echo"))
            .body("at once")
            .expect_continue();
        let response = call.send().await.expect("an answer");
        assert_eq!(response.text().await.expect("a body"), "at once");
        let request = lab.transcript().request(1, 1).clone();
        assert_eq!(request.header("expect"), Some("100-continue"));
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}

#[tokio::test]
async fn a_late_continue_does_no_harm() {
    bounded(async {
        let script = Script::new()
            .read_request()
            .send("HTTP/1.1 100 Continue\r\n\r\n")
            .send(ok("late"))
            .answer(ok("next"));
        let lab = Lab::start(script).await;
        let client = build(Client::builder().expect_timeout(crate::common::SHORT));
        let call = client.post(lab.url("/")).body("body").expect_continue();
        let response = call.send().await.expect("an answer");
        assert_eq!(response.text().await.expect("a body"), "late");
        assert_eq!(text(&client, &lab.url("/")).await, "next");
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// Go 118 TransportReading100Continue: 100 that nobody asked for is passed over, never off by one.
/// Same as Go.
#[tokio::test]
async fn a_continue_nobody_asked_for_is_passed_over() {
    bounded(async {
        let behaviour = Behaviour {
            interim: vec![Interim::once(100), Interim::once(103), Interim::once(100)],
            ..Behaviour::default()
        };
        let lab = Lab::start(behaviour).await;
        let client = Client::new();
        for _ in 0..3 {
            assert_eq!(text(&client, &lab.url("/")).await, "hello, world\n");
            let response = client.post(lab.url("/echo")).body("b").send().await;
            let response = response.expect("an answer");
            assert_eq!(response.text().await.expect("a body"), "b");
        }
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn without_a_body_nothing_is_expected() {
    bounded(async {
        let lab = raw(ok("fine")).await;
        let client = build(patient());
        let response = client.post(lab.url("/")).expect_continue().send().await;
        assert_eq!(
            response.expect("an answer").text().await.expect("a body"),
            "fine"
        );
        assert_eq!(lab.transcript().request(1, 1).header("expect"), None);
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_ends_instead_of_continue_fails_the_call() {
    bounded(async {
        let lab = Lab::start([
            keepwarm_lab::Conduct::from(Script::new().read_head().close()),
            scenario::well_behaved().into(),
        ])
        .await;
        let client = build(patient());
        let body = RequestBody::stream(Untouchable(100));
        let call = client.post(lab.url("/")).body(body).expect_continue();
        let error = call.send().await.unwrap_err();
        assert_eq!(error.kind(), keepwarm::ErrorKind::Closed);
        assert_eq!(error.bytes_read(), 0);
        settle(&client, crate::common::is_quiet).await;
        assert_eq!(text(&client, &lab.url("/")).await, "hello, world\n");
        assert_quiet(&client);
    })
    .await;
}
