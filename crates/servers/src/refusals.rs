//! `Refusals`: what a server does to the connection of a client that asks for what it does not take.
//!
//! Owns the comparing, and the cells of the table. Refuses to know which server it is.

use serde_json::Value;

/// What `keepwarm doctor --aggressive` must find. Every status that came must be in one of both lists.
#[derive(Clone, Copy, Debug)]
pub struct Refusals {
    /// Statuses, or HEAD, behind which the connection ends.
    pub ends: &'static [&'static str],
    /// And behind which it goes on.
    pub keeps: &'static [&'static str],
    /// Bodies that nobody wants, sent without further ado.
    pub bodies: Bodies,
    /// The same behind `Expect: 100-continue`.
    pub expecting: Bodies,
}

/// Behind which bodies the connection ends.
#[derive(Clone, Copy, Debug)]
pub enum Bodies {
    /// None.
    Kept,
    /// Those that have more bytes than this.
    EndAbove(u64),
    /// It is a race between the answer and the body: each outcome is right.
    Vary,
}

impl Bodies {
    fn complaint(self, body: &Value) -> Option<String> {
        let (size, ends) = (body["size"].as_u64()?, body["closes"].as_bool()?);
        let is_right = match self {
            Self::Kept => !ends,
            Self::EndAbove(limit) => ends == (size > limit),
            Self::Vary => true,
        };
        (!is_right).then(|| format!("a body that nobody wants: {body}, not {self:?}"))
    }
}

impl Refusals {
    /// What is not as expected, a line each. Both outcomes of what varies are right.
    pub fn complaints(&self, found: &Value) -> Vec<String> {
        let mut complaints = Vec::new();
        for (closes, expected) in [(true, self.ends), (false, self.keeps)] {
            let seen = statuses(found, closes);
            if seen != expected {
                complaints.push(format!("closes {closes}: {seen:?}, not {expected:?}"));
            }
        }
        if found["pipelining"] != "both" {
            complaints.push(format!("pipelining: {}, not both", found["pipelining"]));
        }
        let bodies = found["unread_body"].as_array().into_iter().flatten();
        let bodies: Vec<_> = bodies.collect();
        if bodies.len() != 8 {
            complaints.push(format!("{} bodies were sent, not 8", bodies.len()));
        }
        complaints.extend(bodies.into_iter().filter_map(|body| {
            let is_expecting = body["expect"] == true;
            let expected = if is_expecting {
                self.expecting
            } else {
                self.bodies
            };
            expected.complaint(body)
        }));
        complaints
    }
}

/// Statuses and methods that end connections, or do not, in the order of the JSON.
fn statuses(found: &Value, closes: bool) -> Vec<&str> {
    let all = found["error_close"].as_object().into_iter().flatten();
    let those = all.filter(|(_, it)| it.as_bool() == Some(closes));
    those.map(|(status, _)| status.as_str()).collect()
}

/// The cells: what ends connections, what does not, bodies, pipelining.
pub fn cells(found: &Value, expected: Option<&Refusals>) -> [String; 4] {
    let list = |closes| match statuses(found, closes) {
        none if none.is_empty() => "-".to_owned(),
        some => some.join(", "),
    };
    let pipelining = found["pipelining"].as_str().unwrap_or("-").to_owned();
    let bodies = expected.map_or_else(
        || "-".to_owned(),
        |it| {
            let plain = sizes(found, false, it.bodies);
            format!("{plain}; {}", sizes(found, true, it.expecting))
        },
    );
    [list(true), list(false), bodies, pipelining]
}

/// The smallest body that ended its connection.
fn sizes(found: &Value, expect: bool, expected: Bodies) -> String {
    if matches!(expected, Bodies::Vary) {
        return "varies".to_owned();
    }
    let bodies = found["unread_body"].as_array().into_iter().flatten();
    let ended = bodies.filter(|it| it["expect"] == expect && it["closes"] == true);
    let smallest = ended.filter_map(|it| it["size"].as_u64()).min();
    smallest.map_or_else(|| "keeps".to_owned(), |it| format!("from {} KiB", it >> 10))
}
