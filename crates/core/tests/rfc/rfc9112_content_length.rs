//! RFC 9112 §6.2: `Content-Length` beside the other fields.

use crate::support::{GET, HEAD, PLAIN, answer, request};
use http::Method;
use keepwarm_core::h1::{BodyLength, HeadExtras};

/// MUST NOT: never beside a `Transfer-Encoding`, whatever the caller's fields say.
#[test]
fn never_beside_a_transfer_encoding() {
    let own: [&[(&str, &str)]; 4] = [
        &[],
        &[("content-length", "9")],
        &[("transfer-encoding", "chunked")],
        &[("content-length", "9"), ("transfer-encoding", "chunked")],
    ];
    for lines in own {
        for (length, written) in [
            (BodyLength::Empty, "content-length: 0|"),
            (BodyLength::Known(4), "content-length: 4|"),
            (BodyLength::Chunked, "transfer-encoding: chunked|"),
        ] {
            let extras = HeadExtras { length, ..PLAIN };
            let head = request(&Method::POST, "/", lines, &extras);
            assert_eq!(head, format!("POST / HTTP/1.1|host: h|{written}|"));
        }
    }
}

/// Where there is no body it says how long one would have been: the caller sees it, and nothing is awaited.
#[test]
fn where_there_is_no_body_it_is_only_news() {
    for (shape, status) in [(HEAD, 200), (GET, 304)] {
        let answer = answer(shape, &format!("HTTP/1.1 {status} X|Content-Length: 400||"));
        assert!(answer.complete && answer.reuse.is_keep());
        assert_eq!(answer.head().headers["content-length"], "400");
    }
}
