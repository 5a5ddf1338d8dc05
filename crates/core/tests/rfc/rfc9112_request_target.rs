//! RFC 9112 §3: the request line and the four forms of its target. (How a URL becomes a target is tested with the
//! whole client.)

use crate::support::{PLAIN, request};
use http::{Method, Uri};
use keepwarm_core::origin::{OriginError, OriginRef};

/// §3: the three parts stand between single blanks; §3.1: the method is written in its own letters.
#[test]
fn the_request_line_is_method_target_version() {
    for name in ["GET", "get", "PURGE", "M-SEARCH", "!#$%&'*+-.^_`|~"] {
        let method = Method::from_bytes(name.as_bytes()).expect("a token");
        let head = request(&method, "/a?b", &[], &PLAIN);
        assert_eq!(head, format!("{name} /a?b HTTP/1.1|host: h||"));
    }
    for name in ["", "G T", "GET ", "G\tT", "G(T"] {
        assert!(Method::from_bytes(name.as_bytes()).is_err(), "{name:?}");
    }
}

/// §3: no blank stands in a target. A URL with one cannot be made.
#[test]
fn a_target_holds_no_blanks() {
    for url in [
        "http://h/a b",
        "http://h/a\tb",
        "http://h/a?b c",
        "http://h /",
    ] {
        assert!(url.parse::<Uri>().is_err(), "{url:?}");
    }
}

/// §3: RECOMMENDED: request lines of at least 8 000 octets are possible.
#[test]
fn long_targets_are_written_whole() {
    let target = format!("/{}", "a".repeat(60_000));
    let head = request(&Method::GET, &target, &[], &PLAIN);
    assert!(head.starts_with(&format!("GET {target} HTTP/1.1|host: ")));
}

/// §3.2.1: MUST: path and query only, and `/` for an empty path.
#[test]
fn origin_form() {
    for (target, written) in [
        ("/", "/"),
        ("/a/../b", "/a/../b"),
        ("?q", "/?q"),
        ("/?", "/?"),
    ] {
        let head = request(&Method::GET, target, &[], &PLAIN);
        assert_eq!(head, format!("GET {written} HTTP/1.1|host: h||"));
    }
}

/// §3.2.2 to §3.2.4: the other forms are written as they are given.
#[test]
fn the_other_forms() {
    for (method, target) in [
        (Method::GET, "http://example.com/a?b"),
        (Method::CONNECT, "example.com:80"),
        (Method::OPTIONS, "*"),
    ] {
        let head = request(&method, target, &[], &PLAIN);
        assert_eq!(head, format!("{method} {target} HTTP/1.1|host: h||"));
    }
}

/// §3.2 (and RFC 9110 §4.2.4): no user information is sent. A URL that holds some is refused, lest a password be
/// dropped in silence; one without a host names nobody (RFC 9110 §4.2.1).
#[test]
fn urls_with_user_information_or_without_host_are_refused() {
    let origin = |url: &str| OriginRef::of(&url.parse().expect("a URL")).map(|_| ());
    assert_eq!(origin("http://u:p@h/"), Err(OriginError::UserInformation));
    assert_eq!(origin("http://u@h/"), Err(OriginError::UserInformation));
    assert_eq!(origin("/path"), Err(OriginError::NotAbsolute));
    assert!("http:///path".parse::<Uri>().is_err());
}
