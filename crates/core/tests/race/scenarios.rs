//! The race of addresses, scenario by scenario, on virtual time.
//!
//! Owns what RFC 8305 and Go's dialer promise, in worlds small enough to be read: what answers when, who is up, and
//! what the race does about it.

use std::net::{SocketAddr, SocketAddrV6};
use std::time::{Duration, Instant};

use keepwarm_core::race::{Action, AttemptId, End, Families, Family, First, Race, Settings};

use crate::bench::{address, check, first, ms, name, plain, play, within};

fn only(family: Family) -> Settings {
    Settings {
        families: Families::Only(family),
        ..plain()
    }
}

#[test]
fn both_up_the_first_family_of_the_answer_wins() {
    let up = "6.1 up 30; 4.1 up 10";
    check(&plain(), "5 both 6.1 4.1", up, "5 start 6.1; 35 won 6.1");
    check(&plain(), "5 both 4.1 6.1", up, "5 start 4.1; 15 won 4.1");
    let six_first = Settings {
        preferred: Some(Family::V6),
        ..plain()
    };
    check(&six_first, "5 both 4.1 6.1", up, "5 start 6.1; 35 won 6.1");
}

#[test]
fn a_black_holed_family_costs_one_attempt_delay() {
    check(
        &plain(),
        "0 both 6.1 4.1",
        "4.1 up 20",
        "0 start 6.1; 250 start 4.1; 270 stop 6.1 cancelled; 270 won 4.1",
    );
}

#[test]
fn a_slow_first_attempt_still_wins_when_it_connects_first() {
    check(
        &plain(),
        "0 both 6.1 4.1",
        "6.1 up 260; 4.1 up 20",
        "0 start 6.1; 250 start 4.1; 260 stop 4.1 cancelled; 260 won 6.1",
    );
}

#[test]
fn a_refused_attempt_starts_the_next_at_once() {
    check(
        &plain(),
        "0 both 6.1 4.1",
        "6.1 refuses 3; 4.1 up 10",
        "0 start 6.1; 3 start 4.1; 13 won 4.1",
    );
}

#[test]
fn any_failed_attempt_starts_the_next_and_the_delay_counts_from_there() {
    check(
        &plain(),
        "0 both 6.1 4.1 6.2 4.2; 700 cancel",
        "6.1 refuses 300",
        "0 start 6.1; 250 start 4.1; 300 start 6.2; 550 start 4.2;
         700 stop 4.1 cancelled; 700 stop 6.2 cancelled; 700 stop 4.2 cancelled; 700 failed: cancelled",
    );
}

#[test]
fn a_name_with_one_family_needs_no_other() {
    check(&plain(), "0 both 4.1", "4.1 up 9", "0 start 4.1; 9 won 4.1");
    check(
        &plain(),
        "0 both 4.1 4.2",
        "4.1 refuses 1; 4.2 up 9",
        "0 start 4.1; 1 start 4.2; 10 won 4.2",
    );
    check(
        &plain(),
        "10 v4 4.1; 12 v6",
        "4.1 up 9",
        "12 start 4.1; 21 won 4.1",
    );
    check(
        &plain(),
        "10 v4; 20 v6 6.1",
        "6.1 up 9",
        "20 start 6.1; 29 won 6.1",
    );
}

#[test]
fn the_preferred_family_is_not_waited_for_once_it_has_answered() {
    check(
        &plain(),
        "10 v6 6.1; 300 v4 4.1",
        "4.1 up 5",
        "10 start 6.1; 300 start 4.1; 305 stop 6.1 cancelled; 305 won 4.1",
    );
    check(
        &plain(),
        "10 v6 6.1; 100 v4 4.1",
        "4.1 up 5",
        "10 start 6.1; 260 start 4.1; 265 stop 6.1 cancelled; 265 won 4.1",
    );
}

#[test]
fn aaaa_within_the_resolution_delay_goes_first() {
    check(
        &plain(),
        "10 v4 4.1; 40 v6 6.1",
        "4.1 up 5",
        "40 start 6.1; 290 start 4.1; 295 stop 6.1 cancelled; 295 won 4.1",
    );
}

#[test]
fn aaaa_after_the_resolution_delay_takes_its_place_among_those_left() {
    check(
        &plain(),
        "10 v4 4.1 4.2 4.3; 100 v6 6.1 6.2",
        "6.2 up 10",
        "60 start 4.1; 310 start 6.1; 560 start 4.2; 810 start 6.2;
         820 stop 4.1 cancelled; 820 stop 6.1 cancelled; 820 stop 4.2 cancelled; 820 won 6.2",
    );
}

