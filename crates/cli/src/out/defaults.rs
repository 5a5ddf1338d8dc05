//! The table of defaults as text and as JSON (`keepwarm.defaults/1`).
//!
//! Owns the forms. Refuses to choose rows.

use std::fmt::Write;

use keepwarm_doctor::defaults::{self, Default, Upstream};
use serde::Serialize;

use super::style::{DIM, Painted, STRONG};

#[derive(Serialize)]
struct Table<'a> {
    schema: &'static str,
    version: &'static str,
    defaults: &'a [&'a Default],
}

pub(crate) fn json(rows: &[&Default]) -> String {
    let table = Table {
        schema: "keepwarm.defaults/1",
        version: defaults::version(),
        defaults: rows,
    };
    serde_json::to_string(&table).expect("text and numbers are always JSON")
}

pub(crate) fn text(rows: &[&Default]) -> String {
    let mut text = String::new();
    for row in rows {
        let name = Painted(STRONG, &row.product);
        let versions = match row.versions.as_str() {
            "" => String::new(),
            versions => format!(" ({versions})"),
        };
        let _ = writeln!(text, "{name}{versions}: {}", row.value);
        if !row.limits.is_empty() {
            let _ = writeln!(text, "    requests, connections: {}", row.limits);
        }
        for (name, said) in more(row) {
            let _ = writeln!(text, "    {name}: {said}");
        }
        let (words, source, date) = (row.evidence.words(), &row.source, &row.date);
        let origin = match source == words {
            true => format!("{words}, {date}"),
            false => format!("{words}: {source}, {date}"),
        };
        let _ = writeln!(text, "    {}", Painted(DIM, origin));
    }
    let _ = write!(
        text,
        "How long idle connections are kept. Version {} of the table.",
        defaults::version()
    );
    text
}

/// What else the table knows of a product: towards what is behind it, how it is set, its names as a client.
fn more(row: &Default) -> Vec<(&'static str, String)> {
    let mut more = Vec::new();
    more.extend(row.upstream.map(|upstream| {
        let said = match upstream {
            Upstream::Own { seconds } => format!("{seconds} s"),
            Upstream::Same => "the same".to_owned(),
        };
        ("towards what is behind it", said)
    }));
    if let Some(set) = &row.set {
        let settings = [
            ("set by", &set.idle),
            ("requests set by", &set.requests),
            ("towards what is behind it set by", &set.upstream),
        ];
        let known = settings.into_iter();
        more.extend(known.filter_map(|(name, template)| {
            let template = template.as_ref()?;
            let said = template
                .replace("{ms+1000}", "MS+1000")
                .replace("{ms}", "MS");
            Some((name, said.replace("{s}", "S").replace("{n}", "N")))
        }));
    }
    if let Some(client) = &row.client {
        more.push(("keepwarm doctor --client", client.names.join(", ")));
    }
    more
}
