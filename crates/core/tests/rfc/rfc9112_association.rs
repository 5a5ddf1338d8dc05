//! RFC 9112 §9.2: which answer belongs to which request. (That one connection carries one request at a time is
//! tested with the whole client; whoever only listens must also follow those that pipeline.)

use crate::support::{GET, answer, wire};
use keepwarm_core::h1::{Conversation, Limits, Seen};
use keepwarm_core::reason::CloseReason;

fn seen(conversation: &mut Conversation) -> Vec<Seen> {
    std::iter::from_fn(|| conversation.next_seen()).collect()
}

/// MUST: answers belong to the requests in the order in which they were sent; interim answers end none.
#[test]
fn answers_come_in_the_order_of_the_requests() {
    let mut conversation = Conversation::new(Limits::default());
    conversation.on_client_bytes(&wire(
        "GET /1 HTTP/1.1|Host: h||HEAD /2 HTTP/1.1|Host: h||GET /3 HTTP/1.1|Host: h||",
    ));
    conversation.on_server_bytes(&wire(
        "HTTP/1.1 201 X|Content-Length: 4||body\
         HTTP/1.1 103 X||HTTP/1.1 202 X|Content-Length: 4||\
         HTTP/1.1 203 X|Content-Length: 4||last",
    ));
    let mut heads = Vec::new();
    for seen in seen(&mut conversation) {
        assert!(!matches!(seen, Seen::Fault { .. }), "{seen:?}");
        if let Seen::Interim { number, head } | Seen::Response { number, head } = seen {
            heads.push((number, head.status.as_u16()));
        }
    }
    assert_eq!(heads, [(1, 201), (2, 103), (2, 202), (3, 203)]);
}

/// MUST NOT: data without a request that awaits it is no answer.
#[test]
fn without_a_request_nothing_is_an_answer() {
    let mut conversation = Conversation::new(Limits::default());
    conversation.on_server_bytes(&wire("HTTP/1.1 200 OK|Content-Length: 0||"));
    let all = seen(&mut conversation);
    assert!(matches!(&all[..], [Seen::Stray { data }] if data.starts_with(b"HTTP/1.1 200")));
}

/// SHOULD: then the connection is closed. Empty lines alone may be forgiven; we close for them too, for no server
/// has a reason to send them.
#[test]
fn bytes_behind_an_answer_end_the_connection() {
    for (stray, bytes) in [("|", 2), ("||", 4), ("x", 1), ("HTTP/1.1 200 OK||", 19)] {
        let text = format!("HTTP/1.1 200 OK|Content-Length: 4||body{stray}");
        let answer = answer(GET, &text);
        assert!(answer.complete && answer.fault.is_none());
        assert_eq!(answer.body, b"body");
        assert_eq!(answer.why(), Some(CloseReason::StrayBytes { bytes }));
    }
}