#[test]
fn aaaa_that_comes_when_all_else_failed_starts_at_once() {
    check(
        &plain(),
        "10 v4 4.1; 400 v6 6.1",
        "4.1 refuses 5; 6.1 up 10",
        "60 start 4.1; 400 start 6.1; 410 won 6.1",
    );
}

#[test]
fn aaaa_never() {
    check(
        &plain(),
        "10 v4 4.1",
        "4.1 up 5",
        "60 start 4.1; 65 won 4.1",
    );
    let refused = "60 start 4.1; 1000 failed: timeout 1000";
    check(&within(1_000), "10 v4 4.1", "4.1 refuses 5", refused);
    check(&within(1_000), "", "", "1000 failed: timeout 1000");
}

#[test]
fn aaaa_that_fails_ends_the_wait() {
    let world = play(plain(), "10 v4 4.1; 20 v6 fails", "4.1 refuses 5");
    assert_eq!(world.told(), ["20 start 4.1", "25 failed: all, 0 left out"]);
    let failed = world.race.unresolved();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].error, "no v6");
}

#[test]
fn the_resolution_delay_can_be_set_and_runs_for_whichever_family_is_preferred() {
    let none = Settings {
        resolution_delay: Duration::ZERO,
        ..plain()
    };
    check(&none, "10 v4 4.1", "4.1 up 5", "10 start 4.1; 15 won 4.1");
    let four = Settings {
        preferred: Some(Family::V4),
        resolution_delay: ms(80),
        ..plain()
    };
    check(&four, "10 v6 6.1", "6.1 up 5", "90 start 6.1; 95 won 6.1");
    let endless = Settings {
        resolution_delay: Duration::MAX,
        ..plain()
    };
    check(
        &endless,
        "10 v4 4.1",
        "4.1 up 5",
        "2010 start 4.1; 2015 won 4.1",
    );
}

#[test]
fn all_fail_and_every_failure_is_kept_in_the_order_of_the_starts() {
    let hosts = "6.1 refuses 400; 4.1 refuses 1; 4.2 refuses 2";
    let world = play(plain(), "0 both 6.1 4.1 4.2", hosts);
    assert_eq!(
        world.told(),
        [
            "0 start 6.1",
            "250 start 4.1",
            "251 start 4.2",
            "400 failed: all, 0 left out"
        ]
    );
    assert_eq!(
        world.ends(),
        [
            "6.1 failed: 6.1 refused",
            "4.1 failed: 4.1 refused",
            "4.2 failed: 4.2 refused"
        ]
    );
}

#[test]
fn without_an_attempt_delay_only_a_failure_starts_the_next() {
    let serial = Settings {
        attempt_delay: None,
        ..plain()
    };
    check(
        &serial,
        "0 both 6.1 4.1",
        "6.1 refuses 4000; 4.1 up 10",
        "0 start 6.1; 4000 start 4.1; 4010 won 4.1",
    );
}

#[test]
fn the_attempt_delay_is_held_within_the_bounds_of_the_rfc() {
    let second_start = |delay| {
        let settings = Settings {
            attempt_delay: Some(delay),
            ..plain()
        };
        let world = play(settings, "0 both 6.1 4.1", "4.1 up 1");
        world.told()[1].to_owned()
    };
    assert_eq!(second_start(Duration::ZERO), "10 start 4.1");
    assert_eq!(second_start(ms(100)), "100 start 4.1");
    assert_eq!(second_start(Duration::MAX), "2000 start 4.1");
}

#[test]
fn families_alternate_after_the_first_family_count() {
    let starts = |settings: Settings, script: &str| {
        let script = format!("{script}; 9000 cancel");
        let world = play(settings, &script, "");
        let attempts = world.race.attempts().iter();
        let names: Vec<_> = attempts.map(|attempt| name(&attempt.address)).collect();
        names.join(" ")
    };
    let counted = |first_family_count| Settings {
        first_family_count,
        ..plain()
    };
    let six = "0 both 6.1 6.2 6.3 4.1 4.2 4.3";
    assert_eq!(starts(plain(), six), "6.1 4.1 6.2 4.2 6.3 4.3");
    assert_eq!(starts(counted(0), six), "6.1 4.1 6.2 4.2 6.3 4.3");
    assert_eq!(starts(counted(2), six), "6.1 6.2 4.1 6.3 4.2 4.3");
    let four = "0 both 4.1 6.1 4.2 4.3";
    assert_eq!(starts(plain(), four), "4.1 6.1 4.2 4.3");
    let late = "0 v4 4.1 4.2 4.3; 100 v6 6.1 6.2 6.3";
    assert_eq!(starts(plain(), late), "4.1 6.1 4.2 6.2 4.3 6.3");
    assert_eq!(starts(counted(2), late), "4.1 6.1 6.2 4.2 6.3 4.3");
}

