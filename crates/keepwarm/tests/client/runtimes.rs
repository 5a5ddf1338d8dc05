//! One client, several runtimes: no call fails because another runtime went away.

use std::pin::pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::common::dialers::Gated;
use crate::common::{LONG, assert_quiet, bounded, build, is_quiet, settle, text, totals};
use keepwarm::reason::Miss;
use keepwarm::{Client, ErrorKind};
use keepwarm_lab::{Lab, Pause, scenario};
use tokio::runtime::{Builder, Runtime};

static CLIENT: LazyLock<Client> = LazyLock::new(Client::new);

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

/// Sends bytes in both directions; a POST, so that no retry hides a dead connection.
async fn exchange(client: &Client, lab: &Lab) {
    let call = client.post(lab.url("/echo")).body("mine");
    let response = call.send().await.expect("an answer");
    assert_eq!(response.text().await.expect("a body"), "mine");
}

fn wait_quiet(client: &Client) {
    runtime().block_on(settle(client, is_quiet));
    assert_quiet(client);
}

#[test]
fn a_static_client_serves_runtimes_one_after_another() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    for _ in 0..30 {
        runtime().block_on(bounded(async {
            for _ in 0..3 {
                exchange(&CLIENT, &lab).await;
            }
        }));
    }
    let counts = assert_quiet(&CLIENT);
    // Each runtime opened its own connection, used it again, and took it along.
    assert_eq!((counts.opened, counts.reused, counts.idle), (30, 60, 0));
    assert_eq!(counts.closed_as("runtime-gone"), 30);
    lab.wait_for_blocking(|it| it.counters().open == 0);
}

#[test]
fn a_static_client_serves_runtimes_that_come_and_go_at_once() {
    static SHARED: LazyLock<Client> = LazyLock::new(Client::new);
    let lab = Lab::spawn_thread(scenario::well_behaved());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..15 {
                    runtime().block_on(bounded(async {
                        for _ in 0..4 {
                            exchange(&SHARED, &lab).await;
                        }
                    }));
                }
            });
        }
    });
    wait_quiet(&SHARED);
    let counts = totals(&SHARED);
    assert_eq!((counts.opened, counts.requests), (120, 480), "{counts:?}");
}

#[test]
fn runtimes_that_die_with_calls_in_flight_disturb_no_other() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let client = Client::new();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (client, lab, stop) = (&client, &lab, &stop);
        scope.spawn(move || {
            runtime().block_on(bounded(async {
                for _ in 0..300 {
                    exchange(client, lab).await;
                }
            }));
            stop.store(true, Ordering::SeqCst);
        });
        for _ in 0..2 {
            scope.spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let dying = runtime();
                    dying.block_on(async {
                        for path in ["/delay/5000", "/bytes/9000000", "/"] {
                            let call = client.get(lab.url(path));
                            tokio::spawn(async move { call.send().await?.bytes().await });
                        }
                        exchange(client, lab).await;
                    });
                }
            });
        }
    });
    wait_quiet(&client);
    lab.wait_for_blocking(|it| it.counters().open == 0);
}

#[test]
fn a_call_waiting_for_a_place_is_served_when_the_runtime_that_holds_it_dies() {
    let lab = Lab::spawn_thread([
        scenario::slow_head(Pause::gate("never")),
        scenario::well_behaved(),
    ]);
    let client = build(Client::builder().max_conns_per_host(1));
    let dying = runtime();
    let held = dying.spawn(client.get(lab.url("/held")).send());
    dying.block_on(bounded(lab.wait_for(|it| it.requests_for("/held") == 1)));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| runtime().block_on(bounded(text(&client, &lab.url("/")))));
        runtime().block_on(settle(&client, |now| now.waiting == 1));
        drop(dying);
        assert_eq!(waiting.join().expect("no panic"), "hello, world\n");
    });
    drop(held);
    wait_quiet(&client);
}

#[test]
fn a_call_waiting_for_a_place_is_served_when_the_runtime_that_dials_dies() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let dialer = Gated::new();
    let config = Client::builder()
        .max_conns_per_host(1)
        .dialer(dialer.clone());
    let client = build(config);
    let dying = runtime();
    let dropped = dying.spawn(client.get(lab.url("/dropped")).send());
    dying.block_on(settle(&client, |_| dialer.asked() == 1));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| runtime().block_on(bounded(text(&client, &lab.url("/")))));
        runtime().block_on(settle(&client, |now| now.waiting == 2));
        drop(dying);
        dialer.permit(2);
        assert_eq!(waiting.join().expect("no panic"), "hello, world\n");
    });
    drop(dropped);
    wait_quiet(&client);
    assert_eq!(lab.transcript().requests_for("/dropped"), 0);
}

#[test]
fn a_connection_parked_on_a_dead_runtime_is_not_used() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let client = Client::new();
    let first = runtime();
    first.block_on(bounded(exchange(&client, &lab)));
    assert_eq!(totals(&client).idle, 1);
    drop(first);
    let counts = assert_quiet(&client);
    assert_eq!((counts.idle, counts.closed_as("runtime-gone")), (0, 1));
    runtime().block_on(bounded(async {
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        assert!(!response.connection().reused);
    }));
}

