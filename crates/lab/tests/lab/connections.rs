//! Behaviours: how long a connection lives, and how it ends.

use std::time::Duration;

use keepwarm_lab::{Behaviour, ConnectionHeader, End, Entry, Lab, Pause, Which, scenario};

use crate::peer::{Peer, get};

#[tokio::test]
async fn close_is_announced_and_done_on_the_request_it_is_said_for() {
    let lab = Lab::start(Behaviour {
        connection: ConnectionHeader::Close(Which::Only(2)),
        ..Behaviour::default()
    })
    .await;
    let mut peer = Peer::connect(&lab).await;
    assert!(!peer.exchange("/").await.0.contains("Connection"));
    assert!(peer.exchange("/").await.0.contains("Connection: close\r\n"));
    peer.closes().await;
}

#[tokio::test]
async fn close_can_be_announced_and_not_done() {
    let mut behaviour = scenario::peer_said_close();
    behaviour.stays_open = true;
    let lab = Lab::start(behaviour).await;
    let mut peer = Peer::connect(&lab).await;
    for _ in 0..2 {
        assert!(peer.exchange("/").await.0.contains("Connection: close\r\n"));
    }
}

#[tokio::test]
async fn a_request_that_asks_to_close_is_obeyed_unless_told_otherwise() {
    for (request, obeys) in [
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", true),
        ("GET / HTTP/1.0\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
    ] {
        let lab = Lab::start(Behaviour {
            obeys_close: obeys,
            ..Behaviour::default()
        })
        .await;
        let mut peer = Peer::connect(&lab).await;
        peer.send(request).await;
        let (head, _) = peer.answer().await;
        if obeys && !request.contains("Keep-Alive") {
            assert!(head.contains("Connection: close\r\n"), "{request}");
            peer.closes().await;
        } else {
            assert!(!head.contains("Connection"), "{request}");
            peer.exchange("/again").await;
        }
    }
}

#[tokio::test]
async fn http10_closes_unless_it_says_keep_alive() {
    let lab = Lab::start(scenario::http10()).await;
    let mut peer = Peer::connect(&lab).await;
    let (head, _) = peer.exchange("/").await;
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n"));
    peer.closes().await;

    let lab = Lab::start(scenario::http10_keep_alive()).await;
    let mut peer = Peer::connect(&lab).await;
    for _ in 0..2 {
        let (head, _) = peer.exchange("/").await;
        assert!(head.contains("Connection: keep-alive\r\n"));
    }
}

#[tokio::test]
async fn a_body_without_length_ends_with_the_connection() {
    let lab = Lab::start(scenario::close_delimited()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(get("/")).await;
    let (all, end) = peer.rest().await;
    end.expect("a FIN");
    assert_eq!(all, "HTTP/1.1 200 OK\r\n\r\nhello, world\n");
}

#[tokio::test]
async fn the_last_of_so_many_requests_is_announced_or_not() {
    for (behaviour, announced) in [
        (scenario::max_requests(2), true),
        (scenario::max_requests_silent(2), false),
    ] {
        let lab = Lab::start(behaviour).await;
        let mut peer = Peer::connect(&lab).await;
        assert!(!peer.exchange("/").await.0.contains("Connection"));
        let (last, _) = peer.exchange("/").await;
        assert_eq!(last.contains("Connection: close\r\n"), announced);
        peer.closes().await;
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_when_its_time_is_up_and_not_before() {
    let idle = Duration::from_millis(20);
    let lab = Lab::start(scenario::idle_timeout(idle)).await;
    let mut peer = Peer::connect(&lab).await;
    peer.exchange("/").await;
    peer.closes().await;
    let transcript = lab.transcript();
    let record = transcript.connection(1);
    let mut entries = record.entries.iter();
    let sent = entries.find(|timed| matches!(timed.entry, Entry::Sent { .. }));
    let idled = record.ended_at().expect("an end") - sent.expect("an answer").at;
    assert!(idled >= idle, "{idled:?}");
    assert_eq!(lab.connections().closed_by_lab, 1);
}

#[tokio::test(start_paused = true)]
async fn the_idle_time_is_exact_to_the_millisecond() {
    let idle = Duration::from_secs(5);
    let lab = Lab::start(scenario::announced_idle_timeout(idle)).await;
    let mut peer = Peer::connect(&lab).await;
    peer.stream.set_nodelay(true).expect("a socket");
    let (head, _) = peer.exchange("/").await;
    assert!(head.contains("Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n"));
    let start = tokio::time::Instant::now();
    lab.wait_for(|it| it.connection(1).end() == Some(End::ClosedByLab))
        .await;
    let waited = start.elapsed();
    assert!(waited <= idle + Duration::from_millis(1), "{waited:?}");
    assert!(waited >= idle - Duration::from_millis(1), "{waited:?}");
}

#[tokio::test]
async fn a_gate_closes_an_idle_connection() {
    let lab = Lab::start(scenario::idle_close_at("close")).await;
    let mut peer = Peer::connect(&lab).await;
    peer.exchange("/").await;
    lab.open("close");
    peer.closes().await;
}

#[tokio::test]
async fn an_idle_connection_may_end_with_a_reset_or_a_408() {
    let idle = Duration::from_millis(5);
    let lab = Lab::start(scenario::reset_on_idle(idle)).await;
    let mut peer = Peer::connect(&lab).await;
    peer.exchange("/").await;
    peer.resets().await;
    assert_eq!(lab.connections().reset_by_lab, 1);

    let lab = Lab::start(scenario::timeout_408_on_idle(idle)).await;
    let mut peer = Peer::connect(&lab).await;
    peer.exchange("/").await;
    let (rest, end) = peer.rest().await;
    end.expect("a FIN");
    assert!(rest.starts_with("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_close_that_travels_is_a_reset_for_who_asks_meanwhile() {
    let [idle, travels] = [20, 10].map(Duration::from_millis);
    let lab = Lab::start(scenario::distant_idle_timeout(idle, travels)).await;
    let mut silent = Peer::connect(&lab).await;
    silent.exchange("/").await;
    let mut late = Peer::connect(&lab).await;
    late.exchange("/").await;
    tokio::time::sleep(idle + travels / 2).await;
    late.send(get("/")).await;
    late.resets().await;
    silent.closes().await;
    assert_eq!(lab.transcript().requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_first_request_is_closed() {
    let lab = Lab::start(Behaviour {
        first_request_timeout: Some(Duration::from_millis(5)),
        ..Behaviour::default()
    })
    .await;
    Peer::connect(&lab).await.closes().await;
    let mut second = Peer::connect(&lab).await;
    second.exchange("/").await;
    // Its first request has come: only the idle timeout would close it now.
    second.exchange("/delay/10").await;
    second.exchange("/").await;
}

#[tokio::test]
async fn stray_bytes_come_while_idle() {
    let lab = Lab::start(scenario::stray_bytes_while_idle(Pause::gate("stray"))).await;
    let mut peer = Peer::connect(&lab).await;
    peer.exchange("/").await;
    lab.open("stray");
    assert_eq!(peer.answer().await.1, "wrong");
    assert_eq!(peer.exchange("/").await.1, "hello, world\n");
}

#[tokio::test]
async fn the_sending_side_closes_after_the_first_answer() {
    let lab = Lab::start(scenario::half_close()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.exchange("/").await;
    peer.closes().await;
    peer.send(get("/ignored")).await;
    drop(peer);
    lab.wait_for(|it| it.connection(1).end() == Some(End::PeerClosed))
        .await;
    assert_eq!(lab.connections().requests, 1);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let lab = Lab::start(Behaviour::default()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(get("/bytes/1") + &get("/bytes/2") + "\r\n" + &get("/bytes/3"))
        .await;
    for expected in ["a", "ab", "abc"] {
        assert_eq!(peer.answer().await.1, expected);
    }
}

#[tokio::test]
async fn a_peer_that_resets_is_recorded_as_such() {
    let lab = Lab::start(Behaviour::default()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.exchange("/").await;
    let socket = socket2::SockRef::from(&peer.stream);
    socket.set_linger(Some(Duration::ZERO)).expect("a socket");
    drop(peer);
    lab.wait_for(|it| it.connection(1).end() == Some(End::PeerReset))
        .await;
}
