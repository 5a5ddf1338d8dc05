//! RFC 9112 §2.2: how the bytes of a message are read, and what may stand around it.

use crate::support::{GET, PLAIN, answer, answer_bytes, refuses, request};
use http::{HeaderValue, Method};
use keepwarm_core::h1::{BodyLength, HeadExtras, last_chunk};
use keepwarm_core::reason::ProtocolFault as Fault;

/// MUST: a message is read as octets, whatever the encoding of its text.
#[test]
fn a_head_is_octets_and_not_text() {
    let head = b"HTTP/1.1 200 \xe9\r\nX: \xff\xc3\xa4\x80\r\nContent-Length: 0\r\n\r\n";
    let answer = answer_bytes(GET, head);
    assert_eq!(answer.head().headers["x"].as_bytes(), b"\xff\xc3\xa4\x80");
    assert!(answer.reuse.is_keep());
}

/// MAY: a lone LF ends a line of a head. In chunked framing it does not: nothing needs it there, and readers who
/// disagree about line ends are how bodies are smuggled.
#[test]
fn a_lone_line_feed_ends_a_line_of_a_head_and_no_line_of_a_chunk() {
    for head in [
        "HTTP/1.1 200 OK\nContent-Length: 4\n\n",
        "HTTP/1.1 200 OK|Content-Length: 4\n|",
    ] {
        assert_eq!(answer(GET, &format!("{head}body")).body, b"body");
    }
    let head = "HTTP/1.1 200 OK|Transfer-Encoding: chunked||";
    refuses(GET, &format!("{head}4\nbody|0||"), Fault::ChunkSize);
    refuses(GET, &format!("{head}4|body\n0||"), Fault::ChunkEnd);
    refuses(GET, &format!("{head}0|A: b\n|"), Fault::Trailer);
}

/// MUST: a lone CR makes its element invalid (the other choice, to read it as a blank, is not ours).
#[test]
fn a_lone_carriage_return_is_refused() {
    for head in [
        "HTTP/1.1 200 O\rK||",
        "HTTP/1.1 200 OK|A: b\rc||",
        "HTTP/1.1 200 OK|A\r: b||",
        "HTTP/1.1 200 OK|A: b\r||",
        "HTTP/1.1 200 OK\rA: b||",
        "HTTP/1.1 200 OK|A: b|\rB: c||",
    ] {
        refuses(GET, head, Fault::BareCr);
    }
}

/// MUST NOT: a sender generates no lone CR. What could hold one cannot be made.
#[test]
fn a_lone_carriage_return_cannot_be_sent() {
    for bytes in [&b"a\rb"[..], b"\r", b"a\r\nb", b"a\nb"] {
        assert!(HeaderValue::from_bytes(bytes).is_err());
        assert!(Method::from_bytes(bytes).is_err());
    }
}

/// MUST: blanks between the start line and the first field make the message invalid, or their lines are skipped.
/// We refuse: a skipped line may be the one that frames the message for somebody else.
#[test]
fn blanks_before_the_first_field_are_refused() {
    for head in [
        "HTTP/1.1 200 OK| Content-Length: 4||",
        "HTTP/1.1 200 OK|\tA: b|Content-Length: 4||",
        "HTTP/1.1 200 OK| |Content-Length: 4||",
    ] {
        refuses(GET, head, Fault::ObsFold);
    }
}

/// MUST NOT: a client puts no empty line before or behind a request.
#[test]
fn nothing_stands_before_or_behind_a_request() {
    let extras = |length| HeadExtras { length, ..PLAIN };
    for length in [BodyLength::Empty, BodyLength::Known(4), BodyLength::Chunked] {
        let head = request(&Method::POST, "/", &[("a", "b")], &extras(length));
        assert!(head.starts_with("POST / HTTP/1.1|host: h|"));
        assert!(head.ends_with("a: b||"));
        assert_eq!(head.matches("||").count(), 1);
    }
    let mut end = Vec::new();
    last_chunk(&mut end, None);
    assert_eq!(end, b"0\r\n\r\n");
}

/// Only servers forgive empty lines before a message. Before an answer they are bytes nobody asked for.
#[test]
fn an_empty_line_before_an_answer_is_refused() {
    refuses(GET, "|HTTP/1.1 200 OK||", Fault::NotHttp);
    refuses(GET, "\nHTTP/1.1 200 OK||", Fault::NotHttp);
}
