//! Behaviours: what goes wrong before, in and instead of an answer.

use keepwarm_lab::{Behaviour, End, Fault, FaultKind, FaultPoint, Framing, Lab, Which, scenario};

use crate::peer::{Peer, get};

#[tokio::test]
async fn a_hang_answers_nothing_until_the_peer_goes() {
    let lab = Lab::start(scenario::hang()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(get("/")).await;
    lab.wait_for(|it| it.counters().requests == 1).await;
    drop(peer);
    lab.wait_for(|it| it.connection(1).end() == Some(End::PeerClosed))
        .await;
    assert_eq!(lab.transcript().connection(1).sent_bytes(), 0);
}

#[tokio::test]
async fn a_body_stalls_resets_or_ends_after_so_many_bytes() {
    for (behaviour, end) in [
        (scenario::stall_in_body(5), End::PeerClosed),
        (scenario::reset_in_body(5), End::ResetByLab),
        (scenario::body_cut_short(5), End::ClosedByLab),
    ] {
        let lab = Lab::start(behaviour).await;
        let mut peer = Peer::connect(&lab).await;
        peer.send(get("/")).await;
        if end == End::ResetByLab {
            // A reset may overtake the bytes before it.
            peer.rest().await.1.expect_err("a reset");
        } else {
            assert!(peer.until("\r\n\r\n").await.contains("Content-Length: 13"));
            assert_eq!(peer.exactly(5).await, "hello");
        }
        if end == End::ClosedByLab {
            peer.closes().await;
        }
        drop(peer);
        lab.wait_for(|it| it.connection(1).end() == Some(end)).await;
    }
}

#[tokio::test]
async fn a_fault_cuts_in_the_middle_of_a_chunk_or_before_the_last() {
    for (after, expected) in [(5, "d\r\nhello"), (13, "d\r\nhello, world\n\r\n")] {
        let mut behaviour = scenario::body_cut_short(after);
        behaviour.framing = Framing::Chunked(keepwarm_lab::Chunks::default());
        let lab = Lab::start(behaviour).await;
        let mut peer = Peer::connect(&lab).await;
        peer.send(get("/")).await;
        peer.until("\r\n\r\n").await;
        let (rest, end) = peer.rest().await;
        end.expect("a FIN");
        assert_eq!(rest, expected);
    }
}

#[tokio::test]
async fn a_fault_cuts_in_the_middle_of_the_head() {
    let (at, what, which) = (FaultPoint::AfterHeadBytes(10), FaultKind::Close, Which::All);
    let lab = Lab::start(Behaviour {
        fault: Some(Fault { at, what, which }),
        ..Behaviour::default()
    })
    .await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(get("/")).await;
    assert_eq!(peer.rest().await.0, "HTTP/1.1 2");
}

#[tokio::test]
async fn a_fault_strikes_only_the_requests_it_is_said_for() {
    let lab = Lab::start(scenario::close_instead_of_answer(2)).await;
    let mut peer = Peer::connect(&lab).await;
    peer.exchange("/1").await;
    peer.send(get("/2")).await;
    peer.closes().await;

    let lab = Lab::start(scenario::reset_instead_of_answer(2)).await;
    let mut peer = Peer::connect(&lab).await;
    peer.exchange("/1").await;
    peer.send(get("/2")).await;
    peer.resets().await;
    assert_eq!(lab.transcript().requests_for("/2"), 1);
}

#[tokio::test]
async fn accepting_can_be_followed_by_a_close_or_a_reset() {
    let lab = Lab::start(scenario::accept_then_close()).await;
    Peer::connect(&lab).await.closes().await;
    let lab = Lab::start(scenario::accept_then_reset()).await;
    Peer::connect(&lab).await.resets().await;
}

#[tokio::test]
async fn a_refusing_lab_refuses_connects() {
    let lab = Lab::start(scenario::refuse()).await;
    for _ in 0..2 {
        let error = tokio::net::TcpStream::connect(lab.addr()).await;
        let kind = error.expect_err("refused").kind();
        assert_eq!(kind, std::io::ErrorKind::ConnectionRefused);
    }
}

#[tokio::test]
async fn a_lab_that_never_accepts_lets_connects_hang() {
    let lab = Lab::start(scenario::never_accept()).await;
    for _ in 0..2 {
        let connect = tokio::net::TcpStream::connect(lab.addr());
        let bound = std::time::Duration::from_millis(100);
        tokio::time::timeout(bound, connect)
            .await
            .expect_err("still connecting");
    }
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let lab = Lab::start(Behaviour::default()).await;
    let mut peer = Peer::connect(&lab).await;
    let endless = async {
        let block = vec![b'a'; 64 << 10];
        loop {
            use tokio::io::AsyncWriteExt;
            if peer.stream.write_all(&block).await.is_err() {
                return;
            }
        }
    };
    endless.await;
    lab.wait_for(|it| it.connection(1).end() == Some(End::ClosedByLab))
        .await;
    assert!(
        lab.transcript()
            .to_string()
            .contains("refused: head over 1 MiB")
    );
}
