//! One connection for all, handshakes that are resumed, and connections that the server closes while they are idle.

use futures_util::future::join_all;
use keepwarm::Protocol;
use keepwarm::reason::CloseReason;

use crate::nginx::Nginx;
use crate::support::{client, finish, ms, run};

#[test]
fn nginx_serves_a_thousand_calls_on_one_connection() {
    run(async {
        let nginx = Nginx::start("ssl http2", "keepalive_requests 10000;").await;
        let (client, log) = client(|config| config.tls(nginx.authority.trusted()));
        let url = nginx.url();
        join_all((0..10).map(|_| async {
            for _ in 0..100 {
                let response = client.get(&url).send().await.expect("an answer");
                let done = finish(response).await;
                assert_eq!(done.body, b"served");
                assert_eq!(done.connection.protocol(), Protocol::H2);
            }
        }))
        .await;
        let counts = client.stats().total().clone();
        assert_eq!((counts.opened, counts.reused), (1, 999), "{counts:?}");
        assert_eq!(log.endings(), []);
    });
}

#[test]
fn a_resumed_handshake_keeps_http2() {
    run(async {
        for protocol in ["TLSv1.2", "TLSv1.3"] {
            let nginx = Nginx::start("ssl http2", &format!("ssl_protocols {protocol};")).await;
            let (client, _) = client(|config| config.tls(nginx.authority.trusted()));
            let mut resumed = Vec::new();
            for _ in 0..3 {
                let response = client.get(nginx.url()).send().await.expect("an answer");
                let done = finish(response).await;
                assert_eq!(done.connection.protocol(), Protocol::H2);
                let tls = done.connection.tls().expect("https");
                assert_eq!(tls.alpn.as_deref(), Some("h2"));
                resumed.push(tls.resumed);
                client.close_idle();
            }
            assert_eq!(resumed, [false, true, true], "{protocol}");
        }
    });
}

#[test]
fn nginx_that_closes_an_idle_connection_is_seen_and_learned_from() {
    run(async {
        let nginx = Nginx::start("ssl http2", "keepalive_timeout 1s;").await;
        let (client, log) = client(|config| config.tls(nginx.authority.trusted()));
        for round in 1..=3 {
            let response = client.get(nginx.url()).send().await.expect("an answer");
            let done = finish(response).await;
            assert_eq!(done.retries, []);
            assert_eq!(done.connection.requests, 1, "a new connection");
            let reason = log.closed(round).await[round - 1].closed.reason;
            let CloseReason::PeerClosedIdle { idle, .. } = reason else {
                panic!("{reason:?}");
            };
            assert!(idle > ms(800), "{idle:?}");
            assert!(idle < ms(5000), "{idle:?}");
        }
        let stats = client.stats();
        let origin = stats.origin(&nginx.url()).expect("it was called");
        let learned = origin.idle_timeout.expect("an estimate");
        println!("learned of nginx: {learned:?}");
        assert_eq!(origin.counts.closed_as("peer-closed-idle"), 3);
    });
}
