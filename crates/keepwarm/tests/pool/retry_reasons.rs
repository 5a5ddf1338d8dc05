//! Every reason why a failed request was sent again or was not, each brought about and told by its value:
//! in the response or the error, the numbers and the event. One test per slug.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keepwarm::reason::{Again, CloseReason, Limit, Phase, ProtocolFault, Retry, Stop};
use keepwarm::{Config, Error, ErrorKind, RetryPolicy};
use keepwarm_lab::{Behaviour, Fault, FaultKind, FaultPoint, Lab, Plan, Which, scenario};

use crate::support::dialers::Fragile;
use crate::support::{Rig, client, finish, held, ms, run};

/// A server that closes each connection on its second request, without an answer: the keep-alive race.
fn race() -> Behaviour {
    scenario::close_instead_of_answer(2)
}

/// The decisions as the numbers and the events tell them.
fn check_faces(rig: &Rig, retries: &[Retry]) {
    assert_eq!(rig.log.decided(), retries);
    let counts = rig.counts();
    let counted: u64 = counts.retries.iter().map(|it| it.count).sum();
    assert_eq!(counted, retries.len() as u64);
    for retried in &counts.retries {
        let same = retries.iter().filter(|it| **it == retried.retry).count();
        assert_eq!(retried.count, same as u64, "{:?}", retried.retry);
    }
    let again = retries
        .iter()
        .filter(|it| matches!(it, Retry::Again(_)))
        .count();
    assert_eq!(counts.sent_again(), again as u64);
}

/// A request on a connection that has served fails, for good.
async fn fails(rig: &Rig, request: keepwarm::RequestBuilder, stop: Stop) -> Error {
    rig.fetch("/warm-up").await;
    let error = request.send().await.expect_err("not sent again");
    assert_eq!(error.retries(), [Retry::Stop(stop)]);
    assert!(error.was_reused());
    check_faces(rig, error.retries());
    error
}

/// Go 54 RetryRequestsOnError: a GET on a used connection that ends without an answer is sent again, once.
/// Same as Go.
/// Go 55 TransportShouldRetryRequest: used connection, GET, nothing read: again.
/// Same as Go.
#[test]
fn idle_close_race() {
    run(async {
        let rig = Rig::start(race()).await;
        let first = rig.fetch("/").await;
        let second = rig.fetch("/again").await;
        assert_eq!(second.retries, [Retry::Again(Again::IdleCloseRace)]);
        assert_eq!(second.status, 200);
        assert_ne!(second.connection.id, first.connection.id);
        assert_eq!(rig.ended().await.slug(), "peer-closed-idle");
        check_faces(&rig, &second.retries);
        assert_eq!(
            rig.lab.transcript().requests_for("/again"),
            2,
            "both sendings arrived"
        );
    });
}

/// X19: PUT and DELETE are sent again under the policy of RFC 9110.
#[test]
fn idle_close_race_of_what_rfc_9110_calls_idempotent() {
    run(async {
        let rig = Rig::with(race(), |it| it.retry(RetryPolicy::Rfc)).await;
        rig.fetch("/").await;
        let request = rig.client.put(rig.lab.url("/")).body("the same again");
        let done = finish(request.send().await.expect("an answer")).await;
        assert_eq!(done.retries, [Retry::Again(Again::IdleCloseRace)]);
        assert_eq!(rig.lab.transcript().request(2, 1).body, b"the same again");
    });
}

/// Go 54 RetryRequestsOnError: with no byte written, any method with a replayable body is sent again.
/// Same as Go.
/// X3: with no byte written even a POST is sent again, every time.
#[test]
fn nothing_written() {
    run(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let broken = Arc::new(AtomicBool::new(false));
        let dialer = Fragile {
            address: lab.addr(),
            broken: Arc::clone(&broken),
        };
        let (client, log) = client(|it| it.dialer(dialer));
        let rig = Rig { lab, client, log };
        rig.fetch("/").await;
        broken.store(true, Ordering::SeqCst);
        let response = rig
            .post("/once")
            .body("only once")
            .send()
            .await
            .expect("an answer");
        let done = finish(response).await;
        assert_eq!(
            done.retries,
            [Retry::Again(Again::NothingWritten)],
            "even a POST"
        );
        check_faces(&rig, &done.retries);
        assert_eq!(rig.lab.transcript().requests_for("/once"), 1);
    });
}

