//! RFC 9112 §7.4: negotiating codings with `TE`.

use crate::support::{PLAIN, request};
use http::Method;
use keepwarm_core::h1::{BodyLength, HeadExtras};

/// MUST NOT: `chunked` is not listed in `TE`. We send no `TE` at all: chunked needs none, and no other coding is
/// understood.
#[test]
fn no_te_is_sent() {
    for length in [BodyLength::Empty, BodyLength::Known(4), BodyLength::Chunked] {
        let extras = HeadExtras { length, ..PLAIN };
        let head = request(&Method::POST, "/", &[("a", "b")], &extras);
        assert!(!head.contains("|te:"), "{head}");
    }
}

/// MUST: who sends `TE` says so in `Connection`. A caller's own `TE` is passed on as it is, like every field whose
/// meaning is the caller's: so is the `Connection: te` that belongs to it.
#[test]
fn a_callers_te_and_its_connection_option_are_the_callers() {
    let lines = [("connection", "te"), ("te", "trailers")];
    let head = request(&Method::GET, "/", &lines, &PLAIN);
    assert_eq!(head, "GET / HTTP/1.1|host: h|connection: te|te: trailers||");
    let head = request(&Method::GET, "/", &lines[1..], &PLAIN);
    assert_eq!(head, "GET / HTTP/1.1|host: h|te: trailers||");
}
