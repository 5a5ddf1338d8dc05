//! Bodies that are dropped early: drained when that is cheap, closed with the reason when it is not.

use std::time::Duration;

use crate::common::{LONG, SHORT, assert_quiet, bounded, build, is_quiet, settle, slugs, text};
use keepwarm::reason::{CloseReason, Reuse};
use keepwarm::{Client, Config, Response};
use keepwarm_lab::{Behaviour, Chunks, Content, Framing, Lab, Pause, scenario};

/// All the time a drain could want: then only bytes decide.
fn patient() -> Config {
    Client::builder().drain_time(LONG)
}

/// A body of this size, its first piece sent with the head and each further one behind the gate.
fn held_back(size: u64, piece: usize) -> Behaviour {
    Behaviour {
        body: Content::Size(size),
        special_paths: false,
        ..scenario::slow_body(piece, Pause::gate("rest"))
    }
}

async fn get(client: &Client, url: String) -> Response {
    client.get(url).send().await.expect("a head")
}

/// The connection was saved: the next call finds it.
async fn is_reused(client: &Client, lab: &Lab) {
    settle(client, |now| is_quiet(now) && now.idle == 1).await;
    let response = get(client, lab.url("/again")).await;
    assert!(response.connection().reused);
    response.bytes().await.expect("a body");
    assert_eq!(lab.connections().accepted, 1);
}

/// How the one connection ended.
async fn closed(client: &Client) -> CloseReason {
    let now = settle(client, |now| is_quiet(now) && !now.closed.is_empty()).await;
    assert_eq!((now.closed.len(), now.idle), (1, 0));
    now.closed[0].reason
}

