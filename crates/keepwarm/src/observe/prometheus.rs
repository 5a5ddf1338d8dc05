//! `Prometheus`: the metrics as text that Prometheus reads.
//!
//! Owns the names as Prometheus writes them and the text. Refuses to serve it: an endpoint is the service's business.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use keepwarm_core::event::{Event, Observer};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::metrics::{Count, Instruments, Label, Level, Metric, Tally, Took, Value};

/// Counts events and gives them as text in the OpenMetrics format, which Prometheus reads.
///
/// The metrics are those of `docs/metrics.md`: OpenTelemetry's for HTTP clients and some of our own. Give one to all
/// clients of a process; they are counted together, by origin, and origins beyond [`Prometheus::ORIGINS`] as one.
///
/// ```
/// use std::sync::Arc;
/// use keepwarm::observe::Prometheus;
/// # use keepwarm_lab::{Lab, scenario};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> keepwarm::Result<()> {
/// # let lab = Lab::spawn_thread(scenario::well_behaved());
/// # let url = lab.url("/");
/// let metrics = Arc::new(Prometheus::new());
/// let client = keepwarm::Client::builder().observer(metrics.clone()).build()?;
/// for _ in 0..3 {
///     client.get(&url).send().await?.bytes().await?;
/// }
/// let text = metrics.render(); // at /metrics, with the Content-Type Prometheus::CONTENT_TYPE
/// assert!(text.contains("keepwarm_client_connections_opened_total{"));
/// # Ok(()) }
/// ```
pub struct Prometheus {
    tally: Tally<Families>,
    families: Families,
    registry: Registry,
}

impl Prometheus {
    /// The `Content-Type` of the text.
    pub const CONTENT_TYPE: &'static str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";
    /// Origins that are counted apart, unless told otherwise.
    pub const ORIGINS: usize = 100;

    /// Counters at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::with_origins(Self::ORIGINS)
    }

    /// The same with another number of origins that are counted apart; 0: all together.
    #[must_use]
    pub fn with_origins(most: usize) -> Self {
        let families = Families::new();
        let mut registry = Registry::default();
        families.register(&mut registry);
        Self {
            tally: Tally::new(families.clone(), most),
            families,
            registry,
        }
    }

    /// Adds the metrics to the service's own registry, for one text of all.
    pub fn register(&self, registry: &mut Registry) {
        self.families.register(registry);
    }

    /// The text of this moment, to be served as [`Prometheus::CONTENT_TYPE`].
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to memory does not fail.
        let _whole = encode(&mut text, &self.registry);
        text
    }
}

impl Default for Prometheus {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for Prometheus {
    fn on_event(&self, event: &Event) {
        self.tally.event(event);
    }
}

impl fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prometheus").finish_non_exhaustive()
    }
}

type Labels = Vec<(String, String)>;

/// The metrics, each with its series. A clone has the same series.
#[derive(Clone)]
struct Families {
    counts: [Family<Labels, Counter<u64, AtomicU64>>; Count::ALL.len()],
    levels: [Family<Labels, Gauge>; Level::ALL.len()],
    times: [Family<Labels, Histogram, Buckets>; Took::ALL.len()],
}

#[derive(Clone, Copy)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

impl Families {
    fn new() -> Self {
        Self {
            counts: Count::ALL.map(|_| Family::default()),
            levels: Level::ALL.map(|_| Family::default()),
            times: Took::ALL.map(|it| Family::new_with_constructor(Buckets(it.buckets()))),
        }
    }

    fn register(&self, registry: &mut Registry) {
        for which in Count::ALL {
            let family = self.counts[which as usize].clone();
            add_to(registry, which.metric(), family);
        }
        for which in Level::ALL {
            let family = self.levels[which as usize].clone();
            add_to(registry, which.metric(), family);
        }
        for which in Took::ALL {
            let family = self.times[which as usize].clone();
            add_to(registry, which.metric(), family);
        }
    }
}

/// The registry adds what Prometheus wants at a name's end: `_total`, and the unit of what has one.
fn add_to(
    registry: &mut Registry,
    metric: Metric,
    family: impl prometheus_client::registry::Metric,
) {
    let Metric {
        name,
        unit,
        meaning,
    } = metric;
    match unit {
        "s" => registry.register_with_unit(plain(name), meaning, Unit::Seconds, family),
        _counted => registry.register(plain(name), meaning, family),
    }
}

/// Prometheus has no dots in names.
fn plain(name: &str) -> String {
    name.replace('.', "_")
}

fn plain_labels(labels: Vec<Label>) -> Labels {
    let plain = |(key, value): Label| {
        let value = match value {
            Value::Flag(is) => is.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Text(text) => text.into_owned(),
        };
        (plain(key), value)
    };
    labels.into_iter().map(plain).collect()
}

impl Instruments for Families {
    type Counter = Counter<u64, AtomicU64>;
    type Gauge = Gauge;
    type Histogram = Histogram;

    fn counter(&self, which: Count, labels: Vec<Label>) -> Self::Counter {
        self.counts[which as usize].get_or_create_owned(&plain_labels(labels))
    }

    fn gauge(&self, which: Level, labels: Vec<Label>) -> Self::Gauge {
        self.levels[which as usize].get_or_create_owned(&plain_labels(labels))
    }

    fn histogram(&self, which: Took, labels: Vec<Label>) -> Self::Histogram {
        self.times[which as usize].get_or_create_owned(&plain_labels(labels))
    }

    fn add(counter: &Self::Counter) {
        counter.inc();
    }

    fn shift(gauge: &Self::Gauge, by: i64) {
        gauge.inc_by(by);
    }

    fn record(histogram: &Self::Histogram, took: Duration) {
        histogram.observe(took.as_secs_f64());
    }
}
