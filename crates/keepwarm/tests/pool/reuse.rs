//! Which connection serves next, and which one goes when there are too many: over real sockets.

use http::Method;
use keepwarm::event::{ConnectionId, EventKind};
use keepwarm::reason::{CloseReason, Miss, Reuse};
use keepwarm::{Config, RequestBuilder};
use keepwarm_lab::{Lab, scenario};

use crate::support::{GATE, Rig, finish, held, join, ms, run, run_on_two_threads};

/// The connections in the order in which they went back to the pool.
fn parked(rig: &Rig) -> Vec<ConnectionId> {
    let events = rig.log.events();
    let parked = events.iter().filter_map(|kind| match kind {
        EventKind::Parked { connection } => Some(*connection),
        _ => None,
    });
    parked.collect()
}

#[test]
fn the_connection_parked_last_serves_next() {
    run(async {
        let rig = Rig::start(held()).await;
        rig.fetch_at_once(4).await;
        let order = parked(&rig);
        assert_eq!(order.len(), 4);
        for _ in 0..5 {
            assert_eq!(rig.fetch("/").await.connection.id, order[3]);
        }
        rig.lab.shut(GATE);
        let calls = rig.spawn(2);
        rig.lab.wait_for(|it| it.counters().requests == 11).await;
        rig.lab.open(GATE);
        let mut ids: Vec<_> = join(calls)
            .await
            .iter()
            .map(|done| done.connection.id)
            .collect();
        ids.sort_unstable();
        let mut newest = vec![order[2], order[3]];
        newest.sort_unstable();
        assert_eq!(ids, newest, "the other two stay idle, and may expire");
    });
}

/// Go 12 TransportMaxIdleConns: the cap over all origins evicts the connection idle longest.
/// Same as Go.
#[test]
fn max_idle_evicts_the_connection_idle_longest_over_all_origins() {
    run(async {
        let rig = Rig::with(scenario::well_behaved(), |it| it.max_idle(3)).await;
        let mut labs = Vec::new();
        for _ in 0..5 {
            labs.push(Lab::start(scenario::well_behaved()).await);
        }
        let fetch = async |lab: &Lab| {
            let response = rig
                .client
                .get(lab.url("/"))
                .send()
                .await
                .expect("an answer");
            finish(response).await.connection.id
        };
        let mut ids = Vec::new();
        for lab in &labs[..4] {
            ids.push(fetch(lab).await);
        }
        let ends = rig.log.closed(1).await;
        assert_eq!(ends[0].connection, ids[0]);
        assert_eq!(ends[0].closed.reason, CloseReason::PoolFull { limit: 3 });
        assert_eq!(
            fetch(&labs[1]).await,
            ids[1],
            "still there, and the newest from now on"
        );
        fetch(&labs[4]).await;
        assert_eq!(rig.log.closed(2).await[1].connection, ids[2]);
        let stats = rig.client.stats();
        assert_eq!(
            (stats.total().idle, stats.total().closed_as("pool-full")),
            (3, 2)
        );
    });
}

/// Go 10 TransportMaxPerHostIdleConns: no more than N idle connections per origin survive; the newcomer loses.
/// Same as Go.
#[test]
fn max_idle_per_host_keeps_those_that_are_there() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_idle_per_host(2)).await;
        let done = rig.fetch_at_once(4).await;
        let kept: Vec<_> = done.iter().filter(|it| it.reuse.is_keep()).collect();
        assert_eq!(kept.len(), 2);
        let order = parked(&rig);
        assert!(kept.iter().all(|it| order[..2].contains(&it.connection.id)));
        let ends = rig.log.closed(2).await;
        for end in &ends {
            assert_eq!(end.closed.reason, CloseReason::HostFull { limit: 2 });
            assert!(!order[..2].contains(&end.connection), "the newcomer loses");
        }
        assert_eq!(rig.counts().idle, 2);
    });
}

#[test]
fn max_idle_per_host_of_zero_keeps_none() {
    run(async {
        let rig = Rig::with(scenario::well_behaved(), |it| it.max_idle_per_host(0)).await;
        for _ in 0..3 {
            let done = rig.fetch("/").await;
            assert_eq!(done.reuse, Reuse::close(CloseReason::HostFull { limit: 0 }));
            assert_eq!(done.connection.miss, Some(Miss::FirstForOrigin));
        }
        assert_eq!(rig.lab.connections().accepted, 3);
    });
}

