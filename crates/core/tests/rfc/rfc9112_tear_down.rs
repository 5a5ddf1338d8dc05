//! RFC 9112 §9.6: the `close` option, said and heard.

use crate::support::{GET, HEAD, answer};
use keepwarm_core::h1::RequestShape;
use keepwarm_core::reason::CloseReason;

const CLOSING: RequestShape = RequestShape { close: true, ..GET };

/// MUST: a client that said `close` sends nothing more and closes behind the final answer, whatever that says.
#[test]
fn we_said_it() {
    for fields in ["", "Connection: keep-alive|", "Connection: close|"] {
        let answer = answer(
            CLOSING,
            &format!("HTTP/1.1 200 OK|{fields}Content-Length: 4||body"),
        );
        // The answer itself is as good as any.
        assert!(answer.complete && answer.fault.is_none());
        assert_eq!(answer.why(), Some(CloseReason::WeSaidClose));
    }
    let interim = answer(CLOSING, "HTTP/1.1 103 X||");
    assert!(!interim.complete, "the final answer is awaited");
}

/// MUST: a client that hears `close` sends nothing more and closes behind that answer, whatever its status and
/// framing.
#[test]
fn the_server_said_it() {
    for (shape, head) in [
        (
            GET,
            "HTTP/1.1 200 OK|Content-Length: 4|Connection: close||body",
        ),
        (
            GET,
            "HTTP/1.1 200 OK|Connection: close|Transfer-Encoding: chunked||0||",
        ),
        (GET, "HTTP/1.1 500 X|Content-Length: 0|Connection: close||"),
        (GET, "HTTP/1.1 204 X|Connection: close||"),
        (GET, "HTTP/1.1 304 X|connection:close||"),
        (HEAD, "HTTP/1.1 200 OK|Connection: Close||"),
        (
            GET,
            "HTTP/1.0 200 OK|Content-Length: 4|Connection: close||body",
        ),
    ] {
        let answer = answer(shape, head);
        assert!(answer.complete && answer.fault.is_none());
        assert_eq!(answer.why(), Some(CloseReason::PeerSaidClose), "{head}");
    }
}

/// MUST: the same if an interim answer says it.
#[test]
fn the_server_said_it_early() {
    let text = "HTTP/1.1 103 X|Connection: close||HTTP/1.1 200 OK|Content-Length: 0||";
    assert_eq!(answer(GET, text).why(), Some(CloseReason::PeerSaidClose));
}
