//! RFC 9112 §8: answers that end too early.

use crate::support::{GET, HEAD, answer_and_end};
use keepwarm_core::reason::{CloseReason, ProtocolFault as Fault};

fn cut(text: &str, fault: Fault) {
    let answer = answer_and_end(GET, text);
    assert_eq!(answer.fault, Some(fault), "{text:?}");
    assert!(!answer.complete, "{text:?}");
    let why = CloseReason::PeerBrokeProtocol(fault);
    assert_eq!(answer.why(), Some(why), "{text:?}");
}

/// MUST: an answer that ends in its head is incomplete: nothing of it is told to the caller.
#[test]
fn in_the_head() {
    for text in [
        "",
        "H",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK|",
        "HTTP/1.1 200 OK|Content-Length: 0",
        "HTTP/1.1 200 OK|Content-Length: 0|",
        "HTTP/1.1 100 Continue||",
        "HTTP/1.1 103 X||HTTP/1.1 200 OK|A",
    ] {
        cut(text, Fault::EndedInHead);
        assert!(answer_and_end(GET, text).head.is_none(), "{text:?}");
    }
}

/// MUST: fewer bytes than `Content-Length` says are incomplete, and the connection ends (§6.3 rule 6).
#[test]
fn in_a_body_of_known_length() {
    for (body, left) in [("", 4), ("b", 3), ("bod", 1)] {
        let text = format!("HTTP/1.1 200 OK|Content-Length: 4||{body}");
        cut(&text, Fault::EndedInBody { left: Some(left) });
        assert_eq!(answer_and_end(GET, &text).body, body.as_bytes());
    }
}

/// MUST: without its last chunk a chunked body is incomplete; and with it, until its trailers have ended.
#[test]
fn in_a_chunked_body() {
    for body in [
        "",
        "4",
        "4|",
        "4|bo",
        "4|body",
        "4|body|",
        "4|body|0",
        "4|body|0|",
        "4|body|0|A: b",
        "4|body|0|A: b|",
    ] {
        let text = format!("HTTP/1.1 200 OK|Transfer-Encoding: chunked||{body}");
        cut(&text, Fault::EndedInBody { left: None });
    }
}

/// A body that ends with the connection is complete with whatever came, once its head was whole.
#[test]
fn a_body_until_close_is_complete() {
    for body in ["", "b", "body"] {
        let answer = answer_and_end(GET, &format!("HTTP/1.1 200 OK||{body}"));
        assert_eq!((answer.fault, answer.complete), (None, true));
        assert_eq!(answer.body, body.as_bytes());
        assert_eq!(answer.why(), Some(CloseReason::CloseDelimited));
    }
}

/// Nothing is missing where there is no body, whatever its length would have been.
#[test]
fn an_answer_without_a_body_is_complete() {
    for (shape, status) in [(HEAD, 200), (GET, 304), (GET, 204)] {
        let head = format!("HTTP/1.1 {status} X|Content-Length: 4||");
        let answer = answer_and_end(shape, &head);
        assert_eq!((answer.fault, answer.complete), (None, true));
    }
}