#[test]
fn a_connection_parked_on_a_sleeping_runtime_is_not_used() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let client = Client::new();
    let first = runtime();
    first.block_on(bounded(exchange(&client, &lab)));
    // It lives, but nobody drives it.
    runtime().block_on(bounded(async {
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        let miss = response.connection().miss.expect("a new connection");
        assert!(matches!(miss, Miss::DifferentKey(_)), "{miss:?}");
    }));
    first.block_on(bounded(async {
        let response = client.get(lab.url("/")).send().await.expect("an answer");
        assert!(response.connection().reused);
    }));
}

#[test]
fn calls_in_flight_on_one_runtime_outlive_another() {
    let lab = Lab::spawn_thread(scenario::slow_head(Pause::gate("answer")));
    let client = Client::new();
    let staying = runtime();
    let mut call = Box::pin(client.get(lab.url("/")).send());
    staying.block_on(bounded(async {
        tokio::select! {
            _ = &mut call => panic!("no answer yet"),
            () = lab.wait_for(|it| it.counters().requests == 1) => {}
        }
    }));
    let other = runtime();
    drop(other.spawn(client.get(lab.url("/other")).send()));
    other.block_on(bounded(lab.wait_for(|it| it.counters().requests == 2)));
    drop(other);
    lab.open("answer");
    staying.block_on(bounded(async {
        let response = call.await.expect("an answer");
        assert_eq!(response.text().await.expect("a body"), "hello, world\n");
    }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_tasks_of_two_hundred_calls_share_a_client() {
    bounded(async {
        let lab = std::sync::Arc::new(Lab::spawn_thread(scenario::well_behaved()));
        let client = Client::new();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (client, lab) = (client.clone(), lab.clone());
            tasks.spawn(async move {
                for _ in 0..200 {
                    exchange(&client, &lab).await;
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("no panic");
        }
        let counts = assert_quiet(&client);
        assert_eq!(counts.requests, 1600);
        assert!(
            counts.closed.is_empty() && counts.retries.is_empty(),
            "{counts:?}"
        );
        assert!(counts.opened <= 16, "{counts:?}");
        assert_eq!(lab.connections().accepted, counts.opened);
    })
    .await;
}

#[test]
fn a_body_dropped_outside_any_runtime_is_drained_or_closed() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let client = build(Client::builder().drain_time(LONG));
    let home = runtime();
    for (size, saved) in [(100_000, true), (9_000_000, false)] {
        let url = lab.url(&format!("/bytes/{size}"));
        let response = home
            .block_on(bounded(client.get(url).send()))
            .expect("a head");
        drop(response);
        let counts = home.block_on(settle(&client, is_quiet));
        assert_eq!(counts.idle, usize::from(saved), "{counts:?}");
        client.close_idle();
    }
    wait_quiet(&client);
}

#[test]
fn a_body_dropped_after_its_runtime_died_does_no_harm() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let client = build(Client::builder().drain_time(LONG));
    for size in [100_000, 9_000_000] {
        let url = lab.url(&format!("/bytes/{size}"));
        let home = runtime();
        let response = home
            .block_on(bounded(client.get(url).send()))
            .expect("a head");
        drop(home);
        drop(response);
        wait_quiet(&client);
        assert_eq!(totals(&client).idle, 0);
    }
    lab.wait_for_blocking(|it| it.counters().open == 0);
}

#[test]
fn a_body_read_after_its_runtime_died_is_an_error_and_no_panic() {
    let lab = Lab::spawn_thread(scenario::slow_body(5, Pause::gate("never")));
    let client = Client::new();
    let home = runtime();
    let call = client.get(lab.url("/")).send();
    let mut response = home.block_on(bounded(call)).expect("a head");
    home.block_on(bounded(response.chunk())).expect("what came");
    drop(home);
    let read = runtime().block_on(bounded(response.chunk()));
    assert_eq!(read.unwrap_err().kind(), ErrorKind::Io);
    drop(response);
    wait_quiet(&client);
}

#[test]
fn a_call_outside_any_runtime_is_a_usage_error() {
    let client = Client::new();
    let call = pin!(client.get("http://127.0.0.1:1/").send());
    let Poll::Ready(result) = call.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("there is nothing to wait for");
    };
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Usage);
    assert_quiet(&client);
    assert_eq!(
        client.prewarm("http://127.0.0.1:1/", 1).unwrap_err().kind(),
        ErrorKind::Usage
    );
}

#[test]
fn a_client_dropped_outside_any_runtime_closes_its_connections() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let client = Client::new();
    let home = runtime();
    home.block_on(bounded(exchange(&client, &lab)));
    drop(client);
    lab.wait_for_blocking(|it| it.counters().open == 0);
    drop(home);
}

#[test]
fn a_shutdown_from_one_runtime_ends_the_connections_of_all() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let client = Client::new();
    let homes = [runtime(), runtime(), runtime()];
    for home in &homes {
        home.block_on(bounded(exchange(&client, &lab)));
    }
    let within = Duration::from_secs(5);
    let report = homes[0].block_on(bounded(client.shutdown(within)));
    assert_eq!((report.closed_idle, report.still_running), (3, 0));
    lab.wait_for_blocking(|it| it.counters().open == 0);
    assert_quiet(&client);
}
