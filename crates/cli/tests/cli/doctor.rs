//! `keepwarm doctor` and `keepwarm defaults` as their users meet them.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use keepwarm_lab::{Behaviour, ConnectionHeader, Lab, Which, scenario};
use serde_json::{Value, json};

use crate::support::{Done, command, interrupt, keepwarm, keepwarm_sure};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn object(done: &Done) -> Value {
    serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:#?}"))
}

#[test]
fn a_healthy_server_is_0_and_the_first_screen_fits_a_terminal() {
    let lab = Lab::spawn_thread(scenario::well_behaved());
    let done = keepwarm(&["doctor", "--wait", "1500ms", &lab.url("/")]).with_code(0);
    done.says("healthy");
    done.says("yes: a second request on the same connection was answered");
    assert!(done.stdout.lines().count() <= 24, "{}", done.stdout);
    let widest = done.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{}", done.stdout);
}

#[test]
fn findings_are_1_with_their_numbers_and_settings_that_fit() {
    let lab = Lab::spawn_thread(scenario::idle_timeout(MS(1200)));
    let done = keepwarm_sure(&["doctor", &lab.url("/")]).with_code(1);
    done.says("idle-timeout-short");
    done.says("settings that fit: idle_timeout ");
    assert!(done.stdout.lines().count() <= 24, "{}", done.stdout);
}

#[test]
fn everything_is_told_to_those_who_ask() {
    let behaviour = Behaviour {
        keep_alive: Some("timeout=9, max=50".to_owned()),
        max_requests: Some(23),
        ..scenario::idle_timeout(MS(900))
    };
    let lab = Lab::spawn_thread(behaviour);
    let done = keepwarm_sure(&["doctor", "-v", &lab.url("/")]).with_code(1);
    for cause in [
        "announced-timeout-wrong",
        "idle-timeout-short",
        "max-requests-low",
    ] {
        done.says(&format!("docs/causes/{cause}.md"));
    }
    done.says("Keep-Alive: timeout=9");
    done.says("connect-only");
    assert!(
        done.stdout.matches("after-one").count() >= 4,
        "{}",
        done.stdout
    );
    let widest = done.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{}", done.stdout);
}

