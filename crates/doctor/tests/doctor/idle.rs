//! Idle timeouts: the number, its kind of end, its bounds.

use std::time::Duration;

use keepwarm_doctor::{Cause, Diagnosis, EndedBy, Life, Situation, Verdict};
use keepwarm_lab::{Behaviour, Conduct, Lab, Pause, Plan, scenario};

use crate::support::{begin, examine, within};

const SOON: Duration = Duration::from_secs(20);
const MS: fn(u64) -> Duration = Duration::from_millis;

#[tokio::test]
async fn three_idle_timeouts_are_measured_as_configured() {
    for configured in [700, 1300, 2600].map(MS) {
        let it = examine(scenario::idle_timeout(configured), SOON).await;
        it.idles(configured).has(Cause::IdleTimeoutShort);
        assert_eq!(it.diagnosis.idle.ended_by, Some(EndedBy::Fin));
        assert_eq!(it.diagnosis.idle.values.len(), 1);
        let recommended = it
            .diagnosis
            .recommendation
            .idle_timeout
            .expect("it is known");
        assert!(recommended < configured);
    }
}

#[tokio::test]
async fn a_timeout_beyond_the_budget_is_a_bound_and_no_number() {
    let limit = MS(1500);
    let it = examine(scenario::idle_timeout(MS(60_000)), limit).await;
    let idle = &it.diagnosis.idle;
    assert_eq!((idle.value, idle.ended_by), (None, None));
    let open = idle.at_least.expect("a bound");
    assert!(open <= it.measured.took, "{open:?}");
    assert!(!it.measured.interrupted);
    it.is_healthy();
}

#[tokio::test]
async fn a_reset_of_idle_connections_is_named() {
    let it = examine(scenario::reset_on_idle(MS(900)), SOON).await;
    it.idles(MS(900)).has(Cause::ServerResetsIdle);
    assert_eq!(it.diagnosis.idle.ended_by.map(EndedBy::slug), Some("rst"));
}

#[tokio::test]
async fn a_408_on_idle_is_an_end_and_no_answer() {
    let it = examine(scenario::timeout_408_on_idle(MS(800)), SOON).await;
    it.idles(MS(800)).has(Cause::StrayBytes);
    let by = EndedBy::StrayBytes {
        request_timeout: true,
    };
    assert_eq!(it.diagnosis.idle.ended_by, Some(by));
}

#[tokio::test]
async fn stray_bytes_on_idle_connections_are_named() {
    let it = examine(scenario::stray_bytes_while_idle(Pause::For(MS(600))), SOON).await;
    it.idles(MS(600)).has(Cause::StrayBytes);
    assert_eq!(
        it.diagnosis.idle.ended_by.map(EndedBy::slug),
        Some("stray-bytes")
    );
}

#[tokio::test]
async fn two_backends_behind_one_address_are_told_apart() {
    let plan = Plan::choose(|number| {
        let timeout = if number % 2 == 0 { MS(600) } else { MS(1600) };
        Conduct::from(scenario::idle_timeout(timeout))
    });
    // Which connection meets which backend is the order of their arrival: a lonely one is looked into.
    let it = examine(plan, SOON).await;
    it.has(Cause::BackendsDiffer).idles(MS(600));
    let longer = it.diagnosis.idle.values[1];
    assert!(longer.abs_diff(MS(1600)) <= MS(50), "{longer:?}");
}

#[tokio::test]
async fn jitter_is_no_second_backend() {
    let behaviour = Behaviour {
        idle_jitter: MS(300),
        ..scenario::idle_timeout(MS(1500))
    };
    let it = examine(behaviour, SOON).await;
    it.has_no(Cause::BackendsDiffer);
    it.has_no(Cause::ServerMaxAge);
    assert!(it.diagnosis.idle.is_jittered(), "{:#?}", it.diagnosis.idle);
    let value = it.diagnosis.idle.value.expect("measured");
    assert!((MS(1150)..=MS(1850)).contains(&value), "{value:?}");
}

#[tokio::test]
async fn a_connection_without_a_request_has_a_time_of_its_own() {
    let behaviour = Behaviour {
        first_request_timeout: Some(MS(500)),
        ..scenario::idle_timeout(MS(1500))
    };
    let it = examine(behaviour, SOON).await;
    it.idles(MS(1500)).has_no(Cause::BackendsDiffer);
    let first = it
        .measured
        .samples
        .iter()
        .find(|sample| sample.situation == Situation::ConnectOnly);
    let Some(Life::Ended { after, .. }) = first.map(|sample| sample.life) else {
        panic!("{first:?}");
    };
    assert!(after.abs_diff(MS(500)) <= MS(50), "{after:?}");
}

#[tokio::test]
async fn a_machine_that_was_held_up_makes_the_result_uncertain_and_never_wrong() {
    let lab = Lab::spawn_thread(scenario::idle_timeout(MS(900)));
    let begun = begin(&lab.url("/"), within(SOON)).await;
    let mut examination = begun.expect("it is there");
    // The starvation itself: nothing else runs on this runtime while the connections end.
    tokio::spawn(async {
        tokio::time::sleep(MS(600)).await;
        std::thread::sleep(MS(900));
    });
    examination.finished().await;
    let diagnosis = Diagnosis::of(&examination.conclude(), None);
    assert!(diagnosis.idle.uncertain, "{:#?}", diagnosis.idle);
    assert_eq!(diagnosis.idle.value, None);
    assert_eq!(diagnosis.verdict, Verdict::Inconclusive);
    assert!(
        diagnosis.summary.contains("held up"),
        "{}",
        diagnosis.summary
    );
}

#[tokio::test]
async fn an_examination_that_is_broken_off_tells_its_bounds() {
    let lab = Lab::spawn_thread(scenario::idle_timeout(MS(60_000)));
    let mut examination = begin(&lab.url("/"), within(SOON))
        .await
        .expect("it is there");
    let over = tokio::time::timeout(MS(700), examination.finished()).await;
    assert!(over.is_err());
    assert!(examination.progress().waiting > 0);
    let measured = examination.conclude();
    assert!(measured.interrupted);
    let diagnosis = Diagnosis::of(&measured, None);
    assert!(diagnosis.idle.at_least.is_some());
    assert!(
        diagnosis.summary.starts_with("Interrupted"),
        "{}",
        diagnosis.summary
    );
}
