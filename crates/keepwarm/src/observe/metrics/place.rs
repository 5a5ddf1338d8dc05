//! `Place`: an origin and its instruments.
//!
//! Owns which sets of attributes there are, and with that how many series one origin can make. Refuses to know when
//! something is counted.

use keepwarm_core::event::Protocol;
use keepwarm_core::origin::Origin;
use keepwarm_core::reason::{Again, Closed, ClosedBy, Miss, Phase, Retry};

use super::{Count, Instruments, Label, Level, Took, Value, key};

/// What stands for everything beyond a bound, in every metrics system that follows OpenTelemetry.
const OTHER: &str = "_OTHER";

/// The instruments of one origin. Those of rare things are made when they first happen.
pub(super) struct Place<I: Instruments> {
    labels: Vec<Label>,
    active: I::Gauge,
    fresh: I::Counter,
    reused: I::Counter,
    dials_failed: I::Counter,
    idle_before_reuse: I::Histogram,
    time_in_queue: I::Histogram,
    dials: I::Histogram,
    lanes: Vec<(Protocol, Lane<I>)>,
    opened: Vec<(&'static str, I::Counter)>,
    closed: Vec<(End, Ended<I>)>,
    retries: Vec<(Retry, I::Counter)>,
    calls: Vec<(Answered, I::Histogram)>,
}

/// The open connections of one protocol.
pub(super) struct Lane<I: Instruments> {
    pub(super) idle: I::Gauge,
    pub(super) active: I::Gauge,
}

type End = (Protocol, &'static str, ClosedBy);

/// Connections that ended in one way.
pub(super) struct Ended<I: Instruments> {
    pub(super) count: I::Counter,
    pub(super) ages: I::Histogram,
}

/// What a call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    /// See [`method`].
    pub(super) method: &'static str,
    /// See [`status`]; 0 without an answer.
    pub(super) status: u16,
    pub(super) failed: Option<Phase>,
}

impl<I: Instruments> Place<I> {
    pub(super) fn of(origin: &Origin, instruments: &I) -> Self {
        let host = Value::Text(origin.host().to_owned().into());
        Self::with(
            origin.scheme().as_str(),
            host,
            Some(origin.port()),
            instruments,
        )
    }

    /// All origins for which there is no room, together.
    pub(super) fn other(instruments: &I) -> Self {
        Self::with(OTHER, OTHER.into(), None, instruments)
    }

    fn with(scheme: &'static str, host: Value, port: Option<u16>, instruments: &I) -> Self {
        let mut labels = vec![(key::SERVER_ADDRESS, host), (key::SCHEME, scheme.into())];
        labels.extend(port.map(|port| (key::SERVER_PORT, Value::Number(port))));
        let reused = |is| {
            let reused = (key::CONNECTION_REUSED, Value::Flag(is));
            instruments.counter(Count::Requests, and(&labels, [reused]))
        };
        let histogram = |which| instruments.histogram(which, labels.clone());
        let mut place = Self {
            active: instruments.gauge(Level::ActiveRequests, labels.clone()),
            fresh: reused(false),
            reused: reused(true),
            dials_failed: instruments.counter(Count::DialsFailed, labels.clone()),
            idle_before_reuse: histogram(Took::IdleBeforeReuse),
            time_in_queue: histogram(Took::TimeInQueue),
            dials: histogram(Took::DialDuration),
            lanes: Vec::new(),
            opened: Vec::new(),
            closed: Vec::new(),
            retries: Vec::new(),
            calls: Vec::new(),
            labels,
        };
        // There from the beginning, so that a rate sees the first of them: an alert rests on it.
        place.retry(Retry::Again(Again::IdleCloseRace), instruments);
        place
    }

    pub(super) fn active(&self) -> &I::Gauge {
        &self.active
    }

    pub(super) fn requests(&self, reused: bool) -> &I::Counter {
        if reused { &self.reused } else { &self.fresh }
    }

    pub(super) fn dials_failed(&self) -> &I::Counter {
        &self.dials_failed
    }

    pub(super) fn idle_before_reuse(&self) -> &I::Histogram {
        &self.idle_before_reuse
    }

    pub(super) fn time_in_queue(&self) -> &I::Histogram {
        &self.time_in_queue
    }

    pub(super) fn dials(&self) -> &I::Histogram {
        &self.dials
    }

    pub(super) fn lane(&mut self, protocol: Protocol, instruments: &I) -> &Lane<I> {
        let labels = &self.labels;
        find(&mut self.lanes, protocol, || {
            let gauge = |state: &'static str| {
                let labels = and(
                    labels,
                    [
                        (key::CONNECTION_STATE, state.into()),
                        (key::PROTOCOL_VERSION, version(protocol).into()),
                    ],
                );
                instruments.gauge(Level::OpenConnections, labels)
            };
            Lane {
                idle: gauge("idle"),
                active: gauge("active"),
            }
        })
    }

