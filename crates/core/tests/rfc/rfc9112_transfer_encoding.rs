//! RFC 9112 §6.1: `Transfer-Encoding`, received and sent.

use crate::support::{GET, HEAD, PLAIN, answer, refuses, request};
use http::Method;
use keepwarm_core::h1::{BodyLength, HeadExtras};
use keepwarm_core::reason::ProtocolFault as Fault;

const CHUNKED: HeadExtras<'static> = HeadExtras {
    length: BodyLength::Chunked,
    ..PLAIN
};

/// MUST: a recipient understands chunked; the names of codings have no letter case (§7).
#[test]
fn chunked_is_understood_in_any_letter_case() {
    for value in ["chunked", "Chunked", "CHUNKED"] {
        let head = format!("HTTP/1.1 200 OK|Transfer-Encoding: {value}||");
        let answer = answer(GET, &format!("{head}4|body|0||"));
        assert_eq!(answer.body, b"body");
        assert!(answer.reuse.is_keep());
    }
}

/// MUST: in a message of HTTP/1.0 it is faulty framing, with a `Content-Length` or without; the connection ends.
#[test]
fn in_1_0_it_is_faulty_framing() {
    let head = "HTTP/1.0 200 OK|Connection: keep-alive|Transfer-Encoding: chunked|";
    refuses(GET, &format!("{head}|0||"), Fault::TransferEncoding);
    refuses(HEAD, &format!("{head}|"), Fault::TransferEncoding);
    refuses(
        GET,
        &format!("{head}Content-Length: 4||body"),
        Fault::LengthAndChunked,
    );
}

/// A coding that was not asked for (we send no `TE`) cannot be undone: it is refused, and so is a list that holds
/// more than the one word, empty elements included. (§6.3 rule 4 would read some of these up to the close.)
#[test]
fn any_other_coding_is_refused() {
    for lines in [
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked|Transfer-Encoding: chunked",
        "Transfer-Encoding: identity|Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: , chunked",
        "Transfer-Encoding: chunked;a=b",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding:",
    ] {
        let head = format!("HTTP/1.1 200 OK|{lines}||");
        refuses(GET, &format!("{head}4|body|0||"), Fault::TransferEncoding);
    }
}

/// In an answer without a body it says what a body would have been.
#[test]
fn where_there_is_no_body_it_frames_nothing() {
    for (shape, status) in [(HEAD, 200), (GET, 304), (GET, 204)] {
        let head = format!("HTTP/1.1 {status} X|Transfer-Encoding: chunked||");
        let answer = answer(shape, &head);
        assert!(answer.complete && answer.reuse.is_keep(), "{status}");
        assert_eq!(answer.body, b"");
    }
}

/// MUST NOT: chunked is applied once, and MUST: it is the last coding. It is the only one that we write; the
/// caller's own line is not written.
#[test]
fn chunked_is_sent_once_and_alone() {
    for own in ["chunked", "gzip", "gzip, chunked", "identity"] {
        let lines = [("transfer-encoding", own), ("a", "b")];
        let head = request(&Method::POST, "/", &lines, &CHUNKED);
        assert_eq!(
            head,
            "POST / HTTP/1.1|host: h|transfer-encoding: chunked|a: b||"
        );
        let head = request(&Method::GET, "/", &lines, &PLAIN);
        assert_eq!(head, "GET / HTTP/1.1|host: h|a: b||");
    }
}

/// MUST NOT: no `Transfer-Encoding` to a server that is not known to speak 1.1. We send it whenever the caller's
/// body has no length, on a first connection too: nothing else can carry such a body, refusing the call would help
/// nobody, and whoever talks to a server of HTTP/1.0 declares the length.
#[test]
fn a_body_of_unknown_length_is_chunked_whoever_the_server_is() {
    let head = request(&Method::PUT, "/", &[], &CHUNKED);
    assert_eq!(head, "PUT / HTTP/1.1|host: h|transfer-encoding: chunked||");
    let known = HeadExtras {
        length: BodyLength::Known(4),
        ..PLAIN
    };
    let head = request(&Method::PUT, "/", &[], &known);
    assert_eq!(head, "PUT / HTTP/1.1|host: h|content-length: 4||");
}
