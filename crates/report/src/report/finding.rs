//! `Finding`: a cause that was met, with its evidence and its cure.
//!
//! Owns the form in which it is told. Refuses to look for it: `crate::attribution` does.

use serde::Serialize;

use crate::cause::Cause;

/// A cause that was met at an origin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Which.
    pub cause: Cause,
    /// Index of the origin; none when it concerns the client as a whole.
    pub origin: Option<usize>,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence with the numbers of this case.
    pub summary: String,
    /// What was seen, with times and connection numbers, a sentence each; few.
    pub evidence: Vec<String>,
    /// Indexes of the connections concerned: first those that should have served, then those opened instead.
    pub connections: Vec<usize>,
    /// Connections that were opened because of it.
    pub openings: u64,
    /// Time spent on opening these.
    pub wasted_us: u64,
    /// What to do, the setting of keepwarm first, then of other software.
    pub cures: Vec<Cure>,
    /// How to see it without keepwarm: shell commands, explained.
    pub check: String,
}

/// What to do about a cause, in the words of one piece of software.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cure {
    /// `keepwarm`, `Go`, `Node`, `nginx` …
    pub product: String,
    /// What to do, in a sentence.
    pub text: String,
    /// The setting, ready to be copied; empty when there is none.
    pub snippet: String,
    /// The language of the snippet: `rust`, `go`, `nginx` …
    pub language: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; nothing is lost.
    Info,
    /// Costs little.
    Low,
    /// Costs a good part of what reuse would save.
    Medium,
    /// Requests fail, or hardly any connection is reused.
    High,
}

impl Severity {
    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
        }
    }
}
