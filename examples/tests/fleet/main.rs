//! A real Prometheus reads the gateway of the examples: each metric, each query of the dashboard, each alert and each
//! line of the documentation answers.

mod backends;
mod documents;
#[path = "../../gateway.rs"]
#[expect(dead_code, reason = "main is for whoever runs the example")]
mod gateway;
mod prometheus;

use std::process::Command;
use std::time::{Duration, Instant};

use backends::Backends;
use documents::{alerts, dashboard, documented, folder, metrics};
use prometheus::Server;

/// The longest that an answer is waited for: some scrapes and some rounds of traffic.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_prometheus_answers_every_query_there_is() {
    let backends = Backends::start().await;
    let traffic = backends.traffic();
    let rules = folder().join("deploy/prometheus/alerts.yml");
    let server = Server::start(&backends.gateway, &rules);

    let mut queries = metrics();
    assert_eq!(
        queries.len(),
        13,
        "every metric is in the table: {queries:?}"
    );
    queries.extend(documented());
    queries.extend(dashboard());
    queries.extend(alerts());
    let asked = queries.len();
    assert!(asked > 50, "{asked} queries");
    let began = Instant::now();
    loop {
        let mut silent = Vec::new();
        for query in queries {
            let found = server.query(&query).await.expect(&query);
            if found == 0 {
                silent.push(query);
            }
        }
        queries = silent;
        if queries.is_empty() {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "no data for {queries:#?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    println!("{asked} queries answered within {:?}", began.elapsed());

    let health = server.rules().await;
    assert_eq!(health, ["ok"; 6], "the rules as they are");
    traffic.abort();
}

#[test]
fn the_alert_rules_and_their_tests_pass_promtool() {
    for words in [["check", "alerts.yml"], ["test", "alerts.test.yml"]] {
        let [what, file] = words;
        let output = Command::new("promtool")
            .args([what, "rules", file])
            .current_dir(folder().join("deploy/prometheus"))
            .output()
            .expect("promtool is missing, and this test needs it: run `cargo xtask install`");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{what}: {said}");
    }
}

#[test]
fn what_alerts_point_to_is_there() {
    let text = documents::read("deploy/prometheus/alerts.yml");
    let pages: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("causes: "))
        .collect();
    assert_eq!(pages.len(), 6);
    for page in pages {
        assert!(folder().join(page).is_file(), "{page}");
    }
    for needed in ["summary:", "description:"] {
        assert_eq!(text.matches(needed).count(), 6, "{needed}");
    }
}
