//! Which version is spoken with whom, what nobody has to ask for, and limits over shared connections.

use keepwarm::reason::CloseReason;
use keepwarm::{Config, Protocol};

use crate::peer::{Both, Streams};
use crate::support::dialers::{Dealt, Fate, Fates};
use crate::support::{client, finish, join, ms, run, spawn, until};

const SERVERS: [&[&str]; 4] = [&["h2", "http/1.1"], &["http/1.1"], &["h2"], &[]];

/// The version that a client with these settings speaks with each of [`SERVERS`]; none: the call fails.
async fn spoken(change: impl Fn(Config) -> Config) -> Vec<Option<Protocol>> {
    let mut all = Vec::new();
    for protocols in SERVERS {
        let both = Both::start(protocols, Streams::Answered).await;
        let (client, _) = client(|config| change(config).tls(both.authority.trusted()));
        all.push(match client.get(both.url()).send().await {
            Ok(response) => Some(finish(response).await.connection.protocol()),
            Err(error) => {
                assert!(error.is_connect(), "{error:?}");
                None
            }
        });
    }
    all
}

/// Go 198 TransportServerProtocols: what client and server may speak decides what is spoken, or that nothing is.
/// Same as Go.
#[test]
fn c198_what_both_may_speak_is_spoken() {
    run(async {
        let (h1, h2) = (Some(Protocol::H1), Some(Protocol::H2));
        assert_eq!(spoken(|config| config).await, [h2, h1, h2, h1]);
        let only_http1 = spoken(Config::http1_only).await;
        assert_eq!(only_http1, [h1, h1, None, h1]);
        let only_http2 = spoken(Config::http2_only).await;
        assert_eq!(only_http2, [h2, None, h2, None]);
    });
}

/// Go 199 TransportAutomaticHTTP2: HTTP/2 needs no asking for.
/// Differs: nor with a dialer or TLS settings of one's own, for which Go must be told to try it.
#[test]
fn c199_http2_needs_no_asking_for_whatever_else_is_set() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], Streams::Answered).await;
        let trusted = || both.authority.trusted();
        let dialer = Dealt(Fates::deal([]));
        let (usual, _) = client(|config| config.tls(trusted()));
        let (dialing, _) = client(|config| config.tls(trusted()).dialer(dialer));
        let (pinned, _) =
            client(|config| config.tls(trusted().server_name("localhost".to_owned())));
        for client in [usual, dialing, pinned] {
            let response = client.get(both.url()).send().await.expect("an answer");
            assert_eq!(finish(response).await.connection.protocol(), Protocol::H2);
        }
    });
}

/// Go 204 DontCacheBrokenHTTP2Conn: a connection that fails right behind its TLS handshake is not pooled.
/// Same as Go.
#[test]
fn c204_a_connection_that_fails_behind_its_handshake_is_not_pooled() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], Streams::AnsweredFrom(4)).await;
        let (client, _) = client(|config| config.tls(both.authority.trusted()));
        for dials in 1..=4 {
            let error = client.get(both.url()).send().await.expect_err("it hung up");
            assert!(error.is_connect(), "{error:?}");
            assert_eq!(both.handshakes(), dials);
            assert_eq!(client.stats().total().idle, 0);
        }
        let done = finish(client.get(both.url()).send().await.expect("an answer")).await;
        assert_eq!(done.connection.protocol(), Protocol::H2);
        assert_eq!(both.handshakes(), 5);
    });
}

/// Go 205 TransportDecrementConnWhenIdleConnRemoved: three hundred calls at once under a cap of one connection.
/// Same as Go.
#[test]
fn c205_three_hundred_calls_at_once_under_a_cap_of_one() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], Streams::Answered).await;
        let (client, _) =
            client(|config| config.tls(both.authority.trusted()).max_conns_per_host(1));
        let calls = (0..300).map(|_| spawn(client.get(both.url()))).collect();
        for done in join(calls).await {
            assert_eq!(done.body, b"hello");
        }
        client.close_idle();
        let calls = (0..300).map(|_| spawn(client.get(both.url()))).collect();
        join(calls).await;
        let counts = client.stats().total().clone();
        assert_eq!((counts.opened, counts.requests), (2, 600), "{counts:?}");
        assert_eq!((counts.idle, counts.active, counts.waiting), (1, 0, 0));
    });
}

/// Go 206 IdleConnH2Crash: a dial that its call gave up on, and the idle timeout, do no harm.
/// Same as Go.
#[test]
fn c206_a_dial_given_up_lands_and_expires_in_peace() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], Streams::Answered).await;
        let fates = Fates::deal([Fate::Waits]);
        let dialer = Dealt(fates.clone());
        let (client, log) = client(|config| {
            let config = config.tls(both.authority.trusted()).dialer(dialer);
            config.idle_timeout(ms(30))
        });
        let call = spawn(client.get(both.url()));
        until(
            || (fates.started() == 1).then_some(()),
            || "no dial".to_owned(),
        )
        .await;
        call.abort();
        assert!(call.await.is_err_and(|error| error.is_cancelled()));
        fates.release(1);
        let end = log.closed(1).await[0];
        let expired = matches!(end.closed.reason, CloseReason::IdleTooLong { .. });
        assert!(expired, "{end:?}");
        let done = finish(client.get(both.url()).send().await.expect("an answer")).await;
        assert_eq!((done.connection.id.0, done.connection.requests), (2, 1));
    });
}
