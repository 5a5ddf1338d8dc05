//! Peers whose HTTP/2 is broken: a sentence, soon, and no more memory than any other.

use std::time::{Duration, Instant};

use keepwarm_doctor::{Cause, Settings, Unreachable, UnreachableKind};
use keepwarm_lab::{Lab, scenario};

use super::peer::{Answer, CONTINUATION, Conduct, Farewell, HEADERS, SETTINGS, frame, start};
use super::{begin, examine};
use crate::support::within;

fn impatient() -> Settings {
    Settings {
        patience: Duration::from_millis(500),
        ..within(Duration::from_secs(5))
    }
}

async fn failure(url: &str) -> Unreachable {
    let began = Instant::now();
    let failed = begin(url, impatient()).await;
    assert!(began.elapsed() < Duration::from_secs(4));
    failed.expect_err("it cannot be examined")
}

async fn failure_of(answer: Answer) -> Unreachable {
    let conduct = Conduct {
        answer,
        ..Conduct::default()
    };
    failure(&start(conduct)).await
}

#[tokio::test]
async fn malformed_frames_are_a_sentence() {
    let too_long = [&[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1][..], &[0; 100]].concat();
    let faults = [
        // A stream that nobody opened, a length beyond every limit, a compressed nothing, and no frame at all.
        frame(HEADERS, 5, 2, &[0x88]),
        too_long,
        frame(HEADERS, 5, 1, &[0xff; 40]),
        b"SSH-2.0-OpenSSH_9.9\r\n and some more".to_vec(),
    ];
    for fault in faults {
        let it = failure_of(Answer::Bytes(fault.clone())).await;
        assert_eq!(it.kind, UnreachableKind::NotHttp, "{it} {fault:?}");
        assert!(it.message.contains("HTTP/2 fails"), "{it}");
    }
}

#[tokio::test]
async fn a_head_without_end_is_given_up() {
    let more = frame(CONTINUATION, 0, 1, &[0; 1000]);
    let begun = frame(HEADERS, 0, 1, &[0x88]);
    let it = failure_of(Answer::Flood([begun, more.repeat(50)].concat())).await;
    assert_eq!(it.kind, UnreachableKind::NotHttp, "{it}");
}

#[tokio::test]
async fn settings_beyond_every_limit_are_refused() {
    let conduct = Conduct {
        settings: vec![0; 6 * 200_000],
        ..Conduct::default()
    };
    let it = failure(&start(conduct)).await;
    assert_eq!(it.kind, UnreachableKind::NotHttp, "{it}");
    let flood = failure_of(Answer::Flood(frame(SETTINGS, 0, 0, &[]).repeat(1_000))).await;
    let kinds = [UnreachableKind::NotHttp, UnreachableKind::NoAnswer];
    assert!(kinds.contains(&flood.kind), "{flood}");
}

#[tokio::test]
async fn an_idle_connection_that_is_talked_to_without_end_is_left() {
    let conduct = Conduct::idle(300, Farewell::Chatter);
    let it = examine(conduct, Duration::from_secs(20)).await;
    it.has(Cause::StrayBytes);
    assert!(it.measured.took < Duration::from_secs(10));
}

#[tokio::test]
async fn a_server_of_http1_says_what_it_is() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let it = failure(&lab.url("/")).await;
    assert_eq!(it.kind, UnreachableKind::NotHttp, "{it}");
    assert!(it.message.contains("HTTP/1.x where HTTP/2"), "{it}");
}
