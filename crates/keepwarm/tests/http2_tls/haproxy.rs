//! HAProxy as Debian ships it, before a server of ours: both protocols, resumption, and reloads under load.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::join_all;
use keepwarm::reason::CloseReason;
use keepwarm::{Client, Config, Counts, Protocol};
use keepwarm_lab::{Lab, scenario};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::real_server::{IDENTITY, RealServer};
use crate::restarts::{all_ended_as, none_was_lost, until_more};
use crate::support::{client, finish, ms, run, run_on_two_threads};

const HAPROXY: &str = "/usr/sbin/haproxy";
/// The socket on which the master takes orders.
const MASTER: &str = "master";
/// Settings with which a client speaks one protocol.
type Speak = fn(Config) -> Config;
/// The two that HAProxy offers, each with what a client has to be told to speak it.
const PROTOCOLS: [(Protocol, &str, Speak); 2] = [
    (Protocol::H2, "h2", |config| config),
    (Protocol::H1, "http/1.1", Config::http1_only),
];

/// A master and a worker before the lab, with these lines in its defaults.
async fn start(lab: &Lab, lines: &str) -> RealServer {
    let behind = lab.url("");
    let behind = behind.trim_start_matches("http://").trim_end_matches('/');
    RealServer::start(HAPROXY, Signal::TERM, |place| {
        let (at, port) = (place.folder.display(), place.port);
        // Without `noreuseport` it would share its port with another HAProxy instead of failing.
        let file = place.write(
            "haproxy.cfg",
            &format!(
                "global\n  maxconn 512\n  noreuseport\n\
                 defaults\n  mode http\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n{lines}\n\
                 frontend tls\n  bind 127.0.0.1:{port} ssl crt {at}/{IDENTITY} alpn h2,http/1.1\n\
                 \x20 default_backend lab\n\
                 backend lab\n  server lab {behind}\n"
            ),
        );
        let socket = place.folder.join(MASTER).into();
        vec!["-W".into(), "-S".into(), socket, "-f".into(), file.into()]
    })
    .await
}

/// Waits until the master has reloaded so often and takes orders again: it forgets a signal that comes too early.
async fn reloaded(haproxy: &RealServer, times: u32) {
    let socket = haproxy.path(MASTER);
    loop {
        let told = async {
            let mut master = UnixStream::connect(&socket).await?;
            master.write_all(b"show proc\n").await?;
            master.shutdown().await?;
            let mut told = String::new();
            master.read_to_string(&mut told).await?;
            std::io::Result::Ok(told)
        };
        // It drops those who ask while it reloads.
        let told = told.await.unwrap_or_default();
        let master = told.lines().find(|line| line.contains("master"));
        let count = master.and_then(|line| line.split_whitespace().nth(2)?.parse::<u32>().ok());
        if count.is_some_and(|count| count >= times) {
            return;
        }
        tokio::time::sleep(ms(1)).await;
    }
}

async fn get(client: &Client, url: &str, protocol: Protocol) {
    let response = client.get(url).send().await.expect("none is lost");
    let done = finish(response).await;
    assert_eq!(done.status, 200);
    assert_eq!(done.connection.protocol(), protocol);
}

#[test]
fn haproxy_serves_a_thousand_calls_on_one_connection_of_either_protocol() {
    run(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let haproxy = start(&lab, "").await;
        for (protocol, alpn, speak) in PROTOCOLS {
            let (client, log) = client(|it| speak(it).tls(haproxy.authority.trusted()));
            for round in 1..=1000 {
                let response = client.get(haproxy.url()).send().await.expect("an answer");
                let done = finish(response).await;
                assert_eq!(done.connection.protocol(), protocol);
                assert_eq!(done.connection.requests, round);
                let tls = done.connection.tls().expect("https");
                assert_eq!(tls.alpn.as_deref(), Some(alpn));
            }
            let counts = client.stats().total().clone();
            assert_eq!((counts.opened, counts.reused), (1, 999), "{counts:?}");
            assert_eq!(log.endings(), [], "{alpn}");
        }
        assert_eq!(lab.connections().requests, 2000);
    });
}

#[test]
fn haproxy_resumes_the_session_of_the_connection_before_on_either_protocol() {
    run(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let haproxy = start(&lab, "").await;
        for (protocol, alpn, speak) in PROTOCOLS {
            let (client, _) = client(|it| speak(it).tls(haproxy.authority.trusted()));
            let mut resumed = Vec::new();
            for _ in 0..3 {
                let response = client.get(haproxy.url()).send().await.expect("an answer");
                let done = finish(response).await;
                assert_eq!(done.connection.protocol(), protocol);
                resumed.push(done.connection.tls().expect("https").resumed);
                client.close_idle();
            }
            assert_eq!(resumed, [false, true, true], "{alpn}");
        }
    });
}

#[test]
fn haproxy_that_closes_an_idle_connection_is_seen_on_either_protocol() {
    run(async {
        let lab = Lab::start(scenario::well_behaved()).await;
        let haproxy = start(&lab, "  timeout http-keep-alive 1s").await;
        for (protocol, alpn, speak) in PROTOCOLS {
            let (client, log) = client(|it| speak(it).tls(haproxy.authority.trusted()));
            get(&client, &haproxy.url(), protocol).await;
            let reason = log.closed(1).await[0].closed.reason;
            let CloseReason::PeerClosedIdle { idle, .. } = reason else {
                panic!("{alpn}: {reason:?}");
            };
            assert!(idle > ms(800), "{alpn}: {idle:?}");
            get(&client, &haproxy.url(), protocol).await;
            let counts = client.stats().total().clone();
            assert_eq!((counts.opened, counts.sent_again()), (2, 0), "{counts:?}");
        }
    });
}

/// `GET`s from 20 lanes while HAProxy is reloaded three times, each time until that has shown; what became of them.
async fn reloaded_under_load(protocol: Protocol, speak: Speak) -> Counts {
    let lab = Lab::start(scenario::well_behaved()).await;
    let haproxy = start(&lab, "").await;
    let (client, log) = client(|it| speak(it).tls(haproxy.authority.trusted()));
    let (url, done, over) = (haproxy.url(), AtomicUsize::new(0), AtomicBool::new(false));
    let lanes = join_all((0..20).map(|_| async {
        while !over.load(Ordering::SeqCst) {
            get(&client, &url, protocol).await;
            done.fetch_add(1, Ordering::SeqCst);
        }
    }));
    let reloads = async {
        for times in 0..3 {
            reloaded(&haproxy, times).await;
            until_more(&done, 300).await;
            let before = log.endings().len();
            haproxy.signal(Signal::USR2);
            log.closed(before + 1).await;
        }
        reloaded(&haproxy, 3).await;
        until_more(&done, 300).await;
        over.store(true, Ordering::SeqCst);
    };
    tokio::join!(lanes, reloads);
    none_was_lost("reloads", &client, &log, done)
}

#[test]
fn a_reload_of_haproxy_under_load_loses_none_on_http2_and_every_end_is_a_go_away() {
    run_on_two_threads(async {
        let counts = reloaded_under_load(Protocol::H2, |config| config).await;
        all_ended_as(&counts, &["go-away"]);
    });
}

#[test]
fn a_reload_of_haproxy_under_load_loses_none_on_http1_and_every_end_is_told_as_the_servers() {
    run_on_two_threads(async {
        let counts = reloaded_under_load(Protocol::H1, Config::http1_only).await;
        // It says so where it answers, and just closes what is idle; a request that crosses that is sent again.
        all_ended_as(&counts, &["peer-said-close", "peer-closed-idle"]);
    });
}
