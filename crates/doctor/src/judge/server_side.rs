//! `ServerSide`: what to change on the server's side, finding by finding, in the products it may be.
//!
//! Owns the numbers that are wanted of a server and the filling in of the table's settings. Refuses to invent a setting
//! that the table does not have: the general cure is then all there is.

use std::time::Duration;

use super::sentence::seconds;
use super::{Cause, Confidence, Diagnosis, Product};
use crate::defaults::{self, Set};

/// What to change on the server's side for one finding.
#[derive(Clone, Debug)]
pub struct ServerSide {
    /// What was found.
    pub cause: Cause,
    /// What is wanted, in words; none where only the general cure can be told.
    pub wanted: Option<String>,
    /// In which product, how sure it is that this is it, and what to write there; several when unsure.
    pub settings: Vec<(String, Confidence, String)>,
    /// The general cure.
    pub cure: &'static str,
}

/// An idle timeout that outlasts most clients and balancers: nginx's own, above the 60 s of AWS's.
const GOOD_IDLE: Duration = Duration::from_secs(75);
/// Requests that a connection may serve: enough that new ones do not matter.
const GOOD_REQUESTS: u64 = 10_000;
/// Products that are told of when it is not sure which it is.
const MOST: usize = 3;

/// What to change, in the order of the findings.
pub(super) fn of(diagnosis: &Diagnosis, min_idle: Option<Duration>) -> Vec<ServerSide> {
    // One finding may be there twice: over HTTP/1.1 and over HTTP/2.
    let mut told = Vec::new();
    let changes = diagnosis.findings.iter().filter(|it| {
        let is_new = !told.contains(&it.cause);
        told.push(it.cause);
        is_new
    });
    let changes = changes.filter(|it| !matches!(it.cause, Cause::ChainOrderWrong));
    changes
        .map(|finding| {
            let wish = wish(finding.cause, diagnosis, min_idle);
            ServerSide {
                cause: finding.cause,
                wanted: wish.map(words),
                settings: wish.map_or_else(Vec::new, |wish| likely(&diagnosis.products, wish)),
                cure: finding.cure,
            }
        })
        .collect()
}

/// What would cure it, where a number or a switch does.
fn wish(cause: Cause, diagnosis: &Diagnosis, min_idle: Option<Duration>) -> Option<Wish> {
    match cause {
        Cause::IdleTimeoutShort => Some(Wish::Idle(GOOD_IDLE.max(min_idle.unwrap_or_default()))),
        Cause::BackendsDiffer => {
            let longest = diagnosis.idle.values.iter().max().copied();
            Some(Wish::Idle(whole(longest?)))
        }
        Cause::StaleReuseRace => {
            let client = diagnosis.client.as_ref()?.idle_timeout?;
            Some(Wish::Idle(whole(client + Duration::from_secs(5))))
        }
        Cause::KeepAliveDisabled | Cause::Http10Only | Cause::ProxyBreaksKeepAlive => {
            Some(Wish::KeepAlive)
        }
        Cause::MaxRequestsLow => Some(Wish::Requests(GOOD_REQUESTS)),
        Cause::AnnouncedMaxWrong
        | Cause::AnnouncedTimeoutWrong
        | Cause::ChainOrderWrong
        | Cause::ConnectFails
        | Cause::ErrorStatusClose
        | Cause::ExpectationRefused
        | Cause::HalfClosedIdle
        | Cause::RequestBodyRefused
        | Cause::Http2Broken
        | Cause::Http2FewStreams
        | Cause::ResponseWithoutLength
        | Cause::ServerMaxAge
        | Cause::ServerResetsIdle
        | Cause::SilentDrop
        | Cause::StrayBytes
        | Cause::TlsNotResumed => None,
    }
}

fn whole(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs_f64().round().max(1.0) as u64)
}

