//! How many connections there may be, and what becomes of the calls that wait: over real sockets.

use std::sync::Arc;

use keepwarm::event::EventKind;
use keepwarm::reason::{CloseReason, Limit, Miss, Phase};
use keepwarm::{Config, ErrorKind};
use keepwarm_lab::{Lab, scenario};

use crate::support::{
    GATE, Rig, bounded, client, finish, held, join, ms, run, run_on_two_threads, runtime, spawn,
    until,
};

fn is_queued(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Queued { .. })
}

fn is_dial(kind: &EventKind) -> bool {
    matches!(kind, EventKind::DialStarted { .. })
}

/// Go 35 TransportMaxConnsPerHost: any number of calls at once opens what the cap allows.
/// Same as Go.
#[test]
fn a_thousand_calls_at_once_open_what_max_conns_per_host_allows() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_conns_per_host(100)).await;
        let calls = rig.spawn(1000);
        rig.log.count(1000, is_queued).await;
        rig.lab.wait_for(|it| it.counters().requests == 100).await;
        let counts = rig.counts();
        assert_eq!(
            (counts.active, counts.waiting, counts.dialing),
            (100, 900, 0)
        );
        rig.lab.open(GATE);
        let done = join(calls).await;
        assert!(done.iter().all(|it| it.status == 200));
        assert_eq!(done.iter().filter(|it| it.connection.reused).count(), 900);
        assert_eq!(rig.log.counted(is_dial), 100);
        assert_eq!(
            (rig.lab.connections().accepted, rig.counts().opened),
            (100, 100)
        );
        assert_eq!((rig.counts().idle, rig.counts().waiting), (100, 0));
    });
}

/// X12: a burst of short answers needs no more dials than calls.
#[test]
fn a_thousand_calls_without_a_limit_need_no_more_dials_than_calls() {
    run(async {
        let settings = |it: Config| it.max_idle(None).max_idle_per_host(None);
        let rig = Rig::with(scenario::well_behaved(), settings).await;
        join(rig.spawn(1000)).await;
        let counts = rig.until(|it| it.dialing == 0).await;
        assert!(counts.opened <= 1000, "{counts:?}");
        assert_eq!(counts.idle as u64, counts.opened);
        assert_eq!(counts.requests, 1000);
    });
}

/// Go 35 TransportMaxConnsPerHost: those who wait under the cap are served in their order.
/// Same as Go.
#[test]
fn those_who_wait_are_served_in_their_order() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_conns_per_host(1)).await;
        let mut calls = Vec::new();
        for number in 0..10_usize {
            calls.push(spawn(rig.get(&format!("/{number}"))));
            rig.log.count(number + 1, is_queued).await;
        }
        rig.lab.wait_for(|it| it.counters().requests == 1).await;
        rig.lab.open(GATE);
        join(calls).await;
        let transcript = rig.lab.transcript();
        let targets: Vec<_> = transcript
            .requests()
            .iter()
            .map(|it| it.target.clone())
            .collect();
        let expected: Vec<_> = (0..10).map(|number| format!("/{number}")).collect();
        assert_eq!(targets, expected);
        assert_eq!(rig.lab.connections().accepted, 1);
    });
}

#[test]
fn max_conns_counts_over_all_origins_and_the_first_to_wait_is_the_first_served() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_conns(1)).await;
        let second = Lab::start(held()).await;
        let third = Lab::start(held()).await;
        let first_call = spawn(rig.get("/"));
        rig.lab.wait_for(|it| it.counters().requests == 1).await;
        let second_call = spawn(rig.client.get(second.url("/")));
        rig.log.count(2, is_queued).await;
        let third_call = spawn(rig.client.get(third.url("/")));
        rig.log.count(3, is_queued).await;
        assert_eq!(
            (second.connections().accepted, third.connections().accepted),
            (0, 0)
        );
        rig.lab.open(GATE);
        join(vec![first_call]).await;
        second.wait_for(|it| it.counters().requests == 1).await;
        assert_eq!(third.connections().accepted, 0, "it came later");
        let end = rig.log.closed(1).await[0];
        assert_eq!(end.closed.reason, CloseReason::PoolFull { limit: 1 });
        second.open(GATE);
        third.open(GATE);
        join(vec![second_call, third_call]).await;
        let total = rig.client.stats().total().clone();
        assert_eq!((total.opened, total.idle, total.active), (3, 1, 0));
    });
}

