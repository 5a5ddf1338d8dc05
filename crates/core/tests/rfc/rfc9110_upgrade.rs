//! RFC 9110 §7.8 (and §15.2.2): switching protocols.

use crate::support::{CONNECT, GET, UPGRADE, answer, refuses};
use keepwarm_core::h1::RequestShape;
use keepwarm_core::reason::{CloseReason, ProtocolFault as Fault};

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols|Connection: upgrade|Upgrade: x||";

/// Behind 101 the new protocol begins, with the first byte: it is not read as HTTP, and HTTP does not come back.
#[test]
fn behind_101_the_new_protocol_begins() {
    for foreign in ["", "HTTP/1.1 200 OK||", "\0\u{1}"] {
        let answer = answer(UPGRADE, &format!("{SWITCH}{foreign}"));
        assert!(answer.switched && answer.complete);
        assert_eq!(answer.leftover, crate::support::wire(foreign));
        assert_eq!(answer.why(), Some(CloseReason::SwitchedProtocols));
    }
}

/// MUST NOT: a server switches only if it was asked to. Unasked, it is at fault: nobody would know the protocol.
#[test]
fn a_switch_that_was_not_asked_for_is_refused() {
    for shape in [GET, CONNECT, RequestShape { head: true, ..GET }] {
        refuses(shape, SWITCH, Fault::UnaskedSwitch);
    }
}

/// A server MAY ignore the wish: the answer is then as any other, and the connection persists.
#[test]
fn a_wish_may_be_ignored() {
    for head in [
        "HTTP/1.1 200 OK|Content-Length: 4||body",
        "HTTP/1.1 426 X|Upgrade: y|Content-Length: 4||body",
        "HTTP/1.1 400 X|Connection: keep-alive|Content-Length: 4||body",
    ] {
        let answer = answer(UPGRADE, head);
        assert!(!answer.switched && answer.reuse.is_keep());
        assert_eq!(answer.body, b"body");
    }
}

/// Interim answers may come before the switch.
#[test]
fn interim_answers_may_come_before() {
    let answer = answer(
        UPGRADE,
        &format!("HTTP/1.1 100 X||HTTP/1.1 103 X||{SWITCH}"),
    );
    assert_eq!(answer.interim.len(), 2);
    assert!(answer.switched);
}
