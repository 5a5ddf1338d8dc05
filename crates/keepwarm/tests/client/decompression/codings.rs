//! What holds for every coding: whole and torn, cut short, broken, with something behind, and bombs.

use async_compression::tokio::bufread;
use keepwarm::reason::{Limit, Reuse};
use keepwarm::{Client, ErrorKind, Response};
use keepwarm_lab::Lab;

use super::{all, answer, chunked, client, coded, config, text};
use crate::common::{answering, bounded, build};

/// What a coding is called, and bytes in it.
type Encoded = (&'static str, Vec<u8>);

/// These bytes in each coding that is built in; `deflate` with its zlib head and bare.
async fn in_each_coding(bytes: &[u8]) -> Vec<Encoded> {
    let mut each: Vec<Encoded> = Vec::new();
    if cfg!(feature = "gzip") {
        each.push(("gzip", all(bufread::GzipEncoder::new(bytes)).await));
    }
    if cfg!(feature = "deflate") {
        each.push(("deflate", all(bufread::ZlibEncoder::new(bytes)).await));
        each.push(("deflate", all(bufread::DeflateEncoder::new(bytes)).await));
    }
    if cfg!(feature = "brotli") {
        let fast = async_compression::Level::Fastest;
        each.push((
            "br",
            all(bufread::BrotliEncoder::with_quality(bytes, fast)).await,
        ));
    }
    if cfg!(feature = "zstd") {
        each.push(("zstd", all(bufread::ZstdEncoder::new(bytes)).await));
    }
    assert!(!each.is_empty());
    each
}

/// Reads an answer to its end; its connection is kept.
async fn read(mut response: Response) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(data) = response.chunk().await.expect("a body") {
        all.extend_from_slice(&data);
    }
    assert!(response.reuse().is_some_and(Reuse::is_keep));
    all
}

#[tokio::test]
async fn each_coding_is_decoded_whole_and_torn() {
    bounded(async {
        let text = text();
        for (coding, body) in in_each_coding(&text).await {
            let client = client();
            for answered in [
                coded(coding, &body),
                chunked(coding, &body, 977),
                chunked(coding, &body, 65_536),
            ] {
                let lab = Lab::start(answering(answered)).await;
                let call = client.get(lab.url("/"));
                let response = call.send().await.expect("a head");
                assert_eq!(response.decoded_from(), Some(coding));
                assert_eq!(response.headers().get("content-encoding"), None);
                assert_eq!(response.headers().get("content-length"), None);
                let decoded = read(response).await;
                assert!(decoded == text, "{coding}: {} bytes", decoded.len());
            }
        }
        for (coding, body) in in_each_coding(b"torn").await {
            let response = answer(&client(), chunked(coding, &body, 1)).await;
            assert_eq!(response.text().await.expect("a body"), "torn", "{coding}");
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_decodes_to_nothing() {
    bounded(async {
        for (coding, body) in in_each_coding(b"").await {
            for answered in [
                coded(coding, &body),
                coded(coding, b""),
                chunked(coding, b"", 1),
            ] {
                let response = answer(&client(), answered).await;
                assert_eq!(response.bytes().await.expect("a body"), "", "{coding}");
            }
        }
    })
    .await;
}

/// Reads an answer that must fail.
async fn fails(client: &Client, answered: Vec<u8>) -> keepwarm::Error {
    let mut response = answer(client, answered).await;
    let error = loop {
        match response.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended well"),
            Err(error) => break error,
        }
    };
    assert!(response.chunk().await.expect("an end").is_none());
    assert!(!error.is_safe_to_retry());
    error
}

#[tokio::test]
async fn what_is_cut_short_or_goes_on_or_is_broken_is_an_error() {
    bounded(async {
        let text = text();
        for (coding, body) in in_each_coding(&text).await {
            let client = client();
            let mut broken = body.clone();
            let middle = broken.len() / 2;
            for byte in &mut broken[middle..middle + 64] {
                *byte ^= 0x55;
            }
            let behind = [&body[..], b"and more"].concat();
            let bad = [
                ("one byte", body[..1].to_vec()),
                ("half", body[..middle].to_vec()),
                ("all but one byte", body[..body.len() - 1].to_vec()),
                ("more", behind),
                ("other", b"<html>this is no such thing</html>".to_vec()),
            ];
            for (what, body) in bad {
                for answered in [coded(coding, &body), chunked(coding, &body, 4096)] {
                    let error = fails(&client, answered).await;
                    assert_eq!(error.kind(), ErrorKind::Protocol, "{coding}, {what}");
                    let begins = format!("the body is not the {coding} that its head promises: ");
                    assert!(error.to_string().starts_with(&begins), "{error}");
                }
            }
            // Bare deflate has no checksum, nor does brotli: what they make of it is another text, or an error.
            let response = answer(&client, coded(coding, &broken)).await;
            let decoded = response.bytes().await;
            assert!(
                decoded.is_err() || decoded.expect("just looked") != text,
                "{coding}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_bomb_ends_at_the_named_limit() {
    bounded(async {
        let zeros = vec![0; 32 << 20];
        for (coding, body) in in_each_coding(&zeros).await {
            let client = build(config().max_decode_ratio(500));
            let error = fails(&client, coded(coding, &body)).await;
            assert_eq!(
                (error.kind(), error.limit()),
                (ErrorKind::Limit, Some(Limit::DecodeRatio)),
                "{coding}"
            );
            assert!(error.to_string().contains(coding), "{error}");
            let mut response = answer(&client, coded(coding, &body)).await;
            let mut made = 0;
            while let Ok(Some(data)) = response.chunk().await {
                made += data.len();
            }
            // What one step may make beyond the first MiB, or what the ratio allows of the bytes used.
            assert!(made <= (1 << 20) + body.len() * 500, "{coding}: {made}");
            let client = build(config().max_decode_ratio(None));
            let response = answer(&client, coded(coding, &body)).await;
            assert_eq!(
                response.bytes().await.expect("all of it").len(),
                zeros.len()
            );
        }
    })
    .await;
}

/// A small body may be as regular as it likes.
#[tokio::test]
async fn a_small_body_is_no_bomb() {
    bounded(async {
        let zeros = vec![0; 1 << 20];
        for (coding, body) in in_each_coding(&zeros).await {
            let client = build(config().max_decode_ratio(1));
            let response = answer(&client, coded(coding, &body)).await;
            assert_eq!(
                response.bytes().await.expect("all of it").len(),
                zeros.len()
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_limit_on_the_body_counts_decoded_bytes() {
    bounded(async {
        let text = text();
        for (coding, body) in in_each_coding(&text).await {
            assert!(body.len() < text.len());
            let client = client();
            let body_of = async || answer(&client, coded(coding, &body)).await.into_body();
            let all = body_of()
                .await
                .bytes_up_to(text.len())
                .await
                .expect("it fits");
            assert_eq!(all.len(), text.len());
            let error = body_of()
                .await
                .bytes_up_to(text.len() - 1)
                .await
                .expect_err("it does not");
            assert_eq!(error.kind(), ErrorKind::Limit);
        }
    })
    .await;
}
