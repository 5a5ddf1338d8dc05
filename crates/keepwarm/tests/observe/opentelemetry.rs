//! `observe::OpenTelemetry`: the instruments are those of the conventions, and carry the numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use keepwarm::observe::OpenTelemetry;
use keepwarm::{Client, Config};
use keepwarm_lab::{Lab, scenario};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

use crate::support::{finish, run};

/// Every point, by name and attributes: a sum's value, a histogram's count.
type Points = BTreeMap<(String, String), f64>;

/// A provider whose exports stay in memory.
struct Memory {
    provider: SdkMeterProvider,
    exporter: InMemoryMetricExporter,
}

impl Memory {
    fn new() -> Self {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        Self {
            provider: SdkMeterProvider::builder().with_reader(reader).build(),
            exporter,
        }
    }

    fn observer(&self) -> Arc<OpenTelemetry> {
        Arc::new(OpenTelemetry::new(&self.provider.meter("keepwarm")))
    }

    /// What is exported at this moment, and each metric's unit.
    fn export(&self) -> (Points, BTreeMap<String, String>) {
        self.exporter.reset();
        self.provider.force_flush().expect("an export");
        let exports = self.exporter.get_finished_metrics().expect("an export");
        let mut points = Points::new();
        let mut units = BTreeMap::new();
        let scopes = exports.iter().flat_map(|export| export.scope_metrics());
        for metric in scopes.flat_map(|scope| scope.metrics()) {
            units.insert(metric.name().to_owned(), metric.unit().to_owned());
            for (attributes, value) in values(metric.data()) {
                points.insert((metric.name().to_owned(), attributes), value);
            }
        }
        (points, units)
    }
}

fn values(data: &AggregatedMetrics) -> Vec<(String, f64)> {
    match data {
        AggregatedMetrics::U64(MetricData::Sum(sum)) => {
            assert!(sum.is_monotonic());
            let points = sum.data_points();
            points
                .map(|it| (list(it.attributes()), it.value() as f64))
                .collect()
        }
        AggregatedMetrics::I64(MetricData::Sum(sum)) => {
            assert!(!sum.is_monotonic());
            let points = sum.data_points();
            points
                .map(|it| (list(it.attributes()), it.value() as f64))
                .collect()
        }
        AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
            let points = histogram.data_points();
            points
                .map(|it| (list(it.attributes()), it.count() as f64))
                .collect()
        }
        other => panic!("{other:?}"),
    }
}

/// Attributes but for those of the origin, sorted.
fn list<'a>(attributes: impl Iterator<Item = &'a opentelemetry::KeyValue>) -> String {
    let mut list: Vec<String> = attributes
        .filter(|it| !["server.address", "server.port", "url.scheme"].contains(&it.key.as_str()))
        .map(|it| format!("{}={}", it.key, it.value))
        .collect();
    list.sort();
    list.join(" ")
}

async fn play(memory: &Memory, change: impl FnOnce(Config) -> Config) {
    let lab = Lab::start(scenario::well_behaved()).await;
    let client = change(Client::builder().observer(memory.observer()))
        .build()
        .expect("settings that work");
    for _ in 0..3 {
        finish(client.get(lab.url("/")).send().await.expect("an answer")).await;
    }
    client.shutdown(std::time::Duration::from_secs(5)).await;
    // Closed connections are told of by the keeper, which may be later.
    let stats = || client.stats().total().closed_as("shut-down") == 1;
    crate::support::until(|| stats().then_some(()), || "open still".to_owned()).await;
}

#[test]
fn the_instruments_are_those_of_the_conventions_and_carry_the_numbers() {
    run(async {
        let memory = Memory::new();
        play(&memory, |config| config).await;
        let (points, units) = memory.export();
        let of = |name: &str, attributes: &str| {
            let key = (name.to_owned(), attributes.to_owned());
            *points
                .get(&key)
                .unwrap_or_else(|| panic!("no {name} with {attributes:?} in {points:#?}"))
        };
        assert_eq!(
            of(
                "keepwarm.client.requests",
                "keepwarm.connection.reused=true"
            ),
            2.0
        );
        assert_eq!(
            of(
                "keepwarm.client.requests",
                "keepwarm.connection.reused=false"
            ),
            1.0
        );
        let opened = "keepwarm.client.connections.opened";
        assert_eq!(of(opened, "keepwarm.miss=first-for-origin"), 1.0);
        let end = "keepwarm.close.reason=shut-down keepwarm.closed_by=caller network.protocol.version=1.1";
        assert_eq!(of("keepwarm.client.connections.closed", end), 1.0);
        assert_eq!(of("http.client.connection.duration", end), 1.0);
        assert_eq!(of("http.client.active_requests", ""), 0.0);
        for state in ["idle", "active"] {
            let state = format!("http.connection.state={state} network.protocol.version=1.1");
            assert_eq!(of("http.client.open_connections", &state), 0.0);
        }
        let answered = "http.request.method=GET http.response.status_code=200";
        assert_eq!(of("http.client.request.duration", answered), 3.0);
        assert_eq!(of("http.client.request.time_in_queue", ""), 1.0);
        assert_eq!(of("keepwarm.client.dial.duration", ""), 1.0);
        assert_eq!(of("keepwarm.client.connection.idle_before_reuse", ""), 2.0);
        assert_eq!(
            of("keepwarm.client.retries", "keepwarm.retry=idle-close-race"),
            0.0
        );
        assert_eq!(of("keepwarm.client.dials.failed", ""), 0.0);
        assert_eq!(units["http.client.request.duration"], "s");
        assert_eq!(units["http.client.open_connections"], "{connection}");
    });
}

#[test]
fn attributes_have_the_types_of_the_conventions() {
    run(async {
        let memory = Memory::new();
        play(&memory, |config| config).await;
        memory.exporter.reset();
        memory.provider.force_flush().expect("an export");
        let exports = memory.exporter.get_finished_metrics().expect("an export");
        let text = format!("{exports:?}");
        for typed in [
            "Static(\"http.response.status_code\"), value: I64(200)",
            "Static(\"keepwarm.connection.reused\"), value: Bool(true)",
            "Static(\"url.scheme\"), value: String(Static(\"http\"))",
        ] {
            assert!(text.contains(typed), "no {typed} in {text}");
        }
        assert!(text.contains("Static(\"server.port\"), value: I64("));
    });
}
