//! The table of defaults as text and as JSON (`keepwarm.defaults/1`).
//!
//! Owns the forms. Refuses to choose rows.

use std::fmt::Write;

use keepwarm_doctor::defaults::{self, Default};
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
