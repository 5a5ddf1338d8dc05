//! RFC 9110 §6.5: trailer fields.

use crate::support::{GET, answer, fields, refuses, wire};
use keepwarm_core::h1::last_chunk;
use keepwarm_core::reason::ProtocolFault as Fault;

/// Fields that frame, route or say what the connection does; each would mean something else at the end.
const FORBIDDEN: [&str; 5] = [
    "connection",
    "content-length",
    "host",
    "trailer",
    "transfer-encoding",
];

/// §6.5.1 MUST NOT: a sender writes no trailer that must not be one. These are left out; of others the caller knows
/// whether their definition allows it.
#[test]
fn what_must_not_trail_is_not_sent() {
    for name in FORBIDDEN {
        let mut out = Vec::new();
        let trailers = fields(&[("a", "1"), (name, "4"), ("a", "2")]);
        last_chunk(&mut out, Some(&trailers));
        assert_eq!(out, wire("0|a: 1|a: 2||"), "{name}");
    }
}

/// §6.5.1: received, they may be ignored. A server that sends them is refused: something behind it may read them.
#[test]
fn what_must_not_trail_is_refused() {
    for name in FORBIDDEN {
        for name in [name.to_owned(), name.to_ascii_uppercase()] {
            let head = "HTTP/1.1 200 OK|Transfer-Encoding: chunked||0|";
            refuses(GET, &format!("{head}A: b|{name}: 4||"), Fault::Trailer);
        }
    }
}

/// §6.5.1 MUST NOT: a trailer is not put among the header fields.
#[test]
fn a_trailer_stays_a_trailer() {
    let head = "HTTP/1.1 200 OK|Transfer-Encoding: chunked|Trailer: Digest||";
    let answer = answer(GET, &format!("{head}4|body|0|Digest: x|Set-Cookie: a=b||"));
    assert!(!answer.head().headers.contains_key("digest"));
    assert!(!answer.head().headers.contains_key("set-cookie"));
    let trailers = answer.trailers.as_ref().expect("trailers");
    assert_eq!(
        (&trailers["digest"], trailers.len()),
        (&"x".parse().unwrap(), 2)
    );
    assert!(answer.complete && answer.reuse.is_keep());
}

/// They obey the rules of field lines.
#[test]
fn a_trailer_is_a_field_line() {
    for line in [
        "no colon",
        "A : b",
        "A: b| c",
        ": b",
        "A: b\0",
        "A: b\rC: d",
    ] {
        let head = "HTTP/1.1 200 OK|Transfer-Encoding: chunked||0|";
        refuses(GET, &format!("{head}{line}||"), Fault::Trailer);
    }
}