#[test]
fn budget() {
    run(async {
        let closes = Fault {
            at: FaultPoint::BeforeHead,
            what: FaultKind::Close,
            which: Which::From(2),
        };
        let rig = Rig::start(Behaviour {
            fault: Some(closes),
            ..held()
        })
        .await;
        rig.fetch_at_once(5).await;
        assert_eq!(rig.counts().idle, 5);
        let error = rig
            .get("/lost")
            .send()
            .await
            .expect_err("four sendings at most");
        let again = Retry::Again(Again::IdleCloseRace);
        assert_eq!(
            error.retries(),
            [again, again, again, Retry::Stop(Stop::Budget)]
        );
        check_faces(&rig, error.retries());
        assert_eq!(rig.lab.transcript().requests_for("/lost"), 4);
        assert_eq!(rig.counts().idle, 1);
    });
}

/// Go 55 TransportShouldRetryRequest: a byte of an answer was read: never again.
/// Same as Go.
#[test]
fn bytes_received() {
    run(async {
        let fault = Fault {
            at: FaultPoint::AfterHeadBytes(12),
            what: FaultKind::Close,
            which: Which::From(2),
        };
        let rig = Rig::start(Behaviour {
            fault: Some(fault),
            ..Behaviour::default()
        })
        .await;
        let error = fails(&rig, rig.get("/"), Stop::BytesReceived).await;
        let reason = CloseReason::PeerBrokeProtocol(ProtocolFault::EndedInHead);
        assert_eq!(error.reason(), Some(&reason));
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Closed, Phase::Wait)
        );
        assert_eq!(error.bytes_read(), 12);
        assert!(!error.is_safe_to_retry());
    });
}

/// Go 55 TransportShouldRetryRequest: a connection used for the first time: never again.
/// Same as Go.
#[test]
fn first_use() {
    run(async {
        let rig = Rig::start(scenario::close_instead_of_answer(1)).await;
        let error = rig.get("/").send().await.expect_err("no answer");
        assert_eq!(error.retries(), [Retry::Stop(Stop::FirstUse)]);
        assert_eq!(error.kind(), ErrorKind::Closed);
        let reason = CloseReason::PeerBrokeProtocol(ProtocolFault::EndedInHead);
        assert_eq!(error.reason(), Some(&reason));
        assert!(!error.was_reused());
        assert!(error.bytes_written() > 0);
        assert_eq!(error.bytes_read(), 0);
        check_faces(&rig, error.retries());
        assert_eq!(rig.lab.connections().requests, 1);
    });
}

#[test]
fn first_use_of_a_prewarmed_connection_is_no_reuse() {
    run(async {
        let rig = Rig::start(scenario::close_instead_of_answer(1)).await;
        rig.client.prewarm(&rig.lab.url("/"), 1).expect("a start");
        rig.until(|it| it.idle == 1).await;
        let error = rig.get("/").send().await.expect_err("no answer");
        assert_eq!(error.retries(), [Retry::Stop(Stop::FirstUse)]);
    });
}

/// Go 55 TransportShouldRetryRequest: a POST of which bytes were written: never again.
/// Same as Go.
#[test]
fn not_replayable() {
    run(async {
        let rig = Rig::start(race()).await;
        let error = fails(&rig, rig.post("/once").body("data"), Stop::NotReplayable).await;
        assert_eq!(
            error.reason().map(CloseReason::slug),
            Some("peer-closed-idle")
        );
        assert!(!error.is_safe_to_retry());
        assert_eq!(
            rig.lab.transcript().requests_for("/once"),
            1,
            "never a duplicate"
        );
    });
}

#[test]
fn policy() {
    run(async {
        let rig = Rig::with(race(), |it| it.retry(RetryPolicy::Never)).await;
        let error = fails(&rig, rig.get("/once"), Stop::Policy).await;
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert_eq!(rig.lab.transcript().requests_for("/once"), 1);
    });
}

#[test]
fn policy_after_a_limit_of_ours() {
    run(async {
        let hangs = Fault {
            at: FaultPoint::BeforeHead,
            what: FaultKind::Hang,
            which: Which::From(2),
        };
        let hanging = Behaviour {
            fault: Some(hangs),
            ..Behaviour::default()
        };
        let settings = |it: Config| it.response_header_timeout(ms(50));
        let rig = Rig::with(Plan::from(hanging), settings).await;
        let error = fails(&rig, rig.get("/"), Stop::Policy).await;
        assert_eq!(error.limit(), Some(Limit::ResponseHeader));
    });
}
