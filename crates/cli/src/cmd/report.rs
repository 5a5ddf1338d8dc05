//! `keepwarm report`: events in files, and what became of the connections they tell of.
//!
//! Owns the reading and the exit code. Refuses to know how a report is made and how it looks.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use keepwarm_report::{Log, Severity, json};

use crate::args::report::ReportArgs;
use crate::exit::{Exit, Failure};
use crate::out::picture::Pictures;
use crate::out::{findings, lanes};

pub(crate) fn run(mut args: ReportArgs) -> Result<Exit, Failure> {
    args.picture.timeline = args.picture.timeline.or(args.output.take());
    let logs = args
        .events
        .iter()
        .map(|path| read(path))
        .collect::<Result<Vec<Log>, Failure>>()?;
    let pictures = Pictures::open(&args.picture)?;
    let report = pictures.report(&logs);
    let mut out = anstream::stdout().lock();
    let mut lines = Vec::new();
    if args.json {
        json::write(&report, &mut BufWriter::new(&mut out)).map_err(Failure::output)?;
    } else {
        lines.extend(findings::lines(&report));
        if args.picture.timeline_text {
            lines.push(String::new());
            // They begin with the headline, which is there already.
            lines.extend(lanes::lines(&report).into_iter().skip(2));
        }
    }
    for line in lines {
        writeln!(out, "{line}").map_err(Failure::output)?;
    }
    drop(out);
    pictures.draw(&report)?;
    let worst = report.findings.first().map(|finding| finding.severity);
    Ok(match worst {
        Some(Severity::Low | Severity::Medium | Severity::High) => Exit::Finding,
        Some(Severity::Info) | None => Exit::Fine,
    })
}

fn read(path: &Path) -> Result<Log, Failure> {
    let (name, read) = if path == Path::new("-") {
        let stdin = io::stdin().lock();
        (
            "standard input".to_owned(),
            keepwarm_report::read("-", stdin),
        )
    } else {
        let name = path.display().to_string();
        let file = File::open(path)
            .map_err(|error| Failure::Usage(format!("cannot read {name}: {error}")))?;
        let read = keepwarm_report::read(&name, BufReader::new(file));
        (name, read)
    };
    read.map_err(|error| Failure::Usage(format!("cannot read {name}: {error}")))
}
