//! Which protocol is spoken, and what it is when one side wants only one of them.

use keepwarm::event::EventKind;
use keepwarm::{ErrorKind, Protocol};

use crate::nginx::Nginx;
use crate::peer::{Both, Streams};
use crate::support::{client, finish, run};

#[test]
fn nginx_serves_a_thousand_calls_on_one_connection() {
    run(async {
        let nginx = Nginx::start("ssl http2", "keepalive_requests 10000;").await;
        let (client, _) = client(|config| config.tls(nginx.authority.trusted()));
        for round in 1..=1000_u32 {
            let response = client.get(nginx.url()).send().await.expect("an answer");
            assert_eq!(response.version(), http::Version::HTTP_2);
            let done = finish(response).await;
            assert_eq!(done.body, b"served");
            assert_eq!(done.connection.protocol(), Protocol::H2);
            assert_eq!(done.connection.requests, u64::from(round));
            assert_eq!(done.connection.stream(), Some(2 * round - 1));
            let tls = done.connection.tls().expect("https");
            assert_eq!(tls.alpn.as_deref(), Some("h2"));
        }
        let counts = client.stats().total().clone();
        assert_eq!(
            (counts.opened, counts.requests, counts.reused, counts.idle),
            (1, 1000, 999, 1)
        );
    });
}

#[test]
fn the_event_of_its_opening_tells_what_a_connection_speaks() {
    run(async {
        let nginx = Nginx::start("ssl http2", "").await;
        for (protocol, alpn) in [(Protocol::H1, "http/1.1"), (Protocol::H2, "h2")] {
            let (client, log) = client(|config| {
                let config = config.tls(nginx.authority.trusted());
                match protocol {
                    Protocol::H1 => config.http1_only(),
                    Protocol::H2 => config,
                }
            });
            let response = client.get(nginx.url()).send().await.expect("an answer");
            let done = finish(response).await;
            let told = log.events().into_iter().find_map(|kind| match kind {
                EventKind::Opened {
                    protocol, tls, via, ..
                } => Some((protocol, tls, via)),
                _ => None,
            });
            let (spoken, tls, via) = told.expect("it was opened");
            let tls = tls.expect("https");
            assert_eq!((spoken, via), (protocol, None));
            assert_eq!(Some(&*tls), done.connection.tls());
            assert_eq!((tls.alpn.as_deref(), tls.resumed), (Some(alpn), false));
        }
    });
}

#[test]
fn nginx_is_spoken_to_in_http1_when_that_is_what_is_wanted() {
    run(async {
        let nginx = Nginx::start("ssl http2", "").await;
        let (client, _) = client(|config| config.http1_only().tls(nginx.authority.trusted()));
        for _ in 0..3 {
            let response = client.get(nginx.url()).send().await.expect("an answer");
            let done = finish(response).await;
            assert_eq!(done.connection.protocol(), Protocol::H1);
            assert_eq!(done.connection.stream(), None);
            let tls = done.connection.tls().expect("https");
            assert_eq!(tls.alpn.as_deref(), Some("http/1.1"));
        }
        assert_eq!(client.stats().total().opened, 1);
    });
}

#[test]
fn a_server_without_http2_is_named_as_that_when_nothing_else_is_wanted() {
    run(async {
        let nginx = Nginx::start("ssl", "").await;
        let (client, _) = client(|config| config.http2_only().tls(nginx.authority.trusted()));
        let error = client.get(nginx.url()).send().await.expect_err("no HTTP/2");
        assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
        // nginx hangs up with an alert of its own.
        let text = error.to_string();
        assert!(
            text.contains("speaks none of the protocols that were offered"),
            "{text}"
        );
        assert_eq!(client.stats().total().opened, 0);
    });
}

#[test]
fn a_server_that_chooses_nothing_is_named_as_that_when_http2_alone_is_wanted() {
    run(async {
        let both = Both::start(&[], Streams::Answered).await;
        let (client, _) = client(|config| config.http2_only().tls(both.authority.trusted()));
        let error = client.get(both.url()).send().await.expect_err("no HTTP/2");
        assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
        assert!(
            error.to_string().contains("does not speak HTTP/2"),
            "{error}"
        );
    });
}

#[test]
fn a_server_that_offers_nothing_is_spoken_to_in_http1() {
    run(async {
        let both = Both::start(&[], Streams::Answered).await;
        let (client, _) = client(|config| config.tls(both.authority.trusted()));
        let response = client.get(both.url()).send().await.expect("an answer");
        let done = finish(response).await;
        assert_eq!(done.connection.protocol(), Protocol::H1);
        assert_eq!(done.connection.tls().expect("https").alpn, None);
    });
}
