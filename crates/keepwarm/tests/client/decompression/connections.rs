//! What becomes of connections: the same as without decoding.

use async_compression::tokio::bufread::GzipEncoder;
use http_body_util::BodyExt;
use keepwarm_lab::{Lab, Script};

use super::{all, chunked, client, coded, text};
use crate::common::{LONG, answering, assert_quiet, bounded, build};

/// Reads exactly so many decoded bytes of two answers, and no further; both come on one connection.
async fn one_connection_serves(answered: Vec<u8>, length: usize) {
    let lab = Lab::start(answering(answered)).await;
    let client = client();
    for _ in 0..2 {
        let mut response = client.get(lab.url("/")).send().await.expect("an answer");
        let mut read = 0;
        while read < length {
            read += response.chunk().await.expect("a body").expect("data").len();
        }
        assert_eq!(read, length);
        // The end was not looked at, and is known.
        assert!(
            response
                .reuse()
                .is_some_and(keepwarm::reason::Reuse::is_keep)
        );
        assert_eq!(assert_quiet(&client).idle, 1);
    }
    assert_eq!(client.stats().total().opened, 1);
}

/// Go 18 TransportReuseConnection_Gzip_Chunked: a chunked body that is read to its last decoded byte frees its
/// connection.
/// Same as Go.
#[tokio::test]
async fn c018_a_chunked_body_read_to_its_last_decoded_byte_frees_its_connection() {
    bounded(async {
        for bytes in [b"hello".to_vec(), text()] {
            let body = all(GzipEncoder::new(&bytes[..])).await;
            one_connection_serves(chunked("gzip", &body, 4096), bytes.len()).await;
        }
    })
    .await;
}

/// Go 19 TransportReuseConnection_Gzip_ContentLength: the same with a length.
/// Same as Go.
#[tokio::test]
async fn c019_a_body_of_known_length_read_to_its_last_decoded_byte_frees_its_connection() {
    bounded(async {
        for bytes in [b"hello".to_vec(), text()] {
            let body = all(GzipEncoder::new(&bytes[..])).await;
            one_connection_serves(coded("gzip", &body), bytes.len()).await;
        }
    })
    .await;
}

/// What is here is given while the rest is awaited: decoding does not hold a stream back.
#[tokio::test]
async fn what_has_come_is_given_at_once() {
    bounded(async {
        // Two members: the first can be decoded whole before the second comes.
        let (first, second) = (
            all(GzipEncoder::new(&b"first"[..])).await,
            all(GzipEncoder::new(&b"second"[..])).await,
        );
        let length = first.len() + second.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"
        );
        let script = Script::new()
            .read_request()
            .send(head)
            .send(first)
            .wait_for("more")
            .send(second);
        let lab = Lab::start(script).await;
        let mut response = client().get(lab.url("/")).send().await.expect("an answer");
        assert_eq!(
            response.chunk().await.expect("a body").expect("data"),
            "first"
        );
        lab.open("more");
        assert_eq!(
            response.chunk().await.expect("a body").expect("data"),
            "second"
        );
        assert!(response.chunk().await.expect("an end").is_none());
    })
    .await;
}

#[tokio::test]
async fn draining_counts_what_is_sent_and_saves_the_connection() {
    bounded(async {
        let bytes = text();
        let body = all(GzipEncoder::new(&bytes[..])).await;
        let lab = Lab::start(answering(coded("gzip", &body))).await;
        let client = build(super::config().drain_time(LONG));
        let mut response = client.get(lab.url("/")).send().await.expect("an answer");
        response.chunk().await.expect("a body").expect("data");
        assert!(response.drain(body.len() as u64).await.is_keep());
        assert!(response.chunk().await.expect("an end").is_none());
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        assert!(response.connection().reused);
    })
    .await;
}

#[tokio::test]
async fn a_wire_that_breaks_is_told_as_without_decoding() {
    bounded(async {
        let bytes = text();
        let body = all(GzipEncoder::new(&bytes[..])).await;
        let answered = coded("gzip", &body);
        let script = Script::new()
            .read_request()
            .send(&answered[..answered.len() - 10])
            .close();
        let lab = Lab::start(script).await;
        let response = client().get(lab.url("/")).send().await.expect("an answer");
        let error = response.bytes().await.expect_err("cut off");
        assert_eq!(error.kind(), keepwarm::ErrorKind::Closed, "{error:?}");
        assert_eq!(
            error.reason().map(keepwarm::reason::CloseReason::slug),
            Some("peer-broke-protocol")
        );
    })
    .await;
}

#[tokio::test]
async fn trailers_come_behind_the_decoded_bytes() {
    bounded(async {
        let body = all(GzipEncoder::new(&b"hello"[..])).await;
        let mut answered = chunked("gzip", &body, 7);
        answered.truncate(answered.len() - 2);
        answered.extend(b"X-Sum: 5\r\n\r\n");
        let lab = Lab::start(answering(answered)).await;
        let response = client().get(lab.url("/")).send().await.expect("an answer");
        let collected = response.into_body().collect().await.expect("a body");
        assert_eq!(collected.trailers().expect("trailers")["x-sum"], "5");
        assert_eq!(collected.to_bytes(), "hello");
    })
    .await;
}
