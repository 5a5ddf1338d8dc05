//! The observer's contract: what starts ends, in order, and no lock is held while it is told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::common::dialers::{Gated, Tapped};
use crate::common::recorder::{Open, Recorder};
use crate::common::{LONG, SHORT, assert_quiet, bounded, build, fed, settle, text};
use keepwarm::event::{Event, EventKind, Observer};
use keepwarm::reason::{Again, CloseReason, Phase, Retry};
use keepwarm::{Client, Config, RequestBody};
use keepwarm_lab::{Conduct, Lab, Pause, scenario};

/// A client that is watched, and asked for its numbers at each event.
fn watched(config: Config) -> (Client, Arc<Recorder>) {
    let recorder = Recorder::new();
    let client = build(config.observer(recorder.clone()));
    recorder.watch(&client);
    (client, recorder)
}

/// Shuts the client down and fails unless everything that started has ended.
async fn nothing_stays_open(client: Client, recorder: &Recorder) {
    client.shutdown(LONG).await;
    settle(&client, |now| crate::common::is_quiet(now) && now.idle == 0).await;
    // A runtime's turn, for tasks that were told to end.
    tokio::task::yield_now().await;
    assert_eq!(recorder.check(), Open::default());
    assert_quiet(&client);
    recorder.release();
}

fn kinds(recorder: &Recorder) -> Vec<&'static str> {
    let name = |event: &EventKind| match event {
        EventKind::Configured { .. } => "configured",
        EventKind::CallStarted { .. } => "call started",
        EventKind::Queued { .. } => "queued",
        EventKind::Dequeued { .. } => "dequeued",
        EventKind::DialStarted { .. } => "dial started",
        EventKind::DialEnded { .. } => "dial ended",
        EventKind::Opened { .. } => "opened",
        EventKind::CheckedOut { .. } => "checked out",
        EventKind::RequestSent { .. } => "request sent",
        EventKind::ResponseHead { .. } => "response head",
        EventKind::ExchangeEnded { .. } => "exchange ended",
        EventKind::Parked { .. } => "parked",
        EventKind::Closed { .. } => "closed",
        EventKind::RetryDecided { .. } => "retry decided",
        EventKind::CallEnded { .. } => "call ended",
    };
    recorder.events().iter().map(name).collect()
}

/// Go 189 TransportEventTrace: everything is told once and in order, reuse first false, then true.
/// Differs: events of the client, not hooks of one request.
#[tokio::test]
async fn two_calls_tell_the_whole_story_in_order() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let (client, recorder) = watched(Client::builder());
        text(&client, &lab.url("/")).await;
        text(&client, &lab.url("/")).await;
        client.close_idle();
        let mut story = kinds(&recorder);
        // The dial begins while the call is being queued: which of the two is told first is open.
        story[2..4].sort_unstable();
        let expected = [
            "configured",
            "call started",
            "dial started",
            "queued",
            "dial ended",
            "opened",
            "dequeued",
            "checked out",
            "request sent",
            "response head",
            "exchange ended",
            "parked",
            "call ended",
            "call started",
            "checked out",
            "request sent",
            "response head",
            "exchange ended",
            "parked",
            "call ended",
            "closed",
        ];
        assert_eq!(story, expected);
        nothing_stays_open(client, &recorder).await;
    })
    .await;
}

#[tokio::test]
async fn failures_in_every_phase_end_what_they_started() {
    bounded(async {
        let config = Client::builder()
            .response_header_timeout(SHORT)
            .read_idle_timeout(SHORT)
            .connect_timeout(SHORT);
        let (client, recorder) = watched(config);
        for (conduct, phase) in [
            (Conduct::from(scenario::refuse()), Phase::Connect),
            (scenario::never_accept().into(), Phase::Connect),
            (scenario::hang().into(), Phase::Wait),
            (scenario::accept_then_close().into(), Phase::Wait),
            (scenario::stall_in_body(5).into(), Phase::Receive),
            (scenario::reset_in_body(5).into(), Phase::Receive),
            (scenario::length_too_long(5).into(), Phase::Receive),
            (scenario::huge_head(500, 500).into(), Phase::Wait),
        ] {
            let lab = Lab::start(conduct.clone()).await;
            let outcome = async { client.get(lab.url("/")).send().await?.bytes().await };
            let error = outcome.await.unwrap_err();
            let failed = recorder
                .events()
                .into_iter()
                .rev()
                .find_map(|event| match event {
                    EventKind::CallEnded { failed, .. } => Some(failed),
                    _ => None,
                });
            assert_eq!(failed, Some(Some(error.phase())), "{conduct:?}");
            assert!(
                error.phase() == phase || error.phase() == Phase::Send,
                "{error:?}"
            );
            assert!(recorder.check().calls.is_empty());
            assert!(recorder.check().exchanges.is_empty());
        }
        nothing_stays_open(client, &recorder).await;
    })
    .await;
}