#[tokio::test]
async fn a_small_body_that_came_with_the_head_is_no_reason_to_close() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = Client::new();
        for _ in 0..5 {
            drop(get(&client, lab.url("/")).await);
            // At once, not some time later.
            assert_eq!(assert_quiet(&client).idle, 1);
        }
        assert_eq!(lab.connections().accepted, 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_buffered_when_the_body_is_dropped_is_consumed_at_once() {
    bounded(async {
        // Many small chunks that arrive in one read, the end among them.
        let behaviour = Behaviour {
            body: Content::Size(1000),
            special_paths: false,
            framing: Framing::Chunked(Chunks {
                sizes: vec![1],
                ..Chunks::default()
            }),
            after_head: Pause::gate("body"),
            ..Behaviour::default()
        };
        let lab = Lab::start(behaviour).await;
        let client = build(Client::builder().drain_bytes(0));
        let mut response = get(&client, lab.url("/")).await;
        lab.open("body");
        assert_eq!(
            response.chunk().await.expect("a body").expect("data").len(),
            1
        );
        drop(response);
        assert_eq!(assert_quiet(&client).idle, 1);
    })
    .await;
}

/// Go 9 TransportNotReadToEndConnectionReuse: a body dropped with at most 256 KiB left is drained and its
/// connection used again.
/// Same as Go.
#[tokio::test]
async fn two_hundred_kibibytes_left_are_drained() {
    bounded(async {
        for framed in [Framing::ContentLength, Framing::Chunked(Chunks::default())] {
            let behaviour = Behaviour {
                body: Content::Size(200 << 10),
                framing: framed,
                special_paths: false,
                ..Behaviour::default()
            };
            let lab = Lab::start(behaviour).await;
            let client = build(patient());
            drop(get(&client, lab.url("/")).await);
            is_reused(&client, &lab).await;
        }
    })
    .await;
}

/// X16: one byte left of 1 MiB is drained, and the connection serves again.
#[tokio::test]
async fn x16_one_byte_left_of_a_mebibyte_is_drained() {
    bounded(async {
        let lab = Lab::start(held_back(1 << 20, (1 << 20) - 1)).await;
        let client = build(patient());
        let mut response = get(&client, lab.url("/")).await;
        let mut left = (1 << 20) - 1;
        while left > 0 {
            left -= response.chunk().await.expect("a body").expect("data").len();
        }
        drop(response);
        lab.open("rest");
        is_reused(&client, &lab).await;
    })
    .await;
}

/// Go 9 TransportNotReadToEndConnectionReuse: more than that closes the connection.
/// Differs: what remains counts, not the whole length.
#[tokio::test]
async fn half_a_mebibyte_left_is_not_drained_and_the_reason_says_how_much() {
    bounded(async {
        let lab = Lab::start(held_back(512_000, 1000)).await;
        let client = build(patient());
        drop(get(&client, lab.url("/")).await);
        let left = Some(511_000);
        let reason = CloseReason::BodyNotRead { left };
        assert_eq!(assert_quiet(&client).closed[0].reason, reason);
        lab.wait_for(|it| it.connection(1).end().is_some()).await;
    })
    .await;
}

#[tokio::test]
async fn what_remains_counts_and_not_the_whole() {
    bounded(async {
        // 2 MB, of which all but 100 kB are read.
        let lab = Lab::start(held_back(2_000_000, 950_000)).await;
        lab.open("rest");
        let client = build(patient());
        let mut response = get(&client, lab.url("/")).await;
        let mut left = 2_000_000;
        while left > 100_000 {
            left -= response.chunk().await.expect("a body").expect("data").len();
        }
        drop(response);
        is_reused(&client, &lab).await;
    })
    .await;
}

#[tokio::test]
async fn a_chunked_body_is_drained_until_the_budget_is_used_up() {
    bounded(async {
        let behaviour = Behaviour {
            body: Content::Size(10 << 20),
            framing: Framing::Chunked(Chunks::default()),
            special_paths: false,
            ..Behaviour::default()
        };
        let lab = Lab::start(behaviour).await;
        let client = build(patient().drain_bytes(100_000));
        drop(get(&client, lab.url("/")).await);
        let left = None;
        assert_eq!(closed(&client).await, CloseReason::BodyNotRead { left });
        lab.wait_for(|it| it.connection(1).end().is_some()).await;
        // The buffers of both systems, but not the whole.
        let sent = lab.transcript().connection(1).sent_bytes();
        assert!(sent < 10 << 20, "{sent}");
    })
    .await;
}

/// Go 9 TransportNotReadToEndConnectionReuse: a slow rest closes the connection after the drain time.
/// Same as Go.
#[tokio::test]
async fn a_slow_body_is_drained_for_the_drain_time_only() {
    bounded(async {
        let lab = Lab::start(held_back(13, 10)).await;
        let client = build(Client::builder().drain_time(SHORT));
        let began = std::time::Instant::now();
        drop(get(&client, lab.url("/")).await);
        let left = Some(3);
        assert_eq!(closed(&client).await, CloseReason::BodyNotRead { left });
        assert!(began.elapsed() >= SHORT);
    })
    .await;
}

#[tokio::test]
async fn without_time_nothing_is_waited_for() {
    bounded(async {
        let lab = Lab::start(held_back(13, 10)).await;
        let client = build(Client::builder().drain_time(Duration::ZERO));
        drop(get(&client, lab.url("/")).await);
        let left = Some(3);
        let reason = CloseReason::BodyNotRead { left };
        assert_eq!(assert_quiet(&client).closed[0].reason, reason);
    })
    .await;
}

#[tokio::test]
async fn without_a_budget_nothing_that_has_not_arrived_is_drained() {
    bounded(async {
        let lab = Lab::start(held_back(13, 10)).await;
        let client = build(patient().drain_bytes(0));
        drop(get(&client, lab.url("/")).await);
        assert_eq!(assert_quiet(&client).closed_as("body-not-read"), 1);
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_cannot_be_saved_is_not_drained() {
    bounded(async {
        let closes = Behaviour {
            connection: keepwarm_lab::ConnectionHeader::Close(keepwarm_lab::Which::All),
            ..held_back(13, 10)
        };
        let endless = Behaviour {
            framing: Framing::UntilClose,
            ..held_back(13, 10)
        };
        for (behaviour, primary) in [(closes, "peer-said-close"), (endless, "close-delimited")] {
            let lab = Lab::start(behaviour).await;
            let client = build(patient());
            drop(get(&client, lab.url("/")).await);
            let counts = assert_quiet(&client);
            assert_eq!(counts.closed_as(primary), 1, "{counts:?}");
            lab.wait_for(|it| it.connection(1).end().is_some()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn draining_by_hand_saves_the_connection_and_says_so() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let client = build(Client::builder().drain_time(Duration::ZERO).drain_bytes(0));
        for path in ["/", "/bytes/3000000", "/chunked/3000000"] {
            let mut response = get(&client, lab.url(path)).await;
            assert_eq!(response.drain(4_000_000).await, Reuse::Keep, "{path}");
            assert_eq!(assert_quiet(&client).idle, 1);
            assert_eq!(response.chunk().await.expect("an end"), None);
            assert_eq!(response.drain(1).await, Reuse::Keep);
        }
        assert_eq!(lab.connections().accepted, 1);
    })
    .await;
}

#[tokio::test]
async fn draining_by_hand_stops_at_its_budget() {
    bounded(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        for path in ["/bytes/3000000", "/chunked/3000000"] {
            let client = Client::new();
            let mut response = get(&client, lab.url(path)).await;
            let verdict = response.drain(100_000).await;
            assert_eq!(slugs(Some(&verdict)), ["body-not-read"], "{path}");
            assert_eq!(response.reuse(), Some(&verdict));
            assert_eq!(assert_quiet(&client).closed_as("body-not-read"), 1);
        }
    })
    .await;
}

/// Go 161 TransportResponseBodyDrainReadAndClose: draining a truncated body never keeps its connection.
/// Same as Go.
#[tokio::test]
async fn draining_a_body_that_breaks_gives_the_reason() {
    bounded(async {
        let lab = Lab::start(scenario::length_too_long(10)).await;
        let client = Client::new();
        let mut response = get(&client, lab.url("/")).await;
        let verdict = response.drain(1000).await;
        assert_eq!(slugs(Some(&verdict)), ["peer-broke-protocol"]);
        assert_eq!(assert_quiet(&client).closed_as("peer-broke-protocol"), 1);
    })
    .await;
}

/// Go 161 TransportResponseBodyDrainReadAndClose: a drain that is given up blocks nothing.
/// Same as Go.
#[tokio::test]
async fn a_drain_that_is_cancelled_leaves_the_pool_consistent() {
    bounded(async {
        let lab = Lab::start(held_back(13, 10)).await;
        let client = build(Client::builder().drain_time(SHORT));
        let mut response = get(&client, lab.url("/")).await;
        let drained = tokio::time::timeout(SHORT, response.drain(1000)).await;
        drained.expect_err("the rest never comes");
        assert_eq!(crate::common::totals(&client).active, 1);
        drop(response);
        let left = Some(3);
        assert_eq!(closed(&client).await, CloseReason::BodyNotRead { left });
        lab.open("rest");
        text(&client, &lab.url("/")).await;
        assert_quiet(&client);
    })
    .await;
}
