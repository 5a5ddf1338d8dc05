//! Servers that lose connections in one way each.

use std::time::Duration;

use keepwarm_doctor::{Cause, Severity};
use keepwarm_lab::{Behaviour, ConnectionHeader, Which, scenario};

use crate::support::{examine, examine_url, not_found_closes, one_at_a_time};

const BRIEF: Duration = Duration::from_secs(2);
const SOON: Duration = Duration::from_secs(20);
const MS: fn(u64) -> Duration = Duration::from_millis;

#[tokio::test]
async fn keep_alive_that_is_switched_off_is_found() {
    let behaviour = Behaviour {
        connection: ConnectionHeader::Close(Which::All),
        ..Behaviour::default()
    };
    let it = examine(behaviour, BRIEF).await;
    it.has(Cause::KeepAliveDisabled);
    assert_eq!(it.measured.reuse, Some(false));
    assert_eq!(it.diagnosis.idle.value, None);
    assert_eq!(it.diagnosis.recommendation.idle_timeout, None);
}

#[tokio::test]
async fn a_server_that_talks_to_one_client_at_a_time_is_not_blocked() {
    let it = examine_url(&one_at_a_time(), SOON).await;
    it.has(Cause::KeepAliveDisabled);
    assert_eq!(it.measured.http10.map(|it| it.keep_alive), Some(false));
    assert!(it.measured.took < MS(5_000), "{:?}", it.measured.took);
    assert_eq!(it.measured.notes, [""; 0]);
    // Two rows of the table have this name in their answers.
    let first = &it.diagnosis.products[0];
    assert_eq!(first.name, "gunicorn, sync worker");
}

#[tokio::test]
async fn an_end_after_each_answer_without_a_word_is_found() {
    let it = examine(scenario::max_requests_silent(1), BRIEF).await;
    it.has(Cause::KeepAliveDisabled);
    assert_eq!(it.diagnosis.findings[0].severity, Severity::High);
}

#[tokio::test]
async fn http10_is_found_with_and_without_keep_alive() {
    let it = examine(scenario::http10(), BRIEF).await;
    it.has(Cause::Http10Only);
    assert_eq!(it.measured.http10.map(|it| it.keep_alive), Some(false));
    let it = examine(scenario::http10_keep_alive(), BRIEF).await;
    it.has_no(Cause::Http10Only);
    assert_eq!(it.measured.http10.map(|it| it.keep_alive), Some(true));
    assert_eq!(it.measured.reuse, Some(true));
}

#[tokio::test]
async fn an_answer_without_a_length_is_found() {
    let it = examine(scenario::close_delimited(), BRIEF).await;
    it.has(Cause::ResponseWithoutLength);
}

#[tokio::test]
async fn a_limit_on_requests_is_exact_and_its_silence_is_told() {
    for most in [7, 37] {
        let it = examine(scenario::max_requests(most), BRIEF).await;
        it.has(Cause::MaxRequestsLow);
        assert_eq!(it.diagnosis.max_requests, Some(most));
        assert!(
            it.measured
                .max_requests
                .as_ref()
                .is_some_and(|it| it.announced)
        );
        let it = examine(scenario::max_requests_silent(most), BRIEF).await;
        it.has(Cause::MaxRequestsLow);
        assert_eq!(it.diagnosis.max_requests, Some(most));
        assert!(
            it.measured
                .max_requests
                .as_ref()
                .is_some_and(|it| !it.announced)
        );
    }
}

#[tokio::test]
async fn an_announced_timeout_that_is_too_long_is_found() {
    let behaviour = Behaviour {
        keep_alive: Some("timeout=5, max=100".to_owned()),
        ..scenario::idle_timeout(MS(1200))
    };
    let it = examine(behaviour, SOON).await;
    it.has(Cause::AnnouncedTimeoutWrong).idles(MS(1200));
    let announced = it.measured.announced.expect("it was asked for");
    assert_eq!(
        (announced.timeout, announced.max),
        (Some(Duration::from_secs(5)), Some(100))
    );
}

/// As Node does with a timeout of 1.6 s: it announces whole seconds, and adds one before it closes.
#[tokio::test]
async fn an_announcement_in_whole_seconds_with_a_second_of_grace_is_no_lie() {
    let behaviour = Behaviour {
        keep_alive: Some("timeout=1".to_owned()),
        ..scenario::idle_timeout(MS(2600))
    };
    let it = examine(behaviour, SOON).await;
    it.has_no(Cause::AnnouncedTimeoutWrong).idles(MS(2600));
}

#[tokio::test]
async fn an_announced_limit_on_requests_that_does_not_hold_is_found() {
    let announces = |most| Behaviour {
        keep_alive: Some("max=20".to_owned()),
        ..scenario::max_requests(most)
    };
    let cause = Cause::AnnouncedMaxWrong;
    for (most, severity) in [(7, Severity::Medium), (29, Severity::Low)] {
        let it = examine(announces(most), BRIEF).await;
        it.has(cause);
        let found = it.diagnosis.findings.iter().find(|it| it.cause == cause);
        assert_eq!(found.map(|it| it.severity), Some(severity));
    }
    for true_one in [20, 21] {
        examine(announces(true_one), BRIEF).await.has_no(cause);
    }
}

#[tokio::test]
async fn a_status_that_ends_its_connection_is_found() {
    for announces in [true, false] {
        let it = examine_url(&not_found_closes(announces), BRIEF).await;
        it.has(Cause::ErrorStatusClose);
        let seen = it.measured.error_close["404"];
        assert_eq!((seen.closes, seen.announced), (true, announces));
        assert!(!it.measured.error_close["HEAD"].closes);
    }
}