#[tokio::test]
async fn a_retry_is_told_between_two_exchanges_of_one_call() {
    bounded(async {
        let lab = Lab::start(scenario::close_instead_of_answer(2)).await;
        let (client, recorder) = watched(Client::builder());
        text(&client, &lab.url("/1")).await;
        let response = client.get(lab.url("/2")).send().await.expect("an answer");
        assert_eq!(response.retries(), [Retry::Again(Again::IdleCloseRace)]);
        drop(response);
        let again = recorder.count(|event| {
            let race = Retry::Again(Again::IdleCloseRace);
            matches!(event, EventKind::RetryDecided { retry, .. } if *retry == race)
        });
        assert_eq!(again, 1);
        let checked_out = recorder.count(|event| matches!(event, EventKind::CheckedOut { .. }));
        assert_eq!(checked_out, 3);
        nothing_stays_open(client, &recorder).await;
    })
    .await;
}

#[tokio::test]
async fn a_call_cancelled_in_the_queue_is_dequeued_and_ended() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let dialer = Gated::new();
        let (client, recorder) = watched(Client::builder().dialer(dialer.clone()));
        let call = tokio::spawn(client.get(lab.url("/")).send());
        settle(&client, |now| now.waiting == 1).await;
        call.abort();
        call.await.unwrap_err();
        let open = recorder.check();
        assert!(open.queued.is_empty() && open.calls.is_empty(), "{open:?}");
        dialer.permit(1);
        settle(&client, |now| now.idle == 1).await;
        nothing_stays_open(client, &recorder).await;
    })
    .await;
}

#[tokio::test]
async fn a_call_cancelled_while_waiting_for_its_head_ends_its_exchange() {
    bounded(async {
        let lab = Lab::start(scenario::slow_head(Pause::gate("never"))).await;
        let (client, recorder) = watched(Client::builder());
        let call = tokio::spawn(client.get(lab.url("/")).send());
        lab.wait_for(|it| it.counters().requests == 1).await;
        call.abort();
        call.await.unwrap_err();
        assert_eq!(recorder.check(), Open::default());
        let why = recorder.events().into_iter().find_map(|event| match event {
            EventKind::ExchangeEnded { reuse, .. } => reuse.primary().copied(),
            _ => None,
        });
        assert_eq!(why, Some(CloseReason::Cancelled));
        nothing_stays_open(client, &recorder).await;
    })
    .await;
}

#[tokio::test]
async fn a_call_cancelled_before_its_first_byte_says_keep_and_keeps() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let tapped = Tapped::default();
        let (client, recorder) = watched(Client::builder().dialer(tapped.clone()));
        text(&client, &lab.url("/")).await;
        tapped.hold();
        let call = tokio::spawn(client.get(lab.url("/")).send());
        while !tapped.is_holding_back() {
            tokio::task::yield_now().await;
        }
        call.abort();
        call.await.unwrap_err();
        tapped.release();
        let closed = recorder.count(|event| matches!(event, EventKind::Closed { .. }));
        let kept = recorder.count(
            |event| matches!(event, EventKind::ExchangeEnded { reuse, .. } if reuse.is_keep()),
        );
        assert_eq!((kept, closed), (2, 0));
        nothing_stays_open(client, &recorder).await;
    })
    .await;
}

#[tokio::test]
async fn bodies_that_are_dropped_end_their_calls() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let (client, recorder) = watched(Client::builder().drain_time(LONG));
        for path in ["/", "/bytes/100000", "/chunked/100000", "/bytes/9000000"] {
            let response = client.get(lab.url(path)).send().await.expect("a head");
            drop(response);
            settle(&client, crate::common::is_quiet).await;
            let open = recorder.check();
            assert!(open.exchanges.is_empty(), "{path}: {open:?}");
        }
        nothing_stays_open(client, &recorder).await;
    })
    .await;
}

#[tokio::test]
async fn uploads_that_end_early_end_their_calls() {
    bounded(async {
        let (client, recorder) = watched(Client::builder());
        for behaviour in [
            scenario::early_answer(),
            scenario::early_refusal(),
            scenario::early_refusal_and_close(),
            scenario::refused_expectation(),
        ] {
            let lab = Lab::start(behaviour).await;
            let (feed, stream) = fed(None);
            feed.data("some");
            let call = client.post(lab.url("/")).body(RequestBody::stream(stream));
            let response = call.expect_continue().send().await.expect("an answer");
            response.bytes().await.expect("a body");
            assert!(recorder.check().exchanges.is_empty());
        }
        nothing_stays_open(client, &recorder).await;
    })
    .await;
}