#[test]
fn the_last_good_address_goes_first_and_its_family_is_followed_by_the_other() {
    let good = first(First::LastGood(address("4.2")));
    check(
        &good,
        "0 both 6.1 4.1 4.2",
        "4.2 up 5",
        "0 start 4.2; 5 won 4.2",
    );
    let told = "0 start 4.2; 250 start 6.1; 500 start 4.1; 505 stop 4.2 cancelled; 505 stop 6.1 cancelled; 505 won 4.1";
    check(&good, "0 both 6.1 4.1 4.2", "4.1 up 5", told);
}

#[test]
fn a_last_good_address_that_is_down_costs_no_more_than_any_other() {
    check(
        &first(First::LastGood(address("4.2"))),
        "0 both 6.1 4.1 4.2",
        "4.2 refuses 1; 6.1 up 5",
        "0 start 4.2; 1 start 6.1; 6 won 6.1",
    );
}

#[test]
fn the_last_good_address_waits_for_no_other_family() {
    let good = first(First::LastGood(address("4.1")));
    check(&good, "10 v4 4.1", "4.1 up 5", "10 start 4.1; 15 won 4.1");
    // Coming late, it is the next.
    check(
        &good,
        "0 v6 6.1 6.2; 300 v4 4.2 4.1",
        "4.1 up 5",
        "0 start 6.1; 250 start 6.2; 500 start 4.1; 505 stop 6.1 cancelled; 505 stop 6.2 cancelled; 505 won 4.1",
    );
}

#[test]
fn a_last_good_address_that_the_name_has_no_more_is_not_tried() {
    let gone = first(First::LastGood(address("4.9")));
    check(&gone, "10 v4 4.1", "4.1 up 5", "60 start 4.1; 65 won 4.1");
}

#[test]
fn a_rotated_start_spreads_over_each_familys_addresses() {
    let order = |turn| {
        let script = "0 both 6.1 6.2 4.1 4.2 4.3; 2000 cancel";
        let world = play(first(First::Rotated(turn)), script, "");
        let attempts = world.race.attempts().iter();
        let names: Vec<_> = attempts.map(|attempt| name(&attempt.address)).collect();
        names.join(" ")
    };
    assert_eq!(order(0), "6.1 4.1 6.2 4.2 4.3");
    assert_eq!(order(1), "6.2 4.2 6.1 4.3 4.1");
    assert_eq!(order(2), "6.1 4.3 6.2 4.1 4.2");
    assert_eq!(order(usize::MAX), order(usize::MAX % 6));
}

#[test]
fn one_family_alone_neither_waits_nor_tries_the_other() {
    let up = "4.1 up 5; 6.1 up 5";
    let four = only(Family::V4);
    check(&four, "10 v4 4.1", up, "10 start 4.1; 15 won 4.1");
    check(&four, "10 both 6.1 4.1", up, "10 start 4.1; 15 won 4.1");
    let six = only(Family::V6);
    check(&six, "10 both 4.1 6.1", up, "10 start 6.1; 15 won 6.1");
    let none = "10 failed: no address, 2 unwanted";
    check(&six, "10 both 4.1 4.2", up, none);
}

#[test]
fn a_name_without_addresses_says_so() {
    check(&plain(), "7 both", "", "7 failed: no address, 0 unwanted");
    let both = "7 v6; 9 v4";
    check(&plain(), both, "", "9 failed: no address, 0 unwanted");
    check(&plain(), "7 both fails", "", "7 failed: unresolved");
    check(&plain(), "7 v4 fails; 8 v6", "", "8 failed: unresolved");
    let world = play(plain(), "7 v4 fails; 8 v6 fails", "");
    assert_eq!(world.told(), ["8 failed: unresolved"]);
    let (_, unresolved) = world.race.into_parts();
    let errors: Vec<_> = unresolved.iter().map(|one| one.error.as_str()).collect();
    assert_eq!(errors, ["no v4", "no v6"]);
}

