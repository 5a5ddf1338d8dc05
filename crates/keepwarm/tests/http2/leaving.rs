//! What a `GOAWAY` says of a request, to the stream's number: processed or not, sent again or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keepwarm::Client;
use keepwarm::reason::{Again, Retry};

use crate::common::{assert_quiet, bounded, build, settle};
use crate::raw::{
    DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, OK, RST_STREAM, Raw, Wire, frame,
};

fn client() -> Client {
    build(Client::builder().http2_only())
}

/// A `GOAWAY` with this last stream and code.
fn go_away(last: u32, code: u32) -> Vec<u8> {
    let mut payload = last.to_be_bytes().to_vec();
    payload.extend(code.to_be_bytes());
    frame(GOAWAY, 0, 0, &payload)
}

fn answer(stream: u32) -> Vec<u8> {
    let mut frames = frame(HEADERS, END_HEADERS, stream, OK);
    frames.extend(frame(DATA, END_STREAM, stream, b"served"));
    frames
}

/// The first connection does this with its first request; the others answer. Counts the requests.
async fn first_then_answers<F>(
    first: impl Fn(Wire, u32) -> F + Clone + Send + Sync + 'static,
) -> (Raw, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let raw = Raw::start(move |mut wire| {
        let (first, count) = (first.clone(), Arc::clone(&count));
        async move {
            while let Some(stream) = wire.request().await {
                if count.fetch_add(1, Ordering::SeqCst) == 0 {
                    return first(wire, stream).await;
                }
                wire.say(&answer(stream)).await;
            }
        }
    });
    (raw.await, requests)
}

/// Go 209 TransportRetryAfterGOAWAY: a call above the last one that a GOAWAY names is sent again.
/// Differs: whatever the GOAWAY's code; it was not processed.
#[tokio::test]
async fn a_request_above_the_last_one_named_is_sent_again_whatever_it_is() {
    bounded(async {
        for code in [0, 11] {
            let (raw, requests) = first_then_answers(move |mut wire, _| async move {
                wire.say(&go_away(0, code)).await;
                wire.end().await;
            })
            .await;
            let client = client();
            let call = client.post(raw.url()).body("x").send();
            let response = call.await.expect("an answer");
            assert_eq!(response.retries(), [Retry::Again(Again::GoAway)]);
            assert_eq!(response.text().await.expect("a body"), "served");
            assert_eq!(requests.load(Ordering::SeqCst), 2);
            let counts = settle(&client, |now| now.active == 0).await;
            assert_eq!(counts.opened, 2, "{counts:?}");
        }
    })
    .await;
}

/// Go 209 TransportRetryAfterGOAWAY: a call that a GOAWAY names, and nobody answers, is not sent again.
/// Same as Go.
#[tokio::test]
async fn a_request_that_was_named_and_not_answered_is_not_sent_again() {
    bounded(async {
        for code in [0, 2] {
            let (raw, requests) = first_then_answers(move |mut wire, stream| async move {
                wire.say(&go_away(stream, code)).await;
                // It hangs up: whether it has acted on the request, nobody knows.
            })
            .await;
            let client = client();
            let call = client.post(raw.url()).body("x").send();
            let error = call.await.expect_err("no answer");
            assert!(
                !matches!(error.retries().last(), Some(Retry::Again(_))),
                "{error:?}"
            );
            assert_eq!(requests.load(Ordering::SeqCst), 1, "{error:?}");
            assert_quiet(&client);
        }
    })
    .await;
}

#[tokio::test]
async fn a_request_that_was_named_is_answered_after_all() {
    bounded(async {
        let (raw, requests) = first_then_answers(|mut wire, stream| async move {
            // In two stages (RFC 9113 §6.8): a warning, and then the last stream's number.
            wire.say(&go_away(0x7fff_ffff, 0)).await;
            wire.say(&go_away(stream, 0)).await;
            wire.say(&answer(stream)).await;
            wire.end().await;
        })
        .await;
        let client = client();
        for _ in 0..3 {
            let call = client.post(raw.url()).body("x").send();
            let response = call.await.expect("an answer");
            assert_eq!(response.retries(), []);
            assert_eq!(response.text().await.expect("a body"), "served");
        }
        assert_eq!(requests.load(Ordering::SeqCst), 3);
        let counts = settle(&client, |now| now.active == 0).await;
        assert_eq!(counts.opened, 2, "{counts:?}");
    })
    .await;
}

/// Go 210 TransportRetryAfterRefusedStream: a refused stream is sent again, and not for ever.
/// Differs: a few times at once, where Go pauses in between.
#[tokio::test]
async fn a_refused_request_is_sent_again_a_few_times_and_no_more() {
    bounded(async {
        let raw = Raw::start(|mut wire| async move {
            while let Some(stream) = wire.request().await {
                wire.say(&frame(RST_STREAM, 0, stream, &[0, 0, 0, 7])).await;
            }
        });
        let (raw, client) = (raw.await, client());
        let error = client.get(raw.url()).send().await.expect_err("refused");
        assert!(error.to_string().contains("REFUSED_STREAM"), "{error}");
        let again = error.retries().len();
        assert!((2..=5).contains(&again), "{error:?}");
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.idle), (1, 1));
    })
    .await;
}
