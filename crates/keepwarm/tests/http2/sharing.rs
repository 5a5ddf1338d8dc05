//! Who shares a connection, and when another one is opened.

use futures_util::future::join_all;
use keepwarm::http2::Http2;
use keepwarm::{Client, Protocol};

use crate::common::{assert_quiet, bounded, build, settle, text, totals};
use crate::peer::{Answer, Conduct, Peer};

fn client() -> Client {
    build(Client::builder().http2_only())
}

fn path() -> Conduct {
    Conduct::new(|_, _| Answer::Path)
}

#[tokio::test]
async fn a_thousand_calls_one_after_the_other_share_one_connection() {
    bounded(async {
        let peer = Peer::start(path()).await;
        let client = client();
        for number in 0..1000_u32 {
            let response = client.get(peer.url("/a")).send().await.expect("an answer");
            let connection = response.connection().clone();
            assert_eq!(connection.protocol(), Protocol::H2);
            assert_eq!(connection.stream(), Some(2 * number + 1));
            assert_eq!(connection.reused, number > 0);
            assert_eq!(response.version(), http::Version::HTTP_2);
            assert_eq!(response.text().await.expect("a body"), "/a");
        }
        let counts = assert_quiet(&client);
        assert_eq!(
            (counts.opened, counts.requests, counts.reused),
            (1, 1000, 999)
        );
        assert_eq!((counts.idle, peer.accepted()), (1, 1));
    })
    .await;
}

/// Go 201 TransportPoolConnHTTP2Startup: calls that come while the first dial runs use its connection.
/// Differs: they do not dial as well.
#[tokio::test]
async fn a_hundred_calls_at_once_on_a_cold_client_share_one_connection() {
    bounded(async {
        let peer = Peer::start(path()).await;
        let client = client();
        let urls: Vec<_> = (0..100)
            .map(|number| peer.url(&format!("/{number}")))
            .collect();
        let answers = join_all(urls.iter().map(|url| text(&client, url))).await;
        for (number, answer) in answers.iter().enumerate() {
            assert_eq!(*answer, format!("/{number}"));
        }
        let counts = assert_quiet(&client);
        assert_eq!(
            (counts.opened, counts.requests, peer.accepted()),
            (1, 100, 1)
        );
    })
    .await;
}

/// Go 202 PoolConnHTTP2NoStrictMaxConcurrentRequests: at the server's limit on streams another connection is opened.
/// Same as Go.
#[tokio::test]
async fn the_servers_limit_on_streams_leads_to_another_connection() {
    bounded(async {
        let held = Conduct::new(|_, _| Answer::Head).streams(10);
        let peer = Peer::start(held).await;
        let client = client();
        // One call first: the server's settings are known then.
        let mut held = vec![client.get(peer.url("/")).send().await.expect("a head")];
        let others = (0..24).map(|_| client.get(peer.url("/")).send());
        held.extend(
            join_all(others)
                .await
                .into_iter()
                .map(|answer| answer.expect("a head")),
        );
        assert_eq!(totals(&client).active, 3, "25 streams, 10 a connection");
        drop(held);
        let counts = settle(&client, |now| now.active == 0).await;
        assert_eq!(counts.idle, 3);
    })
    .await;
}

#[tokio::test]
async fn calls_wait_for_a_stream_where_no_other_connection_is_allowed() {
    bounded(async {
        let peer = Peer::start(path().streams(3)).await;
        let http2 = Http2 {
            max_connections: Some(1),
            ..Http2::default()
        };
        let client = build(Client::builder().http2_only().http2(http2));
        text(&client, &peer.url("/first")).await;
        let url = peer.url("/x");
        let answers = join_all((0..200).map(|_| text(&client, &url))).await;
        assert!(answers.iter().all(|answer| answer == "/x"));
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.requests), (1, 201));
    })
    .await;
}

/// Go 203 TransportRequestsStallAtServerLimit: calls beyond the server's limit wait for a stream, and one that is given
/// up while it waits holds up nobody.
/// Same as Go.
#[tokio::test]
async fn c203_calls_beyond_the_limit_wait_and_one_may_leave() {
    bounded(async {
        let by_path = |path: &str, _| match path {
            "/held" => Answer::Head,
            _ => Answer::Path,
        };
        let peer = Peer::start(Conduct::new(by_path).streams(2)).await;
        let http2 = Http2 {
            max_connections: Some(1),
            ..Http2::default()
        };
        let client = build(Client::builder().http2_only().http2(http2));
        let held = join_all((0..2).map(|_| client.get(peer.url("/held")).send())).await;
        let waits = || tokio::spawn(client.get(peer.url("/waits")).send());
        let (leaves, stays) = (waits(), waits());
        settle(&client, |now| now.waiting == 2).await;
        leaves.abort();
        settle(&client, |now| now.waiting == 1).await;
        drop(held);
        let answer = stays.await.expect("no panic").expect("an answer");
        assert_eq!(answer.text().await.expect("a body"), "/waits");
        assert_eq!(peer.requests(), 3, "the one that left was not sent");
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}

#[tokio::test]
async fn our_own_limit_on_streams_holds() {
    bounded(async {
        let peer = Peer::start(Conduct::new(|_, _| Answer::Head)).await;
        let http2 = Http2 {
            max_streams: Some(2),
            ..Http2::default()
        };
        let client = build(Client::builder().http2_only().http2(http2));
        let calls = (0..6).map(|_| client.get(peer.url("/")).send());
        let held = join_all(calls).await;
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(totals(&client).active, 3);
    })
    .await;
}

#[tokio::test]
async fn max_requests_per_connection_holds() {
    bounded(async {
        let peer = Peer::start(path()).await;
        let client = build(
            Client::builder()
                .http2_only()
                .max_requests_per_connection(Some(10)),
        );
        for _ in 0..25 {
            text(&client, &peer.url("/")).await;
        }
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.closed_as("used-up")), (3, 2));
    })
    .await;
}

#[tokio::test]
async fn without_keep_alive_nothing_is_kept() {
    bounded(async {
        let peer = Peer::start(path()).await;
        let client = build(Client::builder().http2_only().keep_alive(false));
        for _ in 0..3 {
            text(&client, &peer.url("/")).await;
        }
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.closed_as("pool-off")), (3, 3));
    })
    .await;
}

#[tokio::test]
async fn one_connection_is_enough_ahead_of_need() {
    bounded(async {
        let peer = Peer::start(path()).await;
        let client = client();
        assert_eq!(client.prewarm(&peer.url("/"), 5).expect("a prewarm"), 1);
        settle(&client, |now| now.idle == 1).await;
        text(&client, &peer.url("/")).await;
        assert_eq!(assert_quiet(&client).opened, 1);
    })
    .await;
}
