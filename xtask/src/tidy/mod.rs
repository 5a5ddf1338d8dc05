//! The rules of the house as checks: floors, sizes, promised tests, links.
//!
//! Owns the list of checks and what a finding looks like. Each check is a function of a [`Tree`], so that its tests can
//! hand it a small tree that breaks the rule. The data (floors, limits, exceptions) stands in [`tables`].

mod floors;
mod links;
mod names;
mod promises;
mod sizes;
pub mod source;
mod tables;
mod tree;
mod usage;
mod wildcards;
mod words;

use std::fmt;
use std::path::Path;

pub use tree::{File, Tree};

/// A broken rule: where, what, why it is a rule, and the cure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the root.
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    /// What was found.
    pub what: String,
    /// Why the house does not want it.
    pub why: String,
    /// What to do about it.
    pub cure: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            what,
            why,
            cure,
        } = self;
        write!(formatter, "{path}:{line}: {what} — {why} — {cure}")
    }
}

impl Finding {
    fn new(file: &File, line: usize, what: String, why: &str, cure: &str) -> Self {
        Self {
            path: file.path.clone(),
            line,
            what,
            why: why.to_owned(),
            cure: cure.to_owned(),
        }
    }
}

/// Every finding in the checkout at `root`, in order of place.
///
/// # Errors
/// When the files cannot be listed.
pub fn check(root: &Path) -> Result<Vec<Finding>, String> {
    let tree = Tree::load(root)?;
    let checks: [fn(&Tree) -> Vec<Finding>; 7] = [
        sizes::check,
        floors::check,
        wildcards::check,
        promises::check,
        words::check,
        links::check,
        names::check,
    ];
    let mut findings: Vec<Finding> = checks.iter().flat_map(|check| check(&tree)).collect();
    findings.sort();
    findings.dedup();
    Ok(findings)
}

/// Prints every finding.
///
/// # Errors
/// When there is one.
pub fn report(root: &Path) -> Result<(), String> {
    let findings = check(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: nothing to say");
            Ok(())
        }
        count => Err(format!("tidy: {count} finding(s)")),
    }
}
