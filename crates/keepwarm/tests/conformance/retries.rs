//! Section C of the matrix, and X4: connections that died, and which requests are sent again.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::Method;
use keepwarm::reason::{Again, Retry, Stop};
use keepwarm::{Client, ErrorKind, RequestBody};
use keepwarm_lab::{Behaviour, IdleEnd, Lab, Script, scenario};

use crate::common::{assert_quiet, bounded, build, fed, is_quiet, ok, settle, text, totals};
use crate::streams::{Counted, Kind, Opens, READ_ERROR, Uses};
use crate::support::dialers::Fragile;
use crate::support::{Rig, run};

/// Go 49 TransportRemovesDeadIdleConnections: a FIN on an idle connection empties the pool without any request; a
/// POST then works.
/// Same as Go.
#[test]
fn c049_a_dead_idle_connection_goes_by_itself() {
    run(async {
        let rig = Rig::start(scenario::idle_close_at("close")).await;
        let post = async || {
            let response = rig.post("/echo").body("mine").send().await;
            response.expect("an answer").text().await.expect("a body")
        };
        assert_eq!(post().await, "mine");
        rig.lab.open("close");
        rig.until(|it| it.idle == 0).await;
        rig.lab.shut("close");
        assert_eq!(post().await, "mine");
        assert_eq!(rig.counts().retries, []);
        assert_eq!(rig.lab.connections().accepted, 2);
    });
}

/// Go 50 TransportServerClosingUnexpectedly: a GET after the server reset its idle connections works on a new one.
/// Same as Go.
#[test]
fn c050_a_get_after_a_reset_works() {
    run(async {
        let rig = Rig::start(Behaviour {
            idle_end: IdleEnd::Reset,
            ..scenario::idle_close_at("close")
        })
        .await;
        rig.fetch("/").await;
        assert!(rig.fetch("/").await.connection.reused);
        rig.lab.open("close");
        rig.lab.wait_for(|it| it.counters().reset_by_lab == 1).await;
        rig.lab.shut("close");
        let done = rig.fetch("/").await;
        assert_eq!((done.status.as_u16(), done.connection.id.0), (200, 2));
    });
}

/// Go 51 StressSurpriseServerCloses: 20 times 25 requests to a server that closes behind each answer it promised to
/// stay for: every call returns.
/// Same as Go.
#[tokio::test]
async fn c051_surprising_closes_hang_nothing() {
    bounded(async {
        let lab = Lab::spawn_thread(scenario::max_requests_silent(1));
        let client = Client::new();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (client, url) = (client.clone(), lab.url("/"));
            tasks.spawn(async move {
                let mut answered = 0;
                for _ in 0..25 {
                    let exchange = async { client.get(&url).send().await?.bytes().await };
                    answered += u32::from(exchange.await.is_ok());
                }
                answered
            });
        }
        let mut answered = 0;
        while let Some(task) = tasks.join_next().await {
            answered += task.expect("no panic");
        }
        assert!(answered > 250, "{answered} of 500");
        settle(&client, |now| is_quiet(now) && now.idle == 0).await;
        assert_quiet(&client);
        lab.wait_for(|it| it.counters().open == 0).await;
    })
    .await;
}

/// Go 53 TransportIssue10457: an answer that promises to stay, and a close right behind it, leak nothing.
/// Same as Go.
#[tokio::test]
async fn c053_a_close_right_behind_an_answer_leaks_nothing() {
    bounded(async {
        let lab = Lab::start(Script::new().answer(ok("")).close()).await;
        let client = Client::new();
        for _ in 0..10 {
            assert_eq!(text(&client, &lab.url("/")).await, "");
        }
        settle(&client, |now| now.idle == 0).await;
        let counts = assert_quiet(&client);
        assert_eq!(lab.connections().open, 0);
        assert_eq!(lab.connections().accepted, counts.opened);
    })
    .await;
}

/// Go 54 RetryRequestsOnError: on a used connection that takes not one byte, every method with a body that can be
/// made again is sent again, reaches the server once and gets its own answer.
/// Same as Go.
/// X3: so does a POST that must not be repeated, every time.
#[test]
fn c054_nothing_written_is_always_sent_again() {
    run(async {
        let lab = Lab::start(Behaviour::default()).await;
        let broken = Arc::new(AtomicBool::new(false));
        let dialer = Fragile {
            address: lab.addr(),
            broken: Arc::clone(&broken),
        };
        let (client, log) = crate::support::client(|it| it.dialer(dialer));
        let rig = Rig { lab, client, log };
        rig.fetch("/").await;
        for round in 0..50 {
            for (method, body) in [
                (Method::GET, ""),
                (Method::GET, "with a body"),
                (Method::DELETE, ""),
                (Method::POST, "once"),
            ] {
                broken.store(true, Ordering::SeqCst);
                let target = format!("/{method}/{}/{round}", body.len());
                let call = rig.client.request(method.clone(), rig.lab.url(&target));
                let response = call.body(body).send().await.expect("an answer");
                let again = Retry::Again(Again::NothingWritten);
                assert_eq!(response.retries(), [again], "{target}");
                response.bytes().await.expect("a body");
                let transcript = rig.lab.transcript();
                assert_eq!(transcript.requests_for(&target), 1);
                let last = *transcript.requests().last().expect("it");
                assert_eq!(last.body, body.as_bytes());
            }
        }
    });
}

