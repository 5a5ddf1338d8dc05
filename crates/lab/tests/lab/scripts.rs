//! Scripts: every step does what it says.

use std::time::{Duration, Instant};

use keepwarm_lab::{Conduct, End, Lab, Plan, Script, Step, scenario};

use crate::peer::{Peer, get, post};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn a_script_reads_sends_and_closes() {
    let lab = Lab::start(Script::new().answer(OK).close()).await;
    let mut peer = Peer::connect(&lab).await;
    assert_eq!(peer.exchange("/a").await.1, "ok");
    peer.closes().await;
    assert_eq!(lab.transcript().request(1, 1).target, "/a");
    assert_eq!(lab.transcript().connection(1).end(), Some(End::ClosedByLab));
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    let lab = Lab::start(Script::new().answer(OK).wait_for("reset").reset()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.exchange("/").await;
    lab.open("reset");
    peer.resets().await;
    assert_eq!(lab.transcript().connection(1).end(), Some(End::ResetByLab));
}

#[tokio::test]
async fn a_gate_holds_a_script_until_the_test_opens_it() {
    let script = Script::new().read_head().wait_for("go").send(OK);
    let lab = Lab::start(script).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(get("/")).await;
    lab.wait_for(|it| it.reached("go")).await;
    assert_eq!(lab.transcript().connection(1).sent_bytes(), 0);
    lab.open("go");
    assert_eq!(peer.answer().await.1, "ok");
    lab.wait_for(|it| it.connection(1).sent_bytes() == OK.len() as u64)
        .await;
}

#[tokio::test]
async fn a_script_opens_a_gate_for_the_test() {
    let lab = Lab::start(Script::new().read_head().open("seen")).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(get("/")).await;
    lab.wait_for_gate("seen").await;
    assert_eq!(lab.connections().requests, 1);
}

#[tokio::test]
async fn bytes_are_sent_split_and_dripped() {
    let script = Script::new()
        .send_split(OK, [1])
        .send_split(OK, [5, 3])
        .drip(OK, 10, Duration::from_millis(1));
    let lab = Lab::start(script).await;
    let mut peer = Peer::connect(&lab).await;
    let start = Instant::now();
    assert_eq!(peer.exactly(3 * OK.len()).await, OK.repeat(3));
    let pauses = OK.len().div_ceil(10) - 1;
    assert!(start.elapsed() >= Duration::from_millis(1) * u32::try_from(pauses).expect("few"));
}

#[tokio::test]
async fn raw_bytes_are_counted_off() {
    let script = Script::new().read_bytes(5).send("five").read_head();
    let lab = Lab::start(script).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send("12345").await;
    peer.exactly(4).await;
    peer.send(get("/after")).await;
    lab.wait_for(|it| it.requests_for("/after") == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_script_closes_an_idle_connection() {
    let idle = Duration::from_millis(30);
    let script = Script::new().forever(Script::new().close_idle_after(idle).answer(OK));
    let lab = Lab::start(script).await;
    let mut peer = Peer::connect(&lab).await;
    peer.exchange("/1").await;
    peer.exchange("/2").await;
    let start = tokio::time::Instant::now();
    peer.closes().await;
    assert!(start.elapsed() >= idle);
    assert_eq!(lab.transcript().requests().len(), 2);
}

#[tokio::test]
async fn a_half_closed_connection_is_still_read() {
    let script = Script::new().answer(OK).half_close().read_head();
    let lab = Lab::start(script).await;
    let mut peer = Peer::connect(&lab).await;
    peer.exchange("/1").await;
    peer.closes().await;
    peer.send(get("/2")).await;
    lab.wait_for(|it| it.requests_for("/2") == 1).await;
}

#[tokio::test]
async fn hanging_ends_when_the_peer_goes() {
    let lab = Lab::start(Script::new().read_head().hang()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(get("/")).await;
    lab.wait_for(|it| it.counters().requests == 1).await;
    drop(peer);
    lab.wait_for(|it| it.connection(1).end() == Some(End::PeerClosed))
        .await;
    assert_eq!(lab.connections().closed_by_peer, 1);
}

#[tokio::test]
async fn stalling_sees_the_peer_go_without_reading() {
    let lab = Lab::start(Script::new().read_head().stall()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(post("/", 100, "")).await;
    peer.send("unread").await;
    lab.wait_for(|it| it.counters().requests == 1).await;
    drop(peer);
    lab.wait_for(|it| it.connection(1).end() == Some(End::PeerClosed))
        .await;
}

#[tokio::test]
async fn echo_sends_everything_back() {
    let lab = Lab::start(Script::new().echo()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send("abc").await;
    assert_eq!(peer.exactly(3).await, "abc");
}

#[tokio::test]
async fn a_repeat_counts() {
    let lab = Lab::start(Script::new().repeat(2, Script::new().answer(OK)).close()).await;
    let mut peer = Peer::connect(&lab).await;
    peer.send(get("/1") + &get("/2")).await;
    peer.answer().await;
    peer.answer().await;
    peer.closes().await;
}

#[tokio::test]
async fn connection_k_plays_script_k_and_the_last_repeats() {
    let scripts = vec![Script::new().send("one"), Script::new().send("two")];
    let lab = Lab::start(scripts).await;
    for expected in ["one", "two", "two"] {
        let mut peer = Peer::connect(&lab).await;
        assert_eq!(peer.exactly(3).await, expected);
    }
}

#[tokio::test]
async fn a_function_chooses_by_connection_number() {
    let plan = Plan::choose(|number| {
        if number == 1 {
            Script::new().step(Step::Close).into()
        } else {
            Conduct::from(scenario::well_behaved())
        }
    });
    let lab = Lab::start(plan).await;
    Peer::connect(&lab).await.closes().await;
    let mut second = Peer::connect(&lab).await;
    assert_eq!(second.exchange("/").await.1, "hello, world\n");
}

#[tokio::test]
async fn a_list_may_mix_scripts_and_behaviours() {
    let list = [
        Conduct::from(Script::new().close()),
        scenario::well_behaved().into(),
    ];
    let lab = Lab::start(list).await;
    Peer::connect(&lab).await.closes().await;
    let mut second = Peer::connect(&lab).await;
    assert_eq!(second.exchange("/").await.1, "hello, world\n");
}
