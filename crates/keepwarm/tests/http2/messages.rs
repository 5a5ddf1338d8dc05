//! Answers of every shape: without a body, with interim ones before, early ones, and what follows them.

use bytes::Bytes;
use keepwarm::http2::Http2;
use keepwarm::reason::{CloseReason, Limit, ProtocolFault, Reuse};
use keepwarm::{Client, Error, ErrorKind, OriginConfig, Protocol, RequestBody};

use crate::common::{assert_quiet, bounded, build, fed};
use crate::raw::{
    DATA, END_HEADERS, END_STREAM, HEADERS, OK, RST_STREAM, Raw, WINDOW_UPDATE, field, frame,
    status,
};

const NO_ERROR: [u8; 4] = [0; 4];

fn client() -> Client {
    build(Client::builder().http2_only())
}

/// Answers every request with these frames, made for its stream.
async fn answering(frames: impl Fn(u32) -> Vec<u8> + Clone + Send + Sync + 'static) -> Raw {
    Raw::start(move |mut wire| {
        let frames = frames.clone();
        async move {
            while let Some(stream) = wire.request().await {
                wire.say(&frames(stream)).await;
            }
        }
    })
    .await
}

/// A head with fields.
fn head(flags: u8, stream: u32, code: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = status(code);
    for (name, value) in fields {
        block.extend(field(name, value));
    }
    frame(HEADERS, END_HEADERS | flags, stream, &block)
}

/// The versions, and the numbers of HTTP/2, hold for the origin they are set for.
#[tokio::test]
async fn one_origin_may_speak_another_version_than_the_others() {
    bounded(async {
        let raw = Raw::start(|mut wire| async move {
            while let Some(stream) = wire.request().await {
                wire.say(&frame(HEADERS, END_HEADERS | END_STREAM, stream, OK))
                    .await;
            }
        });
        let (raw, lab) = (
            raw.await,
            crate::common::raw(crate::common::ok("plain")).await,
        );
        let second = OriginConfig::new().http2_only().http2(Http2 {
            max_connections: Some(1),
            ..Http2::default()
        });
        let client = build(Client::builder().http1_only().origin(raw.url(), second));
        let response = client.get(raw.url()).send().await.expect("an answer");
        assert_eq!(response.connection().protocol(), Protocol::H2);
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        assert_eq!(response.connection().protocol(), Protocol::H1);

        let client = Client::builder().http2_only();
        let client = build(client.origin(lab.url("/"), OriginConfig::new().http1_or_http2()));
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        assert_eq!(response.connection().protocol(), Protocol::H1);
    })
    .await;
}

