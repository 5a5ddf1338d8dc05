//! Decompression over HTTP/2: as over HTTP/1.1.

use async_compression::tokio::bufread::GzipEncoder;
use keepwarm::Client;
use tokio::io::AsyncReadExt;

use crate::common::{assert_quiet, bounded, build};
use crate::raw::{DATA, END_HEADERS, END_STREAM, HEADERS, OK, Raw, field, frame};

async fn gzipped(text: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    let mut encoder = GzipEncoder::new(text);
    encoder.read_to_end(&mut coded).await.expect("memory");
    coded
}

/// Go 176 H12_AutoGzip: decoding is the same over both versions, can be switched off, and leaves a mark.
/// Differs: it is off unless asked for (`decompress`); the mark is `Response::decoded_from`.
#[tokio::test]
async fn c176_a_body_is_decoded_when_that_was_asked_for_and_says_so() {
    bounded(async {
        let text = b"the same over both versions ".repeat(1000);
        let body = gzipped(&text).await;
        let sent = body.clone();
        let raw = Raw::start(move |mut wire| {
            let body = sent.clone();
            async move {
                while let Some(stream) = wire.request().await {
                    let mut head = OK.to_vec();
                    head.extend(field("content-encoding", "gzip"));
                    head.extend(field("content-length", &body.len().to_string()));
                    wire.say(&frame(HEADERS, END_HEADERS, stream, &head)).await;
                    wire.say(&frame(DATA, END_STREAM, stream, &body)).await;
                }
            }
        })
        .await;
        let client = build(Client::builder().http2_only().decompress(true));
        for _ in 0..2 {
            let response = client.get(raw.url()).send().await.expect("an answer");
            assert_eq!(response.decoded_from(), Some("gzip"));
            assert!(!response.headers().contains_key("content-length"));
            assert_eq!(response.bytes().await.expect("a body"), text);
        }
        assert_eq!(assert_quiet(&client).opened, 1);
        let plain = build(Client::builder().http2_only());
        let response = plain.get(raw.url()).send().await.expect("an answer");
        assert_eq!(response.decoded_from(), None);
        assert_eq!(response.headers()["content-encoding"], "gzip");
        assert_eq!(response.bytes().await.expect("a body"), body);
    })
    .await;
}
