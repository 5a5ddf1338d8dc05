//! `ClientFit`: a client with its defaults against what was measured of a server.
//!
//! Owns the comparison and how bad it is. Refuses to know clients: the table of defaults does.

use std::time::Duration;

use super::race::Race;
use super::recommend::with_margin;
use super::sentence::seconds;
use super::{Cause, Finding, IdleTimeout, Severity, cure};
use crate::defaults::{Client, Default, Resends};
use crate::measured::Measured;

/// How a client with its defaults gets on with a server.
#[derive(Clone, Debug)]
pub struct ClientFit {
    /// Its name on the command line.
    pub name: String,
    /// Its product in the table of defaults.
    pub product: String,
    /// After how long it drops an idle connection to this server; none when it never does.
    pub idle_timeout: Option<Duration>,
    /// Idle connections it keeps for a host; none when it keeps all, or that is not known.
    pub idle_per_host: Option<u32>,
    /// Whether it sends a request again that met a close; none when that is not known.
    pub resends: Option<Resends>,
    /// Requests a second on one pooled connection.
    pub rate_per_s: f64,
    /// Of a million requests at this rate, so many meet a close; none when the server's idle timeout is not known.
    pub races_per_million: Option<f64>,
    /// The same at the worst rate, a request per idle timeout of the server.
    pub worst_per_million: Option<f64>,
    /// Whether it drops idle connections well before the server does; none when that is not known.
    pub fits: Option<bool>,
    /// What decided; a sentence.
    pub why: String,
}

impl ClientFit {
    /// The fit of the client in a row of the table, at so many requests a second.
    pub(super) fn of(
        measured: &Measured,
        idle: &IdleTimeout,
        row: &Default,
        client: &Client,
        name: &str,
        rate_per_s: f64,
    ) -> Self {
        let told = measured.announced.and_then(|announced| announced.timeout);
        let idle_timeout = drops_after(row, client, told);
        let mut fit = Self {
            name: name.to_owned(),
            product: row.product.clone(),
            idle_timeout,
            idle_per_host: client.idle_per_host,
            resends: client.resends,
            rate_per_s,
            races_per_million: None,
            worst_per_million: None,
            fits: None,
            why: String::new(),
        };
        fit.compare(measured, idle);
        fit
    }

    fn compare(&mut self, measured: &Measured, idle: &IdleTimeout) {
        let round_trip = measured.pilot.round_trip;
        let keeps = match self.idle_timeout {
            Some(client) => format!(
                "{} drops idle connections after {}",
                self.product,
                seconds(client)
            ),
            None => format!(
                "{} keeps idle connections until the server ends them",
                self.product
            ),
        };
        if measured.reuse == Some(false) {
            self.races_per_million = Some(0.0);
            self.worst_per_million = Some(0.0);
            self.why = "the server keeps no connection, so none is idle".to_owned();
            return;
        }
        let safe = idle.safe().map(|safe| with_margin(safe, round_trip));
        let is_below = self
            .idle_timeout
            .zip(safe)
            .is_some_and(|(client, safe)| client <= safe);
        let Some(server) = idle.value else {
            if is_below {
                self.races_per_million = Some(0.0);
                self.worst_per_million = Some(0.0);
                self.fits = Some(true);
            }
            let open = idle
                .at_least
                .map(|open| format!(": they were open after {}", seconds(open)));
            let known = if is_below {
                "before the server does"
            } else {
                "and it is not known whether the server does sooner"
            };
            self.why = format!("{keeps}, {known}{}", open.unwrap_or_default());
            return;
        };
        let race = Race {
            server,
            client: self.idle_timeout,
            round_trip,
        };
        self.races_per_million = Some(race.per_million(self.rate_per_s));
        self.worst_per_million = Some(race.worst_per_million());
        self.fits = Some(is_below);
        let server = seconds(server);
        self.why = match self
            .idle_timeout
            .is_some_and(|client| Some(client) < idle.low)
        {
            _ if is_below => format!("{keeps}, well before the server does ({server})"),
            true => format!("{keeps}, hardly before the server does ({server})"),
            false => format!("{keeps}; the server ends them after {server}"),
        };
    }

    /// The finding, when a request is ever expected to meet a close.
    pub(super) fn finding(&self) -> Option<Finding> {
        let races = self.races_per_million?;
        let worst = self.worst_per_million?;
        let severity = match races {
            _ if worst < LEAST => return None,
            _ if races >= 1_000.0 => Severity::High,
            _ if races >= 10.0 => Severity::Medium,
            _ if races >= 1.0 => Severity::Low,
            _ if races >= LEAST => Severity::Info,
            _ => return None,
        };
        let rate = rate(self.rate_per_s);
        let summary = format!(
            "At {rate}, {} of a million requests of {} meet a close of the server.",
            count(races),
            self.name
        );
        let again = match self.resends {
            Some(Resends::Replayable) => Some("requests that are safe to repeat are sent again"),
            Some(Resends::Once) => Some("the request is sent again"),
            Some(Resends::Never) => Some("the request is not sent again"),
            None => None,
        };
        Some(Finding {
            cause: Cause::StaleReuseRace,
            severity,
            summary,
            evidence: [Some(self.why.as_str()), again]
                .into_iter()
                .flatten()
                .map(str::to_owned)
                .collect(),
            cure: cure::of(Cause::StaleReuseRace),
        })
    }
}

/// Fewer than this of a million are none.
const LEAST: f64 = 0.001;

/// After how long the client drops an idle connection to a server that announced so much.
fn drops_after(row: &Default, client: &Client, told: Option<Duration>) -> Option<Duration> {
    let own = row.seconds.map(Duration::from_secs_f64);
    match (client.announced_less, told) {
        (Some(less), Some(told)) => Some(told.saturating_sub(Duration::from_secs_f64(less))),
        (Some(_) | None, _) => own,
    }
}

/// `3740`, `12`, `0.02`.
fn count(races: f64) -> String {
    match races {
        _ if races >= 10.0 => format!("{races:.0}"),
        _ if races >= 0.1 => format!("{races:.1}"),
        _ => format!("{races:.3}"),
    }
}

/// `10 requests a second`, `a request every 20 s`.
fn rate(per_s: f64) -> String {
    if per_s > 1.0 {
        return format!("{} requests a second", (per_s * 100.0).round() / 100.0);
    }
    format!(
        "a request every {}",
        seconds(Duration::from_secs_f64(1.0 / per_s))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defaults;

    #[test]
    fn rates_and_counts_are_short() {
        assert_eq!(
            [rate(10.0), rate(0.05), rate(1.0)],
            [
                "10 requests a second",
                "a request every 20 s",
                "a request every 1 s"
            ]
        );
        assert_eq!(
            [count(3740.4), count(2.34), count(0.0021)],
            ["3740", "2.3", "0.002"]
        );
    }

    #[test]
    fn a_client_that_heeds_announcements_drops_its_connections_before() {
        let (row, client) = defaults::client("undici").expect("it is in the table");
        let told = Some(Duration::from_secs(20));
        assert_eq!(
            drops_after(row, client, told),
            Some(Duration::from_secs(18))
        );
        assert_eq!(drops_after(row, client, None), Some(Duration::from_secs(4)));
        let (row, client) = defaults::client("go").expect("it is in the table");
        assert_eq!(
            drops_after(row, client, told),
            Some(Duration::from_secs(90))
        );
        assert!(defaults::client("no such client").is_none());
    }
}
