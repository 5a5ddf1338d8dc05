//! Time and count limits on streams and their connections.

use std::time::Duration;

use keepwarm::http2::Http2;
use keepwarm::reason::{Limit, Phase};
use keepwarm::{Client, ErrorKind};
use keepwarm_lab::{Lab, Script};

use crate::common::{SHORT, assert_quiet, assert_timeout, bounded, build, settle, text};
use crate::peer::{Answer, Conduct, Peer};

fn by_path(path: &str, _: usize) -> Answer {
    match path {
        "/silent" => Answer::Silence,
        "/head" => Answer::Head,
        _ => Answer::Path,
    }
}

#[tokio::test]
async fn a_silent_stream_ends_at_its_limit_and_its_connection_lives() {
    bounded(async {
        let peer = Peer::start(Conduct::new(by_path)).await;
        let limits = Client::builder().http2_only();
        let client = build(
            limits
                .response_header_timeout(SHORT)
                .read_idle_timeout(SHORT),
        );
        text(&client, &peer.url("/")).await;
        let error = client.get(peer.url("/silent")).send().await.unwrap_err();
        assert_timeout(&error, Limit::ResponseHeader, Phase::Wait);
        let response = client.get(peer.url("/head")).send().await.expect("a head");
        let error = response.bytes().await.unwrap_err();
        assert_timeout(&error, Limit::ReadIdle, Phase::Receive);
        text(&client, &peer.url("/")).await;
        let counts = assert_quiet(&client);
        assert_eq!((counts.opened, counts.idle), (1, 1));
    })
    .await;
}

/// Go 207 TransportCloseAfterLostPing: a PING that is not answered ends the connection and its calls.
/// Same as Go.
#[tokio::test]
async fn a_dead_connection_is_found_by_a_ping() {
    bounded(async {
        // It says its settings, and never a word again.
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0_u8];
        let lab = Lab::start(Script::new().send(settings).hang()).await;
        let http2 = Http2 {
            ping_after: Some(SHORT),
            ping_timeout: SHORT,
            ..Http2::default()
        };
        let client = build(Client::builder().http2_only().http2(http2));
        let error = client.get(lab.url("/")).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
        assert_eq!(error.limit(), Some(Limit::Ping), "{error:?}");
        settle(&client, |now| now.closed_as("timed-out") == 1).await;
    })
    .await;
}

#[tokio::test]
async fn a_live_but_slow_server_survives_the_pings() {
    bounded(async {
        let peer = Peer::start(Conduct::new(by_path)).await;
        let http2 = Http2 {
            ping_after: Some(Duration::from_millis(20)),
            ping_timeout: Duration::from_secs(10),
            ..Http2::default()
        };
        let builder = Client::builder().http2_only().http2(http2);
        let client = build(builder.response_header_timeout(Duration::from_millis(400)));
        let error = client.get(peer.url("/silent")).send().await.unwrap_err();
        assert_timeout(&error, Limit::ResponseHeader, Phase::Wait);
        assert_eq!(assert_quiet(&client).idle, 1, "the connection answered");
    })
    .await;
}

#[tokio::test]
async fn an_idle_connection_closes_at_our_limit_and_says_goodbye() {
    bounded(async {
        let peer = Peer::start(Conduct::new(by_path)).await;
        let client = build(Client::builder().http2_only().idle_timeout(SHORT));
        text(&client, &peer.url("/")).await;
        let counts = settle(&client, |now| now.idle == 0).await;
        assert_eq!(counts.closed_as("idle-too-long"), 1);
    })
    .await;
}

/// Go 211 TransportUnusedConnIdleTimoutBeforeUse: a connection that expired before its first call is replaced, and the
/// call knows nothing of it.
/// Same as Go.
#[tokio::test]
async fn c211_a_connection_that_expired_unused_is_replaced() {
    bounded(async {
        let peer = Peer::start(Conduct::new(by_path)).await;
        let client = build(Client::builder().http2_only().idle_timeout(SHORT));
        assert_eq!(client.prewarm(&peer.url("/"), 1).expect("a dial"), 1);
        settle(&client, |now| now.closed_as("idle-too-long") == 1).await;
        let response = client.get(peer.url("/a")).send().await.expect("an answer");
        assert_eq!(response.retries(), []);
        assert_eq!(response.connection().requests, 1);
        assert_eq!(response.text().await.expect("a body"), "/a");
        assert_eq!(assert_quiet(&client).opened, 2);
    })
    .await;
}

#[tokio::test]
async fn shutdown_waits_for_streams_and_closes_the_rest() {
    bounded(async {
        let peer = Peer::start(Conduct::new(by_path)).await;
        let client = build(Client::builder().http2_only());
        let response = client.get(peer.url("/head")).send().await.expect("a head");
        let (report, ()) = tokio::join!(client.shutdown(Duration::from_secs(10)), async {
            tokio::task::yield_now().await;
            drop(response);
        });
        assert_eq!(
            (report.finished, report.still_running),
            (1, 0),
            "{report:?}"
        );
        let counts = assert_quiet(&client);
        assert_eq!(
            (counts.idle, counts.closed_as("shut-down")),
            (0, 1),
            "{counts:?}"
        );
        assert!(client.get(peer.url("/")).send().await.is_err());
    })
    .await;
}

#[test]
fn settings_that_could_serve_nobody_are_refused() {
    for http2 in [
        Http2 {
            max_streams: Some(0),
            ..Http2::default()
        },
        Http2 {
            max_connections: Some(0),
            ..Http2::default()
        },
        Http2 {
            stream_window: 1,
            ..Http2::default()
        },
        Http2 {
            connection_window: u32::MAX,
            ..Http2::default()
        },
    ] {
        let error = Client::builder().http2(http2).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    }
}
