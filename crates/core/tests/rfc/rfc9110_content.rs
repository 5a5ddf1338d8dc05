//! RFC 9110 §6.4: which messages have content, by method (§9.3) and status (§15).

use crate::support::{CONNECT, GET, HEAD, PLAIN, answer, answer_and_end, request};
use http::Method;
use keepwarm_core::h1::{BodyLength, HeadExtras, RequestShape};

const FIELDS: [&str; 3] = ["A: b", "Content-Length: 4", "Transfer-Encoding: chunked"];

fn has_none(shape: RequestShape, status: u16) {
    for fields in FIELDS {
        let answer = answer(shape, &format!("HTTP/1.1 {status} X|{fields}||"));
        assert!(
            answer.complete && answer.body.is_empty(),
            "{status} {fields}"
        );
        assert!(answer.reuse.is_keep(), "{status} {fields}");
    }
}

/// §9.3.2: an answer to HEAD has none, of whatever status.
#[test]
fn no_answer_to_head_has_content() {
    for status in [200, 206, 301, 404, 500] {
        has_none(HEAD, status);
    }
}

/// §15.3.5, §15.4.5: 204 and 304 have none.
#[test]
fn no_204_and_no_304_has_content() {
    for status in [204, 304] {
        has_none(GET, status);
        has_none(HEAD, status);
    }
}

/// §15.2: an interim answer has none: the next head stands right behind it.
#[test]
fn no_interim_answer_has_content() {
    for fields in FIELDS {
        for status in [100, 102, 103, 199] {
            let answer = answer(
                GET,
                &format!("HTTP/1.1 {status} X|{fields}||HTTP/1.1 204 X||"),
            );
            assert_eq!(answer.interim.len(), 1);
            assert_eq!(answer.head().status, 204);
        }
    }
}

/// §9.3.6: success of CONNECT has none (MUST: its `Content-Length` and `Transfer-Encoding` are ignored); failure has.
#[test]
fn success_of_connect_is_a_tunnel() {
    for fields in FIELDS {
        for status in [200, 204, 299] {
            let answer = answer(CONNECT, &format!("HTTP/1.1 {status} X|{fields}||not HTTP"));
            assert!(answer.switched);
            assert_eq!(answer.leftover, b"not HTTP");
        }
    }
    let refused = answer(CONNECT, "HTTP/1.1 407 X|Content-Length: 4||body");
    assert_eq!(refused.body, b"body");
    assert!(!refused.switched);
}

/// Every other answer has some, 205 too if it says so (§15.3.6 binds the server alone).
#[test]
fn all_others_have_content() {
    for status in [200, 201, 205, 206, 300, 305, 400, 417, 500, 599] {
        let known = answer(GET, &format!("HTTP/1.1 {status} X|Content-Length: 4||body"));
        let open = answer_and_end(GET, &format!("HTTP/1.1 {status} X||body"));
        assert_eq!(
            (known.body, open.body),
            (b"body".to_vec(), b"body".to_vec())
        );
    }
}

/// A request of any method may have content; SHOULD NOT: GET, HEAD and DELETE have none unless the server is known to
/// want it. Who gives such a request a body knows: it is sent, and declared as any other.
#[test]
fn a_request_has_the_content_that_the_caller_gives() {
    let extras = HeadExtras {
        length: BodyLength::Known(4),
        ..PLAIN
    };
    for method in [
        Method::GET,
        Method::HEAD,
        Method::DELETE,
        Method::OPTIONS,
        Method::POST,
    ] {
        let head = request(&method, "/", &[], &extras);
        assert_eq!(
            head,
            format!("{method} / HTTP/1.1|host: h|content-length: 4||")
        );
    }
}
