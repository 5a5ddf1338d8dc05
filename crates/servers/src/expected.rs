//! `Expected`: what the doctor must find at a server, and the comparing.
//!
//! Owns the tolerances. Refuses to know which server it is.

use serde_json::Value;

use crate::refusals::Refusals;

/// An idle timeout and a measured one are the same within this …
const TOLERANCE_MS: f64 = 50.0;
/// … or this part of it, whichever is more.
const TOLERANCE_PART: f64 = 0.02;

/// What the doctor must find.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The idle timeout; none for a server that keeps no connection.
    pub idle: Option<Idle>,
    /// Requests that a connection serves; none when there is no limit.
    pub requests: Option<u64>,
    /// `Keep-Alive`, when it is asked for.
    pub announced: Announced,
    /// Whether a connection of HTTP/1.0 is kept when that is asked for; none when it is not looked at.
    pub http10: Option<bool>,
    /// By status or method: does the connection end with such an answer?
    pub closes: &'static [(&'static str, bool)],
    /// What it refuses, and how; none for a server that keeps no connection anyway.
    pub refusals: Option<Refusals>,
    /// The first guess; none when nothing of the server tells.
    pub product: Option<&'static str>,
    /// What ALPN agrees to.
    pub protocols: &'static [&'static str],
    /// The same over HTTP/2; none when it is not spoken.
    pub http2: Option<Http2>,
    /// Causes that must be among the findings.
    pub causes: &'static [&'static str],
}

/// What the doctor must find when it speaks HTTP/2.
#[derive(Clone, Copy, Debug)]
pub struct Http2 {
    /// The idle timeout.
    pub idle: Idle,
    /// What ends an idle connection.
    pub ended_by: &'static str,
    /// Requests that a connection serves.
    pub requests: Option<u64>,
    /// Streams that may be open at once.
    pub streams: Option<u64>,
}

/// When a connection that is idle is ended.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// As configured, in milliseconds.
    pub configured: u64,
    /// Not sooner than so many milliseconds after that.
    pub grace: u64,
    /// By so many milliseconds it may be later than that: how often the server looks.
    pub step: u64,
}

/// What the answer says about itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Announced {
    /// `timeout=`, in seconds.
    pub timeout: Option<u64>,
    /// `max=`.
    pub max: Option<u64>,
    /// Whether it says so only to who asks.
    pub only_when_asked: Option<bool>,
}

impl Idle {
    /// Exact.
    pub fn exact(configured: u64) -> Self {
        Self {
            configured,
            grace: 0,
            step: 0,
        }
    }

    /// How far off a measured time is beyond what the server's own habits explain, in milliseconds: negative when
    /// it is too short.
    fn off(self, measured: f64) -> f64 {
        let soonest = (self.configured + self.grace) as f64;
        measured - measured.clamp(soonest, soonest + self.step as f64)
    }

    fn complaint(self, found: &Value) -> Option<String> {
        let off = found["value"].as_f64().map(|measured| self.off(measured));
        let is_right = off.is_some_and(|off| off.abs() <= self.tolerance());
        (!is_right).then(|| format!("idle timeout: {found}, not {self:?}"))
    }

    fn tolerance(self) -> f64 {
        let soonest = (self.configured + self.grace) as f64;
        TOLERANCE_MS.max(soonest * TOLERANCE_PART)
    }
}

impl Expected {
    /// Kept for so long, without a limit, an announcement or an error that ends a connection.
    pub fn kept(idle: Idle) -> Self {
        Self {
            idle: Some(idle),
            requests: None,
            announced: Announced::default(),
            http10: Some(true),
            closes: &[("404", false), ("HEAD", false)],
            refusals: None,
            product: None,
            protocols: &["h1"],
            http2: None,
            causes: &[],
        }
    }

