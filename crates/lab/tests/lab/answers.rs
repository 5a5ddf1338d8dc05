//! Behaviours: what an answer looks like.

use std::time::{Duration, Instant};

use keepwarm_lab::{
    Behaviour, Chunks, ConnectionHeader, Content, Framing, Interim, Lab, Pause, Which, alphabet,
    scenario,
};

use crate::peer::{Peer, get};

#[tokio::test]
async fn the_default_answer_is_one_write_and_the_connection_stays() {
    let lab = Lab::start(Behaviour::default()).await;
    let mut peer = Peer::connect(&lab).await;
    for _ in 0..3 {
        let (head, body) = peer.exchange("/").await;
        assert_eq!(head, "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n");
        assert_eq!(body, "hello, world\n");
    }
    lab.wait_for(|it| it.connection(1).sent_bytes() == 3 * (39 + 13))
        .await;
    assert_eq!(lab.transcript().connection(1).sent_writes(), 3);
    assert_eq!(lab.connections().accepted, 1);
    assert_eq!(lab.connections().open, 1);
}

#[tokio::test]
async fn special_paths_answer_as_their_names_say() {
    let lab = Lab::start(Behaviour::default()).await;
    let mut peer = Peer::connect(&lab).await;
    assert!(
        peer.exchange("/status/503")
            .await
            .0
            .starts_with("HTTP/1.1 503 Service")
    );
    assert_eq!(
        peer.exchange("/bytes/30?x").await.1,
        "abcdefghijklmnopqrstuvwxyzabcd"
    );
    assert_eq!(peer.exchange("/bytes/nonsense").await.1, "hello, world\n");
    peer.send(get("/chunked/5000")).await;
    assert!(
        peer.until("\r\n\r\n")
            .await
            .contains("Transfer-Encoding: chunked")
    );
    assert_eq!(
        peer.until("0\r\n\r\n").await.len(),
        5000 + 6 + 2 + 5 + 2 + 5
    );
    let start = Instant::now();
    peer.exchange("/delay/20").await;
    assert!(start.elapsed() >= Duration::from_millis(20));
}

#[tokio::test]
async fn special_paths_can_be_off() {
    let special_paths = false;
    let lab = Lab::start(Behaviour {
        special_paths,
        ..Behaviour::default()
    })
    .await;
    let mut peer = Peer::connect(&lab).await;
    assert!(
        peer.exchange("/status/503")
            .await
            .0
            .starts_with("HTTP/1.1 200")
    );
}

#[tokio::test]
async fn a_large_body_arrives_whole() {
    let body = Content::Size(3_000_000);
    let lab = Lab::start(Behaviour {
        body,
        ..Behaviour::default()
    })
    .await;
    let mut peer = Peer::connect(&lab).await;
    let (_, body) = peer.exchange("/").await;
    assert_eq!(body.as_bytes(), alphabet(0, 3_000_000));
}