/// One after the other, 100 calls of each kind must find the one connection.
async fn always_reuses(make: impl Fn(&Rig) -> RequestBuilder, bytes: usize) {
    let rig = Rig::start(scenario::well_behaved()).await;
    for number in 1..=100 {
        let done = finish(make(&rig).send().await.expect("an answer")).await;
        assert_eq!(done.body.len(), bytes);
        assert_eq!(done.reuse, Reuse::Keep);
        assert_eq!(done.connection.requests, number);
    }
    assert_eq!((rig.counts().opened, rig.counts().reused), (1, 99));
    assert_eq!(rig.lab.connections().accepted, 1);
}

/// Go 8 TransportReadToEndReusesConn: reading to the end without a close is enough for reuse (length).
/// Same as Go.
#[test]
fn a_sequential_caller_always_reuses_after_a_content_length() {
    run(always_reuses(|rig| rig.get("/bytes/3000"), 3000));
}

#[test]
fn a_sequential_caller_always_reuses_after_a_long_body() {
    run_on_two_threads(always_reuses(|rig| rig.get("/bytes/300000"), 300_000));
}

/// Go 8 TransportReadToEndReusesConn: reading to the end without a close is enough for reuse (chunked).
/// Same as Go.
#[test]
fn a_sequential_caller_always_reuses_after_chunks() {
    run_on_two_threads(always_reuses(|rig| rig.get("/chunked/30000"), 30_000));
}

/// Go 17 TransportReuseConnEmptyResponseBody: an answer without a body parks its connection before the call
/// returns.
/// Same as Go.
#[test]
fn a_sequential_caller_always_reuses_after_an_empty_body() {
    run(always_reuses(|rig| rig.get("/bytes/0"), 0));
}

#[test]
fn a_sequential_caller_always_reuses_after_head() {
    run(always_reuses(
        |rig| rig.client.head(rig.lab.url("/bytes/3000")),
        0,
    ));
}

/// Go 133 ChunkedNoContent: 204, again and again, on one connection.
/// Same as Go.
#[test]
fn a_sequential_caller_always_reuses_after_no_content() {
    run_on_two_threads(always_reuses(|rig| rig.get("/status/204"), 0));
}

#[test]
fn a_sequential_caller_always_reuses_after_uploads() {
    run_on_two_threads(always_reuses(
        |rig| {
            rig.client
                .request(Method::PUT, rig.lab.url("/echo"))
                .body(vec![b'u'; 20_000])
        },
        20_000,
    ));
}

/// X14: a connection retires after its number of requests, between two exchanges.
#[test]
fn max_requests_per_connection_opens_the_next_in_time() {
    run(async {
        let settings = |it: Config| it.max_requests_per_connection(Some(3));
        let rig = Rig::with(scenario::well_behaved(), settings).await;
        for number in 0..10_u64 {
            assert_eq!(rig.fetch("/").await.connection.requests, number % 3 + 1);
        }
        assert_eq!(rig.lab.connections().accepted, 4);
        assert_eq!(rig.counts().closed_as("used-up"), 3);
    });
}

#[test]
fn max_lifetime_does_not_cut_an_exchange_short() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_lifetime(ms(50))).await;
        let call = rig.spawn(1);
        rig.lab.wait_for(|it| it.counters().requests == 1).await;
        tokio::time::sleep(ms(60)).await;
        rig.lab.open(GATE);
        let done = join(call).await.remove(0);
        assert_eq!(done.body, b"hello, world\n");
        let Some(CloseReason::TooOld { age, limit }) = done.reuse.primary() else {
            panic!("{:?}", done.reuse);
        };
        assert!(*age >= ms(60) && *limit <= ms(50), "{age:?} {limit:?}");
    });
}

/// X14: connections opened together draw their lifetimes and do not end together.
#[test]
fn max_lifetime_draws_for_each_connection() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_lifetime(ms(300))).await;
        rig.fetch_at_once(20).await;
        let ends = rig.log.closed(20).await;
        let mut limits: Vec<_> = ends
            .iter()
            .map(|end| match end.closed.reason {
                CloseReason::TooOld { limit, .. } => limit,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(
            limits
                .iter()
                .all(|limit| (ms(270)..=ms(300)).contains(limit)),
            "{limits:?}"
        );
        limits.sort_unstable();
        limits.dedup();
        assert!(
            limits.len() > 10,
            "they do not all end together: {limits:?}"
        );
    });
}
