//! RFC 9112 §9.5: failures and timeouts. (Every limit has its test in `timeouts.rs`, every early answer in
//! `early_response.rs`.)

use crate::common::{LONG, SHORT, assert_timeout, bounded, build, fed, ok, settle, slugs, text};
use bytes::Bytes;
use keepwarm::reason::{Limit, Phase};
use keepwarm::{Client, RequestBody};
use keepwarm_lab::{End, Lab, Script, scenario};

/// SHOULD: who gives up closes the connection: by FIN, so that the server learns of it.
#[tokio::test]
async fn giving_up_closes_the_connection() {
    bounded(async {
        let lab = Lab::start(scenario::hang()).await;
        let client = build(Client::builder().response_header_timeout(SHORT));
        let error = client.get(lab.url("/")).send().await.unwrap_err();
        assert_timeout(&error, Limit::ResponseHeader, Phase::Wait);
        lab.wait_for(|it| it.connection(1).end() == Some(End::PeerClosed))
            .await;
    })
    .await;
}

/// SHOULD: open connections are watched for their end: an idle one that the server closes leaves the pool without
/// anybody asking for it, and our side is closed too.
#[tokio::test]
async fn idle_connections_are_watched() {
    bounded(async {
        let lab = Lab::start(scenario::idle_close_at("close")).await;
        let client = Client::new();
        text(&client, &lab.url("/")).await;
        lab.open("close");
        let counts = settle(&client, |now| now.idle == 0).await;
        assert_eq!(counts.closed_as("peer-closed-idle"), 1);
    })
    .await;
}

/// SHOULD: while a body is sent the connection is watched for an answer; one that refuses it stops the sending, and
/// our side is closed.
#[tokio::test]
async fn a_refusal_stops_the_upload() {
    bounded(async {
        for status in [400, 413, 503, 600] {
            let refusal = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nno");
            let lab = Lab::start(Script::new().read_head().send(refusal).hang()).await;
            let client = build(Client::builder().drain_time(LONG));
            let (feed, stream) = fed(None);
            feed.data(Bytes::from_static(b"the beginning"));
            let call = client.post(lab.url("/")).body(RequestBody::stream(stream));
            let mut response = call.send().await.expect("an answer");
            assert_eq!(response.status(), status);
            while response.chunk().await.expect("a body").is_some() {}
            assert_eq!(slugs(response.reuse()), ["request-not-sent"]);
            feed.let_go().await;
            settle(&client, |now| now.closed_as("request-not-sent") == 1).await;
        }
    })
    .await;
}

/// An early answer that refuses nothing lets the upload end.
#[tokio::test]
async fn an_early_success_does_not_stop_it() {
    bounded(async {
        let script = Script::new().read_head().send(ok("fine")).read_body();
        let lab = Lab::start(script).await;
        let client = build(Client::builder().drain_time(LONG));
        let (feed, stream) = fed(Some(8));
        let call = client.post(lab.url("/")).body(RequestBody::stream(stream));
        let mut response = call.send().await.expect("an answer");
        feed.data("12345678");
        drop(feed);
        while response.chunk().await.expect("a body").is_some() {}
        assert!(response.reuse().expect("a verdict").is_keep());
        lab.wait_for(|it| it.request(1, 1).body_complete).await;
    })
    .await;
}
