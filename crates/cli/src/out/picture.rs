//! `Pictures`: the files into which a report is drawn.
//!
//! Owns the files, opened before anything else is done: whoever mistypes a path learns it at once. Refuses to know what
//! stands in them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use keepwarm_report::{Log, Report};

use crate::args::picture::PictureArgs;
use crate::exit::Failure;

/// The forms a report can be written in.
#[derive(Clone, Copy)]
enum Form {
    Har,
    Timeline,
    Trace,
}

/// The files that were asked for.
pub(crate) struct Pictures {
    with_queries: bool,
    files: Vec<(Form, PathBuf, File)>,
}

impl Pictures {
    /// Opens the files.
    pub(crate) fn open(args: &PictureArgs) -> Result<Self, Failure> {
        let wanted = [
            (Form::Timeline, "--timeline", &args.timeline),
            (Form::Har, "--har", &args.har),
            (Form::Trace, "--trace", &args.trace),
        ];
        let mut files = Vec::new();
        for (form, option, path) in wanted {
            if let Some(path) = path {
                files.push((form, path.clone(), create(path, option)?));
            }
        }
        Ok(Self {
            with_queries: args.with_queries,
            files,
        })
    }

    /// The report on these logs, with queries as they were asked for.
    pub(crate) fn report(&self, logs: &[Log]) -> Report {
        if self.with_queries {
            Report::with_queries(logs)
        } else {
            Report::of(logs)
        }
    }

    /// Draws the report into each of them.
    pub(crate) fn draw(self, report: &Report) -> Result<(), Failure> {
        for (form, path, file) in self.files {
            let mut out = BufWriter::new(file);
            match form {
                Form::Har => keepwarm_report::har::write(report, &mut out),
                Form::Timeline => keepwarm_report::page::write_html(report, &mut out),
                Form::Trace => keepwarm_report::trace::write(report, &mut out),
            }
            .and_then(|()| out.flush())
            .map_err(Failure::io(format!("cannot write {}", path.display())))?;
        }
        Ok(())
    }
}

/// Creates a file that an option asks for.
pub(crate) fn create(path: &Path, option: &str) -> Result<File, Failure> {
    File::create(path).map_err(|error| {
        Failure::Usage(format!(
            "cannot write {}: {error} (see {option})",
            path.display()
        ))
    })
}