#[test]
fn max_conns_gives_the_place_of_a_closed_connection_to_who_waits() {
    run(async {
        let closing = keepwarm_lab::Behaviour {
            before_head: keepwarm_lab::Pause::gate(GATE),
            ..scenario::peer_said_close()
        };
        let rig = Rig::with(closing, |it| it.max_conns(2)).await;
        let other = Lab::start(scenario::well_behaved()).await;
        let calls = rig.spawn(2);
        rig.lab.wait_for(|it| it.counters().requests == 2).await;
        let waiting = spawn(rig.client.get(other.url("/")));
        rig.log.count(3, is_queued).await;
        assert_eq!(rig.client.stats().total().waiting, 1);
        rig.lab.open(GATE);
        join(calls).await;
        let done = join(vec![waiting]).await.remove(0);
        assert_eq!(done.connection.miss, Some(Miss::FirstForOrigin));
    });
}

/// X7: waiting for a connection has a limit, and an error kind of its own.
#[test]
fn queue_timeout_names_itself() {
    run(async {
        let settings = |it: Config| it.max_conns_per_host(1).queue_timeout(ms(60));
        let rig = Rig::with(held(), settings).await;
        // Longer than the queue's limit: that one does not run while the exchange does.
        let calls = rig.spawn(1);
        rig.lab.wait_for(|it| it.counters().requests == 1).await;
        let error = rig.get("/").send().await.expect_err("nothing came free");
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Queue, Phase::Queue)
        );
        assert_eq!(error.limit(), Some(Limit::Queue));
        assert!(error.is_timeout() && error.is_safe_to_retry());
        assert_eq!((error.bytes_written(), error.bytes_read()), (0, 0));
        assert_eq!(rig.counts().waiting, 0, "it left the queue");
        rig.lab.open(GATE);
        assert_eq!(join(calls).await.len(), 1);
        assert_eq!(rig.lab.connections().requests, 1);
    });
}

#[test]
fn a_full_queue_refuses_at_once() {
    run(async {
        let settings = |it: Config| it.max_conns_per_host(1).max_waiters(2);
        let rig = Rig::with(held(), settings).await;
        let mut calls = rig.spawn(1);
        rig.lab.wait_for(|it| it.counters().requests == 1).await;
        calls.extend(rig.spawn(2));
        rig.until(|it| it.waiting == 2).await;
        let error = rig.get("/").send().await.expect_err("the queue is full");
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Queue, Phase::Queue)
        );
        assert_eq!(error.limit(), Some(Limit::QueueLength));
        let message = error.to_string();
        assert!(
            message.contains("2 calls") && message.contains("max_waiters"),
            "{message}"
        );
        assert!(!error.is_timeout() && error.is_safe_to_retry());
        rig.lab.open(GATE);
        assert_eq!(join(calls).await.len(), 3);
    });
}

#[test]
fn max_waiters_of_zero_still_serves_who_need_not_wait() {
    run(async {
        let settings = |it: Config| it.max_conns_per_host(2).max_waiters(0);
        let rig = Rig::with(held(), settings).await;
        let calls = rig.spawn(2);
        rig.lab.wait_for(|it| it.counters().requests == 2).await;
        let error = rig.get("/").send().await.expect_err("nobody may wait");
        assert_eq!(error.limit(), Some(Limit::QueueLength));
        rig.lab.open(GATE);
        assert_eq!(join(calls).await.len(), 2);
    });
}

