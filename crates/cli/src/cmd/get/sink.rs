//! `Bodies`: where response bodies go.
//!
//! Owns the output file. Refuses to know which body is whose: they follow one another.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::args::get::GetArgs;
use crate::exit::Failure;

pub(super) enum Bodies {
    File { file: Mutex<File>, path: String },
    Nowhere,
    Stdout,
}

impl Bodies {
    /// `-o` decides; without it one exchange writes to standard output and several write nowhere.
    pub(super) fn of(args: &GetArgs, exchanges: u64) -> Result<Self, Failure> {
        match &args.output {
            Some(path) if path == Path::new("-") && args.json => Err(Failure::Usage(
                "-o - and --json would both write to standard output: give -o a file".to_owned(),
            )),
            Some(path) if path == Path::new("-") => Ok(Self::Stdout),
            Some(path) => {
                let file = File::create(path).map_err(|error| {
                    Failure::Usage(format!("cannot write {}: {error} (see -o)", path.display()))
                })?;
                let path = path.display().to_string();
                let file = Mutex::new(file);
                Ok(Self::File { file, path })
            }
            None if exchanges == 1 && !args.json => Ok(Self::Stdout),
            None => Ok(Self::Nowhere),
        }
    }

    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::File { file, path } => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.write_all(bytes)
                    .map_err(Failure::io(format!("cannot write {path}")))
            }
            Self::Nowhere => Ok(()),
            Self::Stdout => {
                let mut stdout = std::io::stdout().lock();
                stdout
                    .write_all(bytes)
                    .and_then(|()| stdout.flush())
                    .map_err(Failure::output)
            }
        }
    }
}
