//! `keepwarm doctor --chain`: hops whose idle timeouts are in the right order, in the wrong one, and not known.

use std::time::Duration;

use keepwarm_lab::{Behaviour, Lab, scenario};
use serde_json::{Value, json};

use crate::support::{Done, keepwarm, keepwarm_sure};

const MS: fn(u64) -> Duration = Duration::from_millis;
/// How often a measurement is made anew when this machine was held up.
const TRIES: usize = 5;

fn idle(timeout: u64) -> Lab {
    Lab::spawn_thread(scenario::idle_timeout(MS(timeout)))
}

fn named(server: &str, timeout: u64) -> Lab {
    Lab::spawn_thread(Behaviour {
        headers: vec![("Server".to_owned(), server.to_owned())],
        ..scenario::idle_timeout(MS(timeout))
    })
}

fn examine(hops: &[&Lab], options: &[&str]) -> (Value, Done) {
    let urls: Vec<_> = hops.iter().map(|lab| lab.url("/")).collect();
    let chain = urls.join(",");
    let mut tries = 0;
    loop {
        let done = keepwarm(&[&["doctor", "--json", "--chain", &chain], options].concat());
        let it: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:#?}"));
        tries += 1;
        let hops = it["hops"].as_array().expect("a list");
        let is_uncertain = |hop: &Value| hop["idle_timeout_ms"]["uncertain"] == true;
        if tries == TRIES || !hops.iter().any(is_uncertain) {
            return (it, done);
        }
    }
}

#[test]
fn a_hop_that_keeps_connections_for_longer_than_the_next_is_found_with_what_to_set() {
    let (edge, app) = (idle(2_000), idle(1_000));
    let (it, done) = examine(&[&edge, &app], &[]);
    assert_eq!(done.code, Some(1), "{it:#}");
    assert_eq!(it["schema"], "keepwarm.doctor-chain/1");
    assert_eq!(it["verdict"], "findings");
    let link = &it["links"][0];
    assert_eq!(
        (&link["order"], &link["assumed"]),
        (&json!("wrong"), &json!(true))
    );
    assert_eq!(
        (&link["from"], &link["to"]),
        (&json!(edge.url("/")), &json!(app.url("/")))
    );
    let (kept, ended) = (link["upstream_idle_ms"].as_f64(), link["idle_ms"].as_f64());
    assert!(
        kept.is_some_and(|it| (1_900.0..2_200.0).contains(&it)),
        "{link}"
    );
    assert!(
        ended.is_some_and(|it| (900.0..1_200.0).contains(&it)),
        "{link}"
    );
    let finding = &it["findings"][0];
    assert_eq!(
        (&finding["cause"], &finding["severity"]),
        (&json!("chain-order-wrong"), &json!("high"))
    );
    let cures = it["recommend"].as_array().expect("a list");
    assert_eq!(cures.len(), 2, "{it:#}");
    assert_eq!(
        (&cures[0]["hop"], &cures[0]["at_least_ms"]),
        (&json!(app.url("/")), &json!(7_000.0))
    );
    assert!(
        cures[1]["at_most_ms"]
            .as_f64()
            .is_some_and(|it| it <= 600.0),
        "{it:#}"
    );
    let hops = it["hops"].as_array().expect("a list");
    assert_eq!(hops.len(), 2);
    assert!(hops.iter().all(|hop| hop["schema"] == "keepwarm.doctor/1"));
}

#[test]
fn the_right_order_passes() {
    let (edge, middle, app) = (idle(600), idle(1_400), idle(3_000));
    let (it, done) = examine(&[&edge, &middle, &app], &["--fail-on", "chain-order-wrong"]);
    assert_eq!(done.code, Some(0), "{it:#}");
    let orders: Vec<_> = it["links"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["order"])
        .collect();
    assert_eq!(orders, ["right", "right"], "{it:#}");
    assert_eq!(
        (&it["findings"], &it["recommend"]),
        (&json!([]), &json!([]))
    );
}

