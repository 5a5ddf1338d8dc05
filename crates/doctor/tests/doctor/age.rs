//! Connections that end for their age.

use std::time::Duration;

use keepwarm_doctor::{Cause, Severity};
use keepwarm_lab::scenario;

use crate::support::examine;

const MS: fn(u64) -> Duration = Duration::from_millis;
/// Asked once a second.
const NINE: Duration = Duration::from_secs(9);

#[tokio::test]
async fn an_age_is_found_whether_it_is_announced_or_not() {
    for behaviour in [
        scenario::max_age(MS(2_500)),
        scenario::max_age_silent(MS(2_500)),
    ] {
        let it = examine(behaviour, NINE).await;
        it.has(Cause::ServerMaxAge);
        let seen = it.diagnosis.max_age;
        // The first request beyond that age is the last, and they are a second apart, or a little more.
        let value = seen.value.expect("two ended");
        assert!(
            (MS(2_400)..=MS(4_000)).contains(&value),
            "{seen:?} {:#?}",
            it.measured.ages
        );
        assert!(seen.is_confirmed, "{:#?}", it.measured.ages);
        let found = it.diagnosis.findings.iter();
        let found = found.filter(|found| found.cause == Cause::ServerMaxAge);
        assert_eq!(
            found.map(|it| it.severity).collect::<Vec<_>>(),
            [Severity::Medium]
        );
    }
}

#[tokio::test]
async fn neither_idleness_nor_a_limit_on_requests_is_taken_for_age() {
    for behaviour in [
        scenario::idle_timeout(MS(800)),
        scenario::max_requests(3),
        scenario::max_requests_silent(3),
    ] {
        let it = examine(behaviour, Duration::from_secs(6)).await;
        it.has_no(Cause::ServerMaxAge);
    }
    let it = examine(scenario::well_behaved(), MS(3_500)).await;
    it.is_healthy();
    assert!(
        it.diagnosis.max_age.at_least >= Some(MS(1_900)),
        "{:?}",
        it.diagnosis.max_age
    );
}
