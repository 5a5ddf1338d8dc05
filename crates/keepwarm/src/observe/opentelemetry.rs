//! `OpenTelemetry`: the metrics through the service's own OpenTelemetry.
//!
//! Owns the instruments. Refuses to know exporters and readers: those are of the SDK, which the service chooses.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keepwarm_core::event::{Event, Observer};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter, UpDownCounter};

use super::metrics::{Count, Instruments, Label, Level, Metric, Tally, Took, Value};

/// Counts events into the instruments of an OpenTelemetry [`Meter`].
///
/// The metrics are those of `docs/metrics.md`. Give one to all clients of a process; they are counted together, by
/// origin, and origins beyond [`OpenTelemetry::ORIGINS`] as one. What a measurement costs is the SDK's affair; a call
/// makes eight.
pub struct OpenTelemetry(Tally<Metered>);

impl OpenTelemetry {
    /// Origins that are counted apart, unless told otherwise.
    pub const ORIGINS: usize = 100;

    /// Makes the instruments in this meter: `provider.meter("keepwarm")`.
    #[must_use]
    pub fn new(meter: &Meter) -> Self {
        Self::with_origins(meter, Self::ORIGINS)
    }

    /// The same with another number of origins that are counted apart; 0: all together.
    #[must_use]
    pub fn with_origins(meter: &Meter, most: usize) -> Self {
        Self(Tally::new(Metered::of(meter), most))
    }
}

impl Observer for OpenTelemetry {
    fn on_event(&self, event: &Event) {
        self.0.event(event);
    }
}

impl fmt::Debug for OpenTelemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenTelemetry").finish_non_exhaustive()
    }
}

/// The metrics' instruments.
struct Metered {
    counts: [Counter<u64>; Count::ALL.len()],
    levels: [UpDownCounter<i64>; Level::ALL.len()],
    times: [Histogram<f64>; Took::ALL.len()],
}

/// An instrument and the attributes with which it is used.
struct Series<T> {
    instrument: T,
    attributes: Arc<[KeyValue]>,
}

impl<T> Series<T> {
    fn of(instrument: T, labels: Vec<Label>) -> Self {
        let attribute = |(key, value): Label| match value {
            Value::Flag(is) => KeyValue::new(key, is),
            Value::Number(number) => KeyValue::new(key, i64::from(number)),
            Value::Text(text) => KeyValue::new(key, text),
        };
        Self {
            instrument,
            attributes: labels.into_iter().map(attribute).collect(),
        }
    }
}

impl Metered {
    fn of(meter: &Meter) -> Self {
        Self {
            counts: Count::ALL.map(|which| {
                let Metric {
                    name,
                    unit,
                    meaning,
                } = which.metric();
                let builder = meter.u64_counter(name).with_unit(unit);
                builder.with_description(meaning).build()
            }),
            levels: Level::ALL.map(|which| {
                let Metric {
                    name,
                    unit,
                    meaning,
                } = which.metric();
                let builder = meter.i64_up_down_counter(name).with_unit(unit);
                builder.with_description(meaning).build()
            }),
            times: Took::ALL.map(|which| {
                let Metric {
                    name,
                    unit,
                    meaning,
                } = which.metric();
                let builder = meter.f64_histogram(name).with_unit(unit);
                let builder = builder.with_boundaries(which.buckets().to_vec());
                builder.with_description(meaning).build()
            }),
        }
    }
}

impl Instruments for Metered {
    type Counter = Series<Counter<u64>>;
    type Gauge = Series<UpDownCounter<i64>>;
    type Histogram = Series<Histogram<f64>>;

    fn counter(&self, which: Count, labels: Vec<Label>) -> Self::Counter {
        let series = Series::of(self.counts[which as usize].clone(), labels);
        // It is there from now on, as with other metrics systems, so that a rate sees the first of its kind.
        series.instrument.add(0, &series.attributes);
        series
    }

    fn gauge(&self, which: Level, labels: Vec<Label>) -> Self::Gauge {
        Series::of(self.levels[which as usize].clone(), labels)
    }

    fn histogram(&self, which: Took, labels: Vec<Label>) -> Self::Histogram {
        Series::of(self.times[which as usize].clone(), labels)
    }

    fn add(counter: &Self::Counter) {
        counter.instrument.add(1, &counter.attributes);
    }

    fn shift(gauge: &Self::Gauge, by: i64) {
        gauge.instrument.add(by, &gauge.attributes);
    }

    fn record(histogram: &Self::Histogram, took: Duration) {
        let seconds = took.as_secs_f64();
        histogram.instrument.record(seconds, &histogram.attributes);
    }
}
