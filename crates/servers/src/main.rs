//! `doctor-matrix KEEPWARM [--write FILE] [--only SERVER]`: each row of the matrix examined by that program, as a
//! table.
//!
//! `cargo xtask doctor-matrix` builds both and knows the places.

#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;

use keepwarm_servers::matrix::{self, Outcome, Row};
use keepwarm_servers::table;

/// Rows that are examined side by side: the longest part of it is waiting.
const SIDE_BY_SIDE: usize = 4;
/// Between these the table stands in the document.
const BEGIN: &str = "<!-- doctor-matrix -->\n";
const END: &str = "<!-- end of doctor-matrix -->";

struct Options {
    keepwarm: PathBuf,
    write: Option<PathBuf>,
    only: Option<String>,
}

fn main() -> ExitCode {
    let outcome = options().and_then(|options| run(&options));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(complaint) => {
            eprintln!("doctor-matrix: {complaint}");
            ExitCode::from(2)
        }
    }
}

fn options() -> Result<Options, String> {
    let mut words = std::env::args().skip(1);
    let keepwarm = words.next().ok_or("which keepwarm?")?.into();
    let (mut write, mut only) = (None, None);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--write" => write = Some(value?.into()),
            "--only" => only = Some(value?),
            other => return Err(format!("unknown option {other:?}")),
        }
    }
    Ok(Options {
        keepwarm,
        write,
        only,
    })
}

/// Whether everything is as expected.
fn run(options: &Options) -> Result<bool, String> {
    let is_wanted = |server: &&str| {
        options
            .only
            .as_ref()
            .is_none_or(|only| server.starts_with(only))
    };
    let rows = matrix::servers()
        .filter(is_wanted)
        .flat_map(matrix::rows_of);
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return Err("there is no such server".to_owned());
    }
    let done = examine(rows, &options.keepwarm);
    let table = table::markdown(&done);
    print!("{table}");
    let mut is_right = true;
    for (row, outcome) in &done {
        for complaint in &outcome.complaints {
            is_right = false;
            eprintln!("{row:?}: {complaint}");
        }
    }
    if let Some(file) = options.write.as_ref().filter(|_| is_right) {
        write(file, &table)?;
    }
    Ok(is_right)
}

/// In the order of the rows.
fn examine(rows: Vec<Row>, keepwarm: &Path) -> Vec<(Row, Outcome)> {
    let queue: Mutex<VecDeque<_>> = Mutex::new(rows.into_iter().enumerate().collect());
    let next = || queue.lock().expect("no panic holds it").pop_front();
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some((place, row)) = next() {
                    let outcome = row.examine(keepwarm);
                    done.lock()
                        .expect("no panic holds it")
                        .push((place, row, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no panic holds it");
    done.sort_by_key(|(place, ..)| *place);
    done.into_iter()
        .map(|(_, row, outcome)| (row, outcome))
        .collect()
}

fn write(file: &Path, table: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(failed)?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) =
        parts.ok_or_else(|| format!("{}: no place for the table", file.display()))?;
    let date = Command::new("date")
        .args(["-u", "+%F"])
        .output()
        .map_err(failed)?;
    let date = String::from_utf8_lossy(&date.stdout).trim().to_owned();
    let text = format!("{before}{BEGIN}\nMeasured on {date}.\n\n{table}\n{END}{after}");
    std::fs::write(file, text).map_err(failed)
}
