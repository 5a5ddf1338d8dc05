//! Bytes that nobody asked for: before the first request, and on idle connections. They are never an answer.

use std::net::SocketAddr;
use std::task::{Context, Waker};
use std::time::Duration;

use keepwarm::dial::{BoxFuture, DialError, Dialed, Dialer};
use keepwarm::reason::{CloseReason, Phase};
use keepwarm::{Client, Error, ErrorKind, Origin, Stream};
use keepwarm_lab::{Lab, Script};
use tokio::net::TcpStream;

use crate::common::{answering, assert_quiet, bounded, build, ok, settle, text};

/// What a server may say to a connection that is idle.
fn strays() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a line end", b"\r\n".to_vec()),
        ("a NUL", b"\0".to_vec()),
        ("half a word", b"HTTP".to_vec()),
        ("the end of chunks", b"0\r\n\r\n".to_vec()),
        (
            "an interim answer",
            b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
        ),
        ("an answer", ok("another's").into_bytes()),
        ("two answers", ok("another's").repeat(2).into_bytes()),
        (
            "half an answer",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nan".to_vec(),
        ),
        ("an answer of 100 kB", ok(&"x".repeat(100_000)).into_bytes()),
        ("something like a 408", b"HTTP/1.1 4080 X\r\n\r\n".to_vec()),
        (
            "a 408 before an answer",
            [
                &b"HTTP/1.1 408 X\r\nContent-Length: 0\r\n\r\n"[..],
                ok("another's").as_bytes(),
            ]
            .concat(),
        ),
    ]
}

#[tokio::test]
async fn whatever_an_idle_connection_says_is_not_the_next_answer() {
    bounded(async {
        for (name, stray) in strays() {
            let length = stray.len() as u64;
            let first = ok("first");
            let said = first.len() as u64;
            let hostile = Script::new()
                .answer(first)
                .wait_for("idle")
                .send(stray)
                .forever(Script::new().answer(ok("another's")));
            // A thread of its own: the client's runtime has not seen the bytes when the next call looks.
            let lab = Lab::spawn_thread([hostile, answering(ok("own"))]);
            let client = Client::new();
            assert_eq!(text(&client, &lab.url("/first")).await, "first", "{name}");
            lab.open("idle");
            lab.wait_for_blocking(|it| it.connection(1).sent_bytes() == said + length);
            // A POST may not be sent twice: only the look before it can save it.
            let call = client.post(lab.url("/next")).body("mine");
            let own = call.send().await.expect(name);
            assert_eq!(own.text().await.expect(name), "own", "{name}");
            let counts = assert_quiet(&client);
            let slugs = ["stray-bytes", "peer-closed-idle"];
            let lost: u64 = slugs.iter().map(|slug| counts.closed_as(slug)).sum();
            assert_eq!((counts.opened, lost), (2, 1), "{name}: {counts:?}");
        }
    })
    .await;
}

/// Hands out connections only once the server has said something on them.
struct SpokenTo {
    first: SocketAddr,
}

impl Dialer for SpokenTo {
    fn dial<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        Box::pin(async move {
            let failed = |error| DialError {
                phase: Phase::Connect,
                error,
                target: self.first.to_string(),
            };
            let stream = TcpStream::connect(self.first).await.map_err(failed)?;
            stream.readable().await.map_err(failed)?;
            Ok(Dialed {
                local: None,
                remote: Some(self.first),
                resolved_in: Duration::ZERO,
                connected_in: Duration::ZERO,
                stream: Stream::from(stream),
            })
        })
    }
}

/// The call failed for what the server said unasked, and not a byte of the request was written.
fn assert_spoke_first(error: &Error, name: &str) {
    assert_eq!(error.kind(), ErrorKind::Protocol, "{name}: {error:?}");
    assert_eq!(error.bytes_written(), 0, "{name}: {error:?}");
    let stray = matches!(error.reason(), Some(CloseReason::StrayBytes { .. }));
    assert!(stray, "{name}: {:?}", error.reason());
}

