//! Section B of the matrix: dials, their races, and the cap per origin.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use keepwarm::{Client, ErrorKind, RequestBody};
use keepwarm_lab::{Behaviour, Lab, scenario};

use crate::common::dialers::Gated;
use crate::common::{assert_quiet, bounded, build, is_quiet, settle, text, totals};

/// Go 33 TransportPoolCancelRequestWithDisableKeepAlives: with keep-alive off, the connection of a cancelled call is
/// not kept, and the next call dials.
/// Same as Go.
#[tokio::test]
async fn c033_without_keep_alive_a_dial_left_over_is_not_kept() {
    bounded(async {
        let lab = Lab::start(Behaviour::default()).await;
        let dialer = Gated::new();
        let client = build(Client::builder().keep_alive(false).dialer(dialer.clone()));
        let call = tokio::spawn(client.get(lab.url("/dropped")).send());
        settle(&client, |now| (now.waiting, now.dialing) == (1, 1)).await;
        call.abort();
        call.await.unwrap_err();
        dialer.permit(1);
        settle(&client, |now| now.dialing == 0).await;
        assert_eq!(totals(&client).idle, 0);
        dialer.permit(1);
        text(&client, &lab.url("/")).await;
        assert_eq!(dialer.asked(), 2);
        assert_eq!(lab.transcript().requests_for("/dropped"), 0);
        lab.wait_for(|it| it.counters().open == 0).await;
        assert_eq!(assert_quiet(&client).idle, 0);
    })
    .await;
}

/// Go 34 TransportPersistConnReadLoopEOF: a server that closes right after accepting is told as a connection that
/// ended, not as an answer that cannot be read.
/// Same as Go.
#[tokio::test]
async fn c034_a_close_right_after_accepting_is_no_broken_answer() {
    bounded(async {
        let lab = Lab::start(scenario::accept_then_close()).await;
        let client = Client::new();
        let error = client.get(lab.url("/")).send().await.unwrap_err();
        // Whether the write or the read meets the end first is the system's choice.
        let kinds = [ErrorKind::Closed, ErrorKind::Io];
        assert!(kinds.contains(&error.kind()), "{error:?}");
        assert_eq!((error.bytes_read(), error.was_reused()), (0, false));
        assert_quiet(&client);
    })
    .await;
}

/// Go 35 TransportMaxConnsPerHost: ten calls at once under a cap of one use one connection; once it is gone, exactly
/// one more is opened.
/// Same as Go.
#[tokio::test]
async fn c035_ten_calls_under_a_cap_of_one() {
    bounded(async {
        let lab = Lab::start(scenario::idle_close_at("kill")).await;
        let client = build(Client::builder().max_conns_per_host(1));
        for connections in 1..=2 {
            let mut calls = tokio::task::JoinSet::new();
            for _ in 0..10 {
                let call = client.get(lab.url("/")).send();
                calls.spawn(async move { call.await?.bytes().await });
            }
            while let Some(call) = calls.join_next().await {
                assert_eq!(call.expect("no panic").expect("a body"), "hello, world\n");
            }
            assert_eq!(lab.connections().accepted, connections);
            lab.open("kill");
            settle(&client, |now| now.idle == 0).await;
            lab.shut("kill");
        }
    })
    .await;
}

/// Go 36 TransportMaxConnsPerHostIncludeDialInProgress: a dial under way counts against the cap.
/// Same as Go.
#[tokio::test]
async fn c036_a_dial_under_way_counts() {
    bounded(async {
        let lab = Lab::start(Behaviour::default()).await;
        let dialer = Gated::new();
        let config = Client::builder().max_conns_per_host(1);
        let client = build(config.dialer(dialer.clone()));
        let calls = ["/1", "/2"].map(|path| tokio::spawn(client.get(lab.url(path)).send()));
        settle(&client, |now| (now.waiting, now.dialing) == (2, 1)).await;
        assert_eq!(dialer.asked(), 1);
        dialer.permit(1);
        for call in calls {
            let response = call.await.expect("no panic").expect("an answer");
            response.bytes().await.expect("a body");
        }
        assert_eq!((dialer.asked(), lab.connections().accepted), (1, 1));
    })
    .await;
}