/// Go 56 TransportRequestReplayable: GET, HEAD, OPTIONS, TRACE, and what carries an idempotency key, are sent again.
/// Same as Go.
#[test]
fn c056_which_requests_are_sent_again() {
    run(async {
        let key = Some("Idempotency-Key");
        let own = Some("X-Idempotency-Key");
        for (method, header, again) in [
            (Method::GET, None, true),
            (Method::HEAD, None, true),
            (Method::OPTIONS, None, true),
            (Method::TRACE, None, true),
            (Method::POST, key, true),
            (Method::POST, own, true),
            (Method::PATCH, key, true),
            (Method::POST, None, false),
            (Method::PUT, None, false),
            (Method::DELETE, None, false),
        ] {
            let rig = Rig::start(scenario::close_instead_of_answer(2)).await;
            rig.fetch("/").await;
            let mut call = rig.client.request(method.clone(), rig.lab.url("/once"));
            if let Some(name) = header {
                call = call.header(name, "4711");
            }
            match call.send().await {
                Ok(response) => {
                    assert!(again, "{method} {header:?}");
                    let race = Retry::Again(Again::IdleCloseRace);
                    assert_eq!(response.retries(), [race]);
                }
                Err(error) => {
                    assert!(!again, "{method} {header:?} {error:?}");
                    assert_eq!(error.retries(), [Retry::Stop(Stop::NotReplayable)]);
                }
            }
            let sent = if again { 2 } else { 1 };
            assert_eq!(rig.lab.transcript().requests_for("/once"), sent);
        }
    });
}

/// Go 56 TransportRequestReplayable: a body that can be read only once is not sent again, whatever the key says.
/// Same as Go.
#[test]
fn c056_a_body_that_streams_is_not_sent_again() {
    run(async {
        let rig = Rig::start(scenario::close_instead_of_answer(2)).await;
        rig.fetch("/").await;
        let uses = Uses::default();
        let call = rig.post("/once").header("Idempotency-Key", "4711");
        let call = call.body(RequestBody::stream(Counted::of(1000, &uses)));
        let error = call.send().await.expect_err("it cannot be repeated");
        assert_eq!(error.retries(), [Retry::Stop(Stop::NotReplayable)]);
        assert_eq!(uses.let_go(), 1);
        assert_eq!(rig.lab.transcript().requests_for("/once"), 1);
    });
}

/// Go 57 TransportBodyReadError: a body that fails on a used connection is not sent again; it is asked once and let go
/// once.
/// Same as Go.
#[test]
fn c057_a_body_that_fails_is_asked_once() {
    run(async {
        let rig = Rig::start(Behaviour::default()).await;
        rig.fetch("/").await;
        let uses = Uses::default();
        let body = RequestBody::stream(Counted::failing(&uses));
        let error = rig.post("/").body(body).send().await.unwrap_err();
        let source = std::error::Error::source(&error).expect("the body's own error");
        assert_eq!(source.to_string(), "the disk is gone");
        assert!(
            !error
                .retries()
                .iter()
                .any(|it| matches!(it, Retry::Again(_))),
            "{error:?}"
        );
        assert_eq!((uses.asked(), uses.let_go()), (1, 1));
    });
}

/// Go 58 ConnClosedBeforeRequestIsWritten: a connection that is dead before a byte is written: an error, after few
/// dials, and the body is let go.
/// Same as Go.
#[tokio::test]
async fn c058_a_connection_dead_from_the_start_is_an_error() {
    bounded(async {
        let dialer = Opens::new(Kind::Dead);
        let client = build(Client::builder().dialer(dialer.clone()));
        let (feed, stream) = fed(Some(4));
        feed.data("mine");
        let call = client.post("http://dead.test/");
        let error = call.body(RequestBody::stream(stream)).send().await;
        assert!(!error.unwrap_err().was_reused());
        feed.let_go().await;
        assert!((1..=4).contains(&dialer.dials()), "{}", dialer.dials());
        settle(&client, is_quiet).await;
        assert_quiet(&client);
    })
    .await;
}

