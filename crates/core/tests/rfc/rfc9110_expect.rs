//! RFC 9110 §10.1.1: `Expect: 100-continue`. (What the caller's own field does is tested with the whole client.)

use crate::support::{GET, PLAIN, request, wire};
use bytes::BytesMut;
use http::Method;
use keepwarm_core::h1::{BodyLength, Exchange, HeadExtras, Limits, RequestShape, Sending};
use keepwarm_core::reason::CloseReason;

const ASKS: RequestShape = RequestShape {
    expect_continue: true,
    body: BodyLength::Known(4),
    ..GET
};

/// An exchange whose head was sent, and what it says after these bytes.
fn after(text: &str) -> Exchange {
    let mut exchange = Exchange::new(ASKS, Limits::default());
    exchange.on_head_sent();
    assert_eq!(exchange.sending(), Sending::AwaitContinue);
    let mut buffer = BytesMut::from(&wire(text)[..]);
    while exchange.receive(&mut buffer).expect("no fault").is_some() {}
    exchange
}

/// MUST: a client that waits says so.
#[test]
fn who_waits_says_so() {
    let extras = HeadExtras {
        length: BodyLength::Known(4),
        expect_continue: true,
        ..PLAIN
    };
    let head = request(&Method::POST, "/", &[], &extras);
    assert_eq!(
        head,
        "POST / HTTP/1.1|host: h|content-length: 4|expect: 100-continue||"
    );
}

/// MUST NOT: a request without content expects nothing: it does not wait even if it is told to.
#[test]
fn without_content_nothing_is_awaited() {
    let shape = RequestShape {
        body: BodyLength::Empty,
        ..ASKS
    };
    let mut exchange = Exchange::new(shape, Limits::default());
    exchange.on_head_sent();
    assert_eq!(exchange.sending(), Sending::Done);
    assert!(!request(&Method::POST, "/", &[], &PLAIN).contains("expect"));
}

/// 100 lets the body go; other interim answers do not.
#[test]
fn continue_lets_the_body_go() {
    assert_eq!(after("HTTP/1.1 100 Continue||").sending(), Sending::Body);
    for status in [102, 103, 199] {
        let exchange = after(&format!("HTTP/1.1 {status} X||"));
        assert_eq!(exchange.sending(), Sending::AwaitContinue);
    }
}

/// SHOULD NOT: nobody waits for ever: when its time is up the body goes without.
#[test]
fn nobody_waits_for_ever() {
    let mut exchange = after("");
    exchange.on_continue_timeout();
    assert_eq!(exchange.sending(), Sending::Body);
    // Whatever comes late changes nothing.
    let mut buffer = BytesMut::from("HTTP/1.1 100 Continue\r\n\r\n");
    assert!(exchange.receive(&mut buffer).expect("no fault").is_some());
    assert_eq!(exchange.sending(), Sending::Body);
}

/// A final answer means that the body is not wanted. It is not sent, so that the connection ends.
#[test]
fn a_final_answer_instead_stops_the_body() {
    for status in [200, 401, 413, 417, 500] {
        let exchange = after(&format!("HTTP/1.1 {status} X|Content-Length: 0||"));
        assert_eq!(exchange.sending(), Sending::Stopped);
        let verdict = exchange.verdict(0);
        assert_eq!(
            verdict.primary(),
            Some(&CloseReason::NoContinue),
            "{status}"
        );
    }
}
