//! Is it a proxy that keeps no connection, rather than the server behind it?
//!
//! Owns how a proxy is known by its answers. `Connection` belongs to one hop, so who says close, or answers HTTP/1.0,
//! is the hop that answers: a proxy, when the answer shows that one has passed it on.

use http::{HeaderMap, Version};

use super::{Finding, finding};
use crate::judge::{Cause, Severity};
use crate::measured::Measured;

/// Fields that proxies and caches add to what they pass on, beside `Via`.
const OF_PROXIES: [&str; 5] = [
    "x-cache",
    "x-cache-lookup",
    "x-squid-error",
    "proxy-connection",
    "proxy-agent",
];
/// Characters of a field's value that a sentence shows.
const SHOWN: usize = 48;

/// The finding, when the first answer ends its connection and comes through a proxy.
pub(super) fn breaks_keep_alive(measured: &Measured) -> Option<Finding> {
    let pilot = &measured.pilot;
    let sign = sign(&pilot.headers)?;
    let downgraded = pilot.version == Version::HTTP_10 && received_newer(&pilot.headers);
    // A body without a length is the application's doing, unless the proxy took the framing away.
    if pilot.is_closed_for("close-delimited") && !downgraded {
        return None;
    }
    let summary = match pilot.version {
        Version::HTTP_10 if downgraded => {
            format!(
                "A proxy answers HTTP/1.0 for a server that speaks more, and keeps no connection ({sign})."
            )
        }
        Version::HTTP_10 => {
            format!("A proxy answers HTTP/1.0 and keeps no connection ({sign}).")
        }
        _ => format!("A proxy ends each connection after one answer ({sign})."),
    };
    let mut evidence = vec![format!(
        "the first answer: {:?} {}",
        pilot.version, pilot.status
    )];
    evidence.push(sign);
    if let Some(value) = pilot.header("connection") {
        evidence.push(format!("Connection: {}", shown(value)));
    }
    Some(finding(
        Cause::ProxyBreaksKeepAlive,
        Severity::High,
        summary,
        evidence,
    ))
}

/// The field by which a proxy is known.
fn sign(headers: &HeaderMap) -> Option<String> {
    let of = |name: &'static str| {
        let value = headers.get(name)?.to_str().ok()?;
        Some((name, value))
    };
    let (name, value) = of("via").or_else(|| OF_PROXIES.into_iter().find_map(of))?;
    let name = match name {
        "via" => "Via",
        other => other,
    };
    Some(format!("{name}: {}", shown(value)))
}

/// Whether the proxy nearest to us says that it received HTTP/1.1 or newer from the next hop (RFC 9110 §7.6.3).
fn received_newer(headers: &HeaderMap) -> bool {
    let last = headers.get_all("via").into_iter().next_back();
    let last = last.and_then(|value| value.to_str().ok());
    let entry = last.and_then(|value| value.rsplit(',').next());
    let protocol = entry.and_then(|entry| entry.split_whitespace().next());
    let version = protocol.map(|protocol| protocol.rsplit('/').next().unwrap_or(protocol));
    matches!(version, Some("1.1" | "2" | "2.0" | "3"))
}

fn shown(value: &str) -> String {
    value.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value.parse().expect("a value"));
        }
        headers
    }

    #[test]
    fn the_nearest_proxy_says_what_it_received() {
        assert!(received_newer(&with("via", &["1.1 squid"])));
        assert!(received_newer(&with(
            "via",
            &["1.0 far, HTTP/1.1 near (squid)"]
        )));
        assert!(received_newer(&with("via", &["1.0 far", "2 near"])));
        assert!(!received_newer(&with("via", &["1.1 far", "1.0 near"])));
        assert!(!received_newer(&with("via", &[""])));
        assert!(!received_newer(&HeaderMap::new()));
    }

    #[test]
    fn a_proxy_is_known_by_what_it_adds() {
        assert_eq!(
            sign(&with("via", &["1.1 a"])).as_deref(),
            Some("Via: 1.1 a")
        );
        assert_eq!(
            sign(&with("x-cache", &["MISS"])).as_deref(),
            Some("x-cache: MISS")
        );
        assert_eq!(sign(&with("server", &["nginx"])), None);
    }
}
