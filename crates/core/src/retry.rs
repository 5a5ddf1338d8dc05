//! The retry rule: may a request whose exchange failed be sent again?
//!
//! Owns the policies and the order of the questions. It decides on evidence (bytes written and read
//! on this very exchange), never on which error came first, and refuses to know sockets and the pool.

use http::{HeaderMap, Method};

use crate::reason::{Again, Retry, Stop};

/// How often one request may be sent, the first time included. RFC 9112 §9.3.1 advises against retrying a retry; we do,
/// as Go: when a server restarts, several idle connections are dead at once.
pub const MAX_SENDINGS: u32 = 4;

/// The same, when the server said each time by `GOAWAY` that it had not processed the request. A server that ends each
/// connection after some requests serves a larger crowd a part at a time, and each part is progress.
pub const MAX_GO_AWAYS: u32 = 64;

/// Which requests count as safe to send twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// As Go's `http.Transport`: GET, HEAD, OPTIONS, TRACE, and whatever carries an
    /// `Idempotency-Key` or `X-Idempotency-Key` header. The default.
    #[default]
    Go,
    /// Nothing is ever sent again.
    Never,
    /// What RFC 9110 §9.2.2 calls idempotent: as `Go`, and PUT and DELETE.
    Rfc,
}

/// What is known about the exchange that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Bytes of the request that the socket took, head and framing included.
    pub bytes_written: u64,
    /// Bytes of an answer that arrived.
    pub bytes_read: u64,
    /// The connection had carried an earlier request to its end.
    pub served_before: bool,
    /// The body can be produced from its start: empty, bytes, a factory, or one-shot and untouched.
    pub body_replayable: bool,
    /// The request may be processed twice ([`is_idempotent`]).
    pub idempotent: bool,
    /// Sendings so far, the failed one included.
    pub attempts: u32,
    /// A time limit or the caller ended the exchange: then it was no accident of the connection.
    pub timed_out_or_cancelled: bool,
    /// The server's own word that it has not processed the request and will not; only HTTP/2 has one.
    pub unprocessed: Option<Unprocessed>,
}

/// How a server says that it has not processed a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unprocessed {
    /// `GOAWAY` with a last stream below the request's (RFC 9113 §6.8).
    GoAway,
    /// `RST_STREAM` or `GOAWAY` with `HTTP_1_1_REQUIRED` (RFC 9113 §7).
    Http1Required,
    /// The answer 421, whatever else came with it (RFC 9110 §15.5.20).
    Misdirected {
        /// Another connection had the same answer, for this request or for one lately: it is not the connection.
        persists: bool,
    },
    /// `RST_STREAM` with `REFUSED_STREAM` (RFC 9113 §8.7).
    RefusedStream,
}

/// Whether a request may be processed twice under this policy. (Under [`Policy::Never`] the answer
/// is that of [`Policy::Go`]: it is [`decide`] that stops.)
pub fn is_idempotent(policy: Policy, method: &Method, headers: &HeaderMap) -> bool {
    let safe = matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    );
    let by_definition = match policy {
        Policy::Go | Policy::Never => false,
        Policy::Rfc => matches!(*method, Method::PUT | Method::DELETE),
    };
    safe || by_definition
        || (!headers.is_empty()
            && (headers.contains_key("idempotency-key")
                || headers.contains_key("x-idempotency-key")))
}

