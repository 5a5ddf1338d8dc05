//! `HTTP_1_1_REQUIRED`: the server wants HTTP/1.1 after all (RFC 9113 §7). 421: it wants the request on another
//! connection (RFC 9110 §15.5.20).

use h2::Reason;
use keepwarm::reason::{Again, CloseReason, Retry, Stop};
use keepwarm::{Protocol, RequestBody, RetryPolicy};

use crate::peer::{Both, Streams};
use crate::support::{client, finish, join, run, spawn};

/// Both versions are offered.
async fn both(streams: Streams) -> Both {
    Both::start(&["h2", "http/1.1"], streams).await
}

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
        assert_eq!(done.retries, [Retry::Again(Again::Http1Required)]);
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

/// A `GOAWAY` with that code means the same, for the request that it meets and for all after it.
#[test]
fn http1_required() {
    run(async {
        let both = both(Streams::GoAway(Reason::HTTP_1_1_REQUIRED)).await;
        let (client, log) = client(|config| config.tls(both.authority.trusted()));
        let call = client.post(both.url()).body("x").send();
        let done = finish(call.await.expect("an answer")).await;
        assert_eq!(done.body, b"hello");
        assert_eq!(done.connection.protocol(), Protocol::H1);
        assert_eq!(done.retries, [Retry::Again(Again::Http1Required)]);
        let end = log.closed(1).await[0].closed;
        assert_eq!(end.reason, CloseReason::Http1Required);
        let done = finish(client.get(both.url()).send().await.expect("an answer")).await;
        assert_eq!(done.connection.protocol(), Protocol::H1);
        assert!(done.connection.reused);
        assert_eq!((both.on_http2(), both.handshakes()), (1, 2));
        let retried = client.stats().total().clone().retries;
        assert_eq!(retried.len(), 1, "{retried:?}");
    });
}

#[test]
fn a_server_that_wants_http1_before_any_request_gets_it() {
    run(async {
        let both = both(Streams::Closed(Reason::HTTP_1_1_REQUIRED)).await;
        let (client, _) = client(|config| config.tls(both.authority.trusted()));
        let calls = (0..10).map(|_| spawn(client.post(both.url()).body("x")));
        for done in join(calls.collect()).await {
            assert_eq!(done.body, b"hello");
            assert_eq!(done.connection.protocol(), Protocol::H1);
        }
        assert_eq!(both.on_http2(), 0);
    });
}

#[test]
fn a_server_that_wants_http1_from_now_on_gets_it() {
    run(async {
        let both = both(Streams::AnsweredAndGoAway(Reason::HTTP_1_1_REQUIRED)).await;
        let (client, log) = client(|config| config.tls(both.authority.trusted()));
        let done = finish(client.get(both.url()).send().await.expect("an answer")).await;
        assert_eq!(done.connection.protocol(), Protocol::H2);
        let end = log.closed(1).await[0].closed;
        assert_eq!(end.reason, CloseReason::Http1Required);
        let done = finish(client.get(both.url()).send().await.expect("an answer")).await;
        assert_eq!(done.connection.protocol(), Protocol::H1);
        assert_eq!((done.retries.len(), both.on_http2()), (0, 1));
    });
}

#[test]
fn a_client_that_wants_http2_alone_is_told_by_a_go_away_too() {
    run(async {
        for streams in [Streams::GoAway, Streams::Closed] {
            let both = both(streams(Reason::HTTP_1_1_REQUIRED)).await;
            let (client, _) = client(|config| config.http2_only().tls(both.authority.trusted()));
            let error = client.get(both.url()).send().await.expect_err("no HTTP/2");
            assert!(error.to_string().contains("HTTP_1_1_REQUIRED"), "{error}");
            assert_eq!(error.reason(), Some(&CloseReason::Http1Required));
            assert_eq!(both.handshakes(), 1);
        }
    });
}

/// A request that was misdirected goes out once more, on another connection, whatever its method.
#[test]
fn misdirected() {
    run(async {
        let both = both(Streams::MisdirectedAtFirst(1)).await;
        let (client, log) = client(|config| config.tls(both.authority.trusted()));
        let call = client.post(both.url()).body("x").send();
        let done = finish(call.await.expect("an answer")).await;
        assert_eq!((done.status.as_u16(), &done.body[..]), (200, &b"hello"[..]));
        assert_eq!(done.connection.protocol(), Protocol::H2);
        assert_eq!(done.retries, [Retry::Again(Again::Misdirected)]);
        let end = log.closed(1).await[0].closed;
        assert_eq!(end.reason, CloseReason::Misdirected);
        assert_eq!((both.on_http2(), both.handshakes()), (2, 2));
    });
}

/// The second 421 is the caller's; and while that is the server's word, calls do not cost a connection each.
#[test]
fn a_server_that_misdirects_everything_gets_no_connection_for_each_call() {
    run(async {
        let both = both(Streams::MisdirectedAtFirst(usize::MAX)).await;
        let (client, _) = client(|config| config.tls(both.authority.trusted()));
        let mut told = Vec::new();
        for _ in 0..5 {
            let done = finish(client.get(both.url()).send().await.expect("an answer")).await;
            assert_eq!((done.status.as_u16(), &done.body[..]), (421, &b"hello"[..]));
            told.push(done.retries);
        }
        let (again, stop) = (Retry::Again(Again::Misdirected), Retry::Stop(Stop::Budget));
        assert_eq!(told[0], [again, stop]);
        assert!(told[1..].iter().all(|it| it[..] == [stop]), "{told:?}");
        assert_eq!((both.on_http2(), both.handshakes()), (6, 2));
    });
}

#[test]
fn a_misdirected_request_that_cannot_be_repeated_is_not() {
    run(async {
        let both = both(Streams::MisdirectedAtFirst(2)).await;
        let (client, _) = client(|config| config.tls(both.authority.trusted()));
        let body = RequestBody::stream(http_body_util::Full::new(bytes::Bytes::from("x")));
        let call = client.post(both.url()).body(body).send();
        let done = finish(call.await.expect("an answer")).await;
        assert_eq!(done.status, 421);
        assert_eq!(done.retries, [Retry::Stop(Stop::NotReplayable)]);
        assert!(done.reuse.is_keep());

        let (client, _) = crate::support::client(|config| {
            let config = config.retry(RetryPolicy::Never);
            config.tls(both.authority.trusted())
        });
        let done = finish(client.get(both.url()).send().await.expect("an answer")).await;
        assert_eq!(done.status, 421);
        assert_eq!(done.retries, [Retry::Stop(Stop::Policy)]);
    });
}