#[test]
fn json_is_one_object_with_every_key() {
    let behaviour = Behaviour {
        keep_alive: Some("timeout=9, max=50".to_owned()),
        max_requests: Some(23),
        ..scenario::idle_timeout(MS(900))
    };
    let lab = Lab::spawn_thread(behaviour);
    let done = keepwarm_sure(&["doctor", "--json", &lab.url("/")]).with_code(1);
    let it = object(&done);
    assert_eq!(it["schema"], "keepwarm.doctor/1");
    assert_eq!(it["verdict"], "findings");
    assert_eq!(
        (&it["protocols"], &it["reuse"]),
        (&json!(["h1"]), &json!(true))
    );
    let idle = &it["idle_timeout_ms"];
    assert!(
        idle["value"].is_f64() && idle["low"].is_f64() && idle["high"].is_f64(),
        "{idle}"
    );
    assert_eq!(
        (&idle["at_least"], &idle["ended_by"]),
        (&Value::Null, &json!("fin"))
    );
    assert_eq!(it["max_requests"]["value"], 23);
    assert_eq!(it["announced"]["timeout_s"], 9);
    assert_eq!(it["announced"]["max"], 50);
    assert_eq!(it["http10"]["keep_alive"], false);
    assert_eq!(it["error_close"]["HEAD"], false);
    let causes: Vec<_> = it["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["cause"])
        .collect();
    for cause in [
        "announced-timeout-wrong",
        "idle-timeout-short",
        "max-requests-low",
    ] {
        assert!(causes.contains(&&json!(cause)), "{causes:?}");
    }
    assert!(it["recommend"]["idle_timeout_ms"].is_f64());
    assert_eq!(it["recommend"]["max_idle_per_host"], 100);
    let text = keepwarm_sure(&["doctor", &lab.url("/")])
        .with_code(1)
        .stdout;
    assert!(text.lines().count() <= 24, "{text}");
    assert!(text.contains("keepwarm settings that fit"), "{text}");
}

#[test]
fn what_was_not_measured_is_null() {
    let behaviour = Behaviour {
        connection: ConnectionHeader::Close(Which::All),
        ..Behaviour::default()
    };
    let lab = Lab::spawn_thread(behaviour);
    let done = keepwarm(&["doctor", "--json", "--wait", "1s", &lab.url("/")]).with_code(1);
    let it = object(&done);
    assert_eq!(it["reuse"], false);
    assert_eq!(it["idle_timeout_ms"]["value"], Value::Null);
    assert_eq!(it["idle_timeout_ms"]["ended_by"], Value::Null);
    assert_eq!(it["max_requests"]["value"], Value::Null);
    assert_eq!(it["announced"]["timeout_s"], Value::Null);
    assert_eq!(it["recommend"]["idle_timeout_ms"], Value::Null);
    assert_eq!(it["findings"][0]["cause"], "keep-alive-disabled");
}

#[test]
fn a_silent_drop_is_told_with_its_bounds() {
    let lab = Lab::spawn_thread(scenario::silent_drop(MS(2_400)));
    let done = keepwarm(&["doctor", "--json", "--wait", "8s", &lab.url("/")]).with_code(1);
    let it = object(&done);
    let seen = &it["silent_drop"];
    assert_eq!(seen["found"], true, "{it:#}");
    let bound = |name: &str| seen[name].as_f64().expect("a bound");
    assert!(
        bound("last_good_ms") < 2_400.0 && bound("first_bad_ms") > 2_400.0,
        "{seen}"
    );
    assert_eq!(it["findings"][0]["cause"], "silent-drop");
    assert!(it["recommend"]["idle_timeout_ms"].as_f64() < Some(bound("last_good_ms")));
}

#[test]
fn a_target_that_cannot_be_examined_is_3_and_says_why() {
    let refused = Lab::spawn_thread(scenario::refuse());
    let done = keepwarm(&["doctor", "--json", &refused.url("/")]).with_code(3);
    done.complains("refused");
    let it = object(&done);
    assert_eq!(
        (&it["verdict"], &it["error"]["kind"]),
        (&json!("unreachable"), &json!("connect"))
    );
    assert_eq!(
        (&it["reuse"], &it["idle_timeout_ms"]["value"]),
        (&Value::Null, &Value::Null)
    );
    let strange = Lab::spawn_thread(keepwarm_lab::Script::new().send("SSH-2.0-server\r\n"));
    keepwarm(&["doctor", &strange.url("/")])
        .with_code(3)
        .complains("is no HTTP/1.x");
    let refusal = "HTTP/1.1 400 Bad Request\r\n\r\n";
    let plain = Lab::spawn_thread(keepwarm_lab::Script::new().read_bytes(5).send(refusal));
    let https = format!("https://{}/", plain.addr());
    keepwarm(&["doctor", "--quick", &https])
        .with_code(3)
        .complains("TLS with");
}

#[test]
fn an_interrupt_is_4_and_what_is_known_is_printed() {
    let lab = Lab::spawn_thread(scenario::idle_timeout(MS(60_000)));
    let mut child = command(&["doctor", "--json", &lab.url("/")])
        .spawn()
        .expect("it starts");
    // Seven connections wait for their end: everything else is asked by then or soon.
    lab.wait_for_blocking(|transcript| transcript.connections().len() >= 7);
    interrupt(&child);
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe"))
        .read_line(&mut line)
        .expect("text");
    let status = child.wait().expect("it ends");
    let it: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(it["interrupted"], true);
    assert_eq!(it["idle_timeout_ms"]["value"], Value::Null);
    assert_eq!(status.code(), Some(4));
}

#[test]
fn an_interrupt_before_the_first_answer_is_an_object_too() {
    let lab = Lab::spawn_thread(scenario::hang());
    let url = lab.url("/");
    let both = format!("{url},{url}");
    let asked = [(vec![url.as_str()], 1), (vec!["--chain", both.as_str()], 3)];
    for (words, connections) in asked {
        let child = command(&[&["doctor", "--json"], &words[..]].concat())
            .spawn()
            .expect("it starts");
        lab.wait_for_blocking(|transcript| {
            let asked = transcript
                .connections()
                .iter()
                .filter(|it| it.requests().count() > 0);
            asked.count() >= connections
        });
        interrupt(&child);
        let done = child.wait_with_output().expect("it ends");
        let it: Value = serde_json::from_slice(&done.stdout).expect("JSON");
        assert_eq!(it["verdict"], "inconclusive");
        let hop = if it["hops"].is_array() {
            &it["hops"][1]
        } else {
            &it
        };
        assert_eq!(
            (&hop["interrupted"], &hop["url"]),
            (&json!(true), &json!(url))
        );
        assert_eq!(done.status.code(), Some(4));
    }
}

#[test]
fn thresholds_decide_the_exit_code() {
    let lab = Lab::spawn_thread(scenario::idle_timeout(MS(900)));
    let with = |options: &[&str]| keepwarm_sure(&[&["doctor"], options, &[&lab.url("/")]].concat());
    with(&["--fail-on", "keep-alive-disabled,http10-only"]).with_code(0);
    with(&["--fail-on", "idle-timeout-short"]).with_code(1);
    with(&["--fail-on", "http10-only", "--min-idle", "5s"])
        .with_code(1)
        .says("5 s are asked for");
    let open = Lab::spawn_thread(scenario::well_behaved());
    let undecided = ["doctor", "--wait", "1s", "--min-idle", "5s", &open.url("/")];
    keepwarm(&undecided).with_code(4).says("inconclusive");
}

#[test]
fn mistakes_are_2() {
    keepwarm(&["doctor"]).with_code(2);
    keepwarm(&["doctor", "ftp://127.0.0.1/"]).with_code(2);
    keepwarm(&["doctor", "--quick", "--long", "http://127.0.0.1/"]).with_code(2);
    keepwarm(&["doctor", "--fail-on", "rain", "http://127.0.0.1/"])
        .with_code(2)
        .complains("http10-only");
    let done = keepwarm(&["doctor", "http://me:secret@127.0.0.1/"]).with_code(2);
    done.complains("credentials");
    assert!(!done.stderr.contains("secret"));
    keepwarm(&["defaults", "no-such-product"]).with_code(2);
    let done = keepwarm(&["doctor", "--aggressive", "http://192.0.2.1/"]).with_code(2);
    done.complains("--i-own-this");
    keepwarm(&["doctor", "--i-own-this", "http://127.0.0.1/"]).with_code(2);
}

#[test]
fn defaults_are_told_with_their_sources() {
    let done = keepwarm(&["defaults", "node"]).with_code(0);
    done.says("Node.js http");
    done.says("source code: github.com/nodejs/node");
    done.says("set by: server.keepAliveTimeout = MS;");
    let nginx = keepwarm(&["defaults", "nginx"]).with_code(0);
    nginx.says("towards what is behind it: 60 s");
    keepwarm(&["defaults", "net/http"])
        .with_code(0)
        .says("keepwarm doctor --client: go");
    let table = object(&keepwarm(&["defaults", "--json"]).with_code(0));
    assert_eq!(table["schema"], "keepwarm.defaults/1");
    let rows = table["defaults"].as_array().expect("a list");
    assert!(
        rows.iter()
            .any(|row| row["product"] == "nginx" && row["seconds"] == 75.0)
    );
}

#[test]
fn a_quick_look_at_a_server_that_announces_a_long_timeout_does_not_wait_for_it() {
    let lab = Lab::spawn_thread(scenario::announced_idle_timeout(MS(60_000)));
    let done = keepwarm(&["doctor", "--quick", "--json", &lab.url("/")]).with_code(0);
    let it = object(&done);
    assert_eq!(it["idle_timeout_ms"]["value"], Value::Null);
    assert_eq!(it["recommend"]["idle_timeout_ms"], 30_000.0);
    // Not before the glance of two seconds, and not all of the budget.
    let open = it["idle_timeout_ms"]["at_least"].as_f64().expect("a bound");
    assert!((2_000.0..7_000.0).contains(&open), "{it:#}");
}
