//! The report as JSON: as `docs/report.schema.json` says, with totals that are sums.

use keepwarm_report::{Cause, Report, json};
use serde_json::Value;

use crate::{runs, samples, schemas, words};

fn json_of(report: &Report) -> Value {
    let mut bytes = Vec::new();
    json::write(report, &mut bytes).expect("memory");
    serde_json::from_slice(&bytes).expect("JSON")
}

const SCHEMA: &str = "report.schema.json";

#[test]
fn reports_are_as_the_schema_says() {
    let both = [samples::encrypted(), samples::shared()];
    let reports = [
        runs::many().report(),
        runs::two_clients().report(),
        runs::http2().report(),
        Report::of(&both),
        Report::default(),
    ];
    assert!(reports.iter().any(|it| !it.findings.is_empty()));
    let lines = reports.iter().map(|it| format!("{}\n", json_of(it)));
    schemas::assert_valid(SCHEMA, &lines.collect::<String>());
}

#[test]
fn the_schema_refuses_what_is_no_report() {
    let report = json_of(&Report::of(&[samples::encrypted()]));
    let places = [
        ("/schema", Value::from("keepwarm.report/2")),
        ("/totals/opened", Value::from(-1)),
        ("/connections/0/protocol", Value::from("h9")),
        ("/connections/0/end/reason", Value::from("tired")),
        ("/connections/1/blame/cause", Value::from("weather")),
        ("/exchanges/0/connection", Value::from("#1")),
        ("/cut_short", Value::Null),
    ];
    let wrong = places.clone().map(|(place, value)| {
        let mut wrong = report.clone();
        *wrong.pointer_mut(place).expect("a place") = value;
        wrong.to_string()
    });
    let said = schemas::problems(SCHEMA, &wrong.join("\n"));
    for (number, (place, _)) in (1..).zip(places) {
        assert!(said.contains(&format!("line {number}: {place}")), "{said}");
    }
}

/// A word that the schema lacks would only be missed when a report says it.
#[test]
fn the_schemas_name_every_word() {
    let schema = |name: &str| {
        let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the schema");
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    let report = schema(SCHEMA);
    let constants = report["$defs"]["cause"]["oneOf"]
        .as_array()
        .expect("a list");
    let causes: Vec<&str> = constants
        .iter()
        .filter_map(|it| it["const"].as_str())
        .collect();
    assert_eq!(causes, Cause::ALL.map(Cause::slug));
    let reasons = words::close_reasons();
    let reasons: Vec<&str> = reasons.iter().map(|it| it.slug()).collect();
    assert_eq!(
        report["$defs"]["close-reason"]["enum"],
        Value::from(reasons)
    );
    let misses = words::misses();
    let misses: Vec<&str> = misses.iter().map(|it| it.slug()).collect();
    assert_eq!(report["$defs"]["miss"]["enum"], Value::from(misses));
    let agains = words::agains().into_iter().map(|it| it.slug());
    let retries: Vec<&str> = agains
        .chain(words::stops().into_iter().map(|it| it.slug()))
        .collect();
    let known = &report["$defs"]["exchange"]["properties"]["retry"]["oneOf"][1]["enum"];
    assert_eq!(known, &Value::from(retries));
}

#[test]
fn the_totals_are_those_of_the_origins() {
    let report = runs::many().report();
    let json = json_of(&report);
    let sum = |field: &str| -> u64 {
        let origins = json["origins"].as_array().expect("a list");
        origins.iter().filter_map(|it| it[field].as_u64()).sum()
    };
    for field in ["opened", "necessary", "avoidable", "exchanges", "reused"] {
        assert_eq!(json["totals"][field], sum(field), "{field}");
    }
    assert_eq!(sum("opened"), sum("necessary") + sum("avoidable"));
    assert!(!json.to_string().contains("secret"));
}

#[test]
fn the_example_of_the_page_on_reports_is_one() {
    let path = format!("{}/../../docs/report.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(path).expect("the page");
    let example = page
        .split("```json\n")
        .nth(1)
        .and_then(|it| it.split("```").next());
    let example: Value = serde_json::from_str(example.expect("an example")).expect("JSON");
    schemas::assert_valid(SCHEMA, &example.to_string());
}
