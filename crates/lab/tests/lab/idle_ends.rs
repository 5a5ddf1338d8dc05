//! The ends of idle connections that a client does not see, or sees only half.

use std::time::Duration;

use keepwarm_lab::{End, Entry, Lab, scenario};

use crate::peer::{Peer, get};

const SOON: Duration = Duration::from_millis(60);

#[tokio::test]
async fn silence_answers_once_and_then_tells_nothing() {
    let lab = Lab::start(scenario::silent_drop(SOON)).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(get("/")).await;
    assert!(peer.until("hello, world\n").await.contains("200"));
    tokio::time::sleep(4 * SOON).await;
    peer.send(get("/")).await;
    let silent = tokio::time::timeout(4 * SOON, peer.exactly(1)).await;
    assert!(silent.is_err(), "{silent:?}");
    assert_eq!(lab.transcript().connection(1).requests().count(), 1);
    assert_eq!(lab.transcript().connection(1).end(), None);
}

#[tokio::test]
async fn a_half_close_sends_its_fin_and_reads_on() {
    let lab = Lab::start(scenario::half_close_on_idle(SOON)).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(get("/")).await;
    assert!(peer.until("hello, world\n").await.contains("200"));
    peer.closes().await;
    peer.send(get("/")).await;
    let record = lab.transcript().connection(1).clone();
    assert_eq!(record.end(), None);
    assert!(
        record
            .entries
            .iter()
            .any(|it| matches!(it.entry, Entry::HalfClosed))
    );
    drop(peer);
    lab.wait_for(|it| it.connection(1).end() == Some(End::PeerClosed))
        .await;
}
