//! RFC 9112 §2.3 (and RFC 9110 §2.5): the version that is said, and the versions that are understood.

use crate::support::{GET, PLAIN, answer, refuses, request};
use http::{Method, Version};
use keepwarm_core::reason::ProtocolFault as Fault;

/// SHOULD: a client says the highest version it conforms to; MUST NOT: one it does not conform to.
#[test]
fn every_request_says_1_1() {
    for method in [Method::GET, Method::POST, Method::CONNECT] {
        let head = request(&method, "/", &[], &PLAIN);
        assert!(head.contains(" / HTTP/1.1|"), "{head}");
    }
}

/// An answer of HTTP/1.0 is understood, and known as one.
#[test]
fn both_minor_versions_are_understood() {
    for (text, version) in [
        ("HTTP/1.0", Version::HTTP_10),
        ("HTTP/1.1", Version::HTTP_11),
    ] {
        let answer = answer(GET, &format!("{text} 200 OK|Content-Length: 4||body"));
        assert_eq!(answer.head().version, version);
        assert_eq!(answer.body, b"body");
    }
}

/// The name of the protocol is written in capitals, always.
#[test]
fn letter_case_matters() {
    for start in ["http/1.1", "Http/1.1", "HTTp/1.1"] {
        refuses(GET, &format!("{start} 200 OK||"), Fault::NotHttp);
    }
}

/// SHOULD: a higher minor version is read as 1.1. We refuse it, as any other version: there is no HTTP/1.2, so
/// that whoever says it does not know what it says.
#[test]
fn versions_that_do_not_exist_are_refused() {
    for start in ["HTTP/1.2", "HTTP/1.9", "HTTP/0.9", "HTTP/2.0", "HTTP/3.0"] {
        refuses(GET, &format!("{start} 200 OK||"), Fault::Version);
    }
    refuses(GET, "HTTP/1.10 200 OK||", Fault::StartLine);
}
