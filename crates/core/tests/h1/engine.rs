//! The order of an exchange: what may be sent when, which verdict it ends with, and what is written.

use std::time::Duration;

use bytes::BytesMut;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderValue, USER_AGENT};
use http::{HeaderName, Method};
use keepwarm_core::h1::{
    BodyLength, Exchange, HeadExtras, HostPort, KeepAliveHint, Limits, Received, RequestShape,
    Sending, chunk_end, chunk_head, last_chunk, request_head,
};
use keepwarm_core::reason::{CloseReason, ProtocolFault};

const GET: RequestShape = RequestShape {
    head: false,
    connect: false,
    close: false,
    upgrade: false,
    expect_continue: false,
    body: BodyLength::Empty,
};

const UPLOAD: RequestShape = RequestShape {
    body: BodyLength::Known(10),
    ..GET
};

const POLITE: RequestShape = RequestShape {
    expect_continue: true,
    ..UPLOAD
};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

fn exchange(shape: RequestShape) -> Exchange {
    Exchange::new(shape, Limits::default())
}

/// Receives everything in `bytes`; how many bytes are left behind the answer.
fn receive(exchange: &mut Exchange, bytes: &[u8]) -> usize {
    let mut buffer = BytesMut::from(bytes);
    while exchange.receive(&mut buffer).unwrap().is_some() {}
    buffer.len()
}

fn slugs(exchange: &Exchange, leftover: usize) -> Vec<&'static str> {
    let verdict = exchange.verdict(leftover);
    verdict.reasons().iter().map(CloseReason::slug).collect()
}

#[test]
fn an_exchange_fits_in_a_future_without_a_heap() {
    assert!(size_of::<Exchange>() <= 144, "{}", size_of::<Exchange>());
}

#[test]
fn a_request_without_body_is_done_with_its_head() {
    let mut exchange = exchange(GET);
    assert_eq!(exchange.sending(), Sending::Head);
    exchange.on_head_sent();
    assert_eq!(exchange.sending(), Sending::Done);
    exchange.stop_sending();
    assert_eq!(exchange.sending(), Sending::Done, "what is done stays done");
}

#[test]
fn the_body_waits_for_100_continue() {
    let mut exchange = exchange(POLITE);
    exchange.on_head_sent();
    assert_eq!(exchange.sending(), Sending::AwaitContinue);
    receive(&mut exchange, CONTINUE);
    assert_eq!(exchange.sending(), Sending::Body);
    exchange.on_body_sent();
    receive(&mut exchange, OK);
    assert!(exchange.verdict(0).is_keep());
}

#[test]
fn other_interim_answers_do_not_let_the_body_go() {
    let mut exchange = exchange(POLITE);
    exchange.on_head_sent();
    receive(
        &mut exchange,
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n",
    );
    assert_eq!(exchange.sending(), Sending::AwaitContinue);
}

#[test]
fn the_wait_for_100_continue_ends_with_its_timeout() {
    let mut exchange = exchange(POLITE);
    exchange.on_head_sent();
    exchange.on_continue_timeout();
    assert_eq!(exchange.sending(), Sending::Body);
    exchange.on_body_sent();
    // It comes late, which is no harm.
    receive(&mut exchange, &[CONTINUE, OK].concat());
    assert!(exchange.verdict(0).is_keep());
}