/// Go 62 TransportReturnsPeekError: the error of a dialled stream is the source of the call's.
/// Same as Go.
#[tokio::test]
async fn c062_the_streams_own_error_is_told() {
    bounded(async {
        let dialer = Opens::new(Kind::FailsReading);
        let client = build(Client::builder().dialer(dialer.clone()));
        let error = client.get("http://cheese.test/").send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        let source = std::error::Error::source(&error).expect("the stream's own error");
        assert_eq!(source.to_string(), READ_ERROR);
        assert_eq!(dialer.dials(), 1);
        assert_eq!(assert_quiet(&client).idle, 0);
    })
    .await;
}

/// Go 63 TransportPersistConnLeakNeverIdle: a server that closes every connection leaves none behind.
/// Same as Go.
#[tokio::test]
async fn c063_a_server_that_always_closes_leaves_nothing_behind() {
    bounded(async {
        let lab = Lab::start(scenario::peer_said_close()).await;
        let client = Client::new();
        for _ in 0..50 {
            let response = client.post(lab.url("/")).body("mine").send().await;
            response.expect("an answer").bytes().await.expect("a body");
            let now = totals(&client);
            assert_eq!((now.idle, now.active), (0, 0));
        }
        lab.wait_for(|it| it.counters().open == 0).await;
        assert_eq!(assert_quiet(&client).opened, 50);
    })
    .await;
}

/// Go 64 TransportPersistConnLeak: 25 calls at once, then close-idle: as many tasks as before.
/// Same as Go.
#[tokio::test]
async fn c064_no_task_is_left() {
    bounded(async {
        let lab = Lab::spawn_thread(Behaviour::default());
        let client = Client::new();
        let tasks = || {
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks()
        };
        text(&client, &lab.url("/")).await;
        client.close_idle();
        settle(&client, |now| now.idle == 0).await;
        let before = tasks();
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..25 {
            let call = client.get(lab.url("/bytes/10000")).send();
            calls.spawn(async move { call.await?.bytes().await });
        }
        while let Some(call) = calls.join_next().await {
            assert_eq!(call.expect("no panic").expect("a body").len(), 10_000);
        }
        settle(&client, is_quiet).await;
        client.close_idle();
        lab.wait_for(|it| it.counters().open == 0).await;
        let back = || (tasks() <= before).then_some(());
        crate::support::until(back, || format!("{} tasks, not {before}", tasks())).await;
    })
    .await;
}

/// How many connections have been parked by the client, and how many ended by the server.
#[derive(Default)]
struct Rounds {
    parked: AtomicU64,
    ended: AtomicU64,
}

fn wait(count: &AtomicU64, wanted: u64) {
    while count.load(Ordering::SeqCst) < wanted {
        std::thread::yield_now();
    }
}

/// Answers one POST on each connection, and ends the connection once it is parked: by FIN, and by RST.
fn ends_when_parked(listener: &TcpListener, rounds: u64, seen: &Rounds) {
    for round in 1..=rounds {
        let (mut stream, _) = listener.accept().expect("the client");
        let mut request = Vec::new();
        let mut bytes = [0; 1024];
        while !request.ends_with(b"\r\n\r\nmine") {
            let count = stream.read(&mut bytes).expect("a request");
            assert!(count > 0, "the client went away");
            request.extend_from_slice(&bytes[..count]);
        }
        let sent = stream.write_all(ok("yours").as_bytes());
        sent.expect("the client reads");
        wait(&seen.parked, round);
        end(stream, round % 2 == 0);
        seen.ended.store(round, Ordering::SeqCst);
    }
}

fn end(stream: TcpStream, reset: bool) {
    if reset {
        let linger = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        linger.expect("a socket option");
    }
    drop(stream);
}

/// X4: a FIN or RST that the kernel has seen before the connection is taken fails no POST, in 2 000 rounds.
#[tokio::test]
async fn x04_an_end_the_kernel_has_seen_fails_no_post() {
    const ROUNDS: u64 = 2000;
    bounded(async {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let rounds = Arc::new(Rounds::default());
        let seen = Arc::clone(&rounds);
        let server = std::thread::spawn(move || ends_when_parked(&listener, ROUNDS, &seen));
        let client = Client::new();
        for round in 1..=ROUNDS {
            let response = client.post(&url).body("mine").send().await;
            let response = response.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
            assert_eq!(response.retries(), []);
            assert_eq!(response.text().await.expect("a body"), "yours");
            rounds.parked.store(round, Ordering::SeqCst);
            // The thread of the runtime stands: nobody but the kernel knows of the end.
            wait(&rounds.ended, round);
        }
        server.join().expect("no panic");
        settle(&client, |now| now.idle == 0).await;
        let counts = assert_quiet(&client);
        assert_eq!(counts.closed_as("peer-closed-idle"), ROUNDS, "{counts:?}");
    })
    .await;
}
