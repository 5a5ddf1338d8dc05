//! RFC 9110 §10.1.4: `TE` says which codings and whether trailers are welcome.

use crate::support::{GET, PLAIN, answer, request};
use http::Method;

/// Without a `TE` the server may send chunked and nothing else, and trailers only if they can be lost. We ask for
/// nothing: a caller who wants trailers says `TE: trailers`, and gets what comes either way.
#[test]
fn trailers_are_taken_though_none_were_asked_for() {
    let head = request(&Method::GET, "/", &[], &PLAIN);
    assert_eq!(head, "GET / HTTP/1.1|host: h||");
    let answer = answer(GET, "HTTP/1.1 200 OK|Transfer-Encoding: chunked||0|A: b||");
    assert_eq!(answer.trailers.expect("trailers")["a"], "b");
}