#[test]
fn a_call_that_is_dropped_while_it_waits_leaves_the_queue() {
    run(async {
        let rig = Rig::with(held(), |it| it.max_conns_per_host(1)).await;
        let calls = rig.spawn(1);
        rig.lab.wait_for(|it| it.counters().requests == 1).await;
        let impatient = spawn(rig.get("/never"));
        rig.until(|it| it.waiting == 1).await;
        let patient = spawn(rig.get("/patient"));
        rig.until(|it| it.waiting == 2).await;
        impatient.abort();
        rig.until(|it| it.waiting == 1).await;
        rig.lab.open(GATE);
        join(calls).await;
        assert!(join(vec![patient]).await[0].connection.reused);
        assert_eq!(rig.lab.transcript().requests_for("/never"), 0);
    });
}

#[test]
fn limits_that_nobody_could_be_served_under_are_refused() {
    let zero = [
        Config::default().max_conns(0),
        Config::default().max_conns_per_host(0),
        Config::default().max_requests_per_connection(Some(0)),
    ];
    for config in zero {
        let error = config.build().expect_err("no call could be served");
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains("must not be 0"), "{error}");
    }
}

#[test]
fn clones_share_one_pool() {
    run(async {
        let rig = Rig::start(scenario::well_behaved()).await;
        let shared = Arc::new(rig.client.clone());
        rig.fetch("/").await;
        let done = spawn(shared.get(rig.lab.url("/")))
            .await
            .expect("no panic")
            .expect("an answer");
        assert!(done.connection.reused);
    });
}

#[test]
fn nobody_starves_while_many_origins_share_few_connections() {
    run_on_two_threads(async {
        let rig = Rig::with(scenario::well_behaved(), |it| it.max_conns(3)).await;
        let mut labs = Vec::new();
        for number in 0..6 {
            labs.push(match number % 3 {
                0 => Lab::start(scenario::well_behaved()).await,
                1 => Lab::start(scenario::peer_said_close()).await,
                _ => Lab::start(scenario::slow_head(ms(1))).await,
            });
        }
        let mut calls = Vec::new();
        for number in 0..300_usize {
            let call = spawn(rig.client.get(labs[number % 6].url("/bytes/2000")));
            if number % 7 == 3 {
                call.abort();
            } else {
                calls.push(call);
            }
        }
        let done = join(calls).await;
        assert!(done.iter().all(|it| it.body.len() == 2000));
        let client = &rig.client;
        let rest = until(
            || Some(client.stats().total().clone()).filter(|it| it.active + it.dialing == 0),
            || format!("{:?}", client.stats()),
        )
        .await;
        assert_eq!(rest.waiting, 0);
        assert!(rest.idle <= 3, "{rest:?}");
    });
}

#[test]
fn another_runtimes_connections_give_way() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let (client, log) = client(|it| it.max_conns_per_host(1));
    let (first, second) = (runtime(), runtime());
    let call = || {
        bounded(async {
            finish(client.get(lab.url("/")).send().await.expect("an answer"))
                .await
                .connection
                .id
        })
    };
    let one = first.block_on(call());
    let two = second.block_on(call());
    assert_ne!(one, two);
    assert_eq!(
        log.endings()[0].closed.reason,
        CloseReason::HostFull { limit: 1 }
    );
    assert_eq!(second.block_on(call()), two);
    assert_eq!(client.stats().total().idle, 1);
}

#[test]
fn a_call_waits_for_a_place_that_another_runtime_holds() {
    let lab = Lab::spawn_thread(held());
    let (client, _) = client(|it| it.max_conns_per_host(1));
    let (first, second) = (runtime(), runtime());
    let url = lab.url("/");
    let running = first.spawn({
        let request = client.get(&url);
        async move { finish(request.send().await.expect("an answer")).await }
    });
    first.block_on(bounded(lab.wait_for(|it| it.counters().requests == 1)));
    let waiting = second.spawn({
        let request = client.get(&url);
        async move { finish(request.send().await.expect("an answer")).await }
    });
    let queued = || Some(()).filter(|()| client.stats().total().waiting == 1);
    second.block_on(bounded(until(queued, || format!("{:?}", client.stats()))));
    lab.open(GATE);
    let one = first.block_on(bounded(running)).expect("no panic");
    assert!(one.reuse.is_keep());
    let two = second.block_on(bounded(waiting)).expect("no panic");
    assert_ne!(one.connection.id, two.connection.id);
}
