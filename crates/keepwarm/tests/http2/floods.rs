//! Servers that send what never ends, or what nobody may send: the connection ends with a reason, or the call with an
//! error that names it; nothing hangs, and what it costs in memory is bounded.

use std::sync::atomic::Ordering;

use keepwarm::http2::Http2;
use keepwarm::reason::{CloseReason, Limit, Phase, ProtocolFault};
use keepwarm::{Client, Error, ErrorKind};

use crate::common::{LONG, SHORT, assert_timeout, bounded, build, settle, totals};
use crate::raw::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, OK, PING, PRIORITY, RST_STREAM, Raw,
    SETTINGS, WINDOW_UPDATE, Wire, field, frame,
};

/// More than any limit: what a flood sends when nobody stops it.
const ENDLESS: u64 = 256 << 20;
/// What both systems and the client may take of a flood that is stopped.
const STOPPED: u64 = 16 << 20;
/// What this process, client and server in one, may grow by under any flood.
const MEMORY: u64 = 64 << 20;

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const FRAME_SIZE_ERROR: u32 = 6;
const COMPRESSION_ERROR: u32 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;

/// Resident memory of this process.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = text.split(' ').nth(1).expect("a number");
    pages.parse::<u64>().expect("a number") * 4096
}

/// Only the flood ends a call: its limits are longer than the test.
fn client() -> Client {
    build(Client::builder().http2_only().response_header_timeout(LONG))
}

/// What became of a call to a server that floods, of the client, and of the bytes.
struct After {
    error: Error,
    client: Client,
    raw: Raw,
}

