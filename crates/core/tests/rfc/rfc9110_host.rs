//! RFC 9110 §7.2 (and RFC 9112 §3.2): the `Host` line.

use crate::support::{PLAIN, request};
use http::{Method, Uri};
use keepwarm_core::h1::HeadExtras;
use keepwarm_core::origin::OriginRef;

fn head(url: &str, lines: &[(&str, &str)]) -> String {
    let url: Uri = url.parse().expect("a URL");
    let origin = OriginRef::of(&url).expect("an origin");
    let extras = HeadExtras {
        host: Some((&origin).into()),
        ..PLAIN
    };
    request(&Method::GET, "/", lines, &extras)
}

/// MUST: every request has one, with the authority of its URL. It is written as the URL spells it, but for the
/// scheme's own port, which means the same when it is left out (§4.2.3).
#[test]
fn it_names_the_authority() {
    for (url, host) in [
        ("http://example.com/", "example.com"),
        ("http://ExAmPle.com/", "ExAmPle.com"),
        ("http://example.com:8080/", "example.com:8080"),
        ("http://example.com:80/", "example.com"),
        ("https://example.com:443/", "example.com"),
        ("https://example.com:80/", "example.com:80"),
        ("http://example.com:443?q", "example.com:443"),
        ("http://127.0.0.1:1/", "127.0.0.1:1"),
        ("http://[::1]/", "[::1]"),
        ("http://[2001:DB8::1]:8080/", "[2001:DB8::1]:8080"),
    ] {
        assert_eq!(head(url, &[]), format!("GET / HTTP/1.1|host: {host}||"));
    }
}

/// SHOULD: it is the first field.
#[test]
fn it_comes_first() {
    let extras = HeadExtras {
        close: true,
        user_agent: Some("u"),
        ..PLAIN
    };
    let head = request(&Method::POST, "/", &[("a", "b"), ("host", "x")], &extras);
    assert!(head.starts_with("POST / HTTP/1.1|host: x|"), "{head}");
    let head = request(&Method::POST, "/", &[("a", "b")], &extras);
    assert!(head.starts_with("POST / HTTP/1.1|host: h|"), "{head}");
}

/// A caller who names another host means it (virtual hosts are tried out so, as with Go's `Request.Host`): it takes
/// the place of the authority, and there is still one.
#[test]
fn the_callers_own_takes_its_place() {
    let written = head("http://example.com/", &[("host", "other.example:1")]);
    assert_eq!(written, "GET / HTTP/1.1|host: other.example:1||");
}