#[test]
fn no_address_is_tried_twice_however_often_it_is_told() {
    check(
        &plain(),
        "0 both 4.1 4.1 4.2 4.1; 1 v4 4.2 4.1 4.3",
        "4.1 refuses 5; 4.2 refuses 5; 4.3 refuses 5",
        "0 start 4.1; 5 start 4.2; 10 start 4.3; 15 failed: all, 0 left out",
    );
}

#[test]
fn an_answer_of_one_family_brings_no_address_of_the_other() {
    check(
        &plain(),
        "0 v6 4.9; 0 v4 4.1",
        "4.1 refuses 5; 4.9 up 1",
        "0 start 4.1; 5 failed: all, 0 left out",
    );
}

#[test]
fn cancelling_stops_all_attempts_once() {
    check(
        &plain(),
        "0 both 6.1 4.1; 260 cancel; 260 cancel; 261 v4 4.7",
        "",
        "0 start 6.1; 250 start 4.1; 260 stop 6.1 cancelled; 260 stop 4.1 cancelled; 260 failed: cancelled",
    );
    check(&plain(), "3 cancel; 4 both 4.1", "", "3 failed: cancelled");
}

#[test]
fn an_ipv6_address_keeps_its_scope() {
    let start = Instant::now();
    let mut race: Race<()> = Race::new(Settings::default(), start);
    let local = |scope| SocketAddr::V6(SocketAddrV6::new("fe80::1".parse().unwrap(), 80, 0, scope));
    race.on_resolved(start, Families::Both, &[local(2), local(3)]);
    let mut started = Vec::new();
    race.on_time(start + ms(250));
    while let Some(action) = race.next_action() {
        if let Action::Start { address, .. } = action {
            started.push(address);
        }
    }
    assert_eq!(started, [local(2), local(3)], "two links, two addresses");
}

/// A race whose two attempts are under way at 250 ms.
fn two_under_way(settings: Settings) -> (Race<&'static str>, Instant) {
    let start = Instant::now();
    let mut race = Race::new(settings, start);
    race.on_resolved(start, Families::Both, &[address("6.1"), address("4.1")]);
    race.on_time(start + ms(250));
    assert!(matches!(race.next_action(), Some(Action::Start { .. })));
    assert!(matches!(race.next_action(), Some(Action::Start { .. })));
    (race, start)
}

#[test]
fn reports_of_attempts_that_are_over_change_nothing() {
    let (mut race, start) = two_under_way(Settings::default());
    let at = start + ms(260);
    race.on_failed(at, AttemptId(0), "refused");
    race.on_failed(at, AttemptId(0), "again");
    race.on_connected(at, AttemptId(0));
    race.on_connected(at, AttemptId(7));
    race.on_failed(at, AttemptId(7), "who?");
    assert_eq!(race.next_action(), None);
    race.on_connected(at, AttemptId(1));
    let won = Action::Won {
        attempt: AttemptId(1),
    };
    assert_eq!(race.next_action(), Some(won));
    race.on_connected(at, AttemptId(1));
    race.on_time(at + ms(9_000));
    race.on_unresolved(at, Families::Both, "late");
    race.cancel(at);
    assert_eq!(race.next_action(), None);
    assert!(race.is_over() && race.unresolved().is_empty());
    let (attempts, _) = race.into_parts();
    assert_eq!(attempts[0].ended, Some((at, End::Failed("refused"))));
    assert_eq!(attempts[1].ended, Some((at, End::Connected)));
}

#[test]
fn a_connection_told_at_the_time_limit_is_taken_all_the_same() {
    let limit = Settings {
        connect_timeout: Some(ms(300)),
        ..Settings::default()
    };
    let (mut race, start) = two_under_way(limit);
    race.on_connected(start + ms(305), AttemptId(0));
    let _cancel = race.next_action();
    let won = Action::Won {
        attempt: AttemptId(0),
    };
    assert_eq!(race.next_action(), Some(won));
}

#[test]
fn a_timer_that_fires_late_starts_one_attempt_and_not_all_it_missed() {
    let start = Instant::now();
    let mut race: Race<()> = Race::new(Settings::default(), start);
    let all = ["6.1", "4.1", "6.2", "4.2"].map(address);
    race.on_resolved(start, Families::Both, &all);
    let late = start + ms(5_000);
    race.on_time(late);
    race.on_time(late);
    assert_eq!(race.attempts().len(), 2);
    assert_eq!(race.next_deadline(), Some(late + ms(250)));
}
