//! The server of Go's net/http, as Go has it by default: both protocols, resumption, and `Server.Shutdown` under load.

use std::io::BufRead;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::join_all;
use keepwarm::reason::CloseReason;
use keepwarm::{Client, Config, Counts, Protocol};

use crate::go_server::GoServer;
use crate::restarts::{all_ended_as, none_was_lost, until_more};
use crate::support::{Done, client, finish, ms, run, run_on_two_threads};

/// Longer than any test.
const LONG: &str = "60s";
const LANES: usize = 20;
/// Settings with which a client speaks one protocol.
type Speak = fn(Config) -> Config;
/// The two that Go offers, as it names them.
const PROTOCOLS: [(Protocol, &[u8], Speak); 2] = [
    (Protocol::H2, b"HTTP/2.0", |config| config),
    (Protocol::H1, b"HTTP/1.1", Config::http1_only),
];

async fn get(client: &Client, url: &str) -> Done {
    finish(client.get(url).send().await.expect("none is lost")).await
}

#[test]
fn go_serves_a_thousand_calls_on_one_connection_of_either_protocol() {
    run(async {
        let (server, _words) = GoServer::start(LONG);
        for (protocol, named, speak) in PROTOCOLS {
            let (client, log) = client(|it| speak(it).tls(server.authority.trusted()));
            for round in 1..=1000 {
                let done = get(&client, &server.url()).await;
                assert_eq!(done.body, named);
                assert_eq!(done.connection.protocol(), protocol);
                assert_eq!(done.connection.requests, round);
            }
            let counts = client.stats().total().clone();
            assert_eq!((counts.opened, counts.reused), (1, 999), "{counts:?}");
            assert_eq!(log.endings(), []);
        }
    });
}

#[test]
fn go_resumes_the_session_of_the_connection_before_on_either_protocol() {
    run(async {
        let (server, _words) = GoServer::start(LONG);
        for (protocol, _, speak) in PROTOCOLS {
            let (client, _) = client(|it| speak(it).tls(server.authority.trusted()));
            let mut resumed = Vec::new();
            for _ in 0..3 {
                let done = get(&client, &server.url()).await;
                assert_eq!(done.connection.requests, 1);
                resumed.push(done.connection.tls().expect("https").resumed);
                client.close_idle();
            }
            assert_eq!(resumed, [false, true, true], "{protocol:?}");
        }
    });
}

#[test]
fn go_that_closes_an_idle_connection_is_seen_on_either_protocol() {
    run(async {
        let (server, _words) = GoServer::start("1s");
        for (protocol, _, speak) in PROTOCOLS {
            let (client, log) = client(|it| speak(it).tls(server.authority.trusted()));
            get(&client, &server.url()).await;
            let reason = log.closed(1).await[0].closed.reason;
            let CloseReason::PeerClosedIdle { idle, .. } = reason else {
                panic!("{protocol:?}: {reason:?}");
            };
            assert!(idle > ms(800), "{protocol:?}: {idle:?}");
            assert_eq!(get(&client, &server.url()).await.connection.requests, 1);
        }
    });
}

/// `GET`s from many lanes while the server is shut down three times for a successor; what became of them.
async fn shut_down_under_load(speak: Speak) -> Counts {
    let (mut server, said) = GoServer::start(LONG);
    let (client, log) = client(|it| speak(it).tls(server.authority.trusted()));
    let (url, done, over) = (server.url(), AtomicUsize::new(0), AtomicBool::new(false));
    let lanes = join_all((0..LANES).map(|_| async {
        while !over.load(Ordering::SeqCst) {
            assert_eq!(get(&client, &url).await.status, 200);
            done.fetch_add(1, Ordering::SeqCst);
        }
    }));
    let shutdowns = async {
        let mut words = said.lines();
        for generation in 1..=3 {
            until_more(&done, 300).await;
            server.hand_over();
            // Said when the last connection of the one before is gone, which the load does not keep from ending.
            let reading = tokio::task::spawn_blocking(move || (words.next(), words));
            let (line, rest) = reading.await.expect("no panic");
            words = rest;
            let line = line.expect("a line").expect("text");
            assert_eq!(line, generation.to_string());
        }
        over.store(true, Ordering::SeqCst);
    };
    tokio::join!(lanes, shutdowns);
    none_was_lost("shutdowns", &client, &log, done)
}

#[test]
fn a_shutdown_of_go_under_load_loses_none_on_http2_and_every_end_is_a_go_away() {
    run_on_two_threads(async {
        let counts = shut_down_under_load(|config| config).await;
        all_ended_as(&counts, &["go-away"]);
    });
}

#[test]
fn a_shutdown_of_go_under_load_loses_none_on_http1_and_every_end_is_told_as_the_servers() {
    run_on_two_threads(async {
        let counts = shut_down_under_load(Config::http1_only).await;
        all_ended_as(&counts, &["peer-said-close", "peer-closed-idle"]);
    });
}
