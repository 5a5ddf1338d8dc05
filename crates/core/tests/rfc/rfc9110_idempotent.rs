//! RFC 9110 §9.2.2: which requests may be processed twice. (When one is sent again: RFC 9112 §9.3.1.)

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use keepwarm_core::retry::{Policy, is_idempotent};

fn says(policy: Policy, method: &str, field: Option<&'static str>) -> bool {
    let mut headers = HeaderMap::new();
    if let Some(name) = field {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
    }
    let method = Method::from_bytes(method.as_bytes()).expect("a token");
    is_idempotent(policy, &method, &headers)
}

/// Safe methods, PUT and DELETE are idempotent. By default PUT and DELETE are not believed to be, as in Go: servers
/// that count them are common.
#[test]
fn by_method() {
    for (method, by_rfc, by_default) in [
        ("GET", true, true),
        ("HEAD", true, true),
        ("OPTIONS", true, true),
        ("TRACE", true, true),
        ("PUT", true, false),
        ("DELETE", true, false),
        ("POST", false, false),
        ("PATCH", false, false),
        ("CONNECT", false, false),
        ("PURGE", false, false),
        // Methods have letter case (§9.1): this is another one.
        ("get", false, false),
    ] {
        assert_eq!(says(Policy::Rfc, method, None), by_rfc, "{method}");
        assert_eq!(
            says(Policy::default(), method, None),
            by_default,
            "{method}"
        );
    }
}

/// The exception: the client knows that the request is idempotent whatever its method: the caller says so.
#[test]
fn by_the_callers_word() {
    for policy in [Policy::Go, Policy::Rfc] {
        for method in ["POST", "PATCH", "PURGE"] {
            assert!(says(policy, method, Some("idempotency-key")));
            assert!(says(policy, method, Some("x-idempotency-key")));
            assert!(!says(policy, method, Some("x-key")));
        }
    }
}
