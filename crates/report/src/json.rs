//! The report as JSON, `keepwarm.report/1`: all of it, for programs.
//!
//! Owns the envelope: the form's name and the totals. The rest is the report's own form; `docs/report.md` tells it.

use std::io::{self, Write};

use serde::Serialize;

use crate::report::{Report, SCHEMA};

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    totals: Totals,
    #[serde(flatten)]
    report: &'a Report,
}

/// The sums over all origins.
#[derive(Serialize)]
struct Totals {
    opened: u64,
    necessary: u64,
    avoidable: u64,
    exchanges: u64,
    reused: u64,
    reuse_ratio: Option<f64>,
}

/// Writes the report as one JSON document on one line. `out` should be buffered: it is written piece by piece.
///
/// # Errors
/// Those of the writer.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        schema: SCHEMA,
        totals: Totals {
            opened: report.opened(),
            necessary: report.necessary(),
            avoidable: report.avoidable(),
            exchanges: report.served(),
            reused: report.reused(),
            reuse_ratio: report.reuse_ratio(),
        },
        report,
    };
    serde_json::to_writer(&mut *out, &document)?;
    out.write_all(b"\n")?;
    out.flush()
}
