//! Slow peers: an answer byte by byte costs the engine one look at each byte, and buys the server no time.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use http::HeaderMap;
use keepwarm::reason::{Limit, Phase, ProtocolFault};
use keepwarm::{Client, Config};
use keepwarm_core::h1::{BodyLength, Exchange, Limits, Received, RequestShape};
use keepwarm_lab::{Lab, Script};

use crate::common::{SHORT, answering, assert_timeout, bounded, build, ok, text};

const GET: RequestShape = RequestShape {
    head: false,
    connect: false,
    close: false,
    upgrade: false,
    expect_continue: false,
    body: BodyLength::Empty,
};

/// What came of an answer given byte by byte.
struct Dripped {
    /// How many bytes were given in.
    bytes: usize,
    received: Vec<Received>,
    fault: Option<ProtocolFault>,
    /// The most that was held back waiting for more.
    held: usize,
}

fn drip(answer: &[u8]) -> Dripped {
    let mut exchange = Exchange::new(GET, Limits::default());
    exchange.on_head_sent();
    let mut dripped = Dripped {
        bytes: 0,
        received: Vec::new(),
        fault: None,
        held: 0,
    };
    let mut buffer = BytesMut::new();
    for &byte in answer {
        buffer.extend_from_slice(&[byte]);
        dripped.bytes += 1;
        loop {
            match exchange.receive(&mut buffer) {
                Ok(Some(received)) => dripped.received.push(received),
                Ok(None) => break,
                Err(fault) => {
                    dripped.fault = Some(fault);
                    return dripped;
                }
            }
        }
        dripped.held = dripped.held.max(buffer.len());
    }
    dripped
}

/// A head of exactly this many bytes.
fn head_of(bytes: usize) -> Vec<u8> {
    let mut head = String::from("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
    let last = "X-Last: \r\n\r\n".len();
    let mut number = 0;
    while head.len() + 400 < bytes {
        head += &format!("X-{number}: {}\r\n", "v".repeat(250));
        number += 1;
    }
    let rest = "l".repeat(bytes - head.len() - last);
    head += &format!("X-Last: {rest}\r\n\r\n");
    head.into_bytes()
}

#[test]
fn a_head_of_60_kib_byte_by_byte_is_the_same_head() {
    for size in [30 << 10, 60 << 10, 64 << 10] {
        let head = head_of(size);
        assert_eq!(head.len(), size);
        let started = Instant::now();
        let dripped = drip(&head);
        // Told and not judged: twice the bytes should take about twice as long.
        println!("{size} bytes one by one: {:?}", started.elapsed());
        assert_eq!(dripped.bytes, size);
        assert!(dripped.fault.is_none());
        assert_eq!(dripped.held, size - 1);
        let [Received::Head(torn), Received::End] = &dripped.received[..] else {
            panic!("{:?}", dripped.received);
        };
        let mut exchange = Exchange::new(GET, Limits::default());
        let mut whole = BytesMut::from(&head[..]);
        let Ok(Some(Received::Head(whole))) = exchange.receive(&mut whole) else {
            panic!("a sound head");
        };
        let both: [&HeaderMap; 2] = [&torn.headers, &whole.headers];
        assert_eq!(both[0], both[1]);
        assert_eq!(torn.status, whole.status);
    }
}

#[test]
fn what_never_ends_is_refused_with_the_byte_that_reaches_its_limit() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let limits = Limits::default();
    let endless = [
        (
            "HTTP/1.1 200 OK\r\nX: ",
            0,
            limits.head_bytes,
            Limit::HeadBytes,
        ),
        ("HTTP/1.1 200 ", 0, limits.head_bytes, Limit::HeadBytes),
        (
            "HTTP/1.1 103 X\r\nX: ",
            0,
            limits.head_bytes,
            Limit::HeadBytes,
        ),
        (
            &format!("{chunked}1;"),
            chunked.len(),
            limits.chunk_line,
            Limit::ChunkLine,
        ),
        (
            &format!("{chunked}0\r\nX: "),
            chunked.len() + 3,
            limits.trailer_bytes,
            Limit::TrailerBytes,
        ),
    ];
    for (start, before, room, limit) in endless {
        let mut answer = start.as_bytes().to_vec();
        answer.resize(100_000, b'x');
        let dripped = drip(&answer);
        assert_eq!(
            dripped.fault,
            Some(ProtocolFault::TooMuch(limit)),
            "{start:?}"
        );
        assert_eq!(dripped.bytes, before + room, "{start:?}");
        assert_eq!(dripped.held, room - 1, "{start:?}");
    }
}

/// A server whose first connection answers so, a byte each two milliseconds and for ever.
async fn slow(start: &str, again: &str) -> Lab {
    let every = Duration::from_millis(2);
    let first = Script::new()
        .read_request()
        .send(start)
        .forever(Script::new().drip(again, 1, every).delay(every));
    Lab::start([first, answering(ok("own"))]).await
}

/// The first call ends by this limit, and the next has its own answer.
async fn gives_up(lab: Lab, config: Config, limit: Limit, phase: Phase) {
    let client = build(config);
    let outcome = async { client.get(lab.url("/first")).send().await?.bytes().await };
    assert_timeout(&outcome.await.unwrap_err(), limit, phase);
    assert_eq!(text(&client, &lab.url("/next")).await, "own");
    lab.wait_for(|it| it.connection(1).end().is_some()).await;
}

#[tokio::test]
async fn a_head_that_drips_buys_no_time() {
    bounded(async {
        let config = || Client::builder().response_header_timeout(SHORT);
        let head = slow("HTTP/1.1 200 OK\r\nX: ", "x").await;
        gives_up(head, config(), Limit::ResponseHeader, Phase::Wait).await;
        let nothing_yet = slow(
            "",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nX: yyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
        )
        .await;
        gives_up(nothing_yet, config(), Limit::ResponseHeader, Phase::Wait).await;
    })
    .await;
}

#[tokio::test]
async fn interim_answers_that_drip_buy_no_time() {
    bounded(async {
        let config = Client::builder().response_header_timeout(SHORT);
        let storm = slow("HTTP/1.1 103 X\r\n\r\n", "HTTP/1.1 103 X\r\n\r\n").await;
        gives_up(storm, config, Limit::ResponseHeader, Phase::Wait).await;
    })
    .await;
}

#[tokio::test]
async fn a_body_that_drips_ends_with_the_whole_call_s_time() {
    bounded(async {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let config = || Client::builder().total_timeout(SHORT);
        for start in ["1;", "0\r\nX: ", "ffff\r\n"] {
            let lab = slow(&format!("{chunked}{start}"), "x").await;
            gives_up(lab, config(), Limit::Total, Phase::Receive).await;
        }
    })
    .await;
}
