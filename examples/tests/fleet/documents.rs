//! The queries that the repository offers: in the dashboard, in the alert rules, in the documentation.
//!
//! Owns their extraction, and the time over which rates are taken here. Refuses to know what they mean.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Rates over five minutes would need five minutes of traffic.
const WINDOW: &str = "[10s]";

/// The repository's root.
pub(crate) fn folder() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("examples/ is in it").to_owned()
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(folder().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A query for each metric in the documentation's table.
pub(crate) fn metrics() -> Vec<String> {
    let page = read("docs/metrics.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let second = |row: &str| row.split('`').nth(3).expect("a name").to_owned();
    rows.map(|row| {
        let name = second(row);
        if row.contains("histogram") {
            format!("{name}_bucket")
        } else {
            name
        }
    })
    .collect()
}

/// The queries that the documentation shows.
pub(crate) fn documented() -> Vec<String> {
    let page = read("docs/metrics.md");
    let blocks = page.split("```promql\n").skip(1);
    let blocks: Vec<String> = blocks
        .filter_map(|block| block.split_once("\n```"))
        .map(|(query, _)| query.replace("[5m]", WINDOW))
        .collect();
    assert_eq!(blocks.len(), 13, "one for each metric");
    blocks
}

/// The queries of the dashboard, with its variables as Grafana fills them in.
pub(crate) fn dashboard() -> Vec<String> {
    let dashboard: Value =
        serde_json::from_str(&read("deploy/grafana/keepwarm.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let queries: Vec<String> = targets
        .map(|target| target["expr"].as_str().expect("a query"))
        .map(|query| {
            query
                .replace("$job", ".*")
                .replace("$origin", ".*")
                .replace("[$__rate_interval]", WINDOW)
        })
        .collect();
    assert!(
        queries.iter().all(|query| !query.contains('$')),
        "{queries:?}"
    );
    queries
}

/// The conditions of the alert rules.
pub(crate) fn alerts() -> Vec<String> {
    let text = read("deploy/prometheus/alerts.yml");
    let rules = text.split("expr: |\n").skip(1);
    let conditions: Vec<String> = rules
        .filter_map(|rule| rule.split_once("\n        for:"))
        .map(|(condition, _)| condition.replace("[5m]", WINDOW))
        .collect();
    assert_eq!(conditions.len(), 6);
    conditions
}
