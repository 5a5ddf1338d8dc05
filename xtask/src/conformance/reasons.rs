//! The entries that no test holds: a plain table of four columns, read with `std` alone.
//!
//! Owns the shape of that file. Refuses to judge whether a reason is a good one.

use std::collections::{BTreeMap, BTreeSet};

use super::Entry;
use crate::tidy::Tree;

/// Where the table is.
const TABLE: &str = "docs/conformance-reasons.txt";

/// What kind of reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// keepwarm deliberately does otherwise.
    Differs,
    /// It concerns what keepwarm does not have: a part of Go's interface.
    OutOfScope,
}

/// Why an entry has no test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) kind: Kind,
    pub(super) behaviour: String,
    pub(super) why: String,
}

/// Reads the table; `tests` are the names that a reason may refer to as ``test `name` ``.
pub(super) fn read(
    tree: &Tree,
    tests: &BTreeSet<String>,
    findings: &mut Vec<String>,
) -> BTreeMap<Entry, Reason> {
    let mut reasons = BTreeMap::new();
    let Some(file) = tree.file(TABLE) else {
        findings.push(format!("{TABLE} is missing"));
        return reasons;
    };
    for (index, line) in file.text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let place = format!("{TABLE}:{}", index + 1);
        match row(line, tests) {
            Ok((entry, reason)) => {
                if reasons.insert(entry, reason).is_some() {
                    findings.push(format!("{place}: entry {entry} stands here twice"));
                }
            }
            Err(complaint) => findings.push(format!("{place}: {complaint}")),
        }
    }
    reasons
}

fn row(line: &str, tests: &BTreeSet<String>) -> Result<(Entry, Reason), String> {
    let columns: Vec<&str> = line.split('|').map(str::trim).collect();
    let [number, kind, behaviour, why] = columns[..] else {
        return Err("not `entry | differs or out | Name: behaviour | why`".to_owned());
    };
    let entry = Entry::read(number).ok_or_else(|| format!("there is no entry {number:?}"))?;
    let kind = match kind {
        "differs" => Kind::Differs,
        "out" => Kind::OutOfScope,
        other => return Err(format!("{other:?} is neither `differs` nor `out`")),
    };
    if behaviour.is_empty() || why.is_empty() {
        return Err(format!("entry {entry} has an empty column"));
    }
    for named in why.split("test `").skip(1) {
        let name = named.split('`').next().unwrap_or_default();
        if !tests.contains(name) {
            return Err(format!("entry {entry} names no test that exists: {name:?}"));
        }
    }
    Ok((
        entry,
        Reason {
            kind,
            behaviour: behaviour.to_owned(),
            why: why.to_owned(),
        },
    ))
}