#[tokio::test]
async fn head_and_bodiless_statuses_have_no_body() {
    let lab = Lab::start(Behaviour::default()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send("HEAD / HTTP/1.1\r\n\r\n").await;
    assert!(peer.until("\r\n\r\n").await.contains("Content-Length: 13"));
    for code in [204, 304] {
        let (head, _) = peer.exchange(&format!("/status/{code}")).await;
        assert!(!head.contains("Content-Length"), "{head}");
    }
    // Nothing of a body is in the way of the next answer.
    assert_eq!(peer.exchange("/").await.1, "hello, world\n");
}

#[tokio::test]
async fn status_reason_and_headers_are_sent_as_given() {
    let mut behaviour = Behaviour::with_body("x").header("X-One", "1");
    behaviour.status = 299;
    behaviour.reason_phrase = Some("Fine By Me".to_owned());
    behaviour.keep_alive = Some("timeout=5, max=x".to_owned());
    let lab = Lab::start(behaviour).await;
    let (head, _) = Peer::connect(&lab).await.exchange("/").await;
    let expected = "HTTP/1.1 299 Fine By Me\r\nContent-Length: 1\r\nKeep-Alive: timeout=5, max=x\r\nX-One: 1\r\n\r\n";
    assert_eq!(head, expected);
}

#[tokio::test]
async fn chunks_extensions_and_trailers_are_sent_as_given() {
    let lab = Lab::start(scenario::chunked([5, 1])).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(get("/bytes/7")).await;
    peer.until("\r\n\r\n").await;
    let expected = "5;name=value\r\nabcde\r\n\
        1;name=value\r\nf\r\n1;name=value\r\ng\r\n0;name=value\r\nx-trailer: yes\r\n\r\n";
    assert_eq!(peer.until("yes\r\n\r\n").await, expected);
}

#[tokio::test]
async fn wrong_lengths_are_wrong_by_as_much_as_said() {
    let lab = Lab::start(scenario::length_too_long(3)).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(get("/")).await;
    let (all, end) = peer.rest().await;
    end.expect("a FIN");
    assert_eq!(
        all,
        "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nhello, world\n"
    );

    let lab = Lab::start(scenario::length_too_short(6)).await;
    let mut peer = Peer::connect(&lab).await;
    assert_eq!(peer.exchange("/").await.1, "hello, ");
    assert_eq!(peer.exactly(6).await, "world\n");
}

#[tokio::test]
async fn stray_bytes_follow_the_answer() {
    let lab = Lab::start(scenario::stray_bytes()).await;
    let mut peer = Peer::connect(&lab).await;
    assert_eq!(peer.exchange("/").await.1, "hello, world\n");
    assert_eq!(peer.exactly(5).await, "stray");
}

#[tokio::test]
async fn interim_answers_come_first() {
    let (status, headers, times) = (103, 1, 2);
    let interim = Interim {
        status,
        headers,
        times,
    };
    let lab = Lab::start(Behaviour {
        interim: vec![Interim::once(100), interim],
        ..Behaviour::default()
    })
    .await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(get("/")).await;
    assert_eq!(
        peer.until("\r\n\r\n").await,
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    for _ in 0..2 {
        let hint = "HTTP/1.1 103 Early Hints\r\nx-interim-0: 0\r\n\r\n";
        assert_eq!(peer.until("\r\n\r\n").await, hint);
    }
    assert_eq!(peer.answer().await.1, "hello, world\n");
}

#[tokio::test]
async fn a_huge_head_is_as_huge_as_said() {
    let lab = Lab::start(scenario::huge_head(100, 1000)).await;
    let (head, _) = Peer::connect(&lab).await.exchange("/").await;
    assert_eq!(head.matches("x-huge-").count(), 100);
    assert!(head.len() > 100_000);
}

#[tokio::test]
async fn pauses_stand_where_they_are_said_to() {
    let lab = Lab::start(Behaviour {
        before_head: Pause::gate("head"),
        after_head: Pause::gate("body"),
        between_pieces: Pause::gate("piece"),
        after_body: Pause::gate("after"),
        piece_size: Some(7),
        connection: ConnectionHeader::Close(Which::All),
        ..Behaviour::default()
    })
    .await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(get("/")).await;
    lab.wait_for(|it| it.reached("head")).await;
    assert_eq!(lab.transcript().connection(1).sent_bytes(), 0);
    lab.open("head");
    peer.until("\r\n\r\n").await;
    lab.wait_for(|it| it.reached("body")).await;
    lab.open("body");
    assert_eq!(peer.exactly(7).await, "hello, ");
    lab.wait_for(|it| it.reached("piece")).await;
    lab.open("piece");
    assert_eq!(peer.exactly(6).await, "world\n");
    lab.wait_for(|it| it.reached("after")).await;
    assert_eq!(lab.transcript().connection(1).end(), None);
    lab.open("after");
    peer.closes().await;
}

#[tokio::test]
async fn the_end_of_a_chunked_body_is_a_piece_of_its_own() {
    let lab = Lab::start(Behaviour {
        framing: Framing::Chunked(Chunks::default()),
        between_pieces: Pause::gate("end"),
        ..Behaviour::default()
    })
    .await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(get("/")).await;
    peer.until("d\r\nhello, world\n\r\n").await;
    lab.wait_for(|it| it.reached("end")).await;
    lab.open("end");
    assert_eq!(peer.exactly(5).await, "0\r\n\r\n");
}

#[tokio::test]
async fn writes_can_be_cut_to_single_bytes() {
    let lab = Lab::start(Behaviour {
        write_size: Some(1),
        ..Behaviour::default()
    })
    .await;
    let mut peer = Peer::connect(&lab).await;
    assert_eq!(peer.exchange("/").await.1, "hello, world\n");
    lab.wait_for(|it| it.connection(1).sent_writes() == 39 + 13)
        .await;
}

#[tokio::test]
async fn an_upgrade_switches_to_echo_and_brings_its_first_bytes() {
    let mut behaviour = scenario::upgrade("test");
    if let Some(upgrade) = &mut behaviour.upgrade {
        upgrade.first_bytes = b"first".to_vec();
    }
    let lab = Lab::start(behaviour).await;
    let mut peer = Peer::connect(&lab).await;
    assert_eq!(peer.exchange("/plain").await.1, "hello, world\n");
    peer.send("GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\nearly")
        .await;
    let head = peer.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    assert!(head.contains("Upgrade: test\r\n"));
    assert_eq!(peer.exactly(10).await, "firstearly");
    peer.send("more").await;
    assert_eq!(peer.exactly(4).await, "more");
}
