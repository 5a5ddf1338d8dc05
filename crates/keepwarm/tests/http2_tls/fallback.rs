//! `HTTP_1_1_REQUIRED`: the server wants HTTP/1.1 after all (RFC 9113 §7).

use h2::Reason;
use keepwarm::Protocol;
use keepwarm::reason::{Again, Retry};

use crate::peer::{Both, Streams};
use crate::support::{client, finish, join, run, spawn};

fn required() -> Streams {
    Streams::Reset(Reason::HTTP_1_1_REQUIRED)
}

#[test]
fn a_call_that_must_be_http1_is_sent_again_as_that() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], required()).await;
        let (client, _) = client(|config| config.tls(both.authority.trusted()));
        // A POST: the server's word counts, whatever the method.
        let call = client.post(both.url()).body("x").send();
        let done = finish(call.await.expect("an answer")).await;
        assert_eq!(done.body, b"hello");
        assert_eq!(done.connection.protocol(), Protocol::H1);
        assert_eq!(done.retries, [Retry::Again(Again::RefusedStream)]);
        for _ in 0..3 {
            let call = client.get(both.url()).send();
            let done = finish(call.await.expect("an answer")).await;
            assert_eq!(done.connection.protocol(), Protocol::H1);
            assert_eq!(done.retries, [], "at once");
        }
        assert_eq!(both.on_http2(), 1);
        assert_eq!(both.handshakes(), 2);
        let alpn: Vec<_> = both
            .server
            .seen()
            .into_iter()
            .map(|seen| seen.alpn)
            .collect();
        assert_eq!(alpn[0].as_deref(), Some("h2"));
        assert_eq!(alpn[1].as_deref(), Some("http/1.1"));
    });
}

#[test]
fn a_crowd_that_must_be_http1_loses_nothing() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], required()).await;
        let (client, _) = client(|config| config.tls(both.authority.trusted()));
        let calls = (0..30).map(|_| spawn(client.get(both.url()))).collect();
        for done in join(calls).await {
            assert_eq!(done.body, b"hello");
            assert_eq!(done.connection.protocol(), Protocol::H1);
        }
        let counts = client.stats().total().clone();
        assert_eq!((counts.active, counts.waiting, counts.dialing), (0, 0, 0));
    });
}

#[test]
fn a_client_that_wants_http2_alone_is_told() {
    run(async {
        let both = Both::start(&["h2", "http/1.1"], required()).await;
        let (client, _) = client(|config| config.http2_only().tls(both.authority.trusted()));
        let error = client.get(both.url()).send().await.expect_err("no HTTP/2");
        assert!(error.to_string().contains("HTTP_1_1_REQUIRED"), "{error}");
    });
}
