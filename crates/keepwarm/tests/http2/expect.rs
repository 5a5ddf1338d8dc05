//! `Expect: 100-continue` on a stream: met, refused, ignored, and interim answers without end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keepwarm::event::EventKind;
use keepwarm::reason::{CloseReason, Limit, ProtocolFault};
use keepwarm::{Client, ErrorKind, RequestBody};

use crate::common::recorder::Recorder;
use crate::common::{LONG, SHORT, Untouchable, assert_quiet, bounded, build};
use crate::raw::{DATA, END_HEADERS, END_STREAM, HEADERS, OK, PING, Raw, Wire, frame, status};

fn interim(stream: u32, code: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &status(code))
}

fn answer(stream: u32, code: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &status(code))
}

/// Reads a body of one frame.
async fn body(wire: &mut Wire) {
    let (kind, _) = wire.next().await.expect("the client is there");
    assert_eq!(kind, DATA);
}

/// On a stream, too: 100 releases the body, and nothing before it does.
#[tokio::test]
async fn the_body_waits_for_continue_on_a_stream() {
    bounded(async {
        let early = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&early);
        let raw = Raw::start(move |mut wire| {
            let count = Arc::clone(&count);
            async move {
                while let Some(asking) = wire.request().await {
                    // Another request on the same connection comes between: a body that did not wait had the time.
                    let (kind, other) = wire.next().await.expect("another request");
                    count.fetch_add(usize::from(kind == DATA), Ordering::SeqCst);
                    wire.say(&answer(other, "204")).await;
                    wire.say(&interim(asking, "103")).await;
                    wire.say(&interim(asking, "100")).await;
                    body(&mut wire).await;
                    wire.say(&answer(asking, "200")).await;
                }
            }
        });
        let raw = raw.await;
        let recorder = Recorder::new();
        let client = Client::builder().http2_only().expect_timeout(LONG);
        let client = build(client.observer(recorder.clone()));
        for round in 0..3 {
            let asking = client.post(raw.url()).body("asked").expect_continue();
            let asking = tokio::spawn(asking.send());
            // Its stream is the first.
            let before = 2 * round;
            while recorder.count(|kind| matches!(kind, EventKind::CheckedOut { .. })) == before {
                tokio::task::yield_now().await;
            }
            let other = client.get(raw.url()).send().await.expect("an answer");
            assert_eq!(other.status(), 204);
            let response = asking.await.expect("no panic").expect("an answer");
            assert_eq!(response.status(), 200);
        }
        assert_eq!(early.load(Ordering::SeqCst), 0, "a body did not wait");
        let told = |code| {
            recorder.count(
                |kind| matches!(kind, EventKind::ResponseHead { status, .. } if *status == code),
            )
        };
        assert_eq!((told(100), told(103), told(200)), (3, 3, 3));
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// On a stream, too: without an interim answer the body goes out after the timeout.
#[tokio::test]
async fn the_body_goes_out_when_no_stream_says_continue_in_time() {
    bounded(async {
        let raw = Raw::start(|mut wire| async move {
            while let Some(stream) = wire.request().await {
                body(&mut wire).await;
                wire.say(&answer(stream, "200")).await;
            }
        });
        let raw = raw.await;
        for limit in [Some(SHORT), None] {
            let client = Client::builder().http2_only().expect_timeout(limit);
            let client = build(client);
            let call = client.post(raw.url()).body("not asked").expect_continue();
            let response = call.send().await.expect("an answer");
            assert_eq!(response.status(), 200);
            assert_quiet(&client);
        }
    })
    .await;
}

/// On a stream: a final answer instead of 100. The body is not asked for, and the connection serves on.
#[tokio::test]
async fn a_body_that_a_stream_refuses_is_not_touched() {
    bounded(async {
        let raw = Raw::start(|mut wire| async move {
            while let Some((kind, stream)) = wire.next().await {
                assert_ne!(kind, DATA, "a byte of a body nobody wants");
                if kind == HEADERS {
                    let code = if stream == 1 { "417" } else { "200" };
                    wire.say(&answer(stream, code)).await;
                }
            }
        });
        let raw = raw.await;
        let client = build(Client::builder().http2_only().expect_timeout(LONG));
        for status in [417, 200] {
            let call = client
                .post(raw.url())
                .body(RequestBody::stream(Untouchable(6)));
            let response = call.expect_continue().send().await.expect("an answer");
            assert_eq!(response.status(), status);
        }
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.idle), (1, 1), "{counts:?}");
    })
    .await;
}

#[tokio::test]
async fn interim_answers_without_end_are_refused_on_a_stream() {
    bounded(async {
        let raw = Raw::start(|mut wire| async move {
            while let Some((kind, stream)) = wire.next().await {
                if kind == HEADERS && stream == 1 {
                    let many = interim(stream, "103").repeat(65);
                    wire.say(&many).await;
                } else if kind == HEADERS {
                    let mut many = interim(stream, "103").repeat(64);
                    many.extend(frame(PING, 0, 0, &[0; 8]));
                    many.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, OK));
                    wire.say(&many).await;
                }
            }
        });
        let (raw, client) = (raw.await, build(Client::builder().http2_only()));
        let error = client.get(raw.url()).send().await.expect_err("no end");
        assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
        assert_eq!(error.limit(), Some(Limit::Interim), "{error:?}");
        let fault = ProtocolFault::TooMuch(Limit::Interim);
        assert_eq!(error.reason(), Some(&CloseReason::PeerBrokeProtocol(fault)));
        let response = client.get(raw.url()).send().await.expect("as many as may");
        assert_eq!(response.status(), 200);
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// RFC 9113 §8.6: HTTP/2 does not have 101.
#[tokio::test]
async fn a_switch_of_protocols_on_a_stream_is_refused() {
    bounded(async {
        let raw = Raw::start(|mut wire| async move {
            while let Some(stream) = wire.request().await {
                wire.say(&interim(stream, "101")).await;
            }
        });
        let (raw, client) = (raw.await, build(Client::builder().http2_only()));
        let error = client.get(raw.url()).send().await.expect_err("refused");
        let fault = CloseReason::PeerBrokeProtocol(ProtocolFault::UnaskedSwitch);
        assert_eq!(error.reason(), Some(&fault), "{error:?}");
        assert_quiet(&client);
    })
    .await;
}
