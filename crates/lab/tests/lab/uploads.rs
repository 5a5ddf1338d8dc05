//! Behaviours: what happens to request bodies and expectations.

use std::time::Duration;

use keepwarm_lab::{
    AfterEarly, BODY_RECORD_LIMIT, Behaviour, End, Expect, Lab, Pause, Upload, alphabet, body_hash,
    scenario,
};

use crate::peer::{Peer, post};

#[tokio::test]
async fn a_body_is_read_before_the_answer_and_echoed() {
    let lab = Lab::start(Behaviour::default()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(post("/echo", 5, "X-A: 1\r\nX-A: 2\r\n") + "12345")
        .await;
    assert_eq!(peer.answer().await.1, "12345");
    peer.send("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        .await;
    assert_eq!(peer.answer().await.1, "abc");
    let transcript = lab.transcript();
    let (first, second) = (transcript.request(1, 1), transcript.request(1, 2));
    assert_eq!((&*first.body, first.body_bytes), (&b"12345"[..], 5));
    assert!(first.body_complete && second.body_complete);
    assert_eq!(first.header_count("x-a"), 2);
    assert_eq!(second.body_hash, body_hash(b"abc"));
    assert_eq!(second.order, 2);
}

#[tokio::test]
async fn a_large_body_is_recorded_to_the_cap_and_counted_beyond() {
    let lab = Lab::start(Behaviour::default()).await;
    let mut peer = Peer::connect(&lab).await;
    let body = alphabet(0, 1_000_000);
    peer.send(post("/", body.len(), "")).await;
    peer.send(&body).await;
    peer.answer().await;
    let transcript = lab.transcript();
    let request = transcript.request(1, 1);
    assert_eq!(request.body, body[..BODY_RECORD_LIMIT]);
    assert_eq!(request.body_bytes, 1_000_000);
    assert_eq!(request.body_hash, body_hash(&body));
}

#[tokio::test]
async fn an_early_answer_comes_before_the_body_and_the_connection_goes_on() {
    let lab = Lab::start(scenario::early_answer()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(post("/", 5, "")).await;
    peer.answer().await;
    assert!(!lab.transcript().request(1, 1).body_complete);
    peer.send("12345").await;
    peer.exchange("/next").await;
    assert!(lab.transcript().request(1, 1).body_complete);
}

#[tokio::test]
async fn an_early_answer_can_wait_for_some_of_the_body() {
    let (after, then) = (3, AfterEarly::ReadOn);
    let lab = Lab::start(Behaviour {
        upload: Upload::AnswerEarly { after, then },
        ..Behaviour::default()
    })
    .await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(post("/", 5, "") + "12").await;
    lab.wait_for(|it| it.counters().requests == 1 && it.request(1, 1).body_bytes == 2)
        .await;
    assert_eq!(lab.transcript().connection(1).sent_bytes(), 0);
    peer.send("3").await;
    peer.answer().await;
}

#[tokio::test]
async fn an_early_refusal_closes_its_side_and_reads_on() {
    let lab = Lab::start(scenario::early_refusal()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(post("/", 5, "")).await;
    let (head, _) = peer.answer().await;
    assert!(head.starts_with("HTTP/1.1 413") && head.contains("Connection: close\r\n"));
    peer.closes().await;
    peer.send("12345").await;
    lab.wait_for(|it| it.request(1, 1).body_complete).await;
    drop(peer);
    lab.wait_for(|it| it.connection(1).end() == Some(End::PeerClosed))
        .await;
}

#[tokio::test]
async fn an_early_refusal_can_close_or_reset_at_once() {
    let lab = Lab::start(scenario::early_refusal_and_close()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(post("/", 5, "")).await;
    peer.answer().await;
    peer.closes().await;
    assert_eq!(lab.connections().closed_by_lab, 1);

    let (after, then) = (0, AfterEarly::Reset);
    let lab = Lab::start(Behaviour {
        upload: Upload::AnswerEarly { after, then },
        ..Behaviour::default()
    })
    .await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(post("/", 5, "")).await;
    peer.rest().await.1.expect_err("a reset");
    assert_eq!(lab.connections().reset_by_lab, 1);
}

#[tokio::test]
async fn reading_can_stop_in_the_middle_of_a_body() {
    for (behaviour, answered) in [
        (scenario::stop_reading(1000), false),
        (
            Behaviour {
                upload: Upload::AnswerEarly {
                    after: 1000,
                    then: AfterEarly::StopReading,
                },
                ..Behaviour::default()
            },
            true,
        ),
    ] {
        let lab = Lab::start(behaviour).await;
        let mut peer = Peer::connect(&lab).await;
        peer.send(post("/", 1 << 30, "")).await;
        // The buffers of both systems fill up, and then nothing moves.
        let (mut reader, mut writer) = peer.stream.split();
        let block = vec![b'a'; 1 << 20];
        let endless = async {
            loop {
                use tokio::io::AsyncWriteExt;
                writer.write_all(&block).await.expect("an open connection");
            }
        };
        let bound = Duration::from_millis(200);
        let stuck: Result<(), _> = tokio::time::timeout(bound, endless).await;
        stuck.expect_err("the upload is stuck");
        lab.wait_for(|it| it.counters().requests == 1 && it.request(1, 1).body_bytes == 1000)
            .await;
        if answered {
            use tokio::io::AsyncReadExt;
            let mut start = [0; 12];
            reader.read_exact(&mut start).await.expect("an answer");
            assert_eq!(&start, b"HTTP/1.1 200");
        } else {
            assert_eq!(lab.transcript().connection(1).sent_bytes(), 0);
        }
        // A FIN would wait for ever behind the bytes that nobody reads.
        let socket = socket2::SockRef::from(&peer.stream);
        socket.set_linger(Some(Duration::ZERO)).expect("a socket");
        drop(peer);
        lab.wait_for(|it| it.connection(1).end() == Some(End::PeerReset))
            .await;
    }
}

const EXPECT: &str = "Expect: 100-continue\r\n";

#[tokio::test]
async fn an_expectation_is_met_by_default() {
    let lab = Lab::start(Behaviour::default()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(post("/echo", 2, EXPECT)).await;
    assert_eq!(
        peer.until("\r\n\r\n").await,
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    peer.send("ok").await;
    assert_eq!(peer.answer().await.1, "ok");
}

#[tokio::test]
async fn an_expectation_can_be_ignored() {
    let lab = Lab::start(scenario::ignored_expectation()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(post("/echo", 2, EXPECT) + "ok").await;
    let (head, body) = peer.answer().await;
    assert!(head.starts_with("HTTP/1.1 200"));
    assert_eq!(body, "ok");
}

#[tokio::test]
async fn an_expectation_can_be_refused_and_the_connection_goes_on() {
    let lab = Lab::start(scenario::refused_expectation()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(post("/", 2, EXPECT)).await;
    assert!(peer.answer().await.0.starts_with("HTTP/1.1 417"));
    assert!(peer.exchange("/next").await.0.starts_with("HTTP/1.1 200"));
    assert_eq!(lab.transcript().request(1, 1).body_bytes, 0);
}

#[tokio::test]
async fn an_expectation_can_be_met_late_or_overtaken_by_the_body() {
    let lab = Lab::start(Behaviour {
        expect: Expect::ContinueAfter(Pause::gate("continue")),
        ..Behaviour::default()
    })
    .await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(post("/echo", 2, EXPECT) + "ok").await;
    assert!(peer.answer().await.0.starts_with("HTTP/1.1 200"));
    peer.send(post("/echo", 2, EXPECT)).await;
    lab.open("continue");
    assert!(peer.until("\r\n\r\n").await.starts_with("HTTP/1.1 100"));
    peer.send("ok").await;
    assert_eq!(peer.answer().await.1, "ok");
}

#[tokio::test]
async fn nonsense_for_chunks_ends_the_connection() {
    let lab = Lab::start(Behaviour::default()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
        .await;
    peer.closes().await;
    assert!(lab.transcript().to_string().contains("nonsense for chunks"));
}