/// Decides whether the request is sent again.
///
/// The order of the questions is part of the contract: the first that objects names the reason.
pub fn decide(policy: Policy, evidence: &Evidence) -> Retry {
    if policy == Policy::Never {
        return Retry::Stop(Stop::Policy);
    }
    if let Some(Unprocessed::Misdirected { persists }) = evidence.unprocessed {
        //= RFC 9110 §15.5.20: once more over another connection, whether or not the method is idempotent.
        return match (evidence.body_replayable, persists) {
            (false, _) => Retry::Stop(Stop::NotReplayable),
            (true, true) => Retry::Stop(Stop::Budget),
            (true, false) => Retry::Again(Again::Misdirected),
        };
    }
    if evidence.bytes_read > 0 {
        return Retry::Stop(Stop::BytesReceived);
    }
    if evidence.timed_out_or_cancelled {
        // A limit that was met, or a caller who gave up, asked for the failure: no policy overrides that.
        return Retry::Stop(Stop::Policy);
    }
    //= RFC 9112 §9.3.1: what was certainly never applied may be sent again.
    // RFC 9110 §9.2.2 does not even apply: the server has not acted, whatever the method.
    let untouched = match evidence.unprocessed {
        Some(Unprocessed::GoAway) => Some(Again::GoAway),
        Some(Unprocessed::Http1Required) => Some(Again::Http1Required),
        Some(Unprocessed::RefusedStream) => Some(Again::RefusedStream),
        // It was decided on above.
        Some(Unprocessed::Misdirected { .. }) => Some(Again::Misdirected),
        None => (evidence.bytes_written == 0).then_some(Again::NothingWritten),
    };
    if let Some(again) = untouched {
        let most = match again {
            Again::GoAway => MAX_GO_AWAYS,
            Again::Http1Required
            | Again::IdleCloseRace
            | Again::Misdirected
            | Again::NothingWritten
            | Again::RefusedStream => MAX_SENDINGS,
        };
        return if !evidence.body_replayable {
            Retry::Stop(Stop::NotReplayable)
        } else if evidence.attempts >= most {
            Retry::Stop(Stop::Budget)
        } else {
            Retry::Again(again)
        };
    }
    if !evidence.served_before {
        Retry::Stop(Stop::FirstUse)
    //= RFC 9112 §9.3.1: a request that is not idempotent must not be sent again automatically.
    } else if !(evidence.idempotent && evidence.body_replayable) {
        Retry::Stop(Stop::NotReplayable)
    } else if evidence.attempts >= MAX_SENDINGS {
        Retry::Stop(Stop::Budget)
    } else {
        Retry::Again(Again::IdleCloseRace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn race() -> Evidence {
        Evidence {
            bytes_written: 80,
            bytes_read: 0,
            served_before: true,
            body_replayable: true,
            idempotent: true,
            attempts: 1,
            timed_out_or_cancelled: false,
            unprocessed: None,
        }
    }

    #[test]
    fn a_request_lost_in_the_idle_close_race_is_sent_again() {
        assert_eq!(
            decide(Policy::Go, &race()),
            Retry::Again(Again::IdleCloseRace)
        );
    }

    #[test]
    fn what_the_server_says_it_has_not_processed_is_sent_again_whatever_the_method() {
        for (word, again, most) in [
            (Unprocessed::GoAway, Again::GoAway, MAX_GO_AWAYS),
            (
                Unprocessed::Http1Required,
                Again::Http1Required,
                MAX_SENDINGS,
            ),
            (
                Unprocessed::RefusedStream,
                Again::RefusedStream,
                MAX_SENDINGS,
            ),
        ] {
            let evidence = Evidence {
                idempotent: false,
                served_before: false,
                unprocessed: Some(word),
                ..race()
            };
            assert_eq!(decide(Policy::Go, &evidence), Retry::Again(again));
            let spent = Evidence {
                attempts: most,
                ..evidence
            };
            assert_eq!(decide(Policy::Go, &spent), Retry::Stop(Stop::Budget));
            let one_shot = Evidence {
                body_replayable: false,
                ..evidence
            };
            let stop = Retry::Stop(Stop::NotReplayable);
            assert_eq!(decide(Policy::Go, &one_shot), stop);
        }
    }

    #[test]
    fn a_misdirected_request_is_sent_again_once_although_it_was_answered() {
        let misdirected = |persists| Evidence {
            bytes_read: 80,
            idempotent: false,
            served_before: false,
            unprocessed: Some(Unprocessed::Misdirected { persists }),
            ..race()
        };
        let decided = |evidence| decide(Policy::Go, &evidence);
        assert_eq!(
            decided(misdirected(false)),
            Retry::Again(Again::Misdirected)
        );
        assert_eq!(decided(misdirected(true)), Retry::Stop(Stop::Budget));
        let one_shot = Evidence {
            body_replayable: false,
            ..misdirected(false)
        };
        assert_eq!(decided(one_shot), Retry::Stop(Stop::NotReplayable));
        let never = decide(Policy::Never, &misdirected(false));
        assert_eq!(never, Retry::Stop(Stop::Policy));
    }

    #[test]
    fn nothing_written_is_always_safe_while_the_body_is_whole() {
        let evidence = Evidence {
            bytes_written: 0,
            served_before: false,
            idempotent: false,
            ..race()
        };
        assert_eq!(
            decide(Policy::Go, &evidence),
            Retry::Again(Again::NothingWritten)
        );
        let touched = Evidence {
            body_replayable: false,
            ..evidence
        };
        assert_eq!(
            decide(Policy::Go, &touched),
            Retry::Stop(Stop::NotReplayable)
        );
    }

    #[test]
    fn each_objection_has_its_own_reason() {
        let stop = |policy, evidence: Evidence| match decide(policy, &evidence) {
            Retry::Stop(stop) => stop,
            Retry::Again(again) => panic!("sent again: {again:?}"),
        };
        assert_eq!(stop(Policy::Never, race()), Stop::Policy);
        let never_written = Evidence {
            bytes_written: 0,
            ..race()
        };
        assert_eq!(stop(Policy::Never, never_written), Stop::Policy);
        let mut evidence = race();
        evidence.bytes_read = 1;
        assert_eq!(stop(Policy::Rfc, evidence), Stop::BytesReceived);
        evidence = race();
        evidence.served_before = false;
        assert_eq!(stop(Policy::Rfc, evidence), Stop::FirstUse);
        evidence = race();
        evidence.idempotent = false;
        assert_eq!(stop(Policy::Rfc, evidence), Stop::NotReplayable);
        evidence = race();
        evidence.body_replayable = false;
        assert_eq!(stop(Policy::Rfc, evidence), Stop::NotReplayable);
        evidence = race();
        evidence.timed_out_or_cancelled = true;
        assert_eq!(stop(Policy::Rfc, evidence), Stop::Policy);
    }

    #[test]
    fn the_budget_ends_at_the_fourth_sending_whatever_was_written() {
        for bytes_written in [0, 80] {
            let evidence = |attempts| Evidence {
                bytes_written,
                attempts,
                ..race()
            };
            assert!(matches!(decide(Policy::Go, &evidence(3)), Retry::Again(_)));
            assert_eq!(decide(Policy::Go, &evidence(4)), Retry::Stop(Stop::Budget));
        }
    }

    #[test]
    fn policies_differ_in_put_and_delete_and_agree_on_the_key_header() {
        let none = HeaderMap::new();
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
            assert!(is_idempotent(Policy::Go, &method, &none));
            assert!(is_idempotent(Policy::Rfc, &method, &none));
        }
        for method in [Method::PUT, Method::DELETE] {
            assert!(!is_idempotent(Policy::Go, &method, &none));
            assert!(is_idempotent(Policy::Rfc, &method, &none));
        }
        for name in ["idempotency-key", "x-idempotency-key"] {
            let mut headers = HeaderMap::new();
            headers.insert(name, "k1".parse().unwrap());
            assert!(is_idempotent(Policy::Go, &Method::POST, &headers));
        }
        assert!(!is_idempotent(Policy::Rfc, &Method::POST, &none));
    }
}
