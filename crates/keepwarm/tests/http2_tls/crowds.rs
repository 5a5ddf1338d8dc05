//! nginx goes away again and again, and nothing is lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use keepwarm::{Client, Counts, Protocol};

use crate::nginx::Nginx;
use crate::support::{client, finish, until};

/// Ten thousand calls in a debug build take longer than other tests may.
const BOUND: Duration = Duration::from_secs(90);
const LANES: usize = 50;

fn run_long(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let ended = runtime.block_on(async { tokio::time::timeout(BOUND, test).await });
    ended.expect("the test takes longer than it may");
}

async fn quiet(client: &Client) -> Counts {
    let counts = until(
        || {
            let now = client.stats().total().clone();
            ((now.active, now.waiting, now.dialing) == (0, 0, 0)).then_some(now)
        },
        || format!("{:?}", client.stats().total()),
    )
    .await;
    let closed: u64 = counts.closed.iter().map(|end| end.count).sum();
    assert_eq!(counts.opened, counts.idle as u64 + closed, "{counts:?}");
    counts
}

async fn get(client: &Client, url: &str) {
    let response = client.get(url).send().await.expect("none is lost");
    let done = finish(response).await;
    assert_eq!(done.body, b"served");
    assert_eq!(done.connection.protocol(), Protocol::H2);
}

async fn post(client: &Client, url: &str) {
    let call = client.post(url).body("a small body").send();
    let done = finish(call.await.expect("none is lost")).await;
    assert_eq!(done.status, 200);
}

#[test]
fn none_of_ten_thousand_is_lost_to_a_limit_on_requests() {
    run_long(async {
        let nginx = Nginx::start("ssl http2", "keepalive_requests 100;").await;
        let (client, _) = client(|config| config.tls(nginx.authority.trusted()));
        let url = nginx.url();
        join_all((0..LANES).map(|_| async {
            for _ in 0..200 {
                get(&client, &url).await;
            }
        }))
        .await;
        let counts = quiet(&client).await;
        println!(
            "10000 GETs: {} connections, {} sent again, {:?}",
            counts.opened,
            counts.sent_again(),
            counts.closed
        );
        assert!(counts.opened >= 99, "{counts:?}");
        assert!(counts.opened <= 400, "{counts:?}");
        // None was idle when it was ended, so nothing is told, or learned, of idle times.
        assert_eq!(counts.closed_as("peer-closed-idle"), 0, "{counts:?}");
        join_all((0..LANES).map(|_| async {
            for _ in 0..40 {
                post(&client, &url).await;
            }
        }))
        .await;
        let after = quiet(&client).await;
        println!(
            "2000 POSTs more: {} connections, {} sent again, {:?}",
            after.opened - counts.opened,
            after.sent_again() - counts.sent_again(),
            after.closed
        );
    });
}

#[test]
fn a_reload_under_load_loses_none_of_the_idempotent() {
    run_long(async {
        let nginx = Nginx::start("ssl http2", "keepalive_requests 100000;").await;
        let (client, _) = client(|config| config.tls(nginx.authority.trusted()));
        let (url, done) = (nginx.url(), AtomicUsize::new(0));
        let lanes = join_all((0..20).map(|_| async {
            for _ in 0..150 {
                get(&client, &url).await;
                done.fetch_add(1, Ordering::SeqCst);
            }
        }));
        let reloads = async {
            for reload in 1..=4 {
                until(
                    || Some(()).filter(|()| done.load(Ordering::SeqCst) >= reload * 500),
                    || format!("{done:?}"),
                )
                .await;
                nginx.reload();
            }
        };
        tokio::join!(lanes, reloads);
        let counts = quiet(&client).await;
        println!(
            "3000 GETs over 4 reloads: {} connections, {} sent again, {:?}",
            counts.opened,
            counts.sent_again(),
            counts.closed
        );
        assert!(counts.opened >= 2, "{counts:?}");
    });
}

#[test]
fn a_crowd_larger_than_a_connection_serves_loses_nothing() {
    run_long(async {
        let nginx = Nginx::start("ssl http2", "keepalive_requests 20;").await;
        let (client, _) = client(|config| config.tls(nginx.authority.trusted()));
        let url = nginx.url();
        join_all((0..100).map(|_| async {
            for _ in 0..10 {
                get(&client, &url).await;
            }
        }))
        .await;
        let counts = quiet(&client).await;
        println!(
            "1000 GETs, 20 a connection: {} connections, {} sent again, {:?}",
            counts.opened,
            counts.sent_again(),
            counts.closed
        );
    });
}
