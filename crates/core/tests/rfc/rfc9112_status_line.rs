//! RFC 9112 §4 (and RFC 9110 §15): the status line, and codes that nobody knows.

use crate::support::{GET, answer, answer_bytes, refuses};
use keepwarm_core::reason::ProtocolFault as Fault;

/// SHOULD: the reason phrase is ignored. It is not even kept, may be anything printable, and may be absent
/// together with its blank.
#[test]
fn the_reason_phrase_means_nothing() {
    for phrase in [
        &b""[..],
        b" ",
        b" OK",
        b" 404 Not Found",
        b" \t",
        b" \xff\xfe",
    ] {
        let head = [
            b"HTTP/1.1 200",
            phrase,
            b"\r\nContent-Length: 4\r\n\r\nbody",
        ]
        .concat();
        let answer = answer_bytes(GET, &head);
        assert_eq!(answer.head().status, 200, "{phrase:?}");
        assert_eq!(answer.body, b"body");
    }
}

/// The code is three digits behind one blank. MAY: other blanks are taken for it; we do not, as nobody sends them.
#[test]
fn the_code_is_three_digits_behind_one_blank() {
    for line in [
        "HTTP/1.1",
        "HTTP/1.1 ",
        "HTTP/1.1 2",
        "HTTP/1.1 20",
        "HTTP/1.1 2000",
        "HTTP/1.1  200",
        "HTTP/1.1\t200",
        "HTTP/1.1200",
        "HTTP/1.1 2OO",
        "HTTP/1.1 -20",
        "HTTP/1.1 000",
        "HTTP/1.1 099",
    ] {
        refuses(GET, &format!("{line}||"), Fault::StartLine);
    }
}

/// MUST (RFC 9110 §15): a code nobody knows counts as the first of its class.
#[test]
fn an_unknown_code_is_of_its_class() {
    for code in [299, 399, 499, 599] {
        let answer = answer(GET, &format!("HTTP/1.1 {code} X|Content-Length: 4||body"));
        assert_eq!(answer.head().status, code);
        assert_eq!(answer.body, b"body");
        assert!(answer.reuse.is_keep());
    }
    for code in [102, 150, 199] {
        let answer = answer(GET, &format!("HTTP/1.1 {code} X|A: b||HTTP/1.1 204 X||"));
        assert_eq!(answer.interim[0].status, code);
        assert_eq!(answer.head().status, 204);
    }
}

/// SHOULD (RFC 9110 §15): a code beyond 599 counts as 5xx. It is read like one; the number is the caller's to see.
#[test]
fn a_code_of_no_class_is_read_as_an_error_is() {
    for code in [600, 999] {
        let answer = answer(GET, &format!("HTTP/1.1 {code} X|Content-Length: 4||body"));
        assert_eq!(answer.head().status, code);
        assert_eq!(answer.body, b"body");
        assert!(answer.reuse.is_keep());
    }
}
