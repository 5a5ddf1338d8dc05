//! RFC 9110 §8.6: `Content-Length`, sent and received.

use crate::support::{GET, PLAIN, answer, refuses, request};
use http::Method;
use keepwarm_core::h1::{BodyLength, HeadExtras};
use keepwarm_core::reason::ProtocolFault as Fault;

/// SHOULD: it is sent when the method anticipates content, even for none; SHOULD NOT: otherwise.
#[test]
fn no_content_is_declared_where_content_is_expected() {
    for method in [Method::POST, Method::PUT, Method::PATCH] {
        let head = request(&method, "/", &[], &PLAIN);
        assert_eq!(
            head,
            format!("{method} / HTTP/1.1|host: h|content-length: 0||")
        );
    }
    let custom = Method::from_bytes(b"PURGE").expect("a token");
    for method in [
        Method::GET,
        Method::HEAD,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
        Method::CONNECT,
        custom,
    ] {
        let head = request(&method, "/", &[], &PLAIN);
        assert_eq!(head, format!("{method} / HTTP/1.1|host: h||"));
    }
}

/// SHOULD: when the length is known, it is sent, in plain decimal and however large.
#[test]
fn a_known_length_is_declared() {
    for length in [1, 9, 10, 4096, u64::from(u32::MAX) + 1, u64::MAX] {
        let extras = HeadExtras {
            length: BodyLength::Known(length),
            ..PLAIN
        };
        let head = request(&Method::POST, "/", &[], &extras);
        assert_eq!(
            head,
            format!("POST / HTTP/1.1|host: h|content-length: {length}||")
        );
    }
}

/// MUST: large numbers overflow nothing: what 63 bits do not hold is refused, and not cut.
#[test]
fn large_numbers_do_not_overflow() {
    let largest = answer(
        GET,
        "HTTP/1.1 200 OK|Content-Length: 9223372036854775807||body",
    );
    assert_eq!((largest.fault, largest.complete), (None, false));
    for value in [
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551620",
        "100000000000000000000000000000000000004",
    ] {
        let head = format!("HTTP/1.1 200 OK|Content-Length: {value}||body");
        refuses(GET, &head, Fault::Length);
    }
    let zeros = "0".repeat(100);
    let padded = answer(
        GET,
        &format!("HTTP/1.1 200 OK|Content-Length: {zeros}4||body"),
    );
    assert_eq!(padded.body, b"body");
}

/// It is digits and nothing else.
#[test]
fn it_is_digits() {
    for value in [
        "", "-4", "+4", "4.0", "4e0", "0x4", "4 4", "4;", "4,", ",4", "\u{664}",
    ] {
        let head = format!("HTTP/1.1 200 OK|Content-Length: {value}||body");
        refuses(GET, &head, Fault::Length);
    }
}

/// MUST: the same number several times is refused or taken as one: it is taken as one. Different ones are refused.
#[test]
fn the_same_number_again_is_one_number() {
    for lines in [
        "Content-Length: 4, 4",
        "Content-Length: 4|content-length: 4",
        "Content-Length: 4,04 ,4",
    ] {
        let answer = answer(GET, &format!("HTTP/1.1 200 OK|{lines}||body"));
        assert_eq!(answer.body, b"body", "{lines}");
        assert!(answer.reuse.is_keep());
    }
    for lines in [
        "Content-Length: 4, 5",
        "Content-Length: 4|Content-Length: 5",
        "Content-Length: 4,4|Content-Length: 0",
    ] {
        refuses(
            GET,
            &format!("HTTP/1.1 200 OK|{lines}||body"),
            Fault::LengthsDiffer,
        );
    }
}
