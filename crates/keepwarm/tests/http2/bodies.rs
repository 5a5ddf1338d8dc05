//! Bodies both ways, and bodies that are given up.

use bytes::Bytes;
use futures_util::future::join_all;
use http::HeaderMap;
use http_body_util::BodyExt;
use keepwarm::{Client, RequestBody};

use crate::common::{assert_quiet, bounded, build, fed, settle, text};
use crate::peer::{Answer, Conduct, Peer};

fn client() -> Client {
    build(Client::builder().http2_only())
}

async fn echoing() -> Peer {
    Peer::start(Conduct::new(|_, _| Answer::Echo).window(70_000)).await
}

#[tokio::test]
async fn ten_mebibytes_go_up_and_come_down_through_small_windows() {
    bounded(async {
        let peer = echoing().await;
        let client = client();
        let sent = Bytes::from(
            (0..10 << 20)
                .map(|at: u32| (at % 251) as u8)
                .collect::<Vec<_>>(),
        );
        let call = client.post(peer.url("/")).body(sent.clone());
        let response = call.send().await.expect("an answer");
        assert_eq!(response.bytes().await.expect("a body"), sent);
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}

#[tokio::test]
async fn a_body_of_unknown_length_and_its_trailers_go_both_ways() {
    bounded(async {
        let peer = echoing().await;
        let client = client();
        let (feed, body) = fed(None);
        feed.data("one ");
        feed.data("two");
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "7".parse().expect("a value"));
        feed.trailers(trailers.clone());
        drop(feed);
        let call = client.post(peer.url("/")).body(RequestBody::stream(body));
        let response = call.send().await.expect("an answer");
        let collected = response.into_body().collect().await.expect("a body");
        assert_eq!(collected.trailers(), Some(&trailers));
        assert_eq!(collected.to_bytes(), "one two");
        assert_quiet(&client);
    })
    .await;
}

#[tokio::test]
async fn the_answer_streams_while_the_request_does() {
    bounded(async {
        let peer = echoing().await;
        let client = client();
        let (feed, body) = fed(None);
        let call = client.post(peer.url("/")).body(RequestBody::stream(body));
        let mut response = call.send().await.expect("a head before the body's end");
        for word in ["ping", "pong", "ping"] {
            feed.data(word);
            let heard = response.chunk().await.expect("an echo");
            assert_eq!(heard.as_deref(), Some(word.as_bytes()));
        }
        drop(feed);
        assert_eq!(response.chunk().await.expect("the end"), None);
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}

#[tokio::test]
async fn large_answers_share_a_connection() {
    bounded(async {
        const SIZE: usize = 8 << 20;
        let peer = Peer::start(Conduct::new(|_, _| Answer::Bytes(SIZE))).await;
        let client = client();
        let calls = (0..8).map(|_| async {
            let response = client.get(peer.url("/")).send().await.expect("an answer");
            response.bytes().await.expect("a body").len()
        });
        assert_eq!(join_all(calls).await, [SIZE; 8]);
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_dropped_costs_its_stream_only() {
    bounded(async {
        let large = |path: &str, _| match path {
            "/large" => Answer::Bytes(64 << 20),
            _ => Answer::Path,
        };
        let peer = Peer::start(Conduct::new(large)).await;
        let client = client();
        for _ in 0..20 {
            let mut response = client.get(peer.url("/large")).send().await.expect("a head");
            assert!(response.chunk().await.expect("data").is_some());
            drop(response);
            assert_eq!(text(&client, &peer.url("/small")).await, "/small");
        }
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.idle), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_call_that_is_dropped_costs_its_stream_only() {
    bounded(async {
        let silent = |path: &str, _| match path {
            "/silent" => Answer::Silence,
            _ => Answer::Path,
        };
        let peer = Peer::start(Conduct::new(silent)).await;
        let client = client();
        text(&client, &peer.url("/")).await;
        for seen in 2..22 {
            let call = client.get(peer.url("/silent")).send();
            let arrived = async {
                while peer.requests() < 2 * seen - 2 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                answer = call => panic!("an answer: {answer:?}"),
                () = arrived => {}
            }
            assert_eq!(text(&client, &peer.url("/next")).await, "/next");
        }
        let counts = settle(&client, |now| now.active == 0).await;
        assert_eq!((counts.opened, counts.idle), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn an_answer_without_a_body_is_over_before_send_returns() {
    bounded(async {
        let peer = Peer::start(Conduct::new(|_, _| Answer::Nothing)).await;
        let client = client();
        let response = client.get(peer.url("/")).send().await.expect("an answer");
        assert_eq!(response.status(), 204);
        assert!(
            response
                .reuse()
                .is_some_and(keepwarm::reason::Reuse::is_keep)
        );
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}
