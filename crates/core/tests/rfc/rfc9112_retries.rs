//! RFC 9112 §9.3.1: requests that are sent again. (What is idempotent: RFC 9110 §9.2.2.)

use http::{HeaderMap, Method};
use keepwarm_core::reason::{Again, Retry, Stop};
use keepwarm_core::retry::{Evidence, MAX_SENDINGS, Policy, decide, is_idempotent};

/// A connection that had served was closed before a byte of the answer came.
fn closed_early(policy: Policy, method: &Method) -> Evidence {
    Evidence {
        bytes_written: 100,
        bytes_read: 0,
        served_before: true,
        body_replayable: true,
        idempotent: is_idempotent(policy, method, &HeaderMap::new()),
        attempts: 1,
        timed_out_or_cancelled: false,
        unprocessed: None,
    }
}

/// MAY: a request whose connection was closed early is sent again, when its method is idempotent.
#[test]
fn an_idempotent_request_is_sent_again() {
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
        for policy in [Policy::Go, Policy::Rfc] {
            let retry = decide(policy, &closed_early(policy, &method));
            assert_eq!(retry, Retry::Again(Again::IdleCloseRace), "{method}");
        }
    }
}

/// MUST NOT: any other request, once a byte of it may have been seen.
#[test]
fn any_other_request_is_not() {
    let custom = Method::from_bytes(b"PURGE").expect("a token");
    for method in [Method::POST, Method::PATCH, Method::CONNECT, custom] {
        for policy in [Policy::Go, Policy::Rfc] {
            for bytes_written in [1, 100] {
                let evidence = Evidence {
                    bytes_written,
                    ..closed_early(policy, &method)
                };
                let retry = decide(policy, &evidence);
                assert_eq!(retry, Retry::Stop(Stop::NotReplayable), "{method}");
            }
        }
    }
}

/// The exception: it is certain that the request was never applied, for no byte of it was written.
#[test]
fn what_was_never_written_is_sent_again() {
    for method in [Method::GET, Method::POST, Method::PATCH] {
        let evidence = Evidence {
            bytes_written: 0,
            ..closed_early(Policy::Go, &method)
        };
        let retry = decide(Policy::Go, &evidence);
        assert_eq!(retry, Retry::Again(Again::NothingWritten), "{method}");
    }
}

/// The connection must have been closed without an answer: one that has begun is never asked for twice.
#[test]
fn a_request_with_the_beginning_of_an_answer_is_not() {
    let evidence = Evidence {
        bytes_read: 1,
        ..closed_early(Policy::Rfc, &Method::GET)
    };
    let retry = decide(Policy::Rfc, &evidence);
    assert_eq!(retry, Retry::Stop(Stop::BytesReceived));
}

/// SHOULD NOT: a failed retry is not retried. We do, up to three times in all, as Go does: when a server restarts,
/// several idle connections are dead at once, and each is found out by a request of its own. A fresh connection
/// that fails ends it at once.
#[test]
fn a_failed_retry_is_retried_only_on_another_used_connection_and_not_for_ever() {
    let race = closed_early(Policy::Go, &Method::GET);
    for attempts in 1..MAX_SENDINGS {
        let retry = decide(Policy::Go, &Evidence { attempts, ..race });
        assert_eq!(retry, Retry::Again(Again::IdleCloseRace));
    }
    let last = Evidence {
        attempts: MAX_SENDINGS,
        ..race
    };
    assert_eq!(decide(Policy::Go, &last), Retry::Stop(Stop::Budget));
    let fresh = Evidence {
        served_before: false,
        ..race
    };
    assert_eq!(decide(Policy::Go, &fresh), Retry::Stop(Stop::FirstUse));
}
