//! nginx as Debian ships it, with TLS.

use keepwarm::reason::CloseReason;
use keepwarm::tls::TlsVersion;

use crate::nginx_server::Nginx;
use crate::support::{client, finish, ms, run};

#[test]
fn nginx_serves_a_thousand_calls_on_one_encrypted_connection() {
    run(async {
        let nginx = Nginx::start("ssl", "keepalive_requests 10000;").await;
        let (client, _) = client(|config| config.tls(nginx.authority.trusted()));
        for round in 1..=1000 {
            let response = client.get(nginx.url()).send().await.expect("an answer");
            let done = finish(response).await;
            assert_eq!(done.body, b"served");
            assert_eq!(done.connection.requests, round);
        }
    });
}

#[test]
fn nginx_resumes_the_session_of_the_connection_before_in_both_versions() {
    run(async {
        for (protocol, version) in [("TLSv1.2", TlsVersion::V1_2), ("TLSv1.3", TlsVersion::V1_3)] {
            let nginx = Nginx::start("ssl", &format!("ssl_protocols {protocol};")).await;
            let (client, _) = client(|config| config.tls(nginx.authority.trusted()));
            let mut resumed = Vec::new();
            for _ in 0..3 {
                let response = client.get(nginx.url()).send().await.expect("an answer");
                let done = finish(response).await;
                let tls = done.connection.tls().expect("https").clone();
                assert_eq!(tls.version, version);
                resumed.push(tls.resumed);
                client.close_idle();
            }
            assert_eq!(resumed, [false, true, true], "{protocol}");
        }
    });
}

#[test]
fn nginx_that_closes_an_idle_connection_is_seen() {
    run(async {
        let nginx = Nginx::start("ssl", "keepalive_timeout 1s;").await;
        let (client, log) = client(|config| config.tls(nginx.authority.trusted()));
        let response = client.get(nginx.url()).send().await.expect("an answer");
        drop(finish(response).await);
        let reason = log.closed(1).await[0].closed.reason;
        let CloseReason::PeerClosedIdle { idle, .. } = reason else {
            panic!("{reason:?}");
        };
        assert!(idle > ms(800), "{idle:?}");
    });
}

#[test]
fn nginx_that_speaks_plain_http_there_is_named_as_that() {
    run(async {
        let nginx = Nginx::start("", "").await;
        let (client, _) = client(|config| config.tls(nginx.authority.trusted()));
        let error = client.get(nginx.url()).send().await.expect_err("no TLS");
        assert!(error.to_string().contains("plain HTTP"), "{error}");
    });
}
