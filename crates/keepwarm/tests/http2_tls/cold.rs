//! Many calls at once to a server that is not known yet: one pioneer finds out what it speaks.

use keepwarm::Protocol;
use keepwarm::event::EventKind;

use crate::nginx::Nginx;
use crate::peer::{Both, Streams};
use crate::support::{client, finish, join, run, run_on_two_threads, spawn, until};

const CROWD: usize = 100;

/// Go 200 TransportDiscardsUnneededConns: cold calls at once end on one connection.
/// Differs: no other is opened, so none has to be closed.
/// X11: a hundred cold calls to an origin of HTTP/2 make at most two handshakes.
#[test]
fn a_cold_crowd_shares_one_handshake() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], Streams::Answered).await;
        let (client, _) = client(|config| config.tls(both.authority.trusted()));
        let calls = (0..CROWD).map(|_| spawn(client.get(both.url()))).collect();
        for done in join(calls).await {
            assert_eq!(done.body, b"hello");
            assert_eq!(done.connection.protocol(), Protocol::H2);
        }
        assert!(both.handshakes() <= 2, "{}", both.handshakes());
        assert_eq!(both.on_http2(), CROWD);
        let counts = client.stats().total().clone();
        assert_eq!(counts.requests, CROWD as u64, "{counts:?}");
        assert!(counts.opened <= 2, "{counts:?}");
    });
}

/// X11: with nginx too.
#[test]
fn a_cold_crowd_shares_one_handshake_with_nginx_on_two_threads() {
    run_on_two_threads(async {
        let nginx = Nginx::start("ssl http2", "").await;
        let (client, log) = client(|config| config.tls(nginx.authority.trusted()));
        let calls = (0..CROWD).map(|_| spawn(client.get(nginx.url()))).collect();
        for done in join(calls).await {
            assert_eq!(done.body, b"served");
        }
        let opened = log.counted(|kind| matches!(kind, EventKind::Opened { .. }));
        assert!(opened <= 2, "{opened}");
    });
}

#[test]
fn a_cold_crowd_before_an_http1_server_dials_as_often_as_it_needs() {
    run(async {
        let both = Both::start(&["http/1.1"], Streams::Answered).await;
        let (client, log) = client(|config| config.tls(both.authority.trusted()));
        let calls = (0..CROWD).map(|_| spawn(client.get(both.url()))).collect();
        let done = join(calls).await;
        let first = done.iter().filter(|done| done.connection.requests == 1);
        let used = first.count();
        for done in &done {
            assert_eq!(done.body, b"hello");
            assert_eq!(done.connection.protocol(), Protocol::H1);
        }
        assert!(both.handshakes() <= CROWD, "{}", both.handshakes());
        assert!(used > 1, "the others dialed at once: {used}");
        assert_eq!(both.on_http2(), 0);
        // The pioneer is alone until what it finds out is known; then it serves the call that has waited longest.
        let events = log.events();
        let opened = events
            .iter()
            .position(|kind| matches!(kind, EventKind::Opened { .. }));
        let opened = opened.expect("a connection");
        let dials = |kinds: &[EventKind]| {
            let begun = kinds
                .iter()
                .filter(|kind| matches!(kind, EventKind::DialStarted { .. }));
            begun.count()
        };
        assert_eq!(dials(&events[..opened]), 1);
        let EventKind::Opened {
            connection: pioneer,
            ..
        } = &events[opened]
        else {
            unreachable!("it was looked for");
        };
        let taken = events.iter().find_map(|kind| match kind {
            EventKind::CheckedOut { connection, .. } => Some(*connection),
            _ => None,
        });
        assert_eq!(taken, Some(*pioneer), "the first call has the pioneer's");
    });
}

#[test]
fn a_pioneer_that_fails_does_not_hold_up_the_others() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], Streams::Answered).await;
        // Nobody trusts this server: every handshake fails, and every call is told so.
        let stranger = crate::authority::Authority::new();
        let (client, _) = client(|config| config.tls(stranger.trusted()));
        let calls: Vec<_> = (0..10).map(|_| spawn(client.get(both.url()))).collect();
        for call in calls {
            let error = call.await.expect("no panic").expect_err("not trusted");
            assert!(error.to_string().contains("certificate"), "{error}");
        }
        let counts = until(
            || Some(client.stats().total().clone()).filter(|now| now.dialing == 0),
            || format!("{:?}", client.stats()),
        )
        .await;
        assert_eq!((counts.opened, counts.waiting, counts.active), (0, 0, 0));
    });
}

#[test]
fn ahead_of_need_one_connection_is_opened_to_an_http2_server() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], Streams::Answered).await;
        let (client, _) = client(|config| config.tls(both.authority.trusted()));
        let begun = client.prewarm(&both.url(), 5).expect("a prewarm");
        assert_eq!(begun, 1, "what it speaks is not known yet");
        until(
            || Some(()).filter(|()| client.stats().total().idle == 1),
            || format!("{:?}", client.stats()),
        )
        .await;
        let done = finish(client.get(both.url()).send().await.expect("an answer")).await;
        assert_eq!(done.connection.protocol(), Protocol::H2);
        assert_eq!((done.connection.requests, both.handshakes()), (1, 1));
    });
}
