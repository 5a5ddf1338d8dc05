//! How streams and connections end, and which requests are sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use h2::Reason;
use keepwarm::reason::{Again, CloseReason, ProtocolFault, Retry};
use keepwarm::{Client, ErrorKind};

use crate::common::{assert_quiet, bounded, build, settle, text};
use crate::peer::{Answer, Conduct, Peer};
use crate::raw::{DATA, END_HEADERS, END_STREAM, HEADERS, OK, Raw, field, frame};

fn client() -> Client {
    build(Client::builder().http2_only())
}

#[tokio::test]
async fn refused_stream() {
    bounded(async {
        let refuse_once = |_: &str, number| match number {
            2 => Answer::Reset(Reason::REFUSED_STREAM),
            _ => Answer::Path,
        };
        let peer = Peer::start(Conduct::new(refuse_once)).await;
        let client = client();
        text(&client, &peer.url("/")).await;
        // A POST: the server's word counts, whatever the method.
        let call = client.post(peer.url("/again")).body("x");
        let response = call.send().await.expect("an answer");
        assert_eq!(response.retries(), [Retry::Again(Again::RefusedStream)]);
        assert_eq!(response.text().await.expect("a body"), "/again");
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.idle), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn go_away() {
    bounded(async {
        let every_tenth = |_: &str, number| match number % 10 {
            0 => Answer::PathThenGoAway,
            _ => Answer::Path,
        };
        let peer = Peer::start(Conduct::new(every_tenth)).await;
        let client = client();
        for _ in 0..50 {
            let response = client.post(peer.url("/p")).body("x").send().await;
            let response = response.expect("none is lost");
            assert_eq!(response.text().await.expect("a body"), "/p");
        }
        let counts = settle(&client, |now| now.active == 0).await;
        assert!(counts.opened >= 5, "{counts:?}");
        let gone = counts.closed_as("go-away") + counts.closed_as("peer-closed-idle");
        assert!(gone >= 4, "{counts:?}");
    })
    .await;
}

#[tokio::test]
async fn a_crowd_loses_nothing_to_a_server_that_goes_away_again_and_again() {
    bounded(async {
        let served = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&served);
        let often = move |_: &str, number| {
            count.fetch_add(1, Ordering::SeqCst);
            match number % 50 {
                0 => Answer::PathThenGoAway,
                _ => Answer::Path,
            }
        };
        let peer = Peer::start(Conduct::new(often).streams(20)).await;
        let client = client();
        let lanes = (0..40).map(|_| async {
            for _ in 0..50 {
                let response = client
                    .get(peer.url("/c"))
                    .send()
                    .await
                    .expect("none is lost");
                assert_eq!(response.text().await.expect("a body"), "/c");
            }
        });
        join_all(lanes).await;
        assert!(served.load(Ordering::SeqCst) >= 2000);
        settle(&client, |now| now.active == 0 && now.waiting == 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_the_server_resets_fails_alone() {
    bounded(async {
        let reset = |path: &str, _| match path {
            "/reset" => Answer::Reset(Reason::INTERNAL_ERROR),
            _ => Answer::Path,
        };
        let peer = Peer::start(Conduct::new(reset)).await;
        let client = client();
        text(&client, &peer.url("/")).await;
        let error = client.get(peer.url("/reset")).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{error:?}");
        assert!(error.to_string().contains("INTERNAL_ERROR"), "{error}");
        text(&client, &peer.url("/")).await;
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_goes_while_the_connection_is_idle_is_seen_at_once() {
    bounded(async {
        let peer = Peer::start(Conduct::new(|_, _| Answer::Path)).await;
        let client = client();
        text(&client, &peer.url("/")).await;
        assert_eq!(assert_quiet(&client).idle, 1);
        drop(peer);
        let counts = settle(&client, |now| now.idle == 0).await;
        assert_eq!(counts.closed_as("peer-closed-idle"), 1, "{counts:?}");
    })
    .await;
}

#[tokio::test]
async fn one_that_speaks_http1_is_told_as_that() {
    bounded(async {
        let lab = crate::common::raw(crate::common::ok("x")).await;
        let client = client();
        let error = client.get(lab.url("/")).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
        assert!(
            matches!(error.reason(), Some(CloseReason::PeerBrokeProtocol(_))),
            "{error:?}"
        );
        assert!(
            error.to_string().contains("answered in HTTP/1.1"),
            "{error}"
        );
    })
    .await;
}

/// It says nothing of it, closes as it answers, and that is told: not a `GOAWAY` that never came.
#[tokio::test]
async fn a_close_as_the_last_stream_ends_is_the_servers_close() {
    bounded(async {
        let raw = Raw::start(|mut wire| async move {
            if let Some(stream) = wire.request().await {
                wire.say(&frame(HEADERS, END_HEADERS | END_STREAM, stream, OK))
                    .await;
            }
        });
        let (raw, client) = (raw.await, client());
        for _ in 0..50 {
            let response = client.get(raw.url()).send().await.expect("an answer");
            assert_eq!(response.status(), 200);
        }
        let counts = settle(&client, |now| now.active == 0 && now.idle == 0).await;
        assert_eq!(counts.closed_as("go-away"), 0, "{counts:?}");
        assert_eq!(counts.closed_as("peer-closed-idle"), counts.opened);
    })
    .await;
}

/// A close in the middle is told as on a connection of its own.
#[tokio::test]
async fn a_close_in_the_middle_of_an_answer_tells_how_much_is_missing() {
    bounded(async {
        let raw = Raw::start(|mut wire| async move {
            if let Some(stream) = wire.request().await {
                let mut head = OK.to_vec();
                head.extend(field("content-length", "10"));
                wire.say(&frame(HEADERS, END_HEADERS, stream, &head)).await;
                wire.say(&frame(DATA, 0, stream, b"short")).await;
            }
        });
        let (raw, client) = (raw.await, client());
        let response = client.get(raw.url()).send().await.expect("a head");
        let error = response.bytes().await.expect_err("it is not whole");
        assert_eq!(error.kind(), ErrorKind::Closed, "{error:?}");
        let fault = ProtocolFault::EndedInBody { left: Some(5) };
        assert_eq!(error.reason(), Some(&CloseReason::PeerBrokeProtocol(fault)));
        let counts = settle(&client, |now| now.active == 0).await;
        assert_eq!(counts.closed_as("peer-broke-protocol"), 1, "{counts:?}");

        let raw = Raw::start(|mut wire| async move { assert!(wire.request().await.is_some()) });
        let raw = raw.await;
        let error = client.get(raw.url()).send().await.expect_err("no answer");
        assert_eq!(error.kind(), ErrorKind::Closed, "{error:?}");
        assert!(error.to_string().contains("without an answer"), "{error}");
    })
    .await;
}