#[test]
fn no_continue() {
    let mut exchange = exchange(POLITE);
    exchange.on_head_sent();
    receive(
        &mut exchange,
        b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(exchange.sending(), Sending::Stopped);
    assert_eq!(slugs(&exchange, 0), ["no-continue"]);
}

#[test]
fn an_answer_that_overtakes_the_head_counts_as_well() {
    let mut early = exchange(POLITE);
    receive(&mut early, CONTINUE);
    assert_eq!(early.sending(), Sending::Head);
    early.on_head_sent();
    assert_eq!(early.sending(), Sending::Body);

    let mut early = exchange(POLITE);
    receive(&mut early, OK);
    assert_eq!(slugs(&early, 0), ["request-not-sent"]);
    early.on_head_sent();
    assert_eq!(early.sending(), Sending::Stopped);
    assert_eq!(slugs(&early, 0), ["no-continue"]);
}

#[test]
fn an_uninvited_100_continue_is_no_harm() {
    let mut exchange = exchange(UPLOAD);
    exchange.on_head_sent();
    receive(&mut exchange, CONTINUE);
    assert_eq!(exchange.sending(), Sending::Body);
    exchange.on_body_sent();
    receive(&mut exchange, OK);
    assert!(exchange.verdict(0).is_keep());
}

#[test]
fn request_not_sent() {
    let mut early = exchange(UPLOAD);
    early.on_head_sent();
    receive(&mut early, OK);
    assert!(early.is_complete());
    assert_eq!(
        early.sending(),
        Sending::Body,
        "full duplex: the upload may go on"
    );
    assert_eq!(slugs(&early, 0), ["request-not-sent"]);
    early.on_body_sent();
    assert!(early.verdict(0).is_keep(), "it was sent whole after all");

    let mut stopped = exchange(UPLOAD);
    stopped.on_head_sent();
    stopped.stop_sending();
    assert_eq!(stopped.sending(), Sending::Stopped);
    receive(&mut stopped, OK);
    stopped.on_body_sent();
    assert_eq!(slugs(&stopped, 0), ["request-not-sent"]);
}

#[test]
fn reasons_come_in_their_order_and_all_of_them() {
    let mut exchange = exchange(RequestShape {
        close: true,
        ..UPLOAD
    });
    exchange.on_head_sent();
    receive(&mut exchange, b"HTTP/1.0 500 No\r\n\r\npart");
    assert_eq!(
        slugs(&exchange, 0),
        [
            "we-said-close",
            "request-not-sent",
            "http10",
            "close-delimited",
            "body-not-read"
        ]
    );
}

#[test]
fn body_not_read_says_how_much_is_left() {
    let mut exchange = exchange(GET);
    exchange.on_head_sent();
    assert_eq!((exchange.body_left(), exchange.body_hint()), (None, None));
    receive(
        &mut exchange,
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
    );
    assert_eq!(
        (exchange.body_left(), exchange.body_hint()),
        (Some(7), Some(10))
    );
    assert_eq!(
        exchange.verdict(0).primary(),
        Some(&CloseReason::BodyNotRead { left: Some(7) })
    );
    receive(&mut exchange, b"0123456");
    assert_eq!(
        (exchange.body_left(), exchange.body_hint()),
        (Some(0), Some(10))
    );
    assert!(exchange.verdict(0).is_keep());
}

#[test]
fn the_hint_is_that_of_the_final_head() {
    let mut exchange = exchange(GET);
    exchange.on_head_sent();
    receive(
        &mut exchange,
        b"HTTP/1.1 103 X\r\nKeep-Alive: timeout=1\r\n\r\nHTTP/1.1 204 X\r\nKeep-Alive: timeout=5, max=9\r\n\r\n",
    );
    let expected = KeepAliveHint {
        timeout: Some(Duration::from_secs(5)),
        max: Some(9),
    };
    assert_eq!(exchange.hint(), expected);
}

#[test]
fn nothing_is_copied_out_of_the_buffer() {
    let mut exchange = exchange(GET);
    let mut buffer = BytesMut::with_capacity(1_024);
    buffer.extend_from_slice(b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello");
    let start = buffer.as_ptr() as usize;
    let within = |bytes: &[u8]| (start..start + 1_024).contains(&(bytes.as_ptr() as usize));
    let Ok(Some(Received::Head(head))) = exchange.receive(&mut buffer) else {
        panic!("the head is here whole");
    };
    assert!(within(head.headers["server"].as_bytes()));
    let Ok(Some(Received::Data(data))) = exchange.receive(&mut buffer) else {
        panic!("the body is here whole");
    };
    assert!(within(&data));
}

const EXTRAS: HeadExtras<'static> = HeadExtras {
    host: Some(HostPort {
        host: "h",
        port: Some(8080),
    }),
    close: false,
    length: BodyLength::Empty,
    expect_continue: false,
    user_agent: Some("keepwarm"),
};

fn written(
    method: &Method,
    headers: &[(HeaderName, &'static str)],
    extras: &HeadExtras<'_>,
) -> String {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name, HeaderValue::from_static(value));
    }
    let mut out = b"kept|".to_vec();
    request_head(&mut out, method, "/p?q", &map, extras);
    String::from_utf8(out).unwrap().replace("\r\n", "|")
}

#[test]
fn a_head_has_host_first_and_what_framing_needs() {
    assert_eq!(
        written(&Method::GET, &[], &EXTRAS),
        "kept|GET /p?q HTTP/1.1|host: h:8080|user-agent: keepwarm||"
    );
    let extras = HeadExtras {
        close: true,
        length: BodyLength::Known(u64::MAX),
        expect_continue: true,
        user_agent: None,
        host: Some(HostPort {
            host: "[::1]",
            port: None,
        }),
    };
    assert_eq!(
        written(
            &Method::POST,
            &[(HeaderName::from_static("x-a"), "b")],
            &extras
        ),
        "kept|POST /p?q HTTP/1.1|host: [::1]|connection: close|content-length: 18446744073709551615|\
         expect: 100-continue|x-a: b||"
    );
}

#[test]
fn the_callers_fields_win_where_they_may() {
    let headers = [
        (USER_AGENT, "mine"),
        (CONNECTION, "x, Close"),
        (EXPECT, "100-continue"),
        (HOST, "other"),
    ];
    let extras = HeadExtras {
        close: true,
        expect_continue: true,
        length: BodyLength::Chunked,
        ..EXTRAS
    };
    assert_eq!(
        written(&Method::POST, &headers, &extras),
        "kept|POST /p?q HTTP/1.1|host: other|transfer-encoding: chunked|user-agent: mine|connection: x, Close|\
         expect: 100-continue||"
    );
}

#[test]
fn the_callers_fields_cannot_contradict_the_framing() {
    let headers = [
        (CONTENT_LENGTH, "7"),
        (HeaderName::from_static("transfer-encoding"), "chunked"),
    ];
    let known = HeadExtras {
        length: BodyLength::Known(3),
        ..EXTRAS
    };
    let head = written(&Method::PUT, &headers, &known);
    assert_eq!(
        head,
        "kept|PUT /p?q HTTP/1.1|host: h:8080|user-agent: keepwarm|content-length: 3||"
    );
}

#[test]
fn an_empty_body_is_announced_where_one_is_expected() {
    for method in [Method::POST, Method::PUT, Method::PATCH] {
        assert!(written(&method, &[], &EXTRAS).contains("|content-length: 0|"));
    }
    for method in [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS] {
        assert!(!written(&method, &[], &EXTRAS).contains("content-length"));
    }
}

#[test]
fn chunks_are_framed() {
    let mut out = Vec::new();
    for data in [&b"hello"[..], b"", &[b'x'; 300]] {
        chunk_head(&mut out, data.len());
        if !data.is_empty() {
            out.extend_from_slice(data);
            chunk_end(&mut out);
        }
    }
    last_chunk(&mut out, None);
    let expected = [
        b"5\r\nhello\r\n12c\r\n".as_slice(),
        &[b'x'; 300],
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    assert_eq!(out, expected);

    let mut trailers = HeaderMap::new();
    trailers.append("digest", HeaderValue::from_static("a"));
    trailers.append("digest", HeaderValue::from_static("b"));
    trailers.append(CONTENT_LENGTH, HeaderValue::from_static("5"));
    out.clear();
    last_chunk(&mut out, Some(&trailers));
    assert_eq!(out, b"0\r\ndigest: a\r\ndigest: b\r\n\r\n");
}

#[test]
fn a_fault_is_remembered() {
    let mut exchange = exchange(GET);
    exchange.on_head_sent();
    let mut buffer = BytesMut::from("SMTP");
    assert_eq!(
        exchange.receive(&mut buffer).unwrap_err(),
        ProtocolFault::NotHttp
    );
    assert_eq!(exchange.receive_end(0).unwrap_err(), ProtocolFault::NotHttp);
    assert!(!exchange.is_complete());
}
