//! The recommended settings as pieces of code and configuration.
//!
//! Owns the filling in; the pieces themselves are `data/snippets/`, one for each client or proxy. Refuses to decide
//! numbers, and leaves out a client that cannot take them.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Uri;
use keepwarm_core::origin::{Origin, Scheme};

/// Each client and proxy there is a piece for, in the order of their names.
const TEMPLATES: &[(&str, &str)] = &[
    ("aiohttp", include_str!("../../data/snippets/aiohttp.txt")),
    (
        "apache-hc",
        include_str!("../../data/snippets/apache-hc.txt"),
    ),
    ("dotnet", include_str!("../../data/snippets/dotnet.txt")),
    ("go", include_str!("../../data/snippets/go.txt")),
    ("haproxy", include_str!("../../data/snippets/haproxy.txt")),
    ("httpx", include_str!("../../data/snippets/httpx.txt")),
    ("hyper", include_str!("../../data/snippets/hyper.txt")),
    ("java", include_str!("../../data/snippets/java.txt")),
    ("keepwarm", include_str!("../../data/snippets/keepwarm.txt")),
    ("nginx", include_str!("../../data/snippets/nginx.txt")),
    ("node", include_str!("../../data/snippets/node.txt")),
    ("requests", include_str!("../../data/snippets/requests.txt")),
    ("reqwest", include_str!("../../data/snippets/reqwest.txt")),
    ("undici", include_str!("../../data/snippets/undici.txt")),
];

/// The names of all pieces, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().map(|(name, _)| *name)
}

/// The pieces for these numbers, by name.
pub(super) fn of(url: &str, idle: Duration, per_host: usize) -> BTreeMap<&'static str, String> {
    let Some(numbers) = Numbers::of(url, idle, per_host) else {
        return BTreeMap::new();
    };
    let fitting = TEMPLATES.iter().filter(|(name, _)| match *name {
        // Its property takes whole seconds.
        "java" => numbers.is_whole(),
        // For TLS to the server these need what is not known here: the authorities to trust.
        "haproxy" | "nginx" => !numbers.tls,
        _ => true,
    });
    fitting
        .map(|(name, template)| (*name, numbers.fill(template)))
        .collect()
}

struct Numbers {
    idle: Duration,
    per_host: usize,
    tls: bool,
    host: String,
    port: u16,
}

impl Numbers {
    fn of(url: &str, idle: Duration, per_host: usize) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let origin = Origin::of(&uri).ok()?;
        Some(Self {
            idle: rounded(idle),
            per_host,
            tls: origin.scheme() == Scheme::Https,
            host: origin.host().to_owned(),
            port: origin.port(),
        })
    }

    fn is_whole(&self) -> bool {
        self.idle.subsec_nanos() == 0
    }

    fn fill(&self, template: &str) -> String {
        let (seconds, milliseconds) = (self.idle.as_secs(), self.idle.as_millis());
        let (go, rust, unit) = if self.is_whole() {
            (
                format!("{seconds} * time.Second"),
                format!("Duration::from_secs({seconds})"),
                format!("{seconds}s"),
            )
        } else {
            (
                format!("{milliseconds} * time.Millisecond"),
                format!("Duration::from_millis({milliseconds})"),
                format!("{milliseconds}ms"),
            )
        };
        let filled = template
            .replace("{go}", &go)
            .replace("{rust}", &rust)
            .replace("{unit}", &unit)
            .replace("{half}", &format!("{}ms", milliseconds / 2))
            .replace("{s}", &self.idle.as_secs_f64().to_string())
            .replace("{ms}", &milliseconds.to_string())
            .replace("{per_host}", &self.per_host.to_string())
            .replace("{scheme}", if self.tls { "https" } else { "http" })
            .replace("{host}", &self.host)
            .replace("{port}", &self.port.to_string());
        filled.trim_end().to_owned()
    }
}

/// Whole seconds from one second on, else whole hundredths; never more.
fn rounded(idle: Duration) -> Duration {
    if idle >= Duration::from_secs(1) {
        Duration::from_secs(idle.as_secs())
    } else {
        Duration::from_millis((idle.as_millis() / 10 * 10).max(10) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_the_numbers_and_no_holes() {
        for idle in [Duration::from_millis(4_321), Duration::from_millis(456)] {
            for url in ["http://127.0.0.1:8080/a", "https://a.test/"] {
                for (name, piece) in of(url, idle, 64) {
                    let holes = [
                        "{go}",
                        "{rust}",
                        "{unit}",
                        "{half}",
                        "{s}",
                        "{ms}",
                        "{per_host}",
                        "{scheme}",
                    ];
                    assert!(
                        !holes.iter().any(|hole| piece.contains(hole)),
                        "{name}: {piece}"
                    );
                    assert!(
                        !piece.contains("{host}") && !piece.contains("{port}"),
                        "{name}: {piece}"
                    );
                }
            }
        }
        let pieces = of("http://127.0.0.1:8080/", Duration::from_millis(4_321), 64);
        assert!(pieces["go"].contains("IdleConnTimeout = 4 * time.Second"));
        assert!(pieces["go"].contains("MaxIdleConnsPerHost = 64"));
        assert!(pieces["nginx"].contains("server 127.0.0.1:8080;"));
        assert!(pieces["java"].contains("keepalive.timeout=4 "));
        assert_eq!(pieces.len(), names().count());
        let short = of("https://a.test/", Duration::from_millis(456), 64);
        assert!(short["httpx"].contains("keepalive_expiry=0.45"));
        assert!(!short.contains_key("java") && !short.contains_key("nginx"));
        assert!(names().collect::<Vec<_>>().is_sorted());
    }
}
