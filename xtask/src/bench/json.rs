//! The report as JSON: every number as it was measured.

use std::fmt;

use super::numbers::Spread;
use super::peer::Peer;
use super::report::{AloneValue, Figure, Report, Speed, Value};

/// A JSON value; objects keep their order.
#[derive(Clone, Debug)]
pub(super) enum Json {
    Null,
    Number(f64),
    Bool(bool),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(members.map(|(key, value)| (key.to_owned(), value)).to_vec())
    }

    fn list<T>(items: &[T], each: impl Fn(&T) -> Self) -> Self {
        Self::List(items.iter().map(each).collect())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            // JSON knows no infinity.
            Self::Number(number) if !number.is_finite() => formatter.write_str("null"),
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Bool(value) => write!(formatter, "{value}"),
            Self::Text(text) => quote(text, formatter),
            Self::List(items) => {
                formatter.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(formatter, "{comma}{item}")?;
                }
                formatter.write_str("]")
            }
            Self::Object(members) => {
                formatter.write_str("{")?;
                for (index, (key, value)) in members.iter().enumerate() {
                    formatter.write_str(if index > 0 { "," } else { "" })?;
                    quote(key, formatter)?;
                    write!(formatter, ":{value}")?;
                }
                formatter.write_str("}")
            }
        }
    }
}

fn quote(text: &str, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    formatter.write_str("\"")?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(formatter, "\\{character}")?,
            '\0'..='\x1f' => write!(formatter, "\\u{:04x}", u32::from(character))?,
            _ => write!(formatter, "{character}")?,
        }
    }
    formatter.write_str("\"")
}

/// The whole report.
pub(super) fn of(report: &Report) -> Json {
    let machine = &report.machine;
    Json::object([
        ("date", Json::text(&machine.date)),
        ("quick", Json::Bool(report.quick)),
        ("minutes", Json::Number(report.minutes)),
        ("machine", Json::text(&machine.words)),
        (
            "versions",
            Json::list(&machine.versions, |(name, version)| {
                Json::object([("name", Json::text(name)), ("version", Json::text(version))])
            }),
        ),
        ("speed", Json::list(&report.speed, speed)),
        ("figures", Json::list(&report.figures, figure)),
        (
            "alone",
            Json::list(&report.alone, |alone| {
                let value = match &alone.value {
                    AloneValue::Count(count) => Json::Number(*count),
                    AloneValue::Ratio(ratio) => spread(Some(*ratio)),
                };
                Json::object([("name", Json::text(alone.name)), ("value", value)])
            }),
        ),
        (
            "goals",
            Json::list(&report.goals, |goal| {
                Json::object([
                    ("goal", Json::text(&goal.title)),
                    ("limit", Json::text(&goal.limit)),
                    ("measured", Json::text(&goal.measured)),
                    ("verdict", Json::text(goal.verdict.word())),
                ])
            }),
        ),
    ])
}

fn per_peer(each: impl Fn(Peer) -> Json) -> Json {
    let members = Peer::ALL.map(|peer| (peer.label().to_owned(), each(peer)));
    Json::Object(members.to_vec())
}

fn speed(speed: &Speed) -> Json {
    let numbers = |values: &[f64]| Json::list(values, |value| Json::Number(*value));
    let clients = per_peer(|peer| {
        let samples = speed.of(peer);
        Json::object([
            ("requests_per_second", numbers(&samples.requests_per_second)),
            ("user_us", numbers(&samples.user_micros)),
            ("system_us", numbers(&samples.system_micros)),
            ("cpu_us", numbers(&samples.cpu_micros)),
            ("keepwarm_cpu_ratio", spread(speed.cpu_ratio(peer))),
            ("keepwarm_rate_ratio", spread(speed.rate_ratio(peer))),
        ])
    });
    Json::object([
        ("load", Json::text(speed.load)),
        ("rounds", Json::Number(speed.rounds as f64)),
        ("requests", Json::Number(speed.requests as f64)),
        ("clients", clients),
    ])
}

fn figure(figure: &Figure) -> Json {
    let clients = per_peer(|peer| match &figure.values[peer as usize] {
        Value::Number(number) => Json::Number(*number),
        Value::Share(part, whole) => {
            Json::object([("count", Json::Number(*part)), ("of", Json::Number(*whole))])
        }
        Value::None(_) => Json::Null,
    });
    Json::object([("name", Json::text(figure.name)), ("clients", clients)])
}

fn spread(spread: Option<Spread>) -> Json {
    let Some(spread) = spread else {
        return Json::Null;
    };
    Json::object([
        ("median", Json::Number(spread.median)),
        ("min", Json::Number(spread.least)),
        ("max", Json::Number(spread.most)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_json() {
        let value = Json::object([
            ("a\"b", Json::List(vec![Json::Number(1.5), Json::Null])),
            ("line", Json::text("one\ntwo\\")),
            ("infinite", Json::Number(f64::INFINITY)),
            ("yes", Json::Bool(true)),
        ]);
        assert_eq!(
            value.to_string(),
            r#"{"a\"b":[1.5,null],"line":"one\u000atwo\\","infinite":null,"yes":true}"#
        );
    }
}
