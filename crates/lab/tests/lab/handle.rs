//! The handle: starting, waiting, changing and stopping a lab.

use std::io::{Read, Write};
use std::net::TcpStream as StdTcpStream;

use keepwarm_lab::{Behaviour, End, Lab, Listen, Script, scenario};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::peer::{Peer, get};

#[test]
fn a_lab_on_its_own_thread_serves_blocking_code() {
    let lab = Lab::spawn_thread(scenario::peer_said_close());
    let mut stream = StdTcpStream::connect(lab.addr()).expect("connects");
    stream.write_all(get("/").as_bytes()).expect("sends");
    let mut all = String::new();
    stream.read_to_string(&mut all).expect("reads");
    assert!(all.ends_with("hello, world\n"));
    lab.wait_for_blocking(|it| it.connection(1).sent_bytes() == all.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_lab_on_its_own_thread_serves_a_test_with_a_paused_clock() {
    let lab = Lab::spawn_thread(Script::new().read_head().wait_for("go").send("ok").close());
    let mut stream = tokio::net::TcpStream::connect(lab.addr())
        .await
        .expect("connects");
    stream.write_all(get("/").as_bytes()).await.expect("sends");
    lab.wait_for(|it| it.reached("go")).await;
    lab.open("go");
    let mut all = String::new();
    stream.read_to_string(&mut all).await.expect("reads");
    assert_eq!(all, "ok");
}

#[tokio::test]
async fn stopping_closes_everything_and_gives_the_transcript() {
    let lab = Lab::start(Behaviour::default()).await;
    let address = lab.addr();
    let mut peer = Peer::connect(&lab).await;
    peer.exchange("/").await;
    let transcript = lab.stop().await;
    peer.closes().await;
    assert_eq!(transcript.counters().open, 0);
    assert_eq!(transcript.connection(1).end(), Some(End::ClosedByLab));
    tokio::net::TcpStream::connect(address)
        .await
        .expect_err("nobody listens");
}

#[test]
fn dropping_a_lab_on_a_thread_closes_everything() {
    let lab = Lab::spawn_thread(Script::new().stall());
    let mut stream = StdTcpStream::connect(lab.addr()).expect("connects");
    lab.wait_for_blocking(|it| it.counters().accepted == 1);
    drop(lab);
    assert_eq!(stream.read(&mut [0]).expect("an end"), 0);
}

#[tokio::test]
async fn a_lab_comes_back_on_the_same_port() {
    let lab = Lab::start(Behaviour::default()).await;
    let address = lab.addr();
    let mut peer = Peer::connect(&lab).await;
    peer.exchange("/").await;
    lab.stop().await;
    let lab = Lab::listen(address, Behaviour::with_body("again"))
        .await
        .expect("the port is free");
    assert_eq!(Peer::connect(&lab).await.exchange("/").await.1, "again");
}

#[tokio::test]
async fn the_plan_can_be_replaced_and_listening_stopped() {
    let lab = Lab::start(Behaviour::with_body("old")).await;
    let mut first = Peer::connect(&lab).await;
    assert_eq!(first.exchange("/").await.1, "old");
    lab.replace(Behaviour::with_body("new"));
    assert_eq!(Peer::connect(&lab).await.exchange("/").await.1, "new");
    assert_eq!(first.exchange("/").await.1, "old");
    lab.stop_listening().await;
    lab.stop_listening().await;
    tokio::net::TcpStream::connect(lab.addr())
        .await
        .expect_err("nobody listens");
    assert_eq!(first.exchange("/").await.1, "old");
}

#[tokio::test]
async fn a_unix_socket_is_served_and_removed() {
    let name = format!("keepwarm-lab-{}.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    let lab = Lab::listen(path.clone(), Behaviour::default())
        .await
        .expect("a socket in the temporary directory");
    assert_eq!(lab.local(), &Listen::Unix(path.clone()));
    assert_eq!(lab.url("/x"), "http://localhost/x");
    let mut stream = tokio::net::UnixStream::connect(&path)
        .await
        .expect("connects");
    stream
        .write_all(b"GET / HTTP/1.0\r\n\r\n")
        .await
        .expect("sends");
    let mut all = String::new();
    stream.read_to_string(&mut all).await.expect("reads");
    assert!(all.ends_with("hello, world\n"));
    assert_eq!(lab.transcript().connection(1).peer, "unix");
    drop(lab);
    assert!(!path.exists());
}

#[tokio::test]
async fn many_connections_are_served_at_once() {
    let lab = Lab::start(Behaviour::default()).await;
    let mut peers = Vec::new();
    for _ in 0..200 {
        peers.push(Peer::connect(&lab).await);
    }
    for peer in &mut peers {
        peer.exchange("/").await;
    }
    assert_eq!(lab.connections().open, 200);
    drop(peers);
    lab.wait_for(|it| it.counters().closed_by_peer == 200).await;
    assert_eq!(lab.transcript().requests().len(), 200);
    assert_eq!(lab.url("/"), format!("http://{}/", lab.addr()));
}

#[tokio::test]
async fn a_transcript_reads_like_a_story() {
    let lab = Lab::start(scenario::peer_said_close()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.exchange("/").await;
    peer.closes().await;
    let transcript = lab.stop().await.to_string();
    let said = transcript
        .lines()
        .filter_map(|line| line.split_once(" ms  "));
    let said = said.map(|(_, what)| what).collect::<Vec<_>>();
    let expected = [
        "accepted",
        "request GET / HTTP/1.1, 0 body bytes",
        "sent 71 bytes in 1 writes",
        "closed by the lab",
    ];
    assert_eq!(said, expected);
}
