//! `Watching`: what a command keeps of its client's events, for pictures and records.
//!
//! Owns the recorder and the file of events. Without an option that asks for them nothing is kept and nothing costs.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

use keepwarm::event::Observer;
use keepwarm::observe::{JsonLines, Recorder, Several};
use keepwarm_report::Report;

use crate::args::picture::PictureArgs;
use crate::exit::Failure;
use crate::out::picture::{Pictures, create};

/// Events kept for a picture: about 140 000 exchanges.
const EVENTS: usize = 1_000_000;

pub(crate) struct Watching {
    pictures: Pictures,
    recorder: Option<Arc<Recorder>>,
    lines: Option<(Arc<JsonLines<BufWriter<File>>>, String)>,
}

impl Watching {
    /// Opens what the options ask for.
    pub(crate) fn begin(picture: &PictureArgs, events: Option<&Path>) -> Result<Self, Failure> {
        let lines = match events {
            None => None,
            Some(path) => {
                let name = path.display().to_string();
                let file = BufWriter::new(create(path, "--events")?);
                let lines = if picture.with_queries {
                    JsonLines::with_queries(file, "keepwarm")
                } else {
                    JsonLines::new(file, "keepwarm")
                }
                .map_err(Failure::io(format!("cannot write {name}")))?;
                Some((Arc::new(lines), name))
            }
        };
        Ok(Self {
            pictures: Pictures::open(picture)?,
            recorder: picture.is_any().then(|| Arc::new(Recorder::new(EVENTS))),
            lines,
        })
    }

    /// The observer to give to the client: what is kept, beside the command's own.
    pub(crate) fn beside(&self, own: Arc<dyn Observer>) -> Arc<dyn Observer> {
        let kept = self.observer();
        if kept.is_empty() {
            return own;
        }
        Arc::new(Several::new(vec![own, Arc::new(kept)]))
    }

    /// Whether anything is kept.
    pub(crate) fn is_any(&self) -> bool {
        self.recorder.is_some() || self.lines.is_some()
    }

    /// What keeps the events that were asked for; nobody when none were.
    pub(crate) fn observer(&self) -> Several {
        let mut observers = Vec::new();
        if let Some(recorder) = &self.recorder {
            observers.push(Arc::clone(recorder) as Arc<dyn Observer>);
        }
        if let Some((lines, _)) = &self.lines {
            observers.push(Arc::clone(lines) as Arc<dyn Observer>);
        }
        Several::new(observers)
    }

    /// Writes what was asked for, when everything has ended; the report, when one was made.
    pub(crate) fn finish(self, name: &str) -> Result<Option<Report>, Failure> {
        if let Some((lines, name)) = &self.lines {
            lines
                .finish()
                .map_err(Failure::io(format!("cannot write {name}")))?;
        }
        let Some(recorder) = &self.recorder else {
            return Ok(None);
        };
        let report = self.pictures.report(&[recorder.log(name)]);
        self.pictures.draw(&report)?;
        Ok(Some(report))
    }
}
