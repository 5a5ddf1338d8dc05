//! Calls that ask to switch to another protocol: HTTP/2 has no way to, so they speak HTTP/1.1 beside it.

use keepwarm::{Client, ErrorKind, Protocol, RequestBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::peer::{Both, Streams};
use crate::support::{client, finish, join, run, spawn};

fn asking(client: &Client, url: &str, protocol: &str) -> RequestBuilder {
    let call = client.get(url).header("Connection", "keep-alive, Upgrade");
    call.header("Upgrade", protocol)
}

async fn echoes(response: keepwarm::Response) {
    assert_eq!(response.status(), 101);
    assert_eq!(response.connection().protocol(), Protocol::H1);
    let alpn = response.connection().tls().expect("https").alpn.clone();
    assert_eq!(alpn.as_deref(), Some("http/1.1"));
    let mut upgraded = response.into_upgraded().expect("the connection");
    upgraded.write_all(b"ping").await.expect("it is open");
    upgraded.flush().await.expect("it is open");
    let mut back = [0; 4];
    upgraded.read_exact(&mut back).await.expect("an echo");
    assert_eq!(&back, b"ping");
}

/// Go 128 WebSocket: a request to switch to a WebSocket is sent over HTTP/1.1 to a server of HTTP/2 too.
/// Differs: so is a request to switch to anything else.
#[test]
fn a_call_that_asks_to_switch_speaks_http1_beside_a_shared_connection() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], Streams::Answered).await;
        let (client, _) = client(|config| config.tls(both.authority.trusted()));
        let first = finish(client.get(both.url()).send().await.expect("an answer")).await;
        assert_eq!(first.connection.protocol(), Protocol::H2);
        for _ in 0..2 {
            let call = asking(&client, &both.url(), "echo").send();
            echoes(call.await.expect("a switch")).await;
        }
        // The shared connection is as it was, and the only one of its kind.
        let calls = (0..10).map(|_| spawn(client.get(both.url()))).collect();
        for done in join(calls).await {
            assert_eq!(done.connection.id, first.connection.id);
        }
        assert_eq!(both.handshakes(), 3);
        let stats = client.stats();
        assert_eq!(stats.origins().len(), 1, "one origin: {stats:?}");
        let counts = stats.total();
        assert_eq!((counts.opened, counts.requests), (3, 13));
        assert_eq!(counts.closed_as("switched-protocols"), 2);
        let origin = stats.origin(&both.url()).expect("it was called");
        assert_eq!(&origin.counts, counts);
    });
}

#[test]
fn a_cold_call_that_asks_to_switch_does_not_decide_for_the_others() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], Streams::Answered).await;
        let (client, _) = client(|config| config.tls(both.authority.trusted()));
        let call = asking(&client, &both.url(), "echo").send();
        echoes(call.await.expect("a switch")).await;
        let next = finish(client.get(both.url()).send().await.expect("an answer")).await;
        assert_eq!(next.connection.protocol(), Protocol::H2);
        assert_eq!(both.on_http2(), 1);
    });
}

#[test]
fn a_connection_whose_server_did_not_switch_serves_the_next_that_asks() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], Streams::Answered).await;
        let (client, _) = client(|config| config.tls(both.authority.trusted()));
        for round in 1..=3_u64 {
            let call = asking(&client, &both.url(), "another").send();
            let done = finish(call.await.expect("an answer")).await;
            assert_eq!((done.status.as_u16(), &done.body[..]), (200, &b"hello"[..]));
            assert_eq!(done.connection.requests, round);
        }
        let other = finish(client.get(both.url()).send().await.expect("an answer")).await;
        assert_eq!(other.connection.protocol(), Protocol::H2);
        assert_eq!(client.stats().total().opened, 2);
        client.close_idle();
        assert_eq!(client.stats().total().idle, 0);
    });
}

#[test]
fn a_client_of_http2_alone_refuses_to_switch() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], Streams::Answered).await;
        let (client, _) = client(|config| config.http2_only().tls(both.authority.trusted()));
        let error = asking(&client, &both.url(), "echo").send().await;
        let error = error.expect_err("it cannot be done");
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains("http2_only"), "{error}");
        assert_eq!(both.handshakes(), 0);
    });
}
