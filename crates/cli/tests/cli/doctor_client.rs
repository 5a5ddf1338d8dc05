//! `keepwarm doctor --client`: a client's defaults against what was measured of a server.

use std::time::Duration;

use keepwarm_lab::{Behaviour, ConnectionHeader, Lab, Which, scenario};
use serde_json::{Value, json};

use crate::support::{Done, keepwarm_sure};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn examine(lab: &Lab, options: &[&str]) -> (Value, Done) {
    let done = keepwarm_sure(&[&["doctor", "--json"], options, &[&lab.url("/")]].concat());
    let it = serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:#?}"));
    (it, done)
}

#[test]
fn a_client_that_keeps_connections_for_longer_meets_closes_as_often_as_its_rate_says() {
    let lab = Lab::spawn_thread(scenario::idle_timeout(MS(900)));
    let (often, _) = examine(&lab, &["--client", "go", "--rate", "1/s"]);
    let client = &often["client"];
    assert_eq!(
        (&client["name"], &client["product"]),
        (&json!("go"), &json!("Go net/http"))
    );
    assert_eq!(
        (&client["idle_timeout_ms"], &client["idle_per_host"]),
        (&json!(90_000.0), &json!(2))
    );
    assert_eq!(
        (&client["fits"], &client["resends"]),
        (&json!(false), &json!("replayable"))
    );
    // With a round trip of a few hundred microseconds at most and 0.9 s: e^-0.9 times that.
    let races = client["races_per_million"].as_f64().expect("known");
    assert!((1.0..20_000.0).contains(&races), "{client:#}");
    let worst = client["worst_races_per_million"].as_f64().expect("known");
    assert!(worst >= races * 0.9, "{client:#}");
    let causes: Vec<_> = often["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["cause"])
        .collect();
    assert!(causes.contains(&&json!("stale-reuse-race")), "{causes:?}");
    // Who asks a hundred times a second leaves no gap of 0.9 s.
    let (busy, _) = examine(&lab, &["--client", "go", "--rate", "100/s"]);
    assert_eq!(busy["client"]["races_per_million"], 0.0, "{busy:#}");
    assert_eq!(busy["client"]["fits"], false);
    let found = busy["findings"].as_array().expect("a list");
    assert!(
        found.iter().all(|it| it["cause"] != "stale-reuse-race"),
        "{busy:#}"
    );
}

#[test]
fn a_client_that_drops_its_connections_sooner_fits() {
    let lab = Lab::spawn_thread(scenario::idle_timeout(MS(3_400)));
    let (it, _) = examine(&lab, &["--client", "ruby", "--rate", "20/m"]);
    let client = &it["client"];
    assert_eq!(
        (&client["fits"], &client["races_per_million"]),
        (&json!(true), &json!(0.0)),
        "{client:#}"
    );
    // What is announced is heeded by those that are known to.
    let announcing = Lab::spawn_thread(Behaviour {
        keep_alive: Some("timeout=3".to_owned()),
        ..scenario::idle_timeout(MS(3_000))
    });
    let (it, _) = examine(&announcing, &["--client", "undici"]);
    assert_eq!(it["client"]["idle_timeout_ms"], 1_000.0, "{it:#}");
    assert_eq!(it["client"]["fits"], true);
    let (it, _) = examine(&announcing, &["--client", "curl"]);
    assert_eq!(
        (&it["client"]["idle_timeout_ms"], &it["client"]["fits"]),
        (&json!(118_000.0), &json!(false))
    );
}

#[test]
fn what_is_not_known_of_the_server_is_not_said_of_the_client() {
    let open = Lab::spawn_thread(scenario::well_behaved());
    let (it, done) = examine(&open, &["--wait", "1s", "--client", "python"]);
    assert_eq!(done.code, Some(0), "{it:#}");
    let client = &it["client"];
    assert_eq!(
        (&client["fits"], &client["races_per_million"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(client["idle_timeout_ms"], Value::Null);
    let closing = Lab::spawn_thread(Behaviour {
        connection: ConnectionHeader::Close(Which::All),
        ..Behaviour::default()
    });
    let (it, _) = examine(&closing, &["--wait", "1s", "--client", "java"]);
    assert_eq!(it["client"]["races_per_million"], 0.0, "{it:#}");
    let (it, _) = examine(&closing, &["--wait", "1s"]);
    assert_eq!(it["client"], Value::Null);
}

#[test]
fn the_first_screen_names_the_client_and_fits() {
    let lab = Lab::spawn_thread(scenario::idle_timeout(MS(900)));
    let done = keepwarm_sure(&["doctor", "--client", "dotnet", &lab.url("/")]).with_code(1);
    done.says(".NET SocketsHttpHandler keeps idle connections for 60 s: does not fit");
    done.says("of a million requests at 1/s meet a close");
    let lines: Vec<_> = done.stdout.lines().collect();
    assert!(lines.len() <= 24, "{}", done.stdout);
    assert!(
        lines.iter().all(|line| line.chars().count() <= 100),
        "{}",
        done.stdout
    );
    keepwarm_sure(&["doctor", "--client", "rain", &lab.url("/")])
        .with_code(2)
        .complains("reqwest");
    keepwarm_sure(&["doctor", "--client", "go", "--rate", "often", &lab.url("/")]).with_code(2);
    keepwarm_sure(&["doctor", "--rate", "1/s", &lab.url("/")]).with_code(2);
}
