//! `keepwarm doctor --chain` at real servers behind each other: the wrong order is found, the right one passes.

use keepwarm_servers::chain::Chain;
use serde_json::{Value, json};

use crate::support::keepwarm;

/// How often a measurement is made anew when this machine was held up.
const TRIES: usize = 5;

/// The one link of the chain. `upstream` is what the edge keeps towards the application, when it is told.
fn link(chain: &Chain, upstream: Option<&str>) -> (Value, Option<i32>) {
    let urls = chain.urls();
    let mut words = vec!["doctor", "--json", "--chain", &urls];
    words.extend(upstream.iter().flat_map(|it| ["--upstream-idle", it]));
    let mut tries = 0;
    loop {
        let done = keepwarm(&words);
        let it: Value = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:#?}"));
        let hops = it["hops"].as_array().expect("a list");
        let is_uncertain = |hop: &Value| hop["idle_timeout_ms"]["uncertain"] == true;
        tries += 1;
        if tries == TRIES || !hops.iter().any(is_uncertain) {
            assert_eq!(hops.len(), 2, "{it:#}");
            return (it, done.code);
        }
    }
}

#[track_caller]
fn is_wrong(chain: &Chain, upstream: Option<&str>) {
    let (it, code) = link(chain, upstream);
    assert_eq!(it["links"][0]["order"], "wrong", "{it:#}");
    let causes: Vec<_> = it["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["cause"])
        .collect();
    assert_eq!(causes, ["chain-order-wrong"], "{it:#}");
    assert_eq!(it["links"][0]["assumed"], upstream.is_none());
    assert_eq!(code, Some(1), "{it:#}");
}

#[track_caller]
fn is_right(chain: &Chain, upstream: Option<&str>) {
    let (it, code) = link(chain, upstream);
    assert_eq!(it["links"][0]["order"], "right", "{it:#}");
    assert_eq!(
        (&it["findings"], &it["recommend"]),
        (&json!([]), &json!([])),
        "{it:#}"
    );
    assert_eq!(code, Some(0), "{it:#}");
}

/// What nginx keeps towards Node is another setting than what it keeps towards clients, so it is told.
#[test]
fn nginx_that_outlives_node_is_found_and_the_other_way_round_passes() {
    // Node's own grace makes two seconds of it.
    is_wrong(&Chain::nginx_and_node(3_500, 1_000), Some("3500ms"));
    is_right(&Chain::nginx_and_node(1_300, 3_000), Some("1300ms"));
}

/// Nothing tells who HAProxy is, so that it is taken to do to Go what it does to clients.
#[test]
fn haproxy_that_outlives_go_is_found_and_the_other_way_round_passes() {
    is_wrong(&Chain::haproxy_and_go(2_600, 1_200), None);
    is_right(&Chain::haproxy_and_go(1_200, 3_200), None);
}
