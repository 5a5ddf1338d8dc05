//! The settings that `keepwarm doctor` recommends, as code and configuration.

use std::time::Duration;

use keepwarm_lab::{Behaviour, ConnectionHeader, Lab, Which, scenario};
use serde_json::{Value, json};

use crate::support::keepwarm_sure;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn pieces_are_printed_behind_the_first_screen_when_asked_for() {
    let lab = Lab::spawn_thread(scenario::idle_timeout(MS(2_600)));
    let url = lab.url("/");
    let plain = keepwarm_sure(&["doctor", &url]).with_code(1);
    assert!(
        !plain.stdout.contains("IdleConnTimeout"),
        "{}",
        plain.stdout
    );
    let two = keepwarm_sure(&["doctor", "--snippets=go,nginx", &url]).with_code(1);
    two.says("transport.IdleConnTimeout = 1 * time.Second");
    two.says("keepalive_timeout 1s;");
    assert!(!two.stdout.contains("reqwest::Client"), "{}", two.stdout);
    let all = keepwarm_sure(&["doctor", "--snippets", &url]).with_code(1);
    for piece in [
        "IdleConnTimeout",
        "reqwest::Client",
        "PooledConnectionIdleTimeout",
        "pool-purge-delay",
    ] {
        all.says(piece);
    }
    keepwarm_sure(&["doctor", "--snippets=rain", &url])
        .with_code(2)
        .complains("apache-hc");
}

#[test]
fn json_has_all_of_them_and_none_where_nothing_is_recommended() {
    let lab = Lab::spawn_thread(scenario::idle_timeout(MS(900)));
    let it = object(
        &keepwarm_sure(&["doctor", "--json", &lab.url("/")])
            .with_code(1)
            .stdout,
    );
    let recommend = &it["recommend"];
    assert!(
        recommend["snippets"]["undici"]
            .as_str()
            .is_some_and(|it| it.contains("keepAliveTimeout: 4")),
        "{recommend:#}"
    );
    assert_eq!(
        (&recommend["tcp_keepalive_s"], &recommend["retries"]),
        (&Value::Null, &json!("go"))
    );
    let closing = Lab::spawn_thread(Behaviour {
        connection: ConnectionHeader::Close(Which::All),
        ..Behaviour::default()
    });
    let it = object(
        &keepwarm_sure(&["doctor", "--json", "--wait", "1s", &closing.url("/")])
            .with_code(1)
            .stdout,
    );
    assert_eq!(it["recommend"]["snippets"], json!({}));
}

#[test]
fn what_to_set_in_a_server_of_ones_own_is_told_in_the_words_of_its_product() {
    let lab = Lab::spawn_thread(Behaviour {
        headers: vec![("Server".to_owned(), "nginx/1.28.0".to_owned())],
        max_requests: Some(23),
        ..scenario::idle_timeout(MS(900))
    });
    let done = keepwarm_sure(&["doctor", "--mine", &lab.url("/")]).with_code(1);
    done.says("On the server's side");
    done.says("nginx (medium): keepalive_timeout 75s;");
    done.says("nginx (medium): keepalive_requests 10000;");
    let plain = keepwarm_sure(&["doctor", &lab.url("/")]).with_code(1);
    assert!(
        !plain.stdout.contains("keepalive_requests 10000"),
        "{}",
        plain.stdout
    );
    let it = object(
        &keepwarm_sure(&["doctor", "--json", "--min-idle", "2m", &lab.url("/")])
            .with_code(1)
            .stdout,
    );
    let changes = it["server_side"].as_array().expect("a list");
    let short = changes
        .iter()
        .find(|it| it["cause"] == "idle-timeout-short")
        .expect("found");
    assert_eq!(
        short["settings"],
        json!([{"product": "nginx", "confidence": "medium", "text": "keepalive_timeout 120s;"}])
    );
    let healthy = Lab::spawn_thread(scenario::well_behaved());
    keepwarm_sure(&["doctor", "--mine", "--wait", "1s", &healthy.url("/")])
        .with_code(0)
        .says("Nothing was found that would have to change");
}

#[test]
fn a_server_that_names_no_product_gets_the_general_cure() {
    let lab = Lab::spawn_thread(scenario::idle_timeout(MS(900)));
    let it = object(
        &keepwarm_sure(&["doctor", "--json", &lab.url("/")])
            .with_code(1)
            .stdout,
    );
    let change = &it["server_side"][0];
    assert_eq!(
        (&change["cause"], &change["settings"]),
        (&json!("idle-timeout-short"), &json!([])),
        "{it:#}"
    );
    keepwarm_sure(&["doctor", "--mine", &lab.url("/")])
        .with_code(1)
        .says("    Raise the server's keep-alive timeout");
}
