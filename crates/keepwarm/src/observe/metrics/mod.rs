//! The metrics: which there are, what they are called, what they are measured in.
//!
//! Owns the names, after OpenTelemetry's conventions for HTTP clients where those have one, and the [`Instruments`]
//! that carry numbers to a metrics system. Refuses to know when something is counted: `tally` does. Each is described
//! in `docs/metrics.md`.

mod place;
mod tally;

use std::borrow::Cow;
use std::time::Duration;

pub(super) use tally::Tally;

/// A metric's name, its unit after UCUM, and its meaning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) meaning: &'static str,
}

const fn metric(name: &'static str, unit: &'static str, meaning: &'static str) -> Metric {
    Metric {
        name,
        unit,
        meaning,
    }
}

/// What is counted: these only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Closed,
    DialsFailed,
    Opened,
    Requests,
    Retries,
    RetriesRefused,
}

impl Count {
    pub(super) const ALL: [Self; 6] = [
        Self::Closed,
        Self::DialsFailed,
        Self::Opened,
        Self::Requests,
        Self::Retries,
        Self::RetriesRefused,
    ];

    pub(super) fn metric(self) -> Metric {
        match self {
            Self::Closed => metric(
                "keepwarm.client.connections.closed",
                "{connection}",
                "Connections closed, by reason and by who closed them",
            ),
            Self::DialsFailed => metric(
                "keepwarm.client.dials.failed",
                "{dial}",
                "Attempts to open a connection that failed",
            ),
            Self::Opened => metric(
                "keepwarm.client.connections.opened",
                "{connection}",
                "Connections opened, by why no idle one could serve",
            ),
            Self::Requests => metric(
                "keepwarm.client.requests",
                "{request}",
                "Requests that got a connection, retries included, by whether it had served before",
            ),
            Self::Retries => metric(
                "keepwarm.client.retries",
                "{request}",
                "Requests sent again, by why that was safe",
            ),
            Self::RetriesRefused => metric(
                "keepwarm.client.retries.refused",
                "{request}",
                "Failed requests that were not sent again, by why not",
            ),
        }
    }
}

/// What is so many right now: these grow and shrink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    ActiveRequests,
    OpenConnections,
}

impl Level {
    pub(super) const ALL: [Self; 2] = [Self::ActiveRequests, Self::OpenConnections];

    pub(super) fn metric(self) -> Metric {
        match self {
            Self::ActiveRequests => metric(
                "http.client.active_requests",
                "{request}",
                "Calls under way, those that wait for a connection included",
            ),
            Self::OpenConnections => metric(
                "http.client.open_connections",
                "{connection}",
                "Open connections, idle and active",
            ),
        }
    }
}

/// What takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Took {
    ConnectionDuration,
    DialDuration,
    IdleBeforeReuse,
    RequestDuration,
    TimeInQueue,
}

impl Took {
    pub(super) const ALL: [Self; 5] = [
        Self::ConnectionDuration,
        Self::DialDuration,
        Self::IdleBeforeReuse,
        Self::RequestDuration,
        Self::TimeInQueue,
    ];

    pub(super) fn metric(self) -> Metric {
        match self {
            Self::ConnectionDuration => metric(
                "http.client.connection.duration",
                "s",
                "Ages of connections when they were closed",
            ),
            Self::DialDuration => metric(
                "keepwarm.client.dial.duration",
                "s",
                "Time that opening a connection took, from name to last handshake",
            ),
            Self::IdleBeforeReuse => metric(
                "keepwarm.client.connection.idle_before_reuse",
                "s",
                "Time that connections were idle before they were used again",
            ),
            Self::RequestDuration => metric(
                "http.client.request.duration",
                "s",
                "Time from a call's beginning to the end of its body, retries included",
            ),
            Self::TimeInQueue => metric(
                "http.client.request.time_in_queue",
                "s",
                "Time that calls waited for a connection, of those that had to",
            ),
        }
    }

    /// Upper ends of the histogram's buckets, in seconds; OpenTelemetry's where it names some.
    pub(super) fn buckets(self) -> &'static [f64] {
        match self {
            Self::ConnectionDuration | Self::IdleBeforeReuse => &[
                0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
            ],
            Self::DialDuration | Self::RequestDuration | Self::TimeInQueue => &[
                0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
            ],
        }
    }
}

/// An attribute's name.
pub(super) type Key = &'static str;

/// The attributes' names, as OpenTelemetry writes them.
pub(super) mod key {
    use super::Key;

    pub(in crate::observe) const CLOSED_BY: Key = "keepwarm.closed_by";
    pub(in crate::observe) const CLOSE_REASON: Key = "keepwarm.close.reason";
    pub(in crate::observe) const CONNECTION_REUSED: Key = "keepwarm.connection.reused";
    pub(in crate::observe) const CONNECTION_STATE: Key = "http.connection.state";
    pub(in crate::observe) const ERROR_TYPE: Key = "error.type";
    pub(in crate::observe) const METHOD: Key = "http.request.method";
    pub(in crate::observe) const MISS: Key = "keepwarm.miss";
    pub(in crate::observe) const PROTOCOL_VERSION: Key = "network.protocol.version";
    pub(in crate::observe) const RETRY: Key = "keepwarm.retry";
    pub(in crate::observe) const SCHEME: Key = "url.scheme";
    pub(in crate::observe) const SERVER_ADDRESS: Key = "server.address";
    pub(in crate::observe) const SERVER_PORT: Key = "server.port";
    pub(in crate::observe) const STATUS: Key = "http.response.status_code";
}

/// An attribute's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Flag(bool),
    Number(u16),
    Text(Cow<'static, str>),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

/// An attribute.
pub(super) type Label = (Key, Value);

/// A metrics system: gives out one instrument for each metric and set of attributes, which is kept and used again.
pub(super) trait Instruments: Send + 'static {
    type Counter: Send;
    type Gauge: Send;
    type Histogram: Send;

    fn counter(&self, which: Count, labels: Vec<Label>) -> Self::Counter;
    fn gauge(&self, which: Level, labels: Vec<Label>) -> Self::Gauge;
    fn histogram(&self, which: Took, labels: Vec<Label>) -> Self::Histogram;

    /// One more.
    fn add(counter: &Self::Counter);
    /// So many more, or fewer.
    fn shift(gauge: &Self::Gauge, by: i64);
    /// It took so long.
    fn record(histogram: &Self::Histogram, took: Duration);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_metric_has_a_name_of_its_own_and_stands_in_its_place() {
        let mut names = BTreeSet::new();
        let counts = Count::ALL.map(|it| (it as usize, it.metric().name));
        let levels = Level::ALL.map(|it| (it as usize, it.metric().name));
        let times = Took::ALL.map(|it| (it as usize, it.metric().name));
        for list in [&counts[..], &levels[..], &times[..]] {
            for (index, (place, name)) in list.iter().enumerate() {
                assert_eq!(index, *place, "{name}");
                assert!(names.insert(*name), "{name} is there twice");
            }
        }
        assert_eq!(names.len(), 13);
    }

    #[test]
    fn buckets_grow() {
        for took in Took::ALL {
            assert!(took.buckets().is_sorted(), "{took:?}");
        }
    }
}
