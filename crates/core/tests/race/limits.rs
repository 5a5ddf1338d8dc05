//! The limits of a race: its time, each attempt's share of it, and the addresses kept.

use std::time::{Duration, Instant};

use keepwarm_core::race::{ADDRESSES_KEPT_PER_FAMILY, Families, First, Race, Settings};

use crate::bench::{address, check, first, ms, plain, play, within};

#[test]
fn connect_timeout_ends_the_race_with_attempts_under_way() {
    let world = play(within(300), "0 both 6.1 4.1 4.2", "");
    assert_eq!(
        world.told(),
        [
            "0 start 6.1",
            "250 start 4.1",
            "300 stop 6.1 timeout 300",
            "300 stop 4.1 timeout 300",
            "300 failed: timeout 300"
        ]
    );
    // Failures from before are kept beside it.
    let world = play(within(300), "0 both 6.1 4.1", "6.1 refuses 7");
    assert_eq!(world.ends(), ["6.1 failed: 6.1 refused", "4.1 timeout 300"]);
}

#[test]
fn connect_timeout_includes_resolving() {
    let world = play(within(100), "60 v4 4.1; 100 v6 6.1", "");
    // At 100 ms a connection could still be reported; an answer comes too late.
    assert_eq!(world.told(), ["100 failed: timeout 100"]);
    let told = "110 start 4.1; 150 stop 4.1 timeout 150; 150 failed: timeout 150";
    check(&within(150), "60 v4 4.1", "", told);
}

#[test]
fn each_attempt_has_its_share_of_connect_timeout_and_the_last_one_the_rest() {
    // As Go's partialDeadline: 12/4, 11.75/3, 11.5/2 seconds.
    check(
        &within(12_000),
        "0 both 6.1 4.1 6.2 4.2",
        "",
        "0 start 6.1; 250 start 4.1; 500 start 6.2; 750 start 4.2;
         3000 stop 6.1 share 3000; 4166 stop 4.1 share 3916; 6250 stop 6.2 share 5750;
         12000 stop 4.2 timeout 12000; 12000 failed: timeout 12000",
    );
}

#[test]
fn a_share_is_two_seconds_at_least_if_there_is_that_much() {
    let serial = |limit_ms| Settings {
        attempt_delay: None,
        ..within(limit_ms)
    };
    check(
        &serial(5_000),
        "0 both 4.1 4.2 4.3 4.4",
        "",
        "0 start 4.1; 2000 stop 4.1 share 2000; 2000 start 4.2; 4000 stop 4.2 share 2000;
         4000 start 4.3; 5000 stop 4.3 timeout 5000; 5000 failed: timeout 5000",
    );
    check(
        &serial(1_500),
        "0 both 4.1 4.2",
        "",
        "0 start 4.1; 1500 stop 4.1 timeout 1500; 1500 failed: timeout 1500",
    );
}

#[test]
fn a_used_up_share_starts_the_next_at_once() {
    let slow = Settings {
        attempt_delay: None,
        ..within(9_000)
    };
    check(
        &slow,
        "0 both 6.1 4.1 4.2",
        "4.1 up 10",
        "0 start 6.1; 3000 stop 6.1 share 3000; 3000 start 4.1; 3010 won 4.1",
    );
}

#[test]
fn the_last_failure_says_more_than_the_time_limit_it_coincides_with() {
    check(
        &within(100),
        "0 both 4.1",
        "4.1 refuses 100",
        "0 start 4.1; 100 failed: all, 0 left out",
    );
}

#[test]
fn a_time_limit_too_far_away_to_be_written_is_none() {
    let start = Instant::now();
    let settings = Settings {
        connect_timeout: Some(Duration::MAX),
        ..plain()
    };
    let mut race: Race<()> = Race::new(settings, start);
    assert_eq!(race.next_deadline(), None);
    race.on_resolved(start, Families::Both, &[address("6.1"), address("4.1")]);
    assert_eq!(race.next_deadline(), Some(start + ms(250)));
    assert_eq!(race.attempts()[0].share, None);
}

/// The names `4.0` to `4.999`.
fn thousand() -> String {
    (0..1_000).map(|n| format!(" 4.{n}")).collect()
}

#[test]
fn of_a_thousand_addresses_a_few_are_tried_and_the_others_counted() {
    let hosts: String = (0..1_000).map(|n| format!("4.{n} refuses 1;")).collect();
    let script = format!("0 both{}", thousand());
    let world = play(plain(), &script, &hosts);
    assert_eq!(world.race.attempts().len(), ADDRESSES_KEPT_PER_FAMILY);
    assert_eq!(world.race.left_out(), 1_000 - ADDRESSES_KEPT_PER_FAMILY);
    assert_eq!(world.told().last(), Some(&"64 failed: all, 936 left out"));
    // The other family has room of its own, the same family none.
    let script = format!("0 both{}; 0 v6 6.1; 0 v4 4.5000", thousand());
    let world = play(plain(), &script, &format!("{hosts} 6.1 refuses 1"));
    assert_eq!(world.race.attempts().len(), ADDRESSES_KEPT_PER_FAMILY + 1);
    assert_eq!(world.race.left_out(), 937);
}

#[test]
fn the_limit_cuts_off_neither_the_last_good_address_nor_what_a_rotation_begins_with() {
    let script = format!("0 both{}", thousand());
    let up = "4.999 up 5";
    let told = "0 start 4.999; 5 won 4.999";
    check(&first(First::LastGood(address("4.999"))), &script, up, told);
    check(&first(First::Rotated(999)), &script, up, told);
}

#[test]
fn a_thousand_black_holes_stay_within_connect_timeout() {
    let script = format!("0 both{}", thousand());
    let world = play(within(30_000), &script, "");
    assert_eq!(world.race.attempts().len(), ADDRESSES_KEPT_PER_FAMILY);
    assert_eq!(world.told().last(), Some(&"30000 failed: timeout 30000"));
    // Eight at a time: each has its two seconds, and one starts every 250 ms.
    let mut under_way = 0_usize;
    for line in &world.told()[..100] {
        under_way += usize::from(line.contains("start"));
        under_way -= usize::from(line.contains("stop"));
        assert!(under_way <= 8, "{line}");
    }
}
