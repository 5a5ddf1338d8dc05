//! `keepwarm demo`: it ends by itself, shows each reason, and asks for nothing.

use crate::support::keepwarm;

#[test]
fn the_demo_shows_every_way_and_its_fix() {
    let done = keepwarm(&["demo"]).with_code(0);
    for sentence in [
        "the server said Connection: close",
        "the server speaks HTTP/1.0 without keep-alive",
        "the response had no length, so only closing could end it",
        "the server closed it after",
        "bytes arrived that belong to no response",
        "the response body was not read",
        "our request said Connection: close",
        "this origin already has its 2 connections",
        "each has a pool of its own",
        "300 connections",
        "480 POSTs",
        "keepwarm get --repeat 100 URL",
    ] {
        // Sentences may be broken over lines.
        let words: Vec<&str> = done.stdout.split_whitespace().collect();
        assert!(
            words.join(" ").contains(sentence),
            "no {sentence:?} in\n{}",
            done.stdout
        );
    }
    for slug in [
        "peer-said-close",
        "http10",
        "close-delimited",
        "peer-closed-idle",
        "stray-bytes",
        "body-not-read",
        "we-said-close",
        "host-full",
        "client-per-request",
    ] {
        done.says(slug);
    }
    assert!(
        !done.stdout.contains('\u{1b}'),
        "no colour without a terminal"
    );
    assert_eq!(done.stderr, "");
    let widest = done.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?}");
}

#[test]
fn the_numbers_of_its_table_are_those_of_a_kept_and_a_lost_connection() {
    let done = keepwarm(&["demo"]).with_code(0);
    let (_, table) = done.stdout.rsplit_once("with the fix").expect("the table");
    let (table, _) = table.split_once("──").expect("its end");
    let rows: Vec<&str> = table
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    assert_eq!(rows.len(), 10, "{table}");
    for row in rows {
        let numbers: Vec<u64> = row
            .split_whitespace()
            .rev()
            .take(3)
            .map(|word| word.parse().unwrap_or_else(|_| panic!("{row}")))
            .collect();
        let [fixed, lost, requests] = numbers[..] else {
            panic!("{row}");
        };
        let expected = if row.contains("pool too small") { 8 } else { 1 };
        assert_eq!(fixed, expected, "{row}");
        assert!(lost > fixed && lost <= requests, "{row}");
    }
}
