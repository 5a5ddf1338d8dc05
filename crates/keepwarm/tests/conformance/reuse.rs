//! Section A of the matrix: which connection serves, and which go.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use keepwarm::Client;
use keepwarm::reason::CloseReason;
use keepwarm_lab::{Behaviour, Lab, scenario};
use tower_service::Service;

use crate::common::dialers::Gated;
use crate::common::{assert_quiet, bounded, build, settle, text};
use crate::support::{Rig, finish, held, ms, on_time, run, stand_still};

/// Go 1 TransportKeepAlives: calls one after the other share one connection; with keep-alive off each has its own.
/// Same as Go.
#[tokio::test]
async fn c001_keep_alives() {
    bounded(async {
        for (keep_alive, connections) in [(true, 1), (false, 3)] {
            let lab = Lab::start(Behaviour::default()).await;
            let client = build(Client::builder().keep_alive(keep_alive));
            for _ in 0..3 {
                assert_eq!(text(&client, &lab.url("/")).await, "hello, world\n");
            }
            assert_eq!(lab.connections().accepted, connections);
            lab.wait_for(|it| it.counters().open == u64::from(keep_alive))
                .await;
        }
    })
    .await;
}

/// Go 2 ReuseRequest: the same request value may be sent twice.
/// Same as Go.
#[tokio::test]
async fn c002_a_request_may_be_sent_twice() {
    bounded(async {
        let lab = Lab::start(Behaviour::default()).await;
        let mut client = Client::new();
        let request = http::Request::post(lab.url("/echo"))
            .body(Full::new(Bytes::from_static(b"again")))
            .expect("a request");
        for _ in 0..2 {
            let response = client.call(request.clone()).await.expect("an answer");
            let body = response.into_body().collect().await.expect("a body");
            assert_eq!(body.to_bytes(), "again");
        }
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

/// Go 6 TransportRespectRequestWantsClose: `close` is said at most once, however many switches ask for it.
/// Same as Go.
#[tokio::test]
async fn c006_close_is_said_at_most_once() {
    bounded(async {
        for (keep_alive, asks) in [(true, false), (true, true), (false, false), (false, true)] {
            let lab = Lab::start(Behaviour::default()).await;
            let client = build(Client::builder().keep_alive(keep_alive));
            let mut call = client.get(lab.url("/"));
            if asks {
                call = call.close();
            }
            finish(call.send().await.expect("an answer")).await;
            let request = lab.transcript().request(1, 1).clone();
            let fields = request.headers.iter().filter(|(name, _)| {
                // The lab keeps names as they were sent.
                name.eq_ignore_ascii_case("connection")
            });
            let tokens: Vec<&str> = fields
                .flat_map(|(_, value)| value.split(','))
                .map(str::trim)
                .collect();
            let closes = asks || !keep_alive;
            let wanted: &[&str] = if closes { &["close"] } else { &[] };
            assert_eq!(tokens, wanted, "{keep_alive} {asks}");
        }
    })
    .await;
}

/// Go 7 TransportIdleCacheKeys: one pool per origin; close-idle empties it.
/// Same as Go.
#[tokio::test]
async fn c007_one_pool_per_origin() {
    bounded(async {
        let lab = Lab::start(Behaviour::default()).await;
        let client = Client::new();
        for path in ["/", "/a", "/b?c"] {
            text(&client, &lab.url(path)).await;
        }
        let stats = client.stats();
        assert_eq!((stats.origins().len(), stats.total().idle), (1, 1));
        client.close_idle();
        assert_eq!(assert_quiet(&client).idle, 0);
        lab.wait_for(|it| it.counters().open == 0).await;
    })
    .await;
}

/// Go 11 TransportPoolClosesConnsPastMaxIdleConnsPerHost: the excess of one origin is closed, other origins are not
/// touched, and what is kept serves again.
/// Same as Go.
#[test]
fn c011_the_excess_of_one_origin_alone_is_closed() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_idle_per_host(1)).await;
        let other = Lab::start(Behaviour::default()).await;
        text(&rig.client, &other.url("/")).await;
        rig.fetch_at_once(2).await;
        assert_eq!(rig.ended().await, CloseReason::HostFull { limit: 1 });
        assert!(rig.fetch("/").await.connection.reused);
        text(&rig.client, &other.url("/")).await;
        let accepted = (rig.lab.connections().accepted, other.connections().accepted);
        assert_eq!(accepted, (2, 1));
    });
}