#[tokio::test]
async fn a_switch_of_protocols_ends_the_exchange_and_the_connection() {
    bounded(async {
        let lab = Lab::start(scenario::upgrade("echo")).await;
        let (client, recorder) = watched(Client::builder());
        let call = client.get(lab.url("/")).header("Connection", "upgrade");
        let response = call
            .header("Upgrade", "echo")
            .send()
            .await
            .expect("a switch");
        let upgraded = response.into_upgraded().expect("the connection");
        assert_eq!(recorder.check(), Open::default());
        drop(upgraded);
        nothing_stays_open(client, &recorder).await;
    })
    .await;
}

#[tokio::test]
async fn prewarmed_connections_have_a_story_too() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let (client, recorder) = watched(Client::builder());
        assert_eq!(client.prewarm(&lab.url("/"), 3).expect("it starts"), 3);
        settle(&client, |now| now.idle == 3).await;
        let open = recorder.check();
        assert_eq!((open.connections.len(), open.dials.len()), (3, 0));
        nothing_stays_open(client, &recorder).await;
    })
    .await;
}

#[test]
fn a_runtime_that_dies_with_everything_under_way_leaves_nothing_open() {
    let lab = Lab::spawn_thread(scenario::slow_head(Pause::gate("never")));
    let dialer = Gated::new();
    dialer.permit(2);
    let config = Client::builder()
        .max_conns_per_host(3)
        .dialer(dialer.clone());
    let (client, recorder) = watched(config);
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    };
    let dying = runtime().expect("a runtime");
    dying.block_on(bounded(async {
        for _ in 0..5 {
            tokio::spawn(client.get(lab.url("/")).send());
        }
        // Two exchanges, a dial, and two calls that wait.
        lab.wait_for(|it| it.counters().requests == 2).await;
        settle(&client, |now| (now.dialing, now.waiting) == (1, 3)).await;
    }));
    drop(dying);
    let rest = runtime().expect("a runtime");
    rest.block_on(bounded(async {
        settle(&client, crate::common::is_quiet).await;
        assert_eq!(recorder.check(), Open::default());
        nothing_stays_open(client, &recorder).await;
    }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_on_four_threads_breaks_no_pair() {
    bounded(async {
        let lab = Arc::new(Lab::spawn_thread(scenario::max_requests_silent(7)));
        let config = Client::builder().max_conns_per_host(5).max_idle_per_host(3);
        let (client, recorder) = watched(config);
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..8_u64 {
            let (client, lab) = (client.clone(), lab.clone());
            tasks.spawn(async move {
                for round in 0..60_u64 {
                    let call = client.get(lab.url("/bytes/20000"));
                    let whole = async { call.send().await?.bytes().await };
                    if (task + round) % 5 == 0 {
                        let patience = std::time::Duration::from_micros(round * 20);
                        drop(tokio::time::timeout(patience, whole).await);
                    } else {
                        whole.await.expect("an answer");
                    }
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("no panic");
        }
        settle(&client, crate::common::is_quiet).await;
        nothing_stays_open(client, &recorder).await;
    })
    .await;
}

/// Changes the pool at each event it is told; what comes of that is told in between.
#[derive(Default)]
struct Meddler {
    client: Mutex<Option<Client>>,
    told: AtomicUsize,
    /// How deep the call that is running is: an end to what brings about itself.
    depth: AtomicUsize,
}

impl Observer for Meddler {
    fn on_event(&self, _: &Event) {
        let count = self.told.fetch_add(1, Ordering::SeqCst);
        let client = self.client.lock().expect("no panic").clone();
        let Some(client) = client else { return };
        if self.depth.fetch_add(1, Ordering::SeqCst) < 3 {
            match count % 3 {
                0 => client.close_idle(),
                1 => client.retune(client.limits()).expect("as they are"),
                _ => drop(client.advice()),
            }
        }
        self.depth.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn an_observer_may_change_the_pool_while_it_is_told() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let meddler = Arc::new(Meddler::default());
        let config = Client::builder().max_conns_per_host(2);
        let client = build(config.observer(meddler.clone()));
        *meddler.client.lock().expect("no panic") = Some(client.clone());
        let url = lab.url("/");
        let call = || text(&client, &url);
        for _ in 0..20 {
            let calls = (call(), call(), call(), call());
            tokio::join!(calls.0, calls.1, calls.2, calls.3);
        }
        assert!(meddler.told.load(Ordering::SeqCst) > 80 * 5);
        let counts = assert_quiet(&client);
        assert_eq!(counts.requests, 80);
        assert!(counts.closed_as("shut-down") > 0, "{counts:?}");
        drop(meddler.client.lock().expect("no panic").take());
    })
    .await;
}