    /// Not kept at all.
    pub fn closed(cause: &'static [&'static str]) -> Self {
        Self {
            idle: None,
            http10: Some(false),
            closes: &[],
            causes: cause,
            ..Self::kept(Idle::exact(0))
        }
    }

    /// The same over TLS, of a server that also speaks HTTP/2.
    pub fn secure(self, http2: Http2) -> Self {
        Self {
            protocols: &["h1", "h2"],
            http2: Some(http2),
            ..self
        }
    }

    /// What is not as expected, a line each.
    pub fn complaints(&self, found: &Value) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut must = |what: &str, expected: Value, found: &Value| {
            if *found != expected {
                complaints.push(format!("{what}: {found}, not {expected}"));
            }
        };
        must("reuse", self.idle.is_some().into(), &found["reuse"]);
        must(
            "max_requests",
            self.requests.into(),
            &found["max_requests"]["value"],
        );
        if self.requests.is_some() {
            must(
                "max_requests announced",
                true.into(),
                &found["max_requests"]["announced"],
            );
        }
        must(
            "announced timeout",
            self.announced.timeout.into(),
            &found["announced"]["timeout_s"],
        );
        must(
            "announced max",
            self.announced.max.into(),
            &found["announced"]["max"],
        );
        let only = self.announced.only_when_asked;
        must(
            "announced only when asked",
            only.into(),
            &found["announced"]["only_when_asked"],
        );
        if let Some(kept) = self.http10 {
            must("HTTP/1.0", kept.into(), &found["http10"]["keep_alive"]);
        }
        for (kind, closes) in self.closes {
            must(kind, (*closes).into(), &found["error_close"][*kind]);
        }
        must("product", self.product.into(), &found["product"][0]["name"]);
        must("protocols", self.protocols.into(), &found["protocols"]);
        if let Some(http2) = self.http2 {
            let found = &found["http2"];
            must("HTTP/2 examined", true.into(), &found["examined"]);
            must(
                "HTTP/2 requests",
                http2.requests.into(),
                &found["max_requests"]["value"],
            );
            must(
                "HTTP/2 streams",
                http2.streams.into(),
                &found["max_concurrent_streams"],
            );
            must(
                "HTTP/2 ended by",
                http2.ended_by.into(),
                &found["idle_timeout_ms"]["ended_by"],
            );
            complaints.extend(http2.idle.complaint(&found["idle_timeout_ms"]));
        }
        complaints.extend(self.wrong_idle(found));
        complaints.extend(self.wrong_causes(found));
        complaints
    }

    fn wrong_idle(&self, found: &Value) -> Option<String> {
        let found = &found["idle_timeout_ms"];
        let Some(idle) = self.idle else {
            let is_none = found["value"].is_null();
            return (!is_none).then(|| format!("idle timeout: {}, not null", found["value"]));
        };
        let by = &found["ended_by"];
        let is_fin = matches!(by.as_str(), Some("fin" | "close-notify"));
        idle.complaint(found)
            .or_else(|| (!is_fin).then(|| format!("idle timeout: ended by {by}")))
    }

    /// How far off the idle timeout is, in milliseconds; `found` is its part of the JSON.
    pub fn off(&self, found: &Value) -> Option<f64> {
        Some(self.idle?.off(found["value"].as_f64()?))
    }

    /// What servers announce here is true, and each is one.
    fn wrong_causes(&self, found: &Value) -> Option<String> {
        let never = [
            "announced-max-wrong",
            "announced-timeout-wrong",
            "backends-differ",
            "server-resets-idle",
            "silent-drop",
            "stray-bytes",
            "tls-not-resumed",
        ];
        let findings = found["findings"].as_array();
        let causes = findings.into_iter().flatten();
        let causes: Vec<_> = causes.filter_map(|it| it["cause"].as_str()).collect();
        let is_missing = |cause: &&&str| !causes.contains(*cause);
        // Each idle timeout and limit that is configured here is a short one.
        let idle = self.idle.map(|_| &"idle-timeout-short");
        let requests = self.requests.map(|_| &"max-requests-low");
        let mut wanted = self.causes.iter().chain(idle).chain(requests);
        let missing = wanted.find(is_missing);
        let wrong = never.iter().find(|cause| causes.contains(*cause));
        (missing.is_some() || wrong.is_some())
            .then(|| format!("findings {causes:?}: {missing:?} is missing, {wrong:?} is wrong"))
    }
}