#[tokio::test]
async fn interim_answers_come_before_the_final_one() {
    bounded(async {
        let raw = answering(|stream| {
            let mut frames = head(0, stream, "103", &[("link", "</a.css>; rel=preload")]);
            frames.extend(head(0, stream, "100", &[]));
            frames.extend(head(0, stream, "200", &[("x-final", "yes")]));
            frames.extend(frame(DATA, END_STREAM, stream, b"the body"));
            frames
        })
        .await;
        let client = client();
        for _ in 0..2 {
            let response = client.get(raw.url()).send().await.expect("an answer");
            assert_eq!(response.status(), 200);
            assert!(response.headers().contains_key("x-final"));
            assert!(!response.headers().contains_key("link"));
            assert_eq!(response.text().await.expect("a body"), "the body");
        }
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn a_head_request_has_no_body_whatever_length_is_told() {
    bounded(async {
        let raw =
            answering(|stream| head(END_STREAM, stream, "200", &[("content-length", "12345")]));
        let (raw, client) = (raw.await, client());
        for _ in 0..3 {
            let response = client.head(raw.url()).send().await.expect("an answer");
            assert_eq!(response.headers()["content-length"], "12345");
            assert!(response.reuse().is_some_and(Reuse::is_keep));
            assert_eq!(response.bytes().await.expect("nothing"), "");
        }
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn answers_that_have_no_body() {
    bounded(async {
        for (code, fields) in [
            ("204", &[][..]),
            ("304", &[("etag", "\"1\"")][..]),
            ("304", &[("content-length", "12345")][..]),
        ] {
            let raw = answering(move |stream| head(END_STREAM, stream, code, fields)).await;
            let client = client();
            for _ in 0..3 {
                let response = client.get(raw.url()).send().await.expect("an answer");
                assert_eq!(response.status().as_str(), code);
                assert_eq!(response.bytes().await.expect("nothing"), "", "{code}");
            }
            assert_eq!(assert_quiet(&client).opened, 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_body_shorter_than_it_was_told_is_an_error() {
    bounded(async {
        let raw = answering(|stream| {
            let mut frames = head(0, stream, "200", &[("content-length", "10")]);
            frames.extend(frame(DATA, END_STREAM, stream, b"short"));
            frames
        });
        let (raw, client) = (raw.await, client());
        let answer = client.get(raw.url()).send().await;
        let body = match answer {
            Ok(response) => response.bytes().await,
            Err(error) => Err(error),
        };
        let error = body.expect_err("it is not whole");
        //= RFC 9113 §8.1.1: it is malformed, a stream error of type PROTOCOL_ERROR.
        let fault = ProtocolFault::Http2 { code: 1 };
        assert_eq!(error.reason(), Some(&CloseReason::PeerBrokeProtocol(fault)));
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
        assert!(error.to_string().contains("content-length"), "{error}");
        assert_eq!(error.retries(), [], "{error:?}");
        // The stream alone has failed.
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.idle), (1, 1), "{counts:?}");
    })
    .await;
}

#[tokio::test]
async fn trailers_follow_an_empty_body() {
    bounded(async {
        use http_body_util::BodyExt;
        let raw = answering(|stream| {
            let mut frames = head(0, stream, "200", &[]);
            let trailers = field("x-sum", "7");
            frames.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &trailers));
            frames
        });
        let (raw, client) = (raw.await, client());
        let response = client.get(raw.url()).send().await.expect("an answer");
        let collected = response.into_body().collect().await.expect("a body");
        assert_eq!(collected.trailers().expect("trailers")["x-sum"], "7");
        assert_eq!(collected.to_bytes(), "");
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}

#[tokio::test]
async fn an_answer_in_the_middle_of_an_upload_is_delivered() {
    bounded(async {
        let raw = answering(|stream| {
            let mut frames = head(0, stream, "413", &[]);
            frames.extend(frame(DATA, END_STREAM, stream, b"too large"));
            //= RFC 9113 §8.1: a server that needs no more of the request says so after its whole answer.
            frames.extend(frame(RST_STREAM, 0, stream, &NO_ERROR));
            frames
        });
        let (raw, client) = (raw.await, client());
        for _ in 0..20 {
            let body = Bytes::from(vec![b'x'; 8 << 20]);
            let response = client.post(raw.url()).body(body).send().await;
            let response = response.expect("the answer");
            assert_eq!(response.status(), 413);
            assert_eq!(response.text().await.expect("a body"), "too large");
        }
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.idle), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn an_answer_of_success_in_the_middle_of_an_upload_is_delivered() {
    bounded(async {
        let raw = answering(|stream| {
            let mut frames = frame(HEADERS, END_HEADERS, stream, OK);
            frames.extend(frame(DATA, END_STREAM, stream, b"enough"));
            frames.extend(frame(RST_STREAM, 0, stream, &NO_ERROR));
            frames
        });
        let (raw, client) = (raw.await, client());
        let (feed, body) = fed(None);
        feed.data(vec![b'x'; 200_000]);
        let call = client.post(raw.url()).body(RequestBody::stream(body));
        let response = call.send().await.expect("the answer");
        assert_eq!(response.text().await.expect("a body"), "enough");
        feed.let_go().await;
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}

#[tokio::test]
async fn a_body_cut_short_by_a_reset_without_error_is_not_whole() {
    bounded(async {
        let raw = answering(|stream| {
            let mut frames = head(0, stream, "200", &[("content-length", "100")]);
            frames.extend(frame(DATA, 0, stream, b"the beginning"));
            frames.extend(frame(RST_STREAM, 0, stream, &NO_ERROR));
            frames
        });
        let (raw, client) = (raw.await, client());
        let response = client.get(raw.url()).send().await.expect("a head");
        response.bytes().await.expect_err("it is not whole");
        assert_quiet(&client);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_waits_for_100_is_sent_or_answered() {
    bounded(async {
        let raw = Raw::start(|mut wire| async move {
            let mut number = 0;
            while let Some(stream) = wire.request().await {
                number += 1;
                let mut frames = Vec::new();
                if number % 2 == 1 {
                    frames.extend(head(0, stream, "100", &[]));
                    frames.extend(head(0, stream, "200", &[]));
                    frames.extend(frame(DATA, END_STREAM, stream, b"taken"));
                } else {
                    frames.extend(head(END_STREAM, stream, "417", &[]));
                    frames.extend(frame(RST_STREAM, 0, stream, &NO_ERROR));
                }
                frames.extend(frame(WINDOW_UPDATE, 0, 0, &1000_u32.to_be_bytes()));
                wire.say(&frames).await;
            }
        });
        let (raw, client) = (raw.await, client());
        for wanted in [200, 417, 200, 417] {
            let call = client.post(raw.url()).expect_continue().body("a body");
            let response = call.send().await.expect("an answer");
            assert_eq!(response.status(), wanted);
            let body = response.text().await.expect("a body");
            assert_eq!(body, if wanted == 200 { "taken" } else { "" });
        }
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

fn assert_too_many(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
    assert_eq!(error.limit(), Some(Limit::HeaderCount));
    let fault = ProtocolFault::TooMuch(Limit::HeaderCount);
    assert_eq!(error.reason(), Some(&CloseReason::PeerBrokeProtocol(fault)));
}

/// X23: the number of header fields has a limit of its own, over HTTP/2 too; the connection serves others.
#[tokio::test]
async fn x23_more_header_fields_than_allowed_are_refused() {
    bounded(async {
        let raw = answering(|stream| {
            // The status counts as no field. One more with each stream: 1, 3, 5.
            let count = usize::try_from(stream).expect("a small number") / 2 + 10;
            head(END_STREAM, stream, "200", &vec![("x", "y"); count])
        });
        let raw = raw.await;
        let client = build(Client::builder().http2_only().max_header_fields(11));
        for count in [10, 11] {
            let response = client.get(raw.url()).send().await.expect("an answer");
            assert_eq!(response.headers().len(), count);
        }
        let error = client.get(raw.url()).send().await;
        assert_too_many(&error.expect_err("they are too many"));
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.idle), (1, 1), "{counts:?}");
    })
    .await;
}

#[tokio::test]
async fn more_trailers_than_allowed_are_refused() {
    bounded(async {
        let raw = answering(|stream| {
            let mut frames = head(0, stream, "200", &[]);
            frames.extend(frame(DATA, 0, stream, b"the body"));
            let trailers: Vec<u8> = (0..300).flat_map(|_| field("x", "y")).collect();
            let flags = END_HEADERS | END_STREAM;
            frames.extend(frame(HEADERS, flags, stream, &trailers));
            frames
        });
        let (raw, client) = (raw.await, client());
        let response = client.get(raw.url()).send().await.expect("an answer");
        assert_too_many(&response.bytes().await.expect_err("they are too many"));
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.idle), (1, 1), "{counts:?}");
    })
    .await;
}
