//! RFC 9112 §5: field lines, with blanks before the colon (§5.1) and folded lines (§5.2).

use crate::support::{GET, answer, refuses};
use http::HeaderValue;
use keepwarm_core::reason::ProtocolFault as Fault;

/// Blanks around a value are no part of it, for framing as for the caller; letter case of a name means nothing.
#[test]
fn blanks_around_a_value_are_left_out() {
    for line in [
        "Content-Length:4",
        "Content-Length: 4",
        "Content-Length:\t 4 \t",
        "content-length:    4",
        "CONTENT-LENGTH:4   ",
    ] {
        let answer = answer(GET, &format!("HTTP/1.1 200 OK|{line}||body"));
        assert_eq!(answer.body, b"body", "{line:?}");
        assert_eq!(answer.head().headers["content-length"], "4");
    }
    let answer = answer(GET, "HTTP/1.1 204 X|A: \t b  c \t|E:|F:  ||");
    assert_eq!(answer.head().headers["a"], "b  c");
    assert_eq!(answer.head().headers["e"], "");
    assert_eq!(answer.head().headers["f"], "");
}

/// §5.1: no blank stands before the colon. A server MUST refuse such a line, a proxy MUST mend it in an answer; for
/// a client nothing is said. We refuse: who reads `Content-Length ` as another name frames the answer otherwise.
#[test]
fn a_blank_before_the_colon_is_refused() {
    for line in [
        "A : b",
        "A\t: b",
        "A \t : b",
        "Content-Length : 4",
        "Transfer-Encoding\t: chunked",
        "Connection : close",
    ] {
        refuses(
            GET,
            &format!("HTTP/1.1 200 OK|{line}||"),
            Fault::SpaceBeforeColon,
        );
    }
}

/// §5.2: a user agent MUST read a folded line as one with blanks. We refuse it instead: no server of today folds,
/// readers disagree about what a folded `Content-Length` says, and other clients refuse it as well.
#[test]
fn a_folded_line_is_refused() {
    for lines in [
        "A: b| c",
        "A: b|\tc",
        "A:| b",
        "A: b| |B: c",
        "Content-Length:| 4",
        "Transfer-Encoding: chunked| , gzip",
        "A: b| Content-Length: 4",
    ] {
        refuses(GET, &format!("HTTP/1.1 200 OK|{lines}||"), Fault::ObsFold);
    }
    let chunked = "HTTP/1.1 200 OK|Transfer-Encoding: chunked||0|";
    refuses(GET, &format!("{chunked}A: b| c||"), Fault::Trailer);
}

/// §5.2: MUST NOT: a sender folds no line. A value with a line end cannot be made.
#[test]
fn we_fold_nothing() {
    for value in ["a\r\n b", "a\n\tb", "\r\n a"] {
        assert!(HeaderValue::from_str(value).is_err());
    }
}

/// §5: a line is a name, a colon and a value.
#[test]
fn lines_of_another_form_are_refused() {
    for line in [
        "no colon",
        "word",
        ": no name",
        "A(b): c",
        "A b: c",
        "A\"b: c",
        "\u{e4}: b",
    ] {
        refuses(GET, &format!("HTTP/1.1 200 OK|{line}||"), Fault::HeaderLine);
    }
}
