//! RFC 9110 §5.3: several lines of one name, and lists with empty elements (§5.6.1).

use crate::support::{GET, PLAIN, answer, request};
use http::Method;
use keepwarm_core::h1::{BodyLength, HeadExtras};
use keepwarm_core::reason::CloseReason;

/// The order of the lines of one name is kept, and the lines are not put together (`Set-Cookie` could not be).
#[test]
fn lines_of_one_name_keep_their_order() {
    let answer = answer(
        GET,
        "HTTP/1.1 204 X|A: 1|Set-Cookie: x=1, 2|a: 2, 3|SET-COOKIE: y|A:||",
    );
    let head = answer.head();
    let all = |name| head.headers.get_all(name).iter().collect::<Vec<_>>();
    assert_eq!(all("a"), ["1", "2, 3", ""]);
    assert_eq!(all("set-cookie"), ["x=1, 2", "y"]);
}

/// What we read ourselves is read as one list over all its lines, empty elements left out (§5.6.1 MUST).
#[test]
fn a_list_may_be_spread_over_lines() {
    for lines in [
        "Connection: a|Connection: close",
        "Connection: a, b|A: b|connection: c,close",
        "Connection: , ,close,",
        "Connection:|Connection: \t,close\t ,",
    ] {
        let answer = answer(GET, &format!("HTTP/1.1 204 X|{lines}||"));
        assert_eq!(answer.why(), Some(CloseReason::PeerSaidClose), "{lines}");
    }
}

/// MUST NOT: a sender writes no second line of a name that is no list: of what we add, nothing is written twice.
/// The caller's lines keep their order.
#[test]
fn nothing_is_written_twice() {
    let own = [
        ("host", "other"),
        ("user-agent", "mine"),
        ("b", "1"),
        ("expect", "100-continue"),
        ("connection", "close"),
        ("content-length", "9"),
        ("b", "2"),
    ];
    let extras = HeadExtras {
        close: true,
        length: BodyLength::Known(4),
        expect_continue: true,
        user_agent: Some("ours"),
        ..PLAIN
    };
    let head = request(&Method::POST, "/", &own, &extras);
    for name in [
        "host",
        "user-agent",
        "expect",
        "connection",
        "content-length",
    ] {
        assert_eq!(
            head.matches(&format!("|{name}: ")).count(),
            1,
            "{name}: {head}"
        );
    }
    assert!(head.find("|b: 1|") < head.find("|b: 2|"));
    assert!(head.contains("|user-agent: mine|") && head.contains("|host: other|"));
}