#[test]
fn what_the_user_knows_replaces_what_is_assumed() {
    let (edge, app) = (named("nginx/1.29.7", 700), idle(2_600));
    // The default of nginx says wrong, its setting towards clients says right: that decides, and the default is told.
    let (it, _) = examine(&[&edge, &app], &[]);
    assert_eq!(it["links"][0]["order"], "right", "{it:#}");
    assert!(
        it["links"][0]["upstream_idle_ms"]
            .as_f64()
            .is_some_and(|it| it < 1_000.0)
    );
    assert!(
        it["links"][0]["why"]
            .as_str()
            .is_some_and(|why| why.contains("60 s"))
    );
    let (it, _) = examine(&[&edge, &app], &["--upstream-idle", "1s"]);
    let link = &it["links"][0];
    assert_eq!(
        (&link["order"], &link["assumed"]),
        (&json!("right"), &json!(false)),
        "{it:#}"
    );
    let (it, done) = examine(
        &[&edge, &app],
        &["--upstream-idle", "60s", "--fail-on", "chain-order-wrong"],
    );
    assert_eq!(
        (&it["links"][0]["order"], done.code),
        (&json!("wrong"), Some(1)),
        "{it:#}"
    );
    let setting = &it["recommend"][1];
    assert_eq!(
        (&setting["product"], &setting["what"]),
        (&json!("nginx"), &json!("upstream-idle"))
    );
}

#[test]
fn a_default_that_agrees_with_what_is_measured_decides() {
    let (edge, app) = (named("nginx/1.29.7", 60_000), idle(900));
    let (it, _) = examine(&[&edge, &app], &["--wait", "3s"]);
    let link = &it["links"][0];
    assert_eq!(
        (&link["order"], &link["assumed"]),
        (&json!("wrong"), &json!(true)),
        "{it:#}"
    );
    assert!(
        link["why"]
            .as_str()
            .is_some_and(|it| it.contains("default of nginx")),
        "{link}"
    );
}

#[test]
fn bounds_that_decide_nothing_are_inconclusive() {
    let (edge, app) = (idle(60_000), idle(60_000));
    let (it, done) = examine(&[&edge, &app], &["--wait", "1200ms"]);
    assert_eq!(done.code, Some(4), "{it:#}");
    assert_eq!(
        (&it["verdict"], &it["links"][0]["order"]),
        (&json!("inconclusive"), &json!("undecided"))
    );
    let (it, done) = examine(
        &[&edge, &app],
        &["--wait", "1500ms", "--upstream-idle", "300ms"],
    );
    assert_eq!(
        (done.code, &it["links"][0]["order"]),
        (Some(0), &json!("right")),
        "{it:#}"
    );
}

#[test]
fn the_first_screen_of_a_chain_fits_a_terminal() {
    let (edge, app) = (named("nginx/1.29.7", 3_000), named("uvicorn", 2_400));
    let chain = format!("{},{}", edge.url("/"), app.url("/"));
    let done = keepwarm_sure(&["doctor", "--chain", &chain]).with_code(1);
    done.says("A chain of 2 hops");
    done.says("wrong");
    done.says("chain-order-wrong");
    done.says("uvicorn --timeout-keep-alive 65");
    done.says("nginx: keepalive_timeout 1s; in upstream");
    let lines: Vec<_> = done.stdout.lines().collect();
    assert!(lines.len() <= 24, "{}", done.stdout);
    assert!(
        lines.iter().all(|line| line.chars().count() <= 100),
        "{}",
        done.stdout
    );
}

#[test]
fn a_hop_that_is_not_there_is_3_and_mistakes_are_2() {
    let (there, gone) = (idle(60_000), Lab::spawn_thread(scenario::refuse()));
    let (it, done) = examine(&[&there, &gone], &[]);
    assert_eq!(done.code, Some(3), "{it:#}");
    done.complains("refused");
    assert_eq!(it["verdict"], "unreachable");
    assert_eq!(it["hops"][1]["verdict"], "unreachable");
    let two = "http://127.0.0.1:1/,http://127.0.0.1:2/";
    for wrong in [
        &["--chain", "http://127.0.0.1:1/"][..],
        &["--chain", two, "http://127.0.0.1:3/"],
        &["--chain", two, "--upstream-idle", "1s,2s"],
        &["--chain", two, "--upstream-idle", "soon"],
        &[
            "--chain",
            "http://127.0.0.1:1/,http://me:secret@127.0.0.1:2/",
        ],
        &["--upstream-idle", "1s", "http://127.0.0.1:1/"],
    ] {
        let done = keepwarm(&[&["doctor"], wrong].concat()).with_code(2);
        assert!(!done.stderr.contains("secret"), "{done:#?}");
    }
}
