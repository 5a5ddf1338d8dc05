//! Heads and trailers that are larger than allowed: the limit is named, and the connection serves others.

use keepwarm::reason::{CloseReason, Limit, ProtocolFault, Retry};
use keepwarm::{Client, Error, ErrorKind};

use crate::common::{assert_quiet, bounded, build};
use crate::raw::{CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, OK, Raw, field, frame};

/// Bytes of a head, as HTTP/1.1 has it, beside the value of its one field.
const AROUND: usize = 17 + "x-large: \r\n\r\n".len();

/// A block of fields as a head, in as many frames as it takes.
fn block(stream: u32, flags: u8, bytes: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    let mut pieces = bytes.chunks(16_000).peekable();
    let mut kind = HEADERS;
    while let Some(piece) = pieces.next() {
        let last = pieces.peek().is_none();
        let ends = if last { END_HEADERS } else { 0 };
        let flags = if kind == HEADERS { flags | ends } else { ends };
        frames.extend(frame(kind, flags, stream, piece));
        kind = CONTINUATION;
    }
    frames
}

/// Answers the streams in their order with one field of so many bytes each.
async fn of_sizes(sizes: &'static [usize], in_trailers: bool) -> Raw {
    Raw::start(move |mut wire| async move {
        let mut sizes = sizes.iter();
        while let (Some(stream), Some(size)) = (wire.request().await, sizes.next()) {
            let large = field("x-large", &"x".repeat(*size));
            let mut frames = Vec::new();
            if in_trailers {
                frames.extend(frame(HEADERS, END_HEADERS, stream, OK));
                frames.extend(frame(DATA, 0, stream, b"body"));
                frames.extend(block(stream, END_STREAM, &large));
            } else {
                let head = [OK, &large].concat();
                frames.extend(block(stream, END_STREAM, &head));
            }
            wire.say(&frames).await;
        }
    })
    .await
}

fn assert_too_large(error: &Error, limit: Limit) {
    assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
    assert_eq!(error.limit(), Some(limit), "{error:?}");
    let fault = ProtocolFault::TooMuch(limit);
    assert_eq!(error.reason(), Some(&CloseReason::PeerBrokeProtocol(fault)));
    let again = |retry: &Retry| matches!(retry, Retry::Again(_));
    assert!(!error.retries().iter().any(again), "{error:?}");
}

/// To the byte at the limit of 8 KiB, and above twice that, where the `h2` crate refuses it: the stream alone fails.
#[tokio::test]
async fn a_head_above_the_limit_names_it_and_its_connection_lives() {
    bounded(async {
        let raw = of_sizes(&[8192 - AROUND, 8193 - AROUND, 16_400, 1], false).await;
        let client = build(Client::builder().http2_only().max_head_bytes(8192));
        for fits in [true, false, false, true] {
            match client.get(raw.url()).send().await {
                Ok(response) => assert!(fits, "{response:?}"),
                Err(error) => {
                    assert!(!fits, "{error:?}");
                    assert_too_large(&error, Limit::HeadBytes);
                }
            }
        }
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.idle), (1, 1), "{counts:?}");
    })
    .await;
}

#[tokio::test]
async fn trailers_above_their_limit_name_it_and_their_connection_lives() {
    bounded(async {
        let raw = of_sizes(&[100, 20_000, 140_000, 100], true).await;
        let client = build(Client::builder().http2_only());
        for (size, fits) in [(100, true), (20_000, false), (140_000, false), (100, true)] {
            let response = client.get(raw.url()).send().await.expect("a head");
            match response.bytes().await {
                Ok(body) => assert!(fits, "{size} {body:?}"),
                Err(error) => {
                    assert!(!fits, "{error:?}");
                    assert_too_large(&error, Limit::TrailerBytes);
                }
            }
        }
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.idle), (1, 1), "{counts:?}");
    })
    .await;
}
