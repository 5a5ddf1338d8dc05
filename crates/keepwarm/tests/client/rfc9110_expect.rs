//! RFC 9110 §10.1.1 with the whole client: `Expect: 100-continue`. (Its races are in `expect.rs`.)

use crate::common::{LONG, SHORT, bounded, build, raw};
use keepwarm::{Client, RequestBody};
use keepwarm_lab::{Behaviour, Expect, Lab, scenario};

/// MUST NOT: without content no `100-continue` is sent, though the caller asks for it.
#[tokio::test]
async fn without_content_it_is_not_sent() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = Client::new();
        for call in [client.get(lab.url("/")), client.post(lab.url("/")).body("")] {
            let response = call.expect_continue().send().await.expect("an answer");
            response.bytes().await.expect("a body");
        }
        for request in lab.transcript().requests() {
            assert_eq!(request.header("expect"), None);
        }
    })
    .await;
}

/// SHOULD NOT: nobody waits for ever: behind the limit the body goes without; and with no limit it goes at once.
#[tokio::test]
async fn a_server_that_ignores_it_gets_the_body() {
    bounded(async {
        for limit in [Some(SHORT), None] {
            let lab = Lab::start(scenario::ignored_expectation()).await;
            let client = build(Client::builder().expect_timeout(limit));
            let call = client
                .post(lab.url("/echo"))
                .body("asked")
                .expect_continue();
            let response = call.send().await.expect("an answer");
            assert_eq!(response.status(), 200);
            let transcript = lab.transcript();
            let request = transcript.request(1, 1);
            assert_eq!(request.header("expect"), Some("100-continue"));
            assert!(request.body_complete);
        }
    })
    .await;
}

/// SHOULD: a request that is answered 417 is repeated without the expectation. We hand 417 to the caller, as Go does:
/// who asked for the expectation knows whether the request may go without.
#[tokio::test]
async fn a_417_is_the_callers_answer() {
    bounded(async {
        let lab = Lab::start(Behaviour {
            expect: Expect::Final(417),
            ..Behaviour::default()
        })
        .await;
        let client = build(Client::builder().expect_timeout(LONG));
        let call = client.post(lab.url("/")).body("asked").expect_continue();
        let response = call.send().await.expect("an answer");
        assert_eq!(response.status(), 417);
        response.bytes().await.expect("a body");
        assert_eq!(lab.transcript().requests().len(), 1);
    })
    .await;
}

/// §15.2 MAY: interim answers that nobody expects are passed over, 100 too.
#[tokio::test]
async fn an_unexpected_100_is_passed_over() {
    bounded(async {
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nA: b\r\n\r\n";
        let last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        let lab = raw(format!("{interim}{last}")).await;
        let response = Client::new().get(lab.url("/")).send().await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), 200);
        assert!(response.headers().get("a").is_none());
        assert_eq!(response.text().await.expect("a body"), "ok");
    })
    .await;
}

/// MUST NOT: nor when the caller's own field asks for it, or the body turns out to be empty.
#[tokio::test]
async fn a_callers_own_expectation_without_content_is_not_sent() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = Client::new();
        let empty = RequestBody::replayable(|| http_body_util::Full::new(bytes::Bytes::new()));
        for call in [
            client.get(lab.url("/")).header("Expect", "100-continue"),
            client.post(lab.url("/")).body(empty).expect_continue(),
        ] {
            let response = call.send().await.expect("an answer");
            response.bytes().await.expect("a body");
        }
        for request in lab.transcript().requests() {
            assert_eq!(request.header("expect"), None);
        }
    })
    .await;
}
