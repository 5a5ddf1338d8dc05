//! What an encrypted connection may say while it is idle, and what not.

use std::sync::Arc;

use keepwarm::event::EventKind;
use keepwarm::reason::{CloseReason, Miss};
use rustls::version;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

use crate::authority::Authority;
use crate::server::{End, HELLO, TlsServer, config, config_of};
use crate::support::{client, finish, run};

#[test]
fn peer_closed_idle_is_seen_at_once_when_close_notify_comes() {
    run(async {
        let authority = Authority::new();
        let hang_up = Arc::new(Notify::new());
        let told = Arc::clone(&hang_up);
        // The socket stays open: close_notify alone must do.
        let server = TlsServer::start(config(&authority.issue(&["localhost"])), move |mut it| {
            let told = Arc::clone(&told);
            async move {
                it.request().await;
                it.say(HELLO).await;
                told.notified().await;
                it.stream.get_mut().1.send_close_notify();
                drop(it.stream.flush().await);
                it.request().await;
            }
        })
        .await;
        let (client, log) = client(|config| config.tls(authority.trusted()));
        let call = client.get(server.url("/")).send().await;
        drop(finish(call.expect("an answer")).await);
        hang_up.notify_one();
        let end = log.closed(1).await[0];
        assert!(
            matches!(end.closed.reason, CloseReason::PeerClosedIdle { .. }),
            "{end:?}"
        );
        assert_eq!(server.end(0).await, End::CloseNotify);
    });
}

/// Go 52 TLSServerClosesConnection: a TLS server that answers and goes: the answer is whole, the next call recovers.
/// Same as Go.
#[test]
fn a_close_notify_that_comes_with_the_answer_closes_the_connection_then() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::start(config(&authority.issue(&["localhost"])), async |mut it| {
            it.request().await;
            let session = it.stream.get_mut().1;
            std::io::Write::write_all(&mut session.writer(), HELLO.as_bytes()).expect("room");
            session.send_close_notify();
            drop(it.stream.flush().await);
            it.request().await;
        })
        .await;
        let (client, log) = client(|config| config.tls(authority.trusted()));
        for id in 1..=2 {
            let call = client.get(server.url("/")).send().await;
            let done = finish(call.expect("an answer")).await;
            assert_eq!(
                (done.body.as_slice(), done.connection.id.0),
                (&b"hello"[..], id)
            );
            let closed = done
                .reuse
                .reasons()
                .iter()
                .any(|reason| matches!(reason, CloseReason::PeerClosedIdle { .. }));
            assert!(closed, "{:?}", done.reuse);
        }
        assert_eq!(log.closed(2).await.len(), 2);
    });
}

#[test]
fn tickets_and_key_updates_while_idle_are_harmless() {
    run(async {
        let authority = Authority::new();
        let update = Arc::new(Notify::new());
        let done = Arc::new(Notify::new());
        let (told, tells) = (Arc::clone(&update), Arc::clone(&done));
        let identity = authority.issue(&["localhost"]);
        let mut config = config_of(&identity, &[&version::TLS13]);
        config.send_tls13_tickets = 6;
        let server = TlsServer::start(config, move |mut it| {
            let (told, tells) = (Arc::clone(&told), Arc::clone(&tells));
            async move {
                // The tickets are out by now, and the client was over with its handshake before them.
                tells.notify_one();
                it.request().await;
                it.say(HELLO).await;
                told.notified().await;
                it.stream.get_mut().1.refresh_traffic_keys().expect("1.3");
                drop(it.stream.flush().await);
                tells.notify_one();
                it.serve(HELLO).await;
            }
        })
        .await;
        let (client, log) = client(|config| config.tls(authority.trusted()));
        assert_eq!(client.prewarm(&server.url("/"), 1).expect("room"), 1);
        let parked = |kind: &EventKind| matches!(kind, EventKind::Opened { .. });
        log.count(1, parked).await;
        done.notified().await;
        for round in 1..=4 {
            let call = client.get(server.url("/")).send().await;
            let answer = finish(call.expect("an answer")).await;
            assert_eq!(answer.connection.requests, round, "{:?}", log.endings());
            if round == 1 {
                update.notify_one();
                done.notified().await;
            }
        }
        assert_eq!(log.dialed_for(), [Miss::Prewarm]);
        assert_eq!(server.seen().len(), 1);
    });
}

#[test]
fn stray_bytes_within_tls_are_never_the_next_answer() {
    run(async {
        let authority = Authority::new();
        let server = TlsServer::start(config(&authority.issue(&["localhost"])), async |mut it| {
            if it.index == 0 {
                it.request().await;
                it.say(HELLO).await;
                it.say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen")
                    .await;
            }
            it.serve(HELLO).await;
        })
        .await;
        let (client, log) = client(|config| config.tls(authority.trusted()));
        let call = client.get(server.url("/")).send().await;
        assert_eq!(finish(call.expect("an answer")).await.body, b"hello");
        let end = log.closed(1).await[0];
        assert!(
            matches!(end.closed.reason, CloseReason::StrayBytes { bytes: 44 }),
            "{end:?}"
        );
        let call = client.get(server.url("/")).send().await;
        assert_eq!(finish(call.expect("an answer")).await.body, b"hello");
    });
}

#[test]
fn a_farewell_408_within_tls_is_a_close() {
    run(async {
        let authority = Authority::new();
        let parked = Arc::new(Notify::new());
        let told = Arc::clone(&parked);
        let server = TlsServer::start(config(&authority.issue(&["localhost"])), move |mut it| {
            let told = Arc::clone(&told);
            async move {
                it.request().await;
                it.say(HELLO).await;
                told.notified().await;
                it.say("HTTP/1.1 408 Request Timeout\r\n\r\n").await;
                it.request().await;
            }
        })
        .await;
        let (client, log) = client(|config| config.tls(authority.trusted()));
        let call = client.get(server.url("/")).send().await;
        drop(finish(call.expect("an answer")).await);
        parked.notify_one();
        let reason = log.closed(1).await[0].closed.reason;
        assert!(
            matches!(reason, CloseReason::PeerClosedIdle { .. }),
            "{reason:?}"
        );
    });
}
