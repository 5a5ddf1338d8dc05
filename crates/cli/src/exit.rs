//! `Exit` and `Failure`: how a command ends.
//!
//! Owns the exit codes and what a command that could not run says. Refuses to know commands.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// The exit codes, the same for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Fine,
    /// A finding, or a failed exchange.
    Finding,
    Usage,
    /// No connection could be opened at all.
    Unreachable,
    /// Inconclusive or interrupted.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::Finding => 1,
            Exit::Usage => 2,
            Exit::Unreachable => 3,
            Exit::Interrupted => 4,
        })
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Reading or writing failed here.
    Io { what: String, error: io::Error },
    /// Whoever read our output has gone.
    ReaderGone,
    /// The options cannot work.
    Usage(String),
}

impl Failure {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io { what, error }
    }

    /// A failure to write to standard output.
    pub(crate) fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::io("cannot write to standard output")(error)
        }
    }

    /// The code, after what is to be said was said.
    pub(crate) fn report(&self) -> Exit {
        match self {
            // `keepwarm … | head` is no mistake to complain about.
            Self::ReaderGone => return Exit::Interrupted,
            Self::Io { .. } | Self::Usage(_) => anstream::eprintln!("keepwarm: {self}"),
        }
        match self {
            Self::Io { .. } => Exit::Finding,
            Self::ReaderGone => Exit::Interrupted,
            Self::Usage(_) => Exit::Usage,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { what, error } => write!(f, "{what}: {error}"),
            Self::ReaderGone => f.write_str("nobody reads the output any more"),
            Self::Usage(mistake) => f.write_str(mistake),
        }
    }
}