#[tokio::test]
async fn a_greeting_before_the_first_request_is_no_answer() {
    let greetings: [(&str, &[u8]); 5] = [
        ("SSH", b"SSH-2.0-OpenSSH_9.9\r\n"),
        ("SMTP", b"220 mail.example.com ESMTP\r\n"),
        (
            "MySQL",
            b"J\0\0\0\x0a8.0.36\0\x08\0\0\0\x01\x02\x03\x04\x05",
        ),
        (
            "telnet",
            b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27login: ",
        ),
        (
            "HTTP/2 settings",
            b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\0\0",
        ),
    ];
    bounded(async {
        for (name, greeting) in greetings {
            let hostile = Script::new()
                .send(greeting)
                .forever(Script::new().answer(ok("another's")));
            let lab = Lab::start(hostile).await;
            let client = build(Client::builder().dialer(SpokenTo { first: lab.addr() }));
            for round in 1..=2 {
                let error = client.get(lab.url("/")).send().await.expect_err(name);
                assert_spoke_first(&error, name);
                let counts = assert_quiet(&client);
                assert_eq!((counts.opened, counts.idle), (round, 0), "{name}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_greeting_of_any_length_is_no_answer() {
    bounded(async {
        for length in 1..=32 {
            let hostile = Script::new()
                .send("220 mail ESMTP, and a little more to say".as_bytes()[..length].to_vec())
                .forever(Script::new().answer(ok("another's")));
            let lab = Lab::start(hostile).await;
            let client = build(Client::builder().dialer(SpokenTo { first: lab.addr() }));
            let error = client
                .get(lab.url("/"))
                .send()
                .await
                .expect_err("no answer");
            assert_eq!(error.kind(), ErrorKind::Protocol, "{length}: {error:?}");
            let counts = assert_quiet(&client);
            assert_eq!((counts.opened, counts.idle), (1, 0), "{length}");
        }
    })
    .await;
}

#[tokio::test]
async fn bytes_on_a_connection_that_was_handed_to_a_waiting_call_are_not_its_answer() {
    bounded(async {
        let first = ok("first");
        let stray = ok("another's");
        let said = (first.len() + stray.len()) as u64;
        let hostile = Script::new()
            .answer(first)
            .wait_for("handed over")
            .send(stray)
            .forever(Script::new().answer(ok("another's")));
        let lab = Lab::spawn_thread([hostile, answering(ok("own"))]);
        let client = build(Client::builder().max_conns_per_host(1));
        let holder = client.get(lab.url("/first")).send();
        let mut waiting = Box::pin(client.post(lab.url("/next")).body("mine").send());
        let mut holder = Box::pin(async { holder.await.expect("an answer").text().await });
        let mut cx = Context::from_waker(Waker::noop());
        assert!(holder.as_mut().poll(&mut cx).is_pending());
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        // The first call ends, and its connection goes to the one that waits, which has not run since.
        assert_eq!(holder.await.expect("a body"), "first");
        lab.open("handed over");
        lab.wait_for_blocking(|it| it.connection(1).sent_bytes() == said);
        let own = waiting.await.expect("an answer");
        assert_eq!(own.text().await.expect("a body"), "own");
    })
    .await;
}

#[tokio::test]
async fn an_answer_before_the_first_request_is_no_answer() {
    bounded(async {
        let hostile = Script::new()
            .send(ok("another's"))
            .forever(Script::new().answer(ok("another's")));
        let lab = Lab::start(hostile).await;
        let client = build(Client::builder().dialer(SpokenTo { first: lab.addr() }));
        let error = client
            .get(lab.url("/"))
            .send()
            .await
            .expect_err("no answer");
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
        assert_eq!(assert_quiet(&client).idle, 0);
    })
    .await;
}

#[tokio::test]
async fn an_answer_before_the_first_request_of_a_warmed_connection_is_no_answer() {
    bounded(async {
        let early = ok("another's");
        let said = early.len() as u64;
        let hostile = Script::new()
            .send(early)
            .forever(Script::new().answer(ok("another's")));
        let lab = Lab::spawn_thread([hostile, answering(ok("own"))]);
        let client = Client::new();
        assert_eq!(client.prewarm(&lab.url("/"), 1).expect("an origin"), 1);
        lab.wait_for(|it| {
            it.connections()
                .first()
                .is_some_and(|first| first.sent_bytes() == said)
        })
        .await;
        // It is open and idle, and has said what nobody asked for.
        settle(&client, |now| now.dialing == 0).await;
        assert_eq!(text(&client, &lab.url("/")).await, "own");
    })
    .await;
}
