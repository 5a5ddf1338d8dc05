//! RFC 9112 §9.3: whether a connection persists.

use crate::support::{GET, PLAIN, answer, answer_and_end, request};
use bytes::BytesMut;
use http::Method;
use keepwarm_core::h1::{BodyLength, Exchange, HeadExtras, Limits, Received, RequestShape};
use keepwarm_core::reason::CloseReason;

/// In the order of the section: `close`; then 1.1; then 1.0 that says `keep-alive`; else not.
#[test]
fn version_and_connection_options_decide() {
    let says_close = Some(CloseReason::PeerSaidClose);
    for (version, fields, why) in [
        ("1.1", "", None),
        ("1.1", "Connection: keep-alive|", None),
        ("1.1", "Connection: foo|", None),
        ("1.1", "Connection: close|", says_close),
        ("1.1", "Connection: keep-alive, close|", says_close),
        (
            "1.1",
            "Connection: keep-alive|Connection: CLOSE|",
            says_close,
        ),
        ("1.0", "", Some(CloseReason::Http10)),
        ("1.0", "Connection: foo|", Some(CloseReason::Http10)),
        ("1.0", "Keep-Alive: timeout=5|", Some(CloseReason::Http10)),
        ("1.0", "Connection: Keep-Alive|", None),
        ("1.0", "Connection: keep-alive, close|", says_close),
    ] {
        let text = format!("HTTP/{version} 200 OK|{fields}Content-Length: 4||body");
        let answer = answer(GET, &text);
        assert!(answer.complete && answer.fault.is_none());
        assert_eq!(answer.why(), why, "{text}");
    }
}

/// To persist, every message must say its own length.
#[test]
fn a_message_without_a_length_ends_its_connection() {
    for version in ["1.0", "1.1"] {
        let text = format!("HTTP/{version} 200 OK|Connection: keep-alive||body");
        let answer = answer_and_end(GET, &text);
        assert_eq!(answer.why(), Some(CloseReason::CloseDelimited));
    }
}

/// MUST: a client reads the whole answer before it uses the connection again.
#[test]
fn an_answer_that_is_not_read_whole_ends_its_connection() {
    for body in [
        "Content-Length: 4||bod",
        "Transfer-Encoding: chunked||4|body|0|",
    ] {
        let answer = answer(GET, &format!("HTTP/1.1 200 OK|{body}"));
        assert!(!answer.complete);
        let slug = answer.why().map(|why| why.slug());
        assert_eq!(slug, Some("body-not-read"));
    }
}

/// The same for the request: one that was not sent whole ends its connection, whatever was answered.
#[test]
fn a_request_that_is_not_sent_whole_ends_its_connection() {
    for body in [BodyLength::Known(4), BodyLength::Chunked] {
        let mut exchange = Exchange::new(RequestShape { body, ..GET }, Limits::default());
        exchange.on_head_sent();
        let mut buffer = BytesMut::from("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let received = exchange.receive(&mut buffer).expect("a head");
        assert!(matches!(received, Some(Received::Head(_))));
        assert!(exchange.is_complete());
        let verdict = exchange.verdict(0);
        assert_eq!(verdict.primary(), Some(&CloseReason::RequestNotSent));
        exchange.on_body_sent();
        assert!(exchange.verdict(0).is_keep());
    }
}

/// MUST: a client that wants no persistence says `close` in every request, and says it once.
#[test]
fn close_is_said_when_it_is_meant() {
    let closing = HeadExtras {
        close: true,
        ..PLAIN
    };
    let head = request(&Method::GET, "/", &[], &closing);
    assert_eq!(head, "GET / HTTP/1.1|host: h|connection: close||");
    let head = request(&Method::GET, "/", &[("connection", "a, Close")], &closing);
    assert_eq!(head, "GET / HTTP/1.1|host: h|connection: a, Close||");
    let head = request(&Method::GET, "/", &[("connection", "te")], &closing);
    assert_eq!(
        head,
        "GET / HTTP/1.1|host: h|connection: close|connection: te||"
    );
    // In HTTP/1.1 persistence needs no words.
    let head = request(&Method::GET, "/", &[], &PLAIN);
    assert_eq!(head, "GET / HTTP/1.1|host: h||");
}
