//! Section E of the matrix: what becomes of request bodies.

use bytes::Bytes;
use http::Method;
use keepwarm::{Client, ErrorKind, RequestBody};
use keepwarm_lab::{Behaviour, Content, Lab, Script, body_hash, scenario};

use crate::common::{assert_quiet, bounded, build, fed, is_quiet, raw, settle, text, totals};
use crate::streams::{Counted, Uses};

/// Go 92 HandlerAbortRacesBodyRead: a server that resets in the middle of an upload hangs nothing.
/// Same as Go.
#[tokio::test]
async fn c092_a_reset_in_an_upload_hangs_nothing() {
    bounded(async {
        for _ in 0..10 {
            let lab = Lab::start(Script::new().read_head().read_bytes(1 << 20).reset()).await;
            let client = Client::new();
            let call = client.post(lab.url("/")).body(vec![b'u'; 6 << 20]);
            let error = call.send().await.unwrap_err();
            assert!(!error.is_safe_to_retry(), "{error:?}");
            settle(&client, is_quiet).await;
            assert_quiet(&client);
        }
    })
    .await;
}

/// Go 93 BadResponseAfterReadingBody: an answer that is none is an error, and the body is let go once.
/// Same as Go.
#[tokio::test]
async fn c093_garbage_after_an_upload_is_an_error() {
    bounded(async {
        let lab = raw("this is not HTTP at all\r\n\r\n").await;
        let client = Client::new();
        let uses = Uses::default();
        let body = RequestBody::stream(Counted::of(5000, &uses));
        let error = client.post(lab.url("/")).body(body).send().await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Protocol);
        assert_eq!(uses.let_go(), 1);
        assert_quiet(&client);
    })
    .await;
}

/// Go 94 TransportClosesRequestBody: a body is let go when it is sent.
/// Same as Go.
/// Go 97 ClientCallsCloseOnlyOnce: once, even when the answer is early.
/// Same as Go.
#[tokio::test]
async fn c094_and_97_a_body_is_let_go_once() {
    bounded(async {
        let late = Lab::start(Behaviour::default()).await;
        let early = Lab::start(Behaviour {
            status: 204,
            body: Content::Bytes(Vec::new()),
            ..scenario::early_answer()
        })
        .await;
        let client = Client::new();
        for _ in 0..50 {
            for lab in [&late, &early] {
                let uses = Uses::default();
                let body = RequestBody::stream(Counted::of(256 << 10, &uses));
                let response = client.post(lab.url("/")).body(body).send().await;
                response.expect("an answer").bytes().await.expect("a body");
                settle(&client, is_quiet).await;
                assert_eq!(uses.let_go(), 1);
            }
        }
        assert_quiet(&client);
    })
    .await;
}

/// Go 96 TransportClosesBodyOnInvalidRequests: the body of a request that is refused here is let go, unread.
/// Same as Go.
#[tokio::test]
async fn c096_a_refused_request_lets_its_body_go() {
    bounded(async {
        let client = Client::new();
        let calls = [
            client.post("/no/host"),
            client.post("http://host:port/"),
            client.post("http://bad host/"),
            client.post("ftp://host.test/"),
            client.post("http://host.test/").header("bad name", "x"),
            client
                .post("http://host.test/")
                .header("name", "bad\nvalue"),
            client.request(Method::CONNECT, "http://host.test/"),
        ];
        for call in calls {
            let uses = Uses::default();
            let body = RequestBody::stream(Counted::of(100, &uses));
            let error = call.body(body).send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
            assert_eq!((uses.asked(), uses.let_go()), (0, 1), "{error:?}");
        }
        assert_eq!(totals(&client).requests, 0);
    })
    .await;
}

/// Go 99 TransportFlushesBodyChunks: each piece of a body goes out as it comes.
/// Same as Go.
/// Go 100 TransportFlushesRequestHeader: the head goes out before the body has given anything.
/// Same as Go.
#[tokio::test]
async fn c099_and_100_nothing_waits_for_the_next_piece() {
    bounded(async {
        let lab = Lab::start(Behaviour::default()).await;
        let client = Client::new();
        for (number, declared) in [None, Some(15)].into_iter().enumerate() {
            let (feed, stream) = fed(declared);
            let call = client.post(lab.url("/echo"));
            let call = tokio::spawn(call.body(RequestBody::stream(stream)).send());
            let number = number + 1;
            lab.wait_for(|it| it.requests().len() == number).await;
            for piece in 1..=3 {
                feed.data("piece");
                // The next one is not given before this one is there.
                lab.wait_for(|it| it.request(1, number).body_bytes == 5 * piece)
                    .await;
            }
            drop(feed);
            let response = call.await.expect("no panic").expect("an answer");
            assert_eq!(response.text().await.expect("a body"), "piecepiecepiece");
        }
    })
    .await;
}

/// Go 101 ProbeZeroLengthBody: a GET with a body of unknown length.
/// Differs: the body is not probed for 200 ms; the head goes out at once, chunked, and what comes later arrives.
#[tokio::test]
async fn c101_a_get_with_a_body_of_unknown_length() {
    bounded(async {
        let lab = Lab::start(Behaviour::default()).await;
        let client = Client::new();
        let (feed, stream) = fed(None);
        let call = client.get(lab.url("/echo"));
        let call = tokio::spawn(call.body(RequestBody::stream(stream)).send());
        lab.wait_for(|it| it.requests().len() == 1).await;
        let request = lab.transcript().request(1, 1).clone();
        assert_eq!(request.header("transfer-encoding"), Some("chunked"));
        assert_eq!(request.body_bytes, 0);
        feed.data("later");
        drop(feed);
        let response = call.await.expect("no panic").expect("an answer");
        assert_eq!(response.text().await.expect("a body"), "later");
    })
    .await;
}

/// Go 104 H12_RequestContentLength_Known: a large body of known length arrives whole, and so does the next.
/// Same as Go.
#[tokio::test]
async fn c104_a_known_length_is_said_and_kept() {
    bounded(async {
        let lab = Lab::start(Behaviour::default()).await;
        let client = build(Client::builder());
        let body = Bytes::from(vec![b'u'; 300_000]);
        let call = client.put(lab.url("/")).body(body.clone());
        call.send().await.expect("an answer");
        let request = lab.transcript().request(1, 1).clone();
        assert_eq!(request.header("content-length"), Some("300000"));
        assert_eq!(request.body_hash, body_hash(&body));
        assert_eq!(text(&client, &lab.url("/")).await, "hello, world\n");
    })
    .await;
}
