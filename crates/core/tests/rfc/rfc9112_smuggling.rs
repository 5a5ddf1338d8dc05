//! RFC 9112 §11: answers and requests that two readers could take apart differently.

use crate::support::{GET, HEAD, PLAIN, answer, refuses, request};
use http::{HeaderName, HeaderValue, Method, Uri};
use keepwarm_core::h1::{BodyLength, HeadExtras};
use keepwarm_core::reason::ProtocolFault as Fault;

/// §11.1: nothing that ends a line gets into a request, wherever the caller puts it.
#[test]
fn no_line_can_be_added_to_a_request() {
    for evil in [
        "a\r\nX: y",
        "a\nX: y",
        "a\rX: y",
        "a\0",
        "a\r\n\r\nGET / HTTP/1.1",
    ] {
        assert!(HeaderValue::from_str(evil).is_err());
        assert!(HeaderName::from_bytes(evil.as_bytes()).is_err());
        assert!(Method::from_bytes(evil.as_bytes()).is_err());
        assert!(format!("http://h/{evil}").parse::<Uri>().is_err());
        assert!(format!("http://{evil}/").parse::<Uri>().is_err());
    }
}

/// §11.2: what frames a request is ours alone: one line, that tells the truth.
#[test]
fn a_request_is_framed_once() {
    let own = [
        ("content-length", "5"),
        ("content-length", "6"),
        ("transfer-encoding", "gzip, chunked"),
        ("transfer-encoding", "xchunked"),
    ];
    for (method, length, lines) in [
        (Method::GET, BodyLength::Empty, ""),
        (Method::POST, BodyLength::Empty, "content-length: 0|"),
        (Method::GET, BodyLength::Known(7), "content-length: 7|"),
        (
            Method::POST,
            BodyLength::Chunked,
            "transfer-encoding: chunked|",
        ),
    ] {
        let head = request(&method, "/", &own, &HeadExtras { length, ..PLAIN });
        assert_eq!(head, format!("{method} / HTTP/1.1|host: h|{lines}|"));
    }
}

/// §11.2: an answer that says two things of its length is no answer, and its connection ends.
#[test]
fn an_answer_that_contradicts_itself_is_refused() {
    for (lines, fault) in [
        (
            "Content-Length: 4|Transfer-Encoding: chunked",
            Fault::LengthAndChunked,
        ),
        (
            "Transfer-Encoding: chunked|Content-Length: 4",
            Fault::LengthAndChunked,
        ),
        (
            "Transfer-Encoding: x|Content-Length: 4",
            Fault::LengthAndChunked,
        ),
        ("Content-Length: 4|Content-Length: 5", Fault::LengthsDiffer),
        ("Content-Length: 4, 5", Fault::LengthsDiffer),
        ("Content-Length: 4|Content-Length: 4x", Fault::Length),
        ("Content-Length: 4 4", Fault::Length),
        ("Content-Length: 04x", Fault::Length),
        ("Content-Length: +4", Fault::Length),
        ("Content-Length: 0x4", Fault::Length),
        ("Content-Length : 4", Fault::SpaceBeforeColon),
        ("A: b| Content-Length: 4", Fault::ObsFold),
        ("A: b\rContent-Length: 4", Fault::BareCr),
        ("Content-Length: 4\0", Fault::ControlByte),
        ("\u{b}Content-Length: 4", Fault::ControlByte),
        ("Transfer-Encoding: \u{b}chunked", Fault::ControlByte),
        (
            "Transfer-Encoding: chunked, identity",
            Fault::TransferEncoding,
        ),
    ] {
        for (shape, status) in [(GET, 200), (GET, 204), (GET, 304), (GET, 103), (HEAD, 200)] {
            refuses(shape, &format!("HTTP/1.1 {status} X|{lines}||"), fault);
        }
    }
}

/// §11.2: a second answer in the bytes of the first one's body, or behind it, is not seen as one.
#[test]
fn an_answer_inside_an_answer_is_its_body() {
    let inner = "HTTP/1.1 200 OK|Content-Length: 0||";
    let length = inner.replace('|', "\r\n").len();
    let outer = answer(
        GET,
        &format!("HTTP/1.1 404 X|Content-Length: {length}||{inner}"),
    );
    assert_eq!(outer.head().status, 404);
    assert_eq!(outer.body.len(), length);
    assert!(outer.reuse.is_keep());
    let behind = answer(GET, &format!("HTTP/1.1 304 X|Content-Length: 4||{inner}"));
    assert_eq!(behind.head().status, 304);
    assert_eq!(
        (behind.leftover.len(), behind.reuse.is_keep()),
        (length, false)
    );
}

/// §11.3: a body that is cut is never taken for a whole one (the cases are those of §8).
#[test]
fn a_cut_body_is_not_whole() {
    let cut = crate::support::answer_and_end(GET, "HTTP/1.1 200 OK|Content-Length: 4||bod");
    assert_eq!(cut.fault, Some(Fault::EndedInBody { left: Some(1) }));
}