fn words(wish: Wish) -> String {
    match wish {
        Wish::Idle(time) => format!("idle connections kept for {}", seconds(time)),
        Wish::Upstream(time) => format!(
            "idle connections to the next hop kept for {}",
            seconds(time)
        ),
        Wish::KeepAlive => "connections kept".to_owned(),
        Wish::Requests(most) => format!("{most} requests on a connection"),
    }
}

/// The settings of the products it may be: of the first alone when a field names that.
fn likely(products: &[Product], wish: Wish) -> Vec<(String, Confidence, String)> {
    let most = match products.first().map(|first| first.confidence) {
        Some(Confidence::Low) | None => MOST,
        Some(Confidence::High | Confidence::Medium) => 1,
    };
    let found = products.iter().take(most);
    let found =
        found.filter_map(|it| Some((it.name.clone(), it.confidence, setting(&it.name, wish)?)));
    found.collect()
}

/// What can be set in a server or proxy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wish {
    /// That it keeps connections at all.
    KeepAlive,
    /// How many requests a connection may serve.
    Requests(u64),
    /// How long it keeps idle connections of its clients.
    Idle(Duration),
    /// How long it keeps idle connections towards what is behind it.
    Upstream(Duration),
}

/// The settings of a product for a wish, as they stand in its configuration; none when the table has none.
pub(super) fn setting(product: &str, wish: Wish) -> Option<String> {
    let rows = defaults::all().iter().filter(|row| row.product == product);
    let template = |set: &Set| match wish {
        Wish::Idle(_) => set.idle.clone(),
        Wish::Upstream(_) => set.upstream.clone(),
        Wish::KeepAlive => set.keep_alive.clone(),
        Wish::Requests(_) => set.requests.clone(),
    };
    let mut found = rows.filter_map(|row| template(row.set.as_ref()?));
    let template = found.next()?;
    Some(match wish {
        Wish::Idle(time) | Wish::Upstream(time) => with_time(&template, time),
        Wish::KeepAlive => template,
        Wish::Requests(most) => template.replace("{n}", &most.to_string()),
    })
}

/// The settings for the likeliest product that the table has one of, with its name.
pub(super) fn likeliest(products: &[Product], wish: Wish) -> Option<(String, String)> {
    let mut found = products
        .iter()
        .filter_map(|it| Some((it.name.clone(), setting(&it.name, wish)?)));
    found.next()
}

/// Seconds are whole, and no less than what was wished.
fn with_time(template: &str, time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let milliseconds = time.as_millis();
    template
        .replace("{s}", &seconds.to_string())
        .replace("{ms}", &milliseconds.to_string())
        .replace("{ms+1000}", &(milliseconds + 1_000).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_the_numbers_that_were_wished() {
        let idle = Wish::Idle(Duration::from_secs(75));
        assert_eq!(
            setting("nginx", idle).as_deref(),
            Some("keepalive_timeout 75s;")
        );
        let node = setting("Node.js http", idle).expect("the table has it");
        assert!(node.contains("75000") && node.contains("76000"), "{node}");
        let most = Wish::Requests(1_000);
        assert_eq!(
            setting("Apache httpd", most).as_deref(),
            Some("MaxKeepAliveRequests 1000")
        );
        assert_eq!(
            setting("Apache httpd", Wish::KeepAlive).as_deref(),
            Some("KeepAlive On")
        );
        assert_eq!(setting("no such thing", idle), None);
    }

    #[test]
    fn every_setting_of_the_table_takes_its_number() {
        for row in defaults::all() {
            let Some(set) = &row.set else { continue };
            for template in [&set.idle, &set.upstream].into_iter().flatten() {
                let filled = with_time(template, Duration::from_millis(7_000));
                assert!(
                    filled.contains('7') && !filled.contains("{s}") && !filled.contains("{ms"),
                    "{filled}"
                );
            }
            if let Some(template) = &set.requests {
                assert!(template.contains("{n}"), "{template}");
            }
        }
    }
}
