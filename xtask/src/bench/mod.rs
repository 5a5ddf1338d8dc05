//! `cargo xtask bench`: keepwarm beside the other clients, in one run and one table.
//!
//! Owns the order of the measurements and where the report goes. How a client is measured is the business of the
//! programs in `bench/`; here they are built, started, put beside each other and compared. A goal that is missed is
//! said and is no failure: these machines are noisy, and what CI guards is `cargo xtask budget`.

mod alone;
mod certificate;
mod counts;
mod goals;
mod json;
mod machine;
mod nginx;
mod numbers;
mod options;
mod page;
mod peer;
mod race;
mod report;
mod server;
mod speed;
mod table;
mod tls;
mod tools;

use std::fs;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Instant;

use machine::Machine;
use options::{Options, Part};
use report::Report;
use tools::Tools;

const PAGE: &str = "docs/benchmarks.md";

/// Reads the options, so that a wrong word is a matter of usage.
///
/// # Errors
/// What is wrong with them.
pub fn check(words: &[String]) -> Result<(), String> {
    options::read(words).map(drop)
}

/// Measures, prints the tables, and keeps them.
///
/// # Errors
/// When a tool is missing, a peer does not build, or a measurement fails.
pub fn run(root: &Path, words: &[String]) -> Result<(), String> {
    let options = options::read(words)?;
    if options.help {
        println!("{}", options::USAGE);
        return Ok(());
    }
    let began = Instant::now();
    let tools = Tools::prepare(root, &options)?;
    let mut report = Report::new(Machine::look(root, &tools), options.quick);
    measure(&options, &tools, &mut report)?;
    report.goals = goals::judge(&report);
    report.minutes = began.elapsed().as_secs_f64() / 60.0;
    keep(root, &options, &tools, &report)?;
    let colours = std::io::stdout().is_terminal();
    print!("{}", page::terminal(&report, colours));
    Ok(())
}

fn measure(options: &Options, tools: &Tools, report: &mut Report) -> Result<(), String> {
    for part in options.parts() {
        progress(&format!("{}: {}", part.word(), part.about()));
        match part {
            Part::Speed => speed::small(options, tools, report)?,
            Part::Bodies => speed::bodies(options, tools, report)?,
            Part::Counts => counts::measure(tools, report)?,
            Part::Idle => race::idle(options, tools, report, None)?,
            Part::Race => race::measure(options, tools, report)?,
            Part::Dials => alone::dials(tools, report)?,
            Part::Threads => alone::threads(options, tools, report)?,
            Part::Pool => alone::pool(tools, report)?,
            Part::Tls => tls::measure(options, tools, report)?,
        }
    }
    Ok(())
}

fn keep(root: &Path, options: &Options, tools: &Tools, report: &Report) -> Result<(), String> {
    let write = |file: &Path, text: &str| {
        fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
    };
    let json = json::of(report).to_string() + "\n";
    let kept = tools.folder().join("report.json");
    write(&kept, &json)?;
    progress(&format!("kept in {}", kept.display()));
    if let Some(file) = &options.json {
        write(file, &json)?;
    }
    if options.write {
        write(&root.join(PAGE), &page::markdown(report))?;
        progress(&format!("wrote {PAGE}"));
    }
    Ok(())
}

/// Tells a person who waits what is being done.
fn progress(what: &str) {
    eprintln!("bench: {what}");
}
