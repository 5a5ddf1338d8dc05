//! RFC 9110 §15.2: interim answers.

use crate::support::{GET, HEAD, answer, answer_and_end, refuses};
use keepwarm_core::reason::{Limit, ProtocolFault as Fault};

const FINAL: &str = "HTTP/1.1 200 OK|Content-Length: 4||";

/// MUST: one or several of them are read before the final answer, expected or not; 100 too (§15.2.1).
#[test]
fn any_number_may_come_unasked() {
    for count in [0, 1, 2, 64] {
        for status in [100, 102, 103, 110, 199] {
            let interim = format!("HTTP/1.1 {status} X|Link: <a>||").repeat(count);
            let answer = answer(GET, &format!("{interim}{FINAL}body"));
            assert_eq!(answer.interim.len(), count);
            assert_eq!(answer.head().status, 200);
            assert_eq!(answer.body, b"body");
            assert!(answer.reuse.is_keep());
        }
    }
    let head = answer(HEAD, &format!("HTTP/1.1 103 X||{FINAL}"));
    assert!(head.complete && head.reuse.is_keep());
}

/// Not any number: a server that sends nothing else would hold the call for ever.
#[test]
fn there_is_a_limit() {
    let storm = "HTTP/1.1 103 X||".repeat(65);
    refuses(GET, &storm, Fault::TooMuch(Limit::Interim));
}

/// Their fields are their own: nothing of them is found in the final head, and they frame nothing there.
#[test]
fn their_fields_are_their_own() {
    let interim = "HTTP/1.1 103 X|A: early|Content-Length: 9||";
    let answer = answer(GET, &format!("{interim}{FINAL}body"));
    assert_eq!(answer.interim[0].headers["a"], "early");
    assert!(!answer.head().headers.contains_key("a"));
    assert_eq!(answer.body, b"body");
}

/// None of them is an answer: if nothing follows, there was none.
#[test]
fn none_is_an_answer() {
    for status in [100, 103, 199] {
        let answer = answer_and_end(GET, &format!("HTTP/1.1 {status} X||"));
        assert_eq!(answer.fault, Some(Fault::EndedInHead));
        assert!(answer.head.is_none());
    }
}
