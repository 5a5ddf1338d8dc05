//! RFC 9110 §7.6.1: the options of `Connection`.

use crate::support::{GET, PLAIN, answer, fields, request};
use http::Method;
use keepwarm_core::h1::{HeadExtras, connection_says};
use keepwarm_core::reason::CloseReason;

/// Options have no letter case and are whole words, in what we read.
#[test]
fn options_are_words_without_letter_case() {
    for (value, closes) in [
        ("close", true),
        ("Close", true),
        ("CLOSE,x", true),
        ("x ,\tclose ", true),
        ("closed", false),
        ("x-close", false),
        ("close;q=1", false),
        ("\"close\"", false),
        ("not close", false),
        ("", false),
    ] {
        let answer = answer(GET, &format!("HTTP/1.1 204 X|Connection: {value}||"));
        let why = closes.then_some(CloseReason::PeerSaidClose);
        assert_eq!(answer.why(), why, "{value:?}");
    }
}

/// The same in what the caller wrote.
#[test]
fn the_callers_options_are_read_alike() {
    for (value, says) in [
        ("close", true),
        ("a, CLOSE", true),
        ("closed", false),
        ("a", false),
    ] {
        let lines = fields(&[("connection", "x"), ("connection", value)]);
        assert_eq!(connection_says(&lines, "close"), says, "{value:?}");
    }
    assert!(!connection_says(&fields(&[("close", "close")]), "close"));
}

/// Of options we write `close` alone, when it is meant; others are the caller's.
#[test]
fn we_write_close_alone() {
    let written = |close| {
        let extras = HeadExtras { close, ..PLAIN };
        request(&Method::GET, "/", &[("keep-alive", "timeout=5")], &extras)
    };
    assert!(!written(false).contains("|connection:"));
    assert!(written(true).contains("|connection: close|"));
}
