//! Section H of the matrix: what Go holds for gzip, and what only gzip has.

use async_compression::tokio::bufread::GzipEncoder;
use keepwarm_lab::{Behaviour, Lab, Script};

use super::{all, answer, chunked, client, coded};
use crate::common::{answering, bounded, settle, text};

async fn gzip(bytes: &[u8]) -> Vec<u8> {
    all(GzipEncoder::new(bytes)).await
}

/// Go 169 RoundTripGzip: what was asked for is decoded and its fields are gone; what the caller asked for itself is
/// not.
/// Differs: it is off unless the client or the request asks for it, and more codings than gzip can be asked for.
#[tokio::test]
async fn c169_decoded_when_we_asked_and_left_when_the_caller_did() {
    bounded(async {
        let coded = coded("gzip", &gzip(b"hello").await);
        let lab = Lab::start(answering(coded)).await;
        let client = client();
        for (accept, decoded) in [(None, true), (Some("gzip"), false), (Some("foo"), false)] {
            let mut call = client.get(lab.url("/"));
            if let Some(accept) = accept {
                call = call.header("accept-encoding", accept);
            }
            let response = call.send().await.expect("an answer");
            assert_eq!(response.decoded_from(), decoded.then_some("gzip"));
            assert_eq!(
                response.headers().contains_key("content-encoding"),
                !decoded
            );
            assert_eq!(response.headers().contains_key("content-length"), !decoded);
            assert_eq!(response.headers()["x-kept"], "1");
            let body = response.bytes().await.expect("a body");
            assert_eq!(body == "hello", decoded);
        }
    })
    .await;
}

/// Go 170 TransportGzip: a large body read in part and dropped does not harm the next request, and HEAD asks for
/// nothing.
/// Differs: what is dropped cannot be read, so there is no error to read after the close.
#[tokio::test]
async fn c170_a_body_read_in_part_and_dropped() {
    bounded(async {
        let long = super::text().repeat(8);
        let coded = coded("gzip", &gzip(&long).await);
        let lab = Lab::start(answering(coded)).await;
        let client = client();
        let mut response = client.get(lab.url("/")).send().await.expect("an answer");
        let first = response.chunk().await.expect("a body").expect("data");
        assert!(first.len() < long.len() && long.starts_with(&first));
        drop(response);
        settle(&client, |now| now.active == 0).await;
        assert_eq!(text(&client, &lab.url("/")).await.len(), long.len());
        client.head(lab.url("/")).send().await.expect("an answer");
        let transcript = lab.transcript();
        let head = *transcript.requests().last().expect("a request");
        assert_eq!(
            (head.method.as_str(), head.header("accept-encoding")),
            ("HEAD", None)
        );
    })
    .await;
}

/// Go 171 TransportGzipRecursive: decoded exactly once, whatever comes out.
/// Same as Go.
#[tokio::test]
async fn c171_decoded_exactly_once() {
    bounded(async {
        let once = gzip(b"hello").await;
        let twice = gzip(&once).await;
        let response = answer(&client(), coded("gzip", &twice)).await;
        assert_eq!(response.bytes().await.expect("a body"), once);
    })
    .await;
}

/// Go 172 TransportGzipShort: two bytes of a head are an unexpected end.
/// Same as Go.
#[tokio::test]
async fn c172_two_bytes_are_an_error() {
    bounded(async {
        let client = client();
        for bytes in [coded("gzip", b"\x1f\x8b"), chunked("gzip", b"\x1f\x8b", 1)] {
            let mut response = answer(&client, bytes).await;
            let error = response.chunk().await.expect_err("cut short");
            assert!(error.to_string().contains("gzip"), "{error}");
            // The wire did nothing wrong.
            assert!(
                response
                    .reuse()
                    .is_some_and(keepwarm::reason::Reuse::is_keep)
            );
        }
    })
    .await;
}

/// Go 173 TransportGzipConcurrentCloseAndRead: giving up wakes a read that waits in the compressed head.
/// Differs: giving up is dropping the read, which ends it at once.
#[tokio::test]
async fn c173_a_read_that_waits_in_the_compressed_head_can_be_given_up() {
    bounded(async {
        let script = Script::new()
            .read_request()
            .send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n\x1f")
            .stall();
        let lab = Lab::start([
            script.into(),
            keepwarm_lab::Conduct::from(Behaviour::default()),
        ])
        .await;
        let client = client();
        let mut response = client.get(lab.url("/")).send().await.expect("a head");
        let reading = tokio::spawn(async move { response.chunk().await });
        lab.wait_for(|it| it.connection(1).sent_bytes() > 60).await;
        reading.abort();
        assert!(reading.await.expect_err("given up").is_cancelled());
        let counts = settle(&client, |now| now.active == 0).await;
        assert_eq!(counts.closed_as("body-not-read"), 1, "{counts:?}");
        assert_eq!(text(&client, &lab.url("/")).await, "hello, world\n");
    })
    .await;
}

/// Go 175 TransportContentEncodingCaseInsensitive: GZIP is gzip.
/// Same as Go.
#[tokio::test]
async fn c175_the_name_of_a_coding_has_no_case() {
    bounded(async {
        let body = gzip(b"hello").await;
        for name in ["GZIP", "Gzip", "x-gzip"] {
            let response = answer(&client(), coded(name, &body)).await;
            assert_eq!(response.text().await.expect("a body"), "hello", "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn several_members_are_one_body() {
    bounded(async {
        let members = [gzip(b"one, ").await, gzip(b"").await, gzip(b"two").await].concat();
        let client = client();
        for bytes in [
            coded("gzip", &members),
            chunked("gzip", &members, 1),
            chunked("gzip", &members, 25),
        ] {
            let response = answer(&client, bytes).await;
            assert_eq!(response.text().await.expect("a body"), "one, two");
        }
        let with_rest = [&members[..], b"\0\0\0\0"].concat();
        let error = answer(&client, coded("gzip", &with_rest))
            .await
            .bytes()
            .await;
        error.expect_err("what follows the last member is no member");
    })
    .await;
}

#[tokio::test]
async fn a_wrong_checksum_or_length_is_an_error() {
    bounded(async {
        let body = gzip(b"hello").await;
        for place in [body.len() - 8, body.len() - 1] {
            let mut broken = body.clone();
            broken[place] ^= 1;
            let read = answer(&client(), coded("gzip", &broken))
                .await
                .bytes()
                .await;
            read.expect_err("the checksum, or the length, is wrong");
        }
    })
    .await;
}