/// One GET, answered so.
async fn attacked<F>(serve: impl Fn(Wire, u32) -> F + Clone + Send + Sync + 'static) -> After
where
    F: Future<Output = ()> + Send + 'static,
{
    let raw = Raw::start(move |mut wire| {
        let serve = serve.clone();
        async move {
            if let Some(stream) = wire.request().await {
                serve(wire, stream).await;
            }
        }
    });
    let (raw, client, before) = (raw.await, client(), resident());
    let answer = match client.get(raw.url()).send().await {
        Ok(response) => response.bytes().await.map(|body| body.len()),
        Err(error) => Err(error),
    };
    let error = answer.expect_err("no call survives it");
    let grown = resident().saturating_sub(before);
    assert!(grown < MEMORY, "{grown} bytes");
    After { error, client, raw }
}

/// The connection ended for a breach with this code, and so did the call.
async fn assert_ended(after: &After, codes: &[u32]) {
    let error = &after.error;
    let counts = settle(&after.client, |now| now.active == 0).await;
    let code = match error.reason() {
        Some(CloseReason::PeerBrokeProtocol(ProtocolFault::Http2 { code })) => *code,
        other => panic!("{other:?}: {error:?}"),
    };
    assert!(codes.contains(&code), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
    assert_eq!(counts.closed_as("peer-broke-protocol"), 1, "{counts:?}");
    let sent = after.raw.sent.load(Ordering::SeqCst);
    assert!(sent < STOPPED, "{sent} bytes");
}

/// The head was too large, and the limit is named.
fn assert_head_too_large(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
    assert_eq!(error.limit(), Some(Limit::HeadBytes), "{error:?}");
    let fault = ProtocolFault::TooMuch(Limit::HeadBytes);
    assert_eq!(error.reason(), Some(&CloseReason::PeerBrokeProtocol(fault)));
}

#[tokio::test]
async fn endless_continuation() {
    bounded(async {
        let after = attacked(|mut wire, stream| async move {
            wire.say(&frame(HEADERS, 0, stream, OK)).await;
            let more = frame(CONTINUATION, 0, stream, &field("x-more", "and more"));
            wire.flood(&more, ENDLESS).await;
            wire.end().await;
        })
        .await;
        assert_ended(
            &after,
            &[ENHANCE_YOUR_CALM, PROTOCOL_ERROR, COMPRESSION_ERROR],
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn endless_empty_continuation() {
    bounded(async {
        let after = attacked(|mut wire, stream| async move {
            wire.say(&frame(HEADERS, 0, stream, OK)).await;
            wire.flood(&frame(CONTINUATION, 0, stream, &[]), ENDLESS)
                .await;
            wire.end().await;
        })
        .await;
        assert_ended(&after, &[ENHANCE_YOUR_CALM, PROTOCOL_ERROR]).await;
    })
    .await;
}

#[tokio::test]
async fn a_head_beyond_the_limit() {
    bounded(async {
        let after = attacked(|mut wire, stream| async move {
            // 1 MiB of fields: the limit is 64 KiB.
            wire.say(&frame(HEADERS, 0, stream, OK)).await;
            let value = "x".repeat(8000);
            for _ in 0..128 {
                wire.say(&frame(CONTINUATION, 0, stream, &field("x-large", &value)))
                    .await;
            }
            wire.say(&frame(CONTINUATION, END_HEADERS | END_STREAM, stream, &[]))
                .await;
            wire.end().await;
        })
        .await;
        assert_head_too_large(&after.error);
        settle(&after.client, |now| now.active == 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_head_that_unpacks_beyond_the_limit() {
    bounded(async {
        let after = attacked(|mut wire, stream| async move {
            // 4 000 bytes into the table once (a literal that is indexed), then named 4 000 times by one byte each.
            let mut head = OK.to_vec();
            let mut first = field("x-bomb", &"x".repeat(3900));
            first[0] = 0x40;
            head.extend(first);
            head.extend([0xbe; 4000]);
            wire.say(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &head))
                .await;
            wire.end().await;
        })
        .await;
        assert_head_too_large(&after.error);
        settle(&after.client, |now| now.active == 0).await;
    })
    .await;
}

#[tokio::test]
async fn endless_control_frames() {
    bounded(async {
        for (name, flood) in [
            ("settings", frame(SETTINGS, 0, 0, &[])),
            (
                "settings that change",
                frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]),
            ),
            ("pings", frame(PING, 0, 0, &[7; 8])),
            ("answers to no ping", frame(PING, 1, 0, &[7; 8])),
            ("priorities", frame(PRIORITY, 0, 1, &[0, 0, 0, 3, 15])),
            (
                "priorities of streams that are none",
                frame(PRIORITY, 0, 99, &[0, 0, 0, 3, 15]),
            ),
            (
                "a window that grows",
                frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
            ),
            (
                "a stream's window that grows",
                frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]),
            ),
            ("frames of a kind nobody knows", frame(0xfa, 0, 0, &[0; 10])),
        ] {
            println!("{name}");
            let after = attacked(move |mut wire, _| {
                let flood = flood.clone();
                async move {
                    wire.flood(&flood, ENDLESS).await;
                    wire.end().await;
                }
            })
            .await;
            assert_ended(&after, &[ENHANCE_YOUR_CALM]).await;
        }
    })
    .await;
}

#[tokio::test]
async fn endless_empty_data() {
    bounded(async {
        let after = attacked(|mut wire, stream| async move {
            wire.say(&frame(HEADERS, END_HEADERS, stream, OK)).await;
            wire.flood(&frame(DATA, 0, stream, &[]), ENDLESS).await;
            wire.end().await;
        })
        .await;
        assert_ended(&after, &[ENHANCE_YOUR_CALM]).await;
    })
    .await;
}

#[tokio::test]
async fn endless_resets_of_one_stream() {
    bounded(async {
        let after = attacked(|mut wire, stream| async move {
            wire.flood(&frame(RST_STREAM, 0, stream, &[0, 0, 0, 2]), ENDLESS)
                .await;
            wire.end().await;
        })
        .await;
        let error = &after.error;
        assert_eq!(error.kind(), ErrorKind::Closed, "{error:?}");
        assert!(error.to_string().contains("INTERNAL_ERROR"), "{error}");
        // The call was over at once; the flood ends with its connection, which nobody uses any more.
        let counts = settle(&after.client, |now| now.idle == 0).await;
        assert_eq!(counts.closed_as("peer-broke-protocol"), 1, "{counts:?}");
        let stats = after.client.stats();
        let learned = stats.origins()[0].idle_timeout;
        assert!(learned.is_none(), "{learned:?}");
        let sent = after.raw.sent.load(Ordering::SeqCst);
        assert!(sent < STOPPED, "{sent} bytes");
    })
    .await;
}

#[tokio::test]
async fn endless_resets_of_new_streams() {
    bounded(async {
        let raw = Raw::start(|mut wire| async move {
            while let Some(stream) = wire.request().await {
                // CANCEL: no reason to send it again.
                wire.say(&frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])).await;
            }
        });
        let (raw, client) = (raw.await, client());
        for _ in 0..500 {
            let error = client.get(raw.url()).send().await.unwrap_err();
            assert!(error.to_string().contains("CANCEL"), "{error}");
        }
        assert_eq!(totals(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn what_nobody_may_send() {
    bounded(async {
        let increment = |by: u32| by.to_be_bytes().to_vec();
        let whole = increment(0x7fff_ffff);
        for (name, bytes, code) in [
            (
                "the reset of a stream never opened",
                frame(RST_STREAM, 0, 99, &[0; 4]),
                PROTOCOL_ERROR,
            ),
            (
                "an answer on a stream never opened",
                frame(HEADERS, END_HEADERS, 99, OK),
                PROTOCOL_ERROR,
            ),
            (
                "a window beyond its limit",
                frame(WINDOW_UPDATE, 0, 0, &whole),
                FLOW_CONTROL_ERROR,
            ),
            (
                "a window larger by nothing",
                frame(WINDOW_UPDATE, 0, 0, &[0; 4]),
                PROTOCOL_ERROR,
            ),
            (
                "a ping of another size",
                frame(PING, 0, 0, &[0; 7]),
                FRAME_SIZE_ERROR,
            ),
            (
                "settings of another size",
                frame(SETTINGS, 0, 0, &[0; 7]),
                FRAME_SIZE_ERROR,
            ),
            (
                "a frame too large",
                frame(DATA, 0, 1, &[0; 20_000]),
                FRAME_SIZE_ERROR,
            ),
            (
                "a head that does not unpack",
                frame(HEADERS, END_HEADERS, 1, &[0xff; 9]),
                COMPRESSION_ERROR,
            ),
        ] {
            println!("{name}");
            let after = attacked(move |mut wire, _| {
                let bytes = bytes.clone();
                async move {
                    wire.say(&bytes).await;
                    wire.end().await;
                }
            })
            .await;
            println!("{:?}", after.error);
            // The `h2` crate calls some of them PROTOCOL_ERROR, which RFC 9113 §5.4.1 leaves to it.
            assert_ended(&after, &[code, PROTOCOL_ERROR]).await;
        }
    })
    .await;
}

#[tokio::test]
async fn data_beyond_the_window() {
    bounded(async {
        let raw = Raw::start(|mut wire| async move {
            let Some(stream) = wire.request().await else {
                return;
            };
            wire.say(&frame(HEADERS, END_HEADERS, stream, OK)).await;
            wire.flood(&frame(DATA, 0, stream, &[0; 16_000]), ENDLESS)
                .await;
            wire.end().await;
        });
        let http2 = Http2 {
            stream_window: 65_535,
            ..Http2::default()
        };
        let (raw, before) = (raw.await, resident());
        let client = build(Client::builder().http2_only().http2(http2));
        // Its reader is slow: it never asks before all has come.
        let mut response = client.get(raw.url()).send().await.expect("a head");
        settle(&client, |_| raw.sent.load(Ordering::SeqCst) > 1 << 20).await;
        let mut read = 0;
        let error = loop {
            match response.chunk().await {
                Ok(Some(data)) => read += data.len(),
                Ok(None) => panic!("it has no end"),
                Err(error) => break error,
            }
        };
        println!("{read} {error:?}");
        assert!(read <= 65_535, "{read}");
        assert!(error.to_string().contains("FLOW_CONTROL_ERROR"), "{error}");
        let grown = resident().saturating_sub(before);
        assert!(grown < MEMORY, "{grown} bytes");
    })
    .await;
}

#[tokio::test]
async fn a_server_that_says_nothing_of_settings() {
    bounded(async {
        let lab = keepwarm_lab::Lab::start(keepwarm_lab::Script::new().hang()).await;
        let client = build(Client::builder().http2_only().connect_timeout(SHORT));
        let error = client.get(lab.url("/")).send().await.unwrap_err();
        assert_eq!(error.limit(), Some(Limit::Connect), "{error:?}");
        assert_timeout(&error, Limit::Connect, Phase::Connect);
    })
    .await;
}