    pub(super) fn opened(&mut self, miss: &Miss, instruments: &I) -> &I::Counter {
        let labels = &self.labels;
        find(&mut self.opened, miss.slug(), || {
            let labels = and(labels, [(key::MISS, miss.slug().into())]);
            instruments.counter(Count::Opened, labels)
        })
    }

    pub(super) fn closed(
        &mut self,
        protocol: Protocol,
        closed: &Closed,
        instruments: &I,
    ) -> &Ended<I> {
        let labels = &self.labels;
        let (reason, by) = (closed.reason.slug(), closed.by);
        find(&mut self.closed, (protocol, reason, by), || {
            let labels = and(
                labels,
                [
                    (key::PROTOCOL_VERSION, version(protocol).into()),
                    (key::CLOSE_REASON, reason.into()),
                    (key::CLOSED_BY, by.slug().into()),
                ],
            );
            Ended {
                count: instruments.counter(Count::Closed, labels.clone()),
                ages: instruments.histogram(Took::ConnectionDuration, labels),
            }
        })
    }

    pub(super) fn retry(&mut self, retry: Retry, instruments: &I) -> &I::Counter {
        let labels = &self.labels;
        find(&mut self.retries, retry, || {
            let which = match retry {
                Retry::Again(_) => Count::Retries,
                Retry::Stop(_) => Count::RetriesRefused,
            };
            instruments.counter(which, and(labels, [(key::RETRY, retry.slug().into())]))
        })
    }

    pub(super) fn calls(&mut self, answered: Answered, instruments: &I) -> &I::Histogram {
        let labels = &self.labels;
        find(&mut self.calls, answered, || {
            let mut labels = and(labels, [(key::METHOD, answered.method.into())]);
            if answered.status > 0 {
                labels.push((key::STATUS, Value::Number(answered.status)));
            }
            labels.extend(answered.error().map(|error| (key::ERROR_TYPE, error)));
            instruments.histogram(Took::RequestDuration, labels)
        })
    }
}

impl Answered {
    /// `error.type`: the phase in which it failed, `cancelled` when the caller gave up before there was an answer, or
    /// the status when that is an error.
    fn error(&self) -> Option<Value> {
        match self.failed {
            Some(phase) => Some(phase.slug().into()),
            None if self.status == 0 => Some("cancelled".into()),
            None if self.status >= 400 => Some(Value::Text(self.status.to_string().into())),
            None => None,
        }
    }
}

fn and<const N: usize>(labels: &[Label], more: [Label; N]) -> Vec<Label> {
    labels.iter().cloned().chain(more).collect()
}

/// The value of a key; few keys, the commonest mostly among the first.
fn find<K: PartialEq, V>(list: &mut Vec<(K, V)>, wanted: K, make: impl FnOnce() -> V) -> &V {
    let index = list.iter().position(|(known, _)| *known == wanted);
    let index = index.unwrap_or_else(|| {
        list.push((wanted, make()));
        list.len() - 1
    });
    &list[index].1
}

/// `network.protocol.version`. HTTP/1.0 answers come on connections of 1.1.
fn version(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::H1 => "1.1",
        Protocol::H2 => "2",
    }
}

/// `http.request.method`: one that is not in OpenTelemetry's list counts as `_OTHER`.
pub(super) fn method(method: &http::Method) -> &'static str {
    const KNOWN: [&str; 9] = [
        "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE",
    ];
    let known = KNOWN.into_iter().find(|known| *known == method.as_str());
    known.unwrap_or(OTHER)
}

/// `http.response.status_code`: one that is not registered counts as the first of its class, as RFC 9110 §15 has
/// clients understand it, and one of no class as a 500.
pub(super) fn status(status: u16) -> u16 {
    let known = http::StatusCode::from_u16(status).is_ok_and(|it| it.canonical_reason().is_some());
    if known {
        status
    } else {
        (status / 100 * 100).clamp(100, 500)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_peers_and_callers_invent_makes_no_series() {
        assert_eq!(method(&http::Method::GET), "GET");
        let invented = http::Method::from_bytes(b"BREW").expect("a token");
        assert_eq!(method(&invented), "_OTHER");
        let statuses: std::collections::BTreeSet<u16> = (0..=999).map(status).collect();
        assert!(statuses.len() < 70, "{statuses:?}");
        assert_eq!([status(204), status(299), status(999)], [204, 200, 500]);
    }

    #[test]
    fn an_error_has_a_type() {
        let answered = |status, failed| Answered {
            method: "GET",
            status,
            failed,
        };
        let error = |answered: Answered| match answered.error() {
            Some(Value::Text(text)) => text.into_owned(),
            Some(other) => panic!("{other:?}"),
            None => String::new(),
        };
        assert_eq!(error(answered(200, None)), "");
        assert_eq!(error(answered(503, None)), "503");
        assert_eq!(error(answered(0, None)), "cancelled");
        assert_eq!(error(answered(200, Some(Phase::Receive))), "receive");
    }
}