/// Go 37 TransportMaxConnsPerHostDialCancellation: a call cancelled while it dials leaks no place.
/// Same as Go.
#[tokio::test]
async fn c037_a_cancelled_dial_leaks_no_place() {
    bounded(async {
        let lab = Lab::start(Behaviour::default()).await;
        let dialer = Gated::new();
        let config = Client::builder().max_conns_per_host(1);
        let client = build(config.dialer(dialer.clone()));
        for _ in 0..3 {
            let call = tokio::spawn(client.get(lab.url("/dropped")).send());
            settle(&client, |now| (now.waiting, now.dialing) == (1, 1)).await;
            call.abort();
            call.await.unwrap_err();
        }
        dialer.permit(4);
        text(&client, &lab.url("/")).await;
        settle(&client, is_quiet).await;
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}

/// Go 38 TransportPersistConnContextLeakMaxConnsPerHost: the queue keeps nothing of calls that are over.
/// Same as Go.
/// Go 48 TransportGCRequest: nothing keeps a request once it is over.
/// Same as Go.
#[tokio::test]
async fn c038_nothing_keeps_a_request_that_is_over() {
    bounded(async {
        let lab = Lab::start(Behaviour::default()).await;
        let client = build(Client::builder().max_conns_per_host(1));
        let held = Arc::new(());
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let kept = Arc::clone(&held);
            let body = RequestBody::replayable(move || {
                let _kept = &kept;
                Full::new(Bytes::from_static(b"mine"))
            });
            let call = client.post(lab.url("/echo")).body(body);
            calls.spawn(async move { call.send().await?.bytes().await });
        }
        while let Some(call) = calls.join_next().await {
            assert_eq!(call.expect("no panic").expect("an answer"), "mine");
        }
        assert_eq!(Arc::strong_count(&held), 1, "something still holds a body");
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// Go 43 TransportIDNA: a host that is not ASCII is resolved and said in its ASCII form.
/// Same as Go.
#[tokio::test]
async fn c043_names_become_ascii() {
    bounded(async {
        let lab = Lab::start(Behaviour::default()).await;
        let name = "xn--c1ae0ajs.xn--c1aw";
        let port = lab.addr().port();
        let client = build(Client::builder().resolve(name, port, lab.addr()));
        for written in ["гофер.го", name] {
            text(&client, &format!("http://{written}:{port}/")).await;
        }
        let host = format!("{name}:{port}");
        let transcript = lab.transcript();
        for request in transcript.requests() {
            assert_eq!(request.header("host"), Some(&*host));
        }
        assert_eq!(transcript.counters().accepted, 1);
    })
    .await;
}

/// Go 44 TransportRejectsAlphaPort: a port that is no number is refused before any dial.
/// Same as Go.
/// Go 45 TransportNoHost: a URL without a host is refused before any dial.
/// Same as Go.
#[tokio::test]
async fn c044_and_45_bad_urls_open_nothing() {
    bounded(async {
        let dialer = Gated::new();
        let client = build(Client::builder().dialer(dialer.clone()));
        for url in [
            "http://127.0.0.1:123foo/",
            "http://127.0.0.1:99999/",
            "http:///path",
            "/path",
            "",
        ] {
            let error = client.get(url).send().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{url:?}: {error:?}");
        }
        assert_eq!((dialer.asked(), assert_quiet(&client).requests), (0, 0));
    })
    .await;
}

/// Go 47 TransportConcurrency: 500 echoes over 32 workers never mix their bodies.
/// Same as Go.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c047_bodies_are_never_mixed() {
    bounded(async {
        let lab = Lab::spawn_thread(Behaviour::default());
        let client = Client::new();
        let mut workers = tokio::task::JoinSet::new();
        for worker in 0..32 {
            let (client, url) = (client.clone(), lab.url("/echo"));
            workers.spawn(async move {
                for round in 0..16 {
                    let mine = format!("worker {worker} round {round} ").repeat(worker + 1);
                    let call = client.post(&url).body(mine.clone());
                    let body = call.send().await.expect("an answer").text().await;
                    assert_eq!(body.expect("a body"), mine);
                }
            });
        }
        while let Some(worker) = workers.join_next().await {
            worker.expect("no body was mixed");
        }
        assert_eq!(assert_quiet(&client).requests, 512);
    })
    .await;
}