/// Go 13 TransportIdleConnTimeout: each use starts the idle time anew.
/// Same as Go.
#[test]
fn c013_each_use_starts_the_idle_time_anew() {
    run(on_time(async || {
        let limit = ms(300);
        let rig = Rig::with(Behaviour::default(), |it| it.idle_timeout(limit)).await;
        let began = Instant::now();
        let mut last = began;
        for number in 1..=4 {
            let done = rig.fetch("/").await;
            if number > 1 && last.elapsed() >= limit {
                return false;
            }
            assert_eq!(done.connection.requests, number, "the same connection");
            last = Instant::now();
            // The gap is what is tested.
            tokio::time::sleep(limit / 2).await;
        }
        assert!(began.elapsed() > limit);
        let CloseReason::IdleTooLong { idle, .. } = rig.ended().await else {
            panic!("{:?}", rig.log.endings());
        };
        assert!(idle >= limit, "{idle:?}");
        true
    }));
}

/// Go 14 TransportRemovesConnsAfterIdle: under a cap of one, an expired idle connection frees its place.
/// Same as Go.
#[test]
fn c014_an_expired_connection_frees_its_place() {
    run(async {
        let settings = |it: keepwarm::Config| it.max_conns_per_host(1).idle_timeout(ms(30));
        let rig = Rig::with(Behaviour::default(), settings).await;
        rig.fetch("/").await;
        assert_eq!(rig.ended().await.slug(), "idle-too-long");
        assert!(!rig.fetch("/").await.connection.reused);
        assert_eq!(rig.lab.connections().accepted, 2);
    });
}

/// Go 15 TransportRemovesConnsAfterBroken: under a cap of one, a connection broken while idle frees its place.
/// Same as Go.
#[test]
fn c015_a_connection_broken_while_idle_frees_its_place() {
    run(async {
        let plan = scenario::idle_close_at("close");
        let rig = Rig::with(plan, |it| it.max_conns_per_host(1)).await;
        rig.fetch("/").await;
        rig.lab.open("close");
        assert_eq!(rig.ended().await.slug(), "peer-closed-idle");
        rig.lab.shut("close");
        assert!(!rig.fetch("/").await.connection.reused);
        assert_eq!((rig.counts().opened, rig.counts().idle), (2, 1));
    });
}

/// Go 16 TransportIdleConnRacesRequest: a connection never used that expires as a call starts does not fail the call.
/// Same as Go.
#[test]
fn c016_the_end_of_a_spare_connection_fails_no_call() {
    run(async {
        let limit = ms(4);
        let rig = Rig::with(Behaviour::default(), |it| it.idle_timeout(limit)).await;
        for round in 0..100 {
            rig.until(|it| it.idle + it.dialing == 0).await;
            assert_eq!(rig.client.prewarm(&rig.lab.url("/"), 1).expect("room"), 1);
            rig.until(|it| it.idle == 1 || it.dialing == 0).await;
            // Around the moment of expiry, a little later each time.
            stand_still(limit - ms(1) + Duration::from_micros(20 * round));
            assert_eq!(rig.fetch("/").await.status, 200);
        }
    });
}

/// Go 20 TransportPoolConnReusePriorConnection: the second request takes the first connection.
/// Same as Go.
#[tokio::test]
async fn c020_the_second_request_takes_the_first_connection() {
    bounded(async {
        let lab = Lab::start(Behaviour::default()).await;
        let dialer = Gated::new();
        dialer.permit(2);
        let client = build(Client::builder().dialer(dialer.clone()));
        for _ in 0..2 {
            let response = client.post(lab.url("/echo")).body("mine").send().await;
            let body = response.expect("an answer").text().await;
            assert_eq!(body.expect("a body"), "mine");
        }
        assert_eq!(dialer.asked(), 1);
    })
    .await;
}

/// Go 23 TransportPoolConnectionBroken: after a reset in an answer the next call opens a connection.
/// Same as Go.
#[tokio::test]
async fn c023_after_a_reset_in_an_answer_the_next_call_dials() {
    bounded(async {
        let lab = Lab::start([scenario::reset_in_body(5), Behaviour::default()]).await;
        let client = Client::new();
        let response = client.get(lab.url("/")).send().await.expect("a head");
        response.bytes().await.expect_err("a reset");
        assert_eq!(assert_quiet(&client).idle, 0);
        assert_eq!(text(&client, &lab.url("/")).await, "hello, world\n");
        assert_eq!(lab.connections().accepted, 2);
    })
    .await;
}

/// Go 27 IdleConnChannelLeak: nothing is kept of those who waited, over many origins.
/// Same as Go.
#[tokio::test]
async fn c027_nothing_is_kept_of_those_who_waited() {
    bounded(async {
        for keep_alive in [true, false] {
            let client = build(Client::builder().keep_alive(keep_alive));
            let mut labs = Vec::new();
            for _ in 0..5 {
                let lab = Lab::start(Behaviour::default()).await;
                text(&client, &lab.url("/")).await;
                labs.push(lab);
            }
            settle(&client, crate::common::is_quiet).await;
            let counts = assert_quiet(&client);
            assert_eq!(counts.idle, if keep_alive { 5 } else { 0 });
            assert_eq!(client.stats().origins().len(), 5);
        }
    })
    .await;
}
