//! A word's slug is what stands for it in JSON.

use keepwarm_core::reason::{CloseReason, Miss, ProtocolFault, Retry};
use keepwarm_report::{Cause, How, Life, Necessity, Outcome, Severity};
use serde::Serialize;
use serde_json::{Value, json};

use crate::words;

fn json(it: impl Serialize) -> Value {
    serde_json::to_value(it).expect("JSON")
}

#[test]
fn a_slug_is_what_stands_in_json() {
    for it in words::limits() {
        assert_eq!(json(it), it.slug());
    }
    for it in words::phases() {
        assert_eq!(json(it), it.slug());
    }
    for it in words::closers() {
        assert_eq!(json(it), it.slug());
    }
    for it in words::peer_ends() {
        assert_eq!(json(it), it.slug());
    }
    for it in words::key_parts() {
        assert_eq!(json(it), it.slug());
        let part = it.slug();
        assert_eq!(
            json(Miss::DifferentKey(it)),
            json!({"reason": "different-key", "part": part})
        );
    }
    for it in words::protocols() {
        assert_eq!(json(it), it.slug());
    }
    for it in words::tls_versions() {
        assert_eq!(json(it), it.number());
    }
    for it in words::close_reasons() {
        assert_eq!(json(it)["reason"], it.slug());
    }
    for it in words::misses() {
        assert_eq!(json(it)["reason"], it.slug());
    }
    for it in words::agains() {
        assert_eq!(json(Retry::Again(it)), json!({"again": it.slug()}));
    }
    for it in words::stops() {
        assert_eq!(json(Retry::Stop(it)), json!({"stop": it.slug()}));
    }
}

/// The slug of a limit that the peer exceeded is that limit's: in JSON it stands beside the word for the fault.
#[test]
fn a_fault_names_itself_or_the_limit() {
    for it in words::faults() {
        match it {
            ProtocolFault::TooMuch(limit) => {
                let limit = limit.slug();
                assert_eq!(json(it), json!({"fault": "too-much", "limit": limit}));
                assert_eq!(it.slug(), limit);
            }
            _ => assert_eq!(json(it)["fault"], it.slug()),
        }
        let within = json(CloseReason::PeerBrokeProtocol(it));
        assert_eq!(within["reason"], "peer-broke-protocol");
        assert_eq!(within["fault"], json(it)["fault"]);
    }
}

#[test]
fn the_words_of_a_report_are_their_slugs() {
    for it in Cause::ALL {
        assert_eq!(json(it), it.slug());
        assert_eq!(Cause::of_slug(it.slug()), Some(it));
    }
    for it in [How::Closed, How::Failed, How::Fin, How::GoAway, How::Reset] {
        assert_eq!(json(it), it.slug());
    }
    for it in [Necessity::Avoidable, Necessity::Forced, Necessity::Needed] {
        assert_eq!(json(it), it.slug());
    }
    for it in [Outcome::Answered, Outcome::Failed, Outcome::Running] {
        assert_eq!(json(it), it.slug());
    }
    for it in [
        Severity::High,
        Severity::Info,
        Severity::Low,
        Severity::Medium,
    ] {
        assert_eq!(json(it), it.slug());
    }
    let lives = [Life::Exchange, Life::Idle, Life::Unused];
    assert_eq!(lives.map(json), ["exchange", "idle", "unused"].map(json));
}
