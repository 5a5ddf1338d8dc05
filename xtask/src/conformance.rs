//! `cargo xtask conformance`: writes `docs/conformance.md` out of the tests, and finds it stale.
//!
//! Owns the shape of the comments that tie a test to a numbered entry of the matrix made from Go's own tests:
//!
//! ```text
//! /// Go 10 TransportMaxPerHostIdleConns: no more than N idle connections per origin survive.
//! /// Same as Go.                        (or: Differs: <why>.)
//! /// X5: a server that stops reading a large upload ends with a named limit.
//! ```
//!
//! Entries that no test holds stand with their reason in `docs/conformance-reasons.txt`. Knows nothing of HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::ops::RangeInclusive;
use std::path::Path;

use crate::tidy::{File, Tree};

mod reasons;

/// Where the page is.
const PAGE: &str = "docs/conformance.md";
/// Where the tests are.
const TESTS: [&str; 3] = [
    "crates/keepwarm/tests",
    "crates/keepwarm/src/proxy/tests",
    "crates/core/tests",
];
/// The last entry taken from Go's tests.
const LAST_GO: u16 = 212;
/// The last entry that Go does not have.
const LAST_EXTRA: u16 = 25;
/// Where Go itself fails and keepwarm promises better: a reason does not do, a test must hold them.
const PROMISED: RangeInclusive<u16> = 1..=LAST_EXTRA;

/// A numbered entry of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// From Go's tests.
    Go(u16),
    /// A test that Go does not have.
    Extra(u16),
}

impl fmt::Display for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Go(number) => write!(formatter, "{number}"),
            Self::Extra(number) => write!(formatter, "X{number}"),
        }
    }
}

impl Entry {
    /// Reads `10` or `X5`, if there is such an entry.
    fn read(text: &str) -> Option<Self> {
        let entry = match text.strip_prefix('X') {
            Some(number) => Self::Extra(number.parse().ok()?),
            None => Self::Go(text.parse().ok()?),
        };
        all().any(|known| known == entry).then_some(entry)
    }

    /// Whether a test is named after this entry: `c010_…`, `x05_…`, `x5_…`.
    fn names(self, test: &str) -> bool {
        let prefixes = match self {
            Self::Go(number) => vec![format!("c{number:03}_")],
            Self::Extra(number) => vec![format!("x{number:02}_"), format!("x{number}_")],
        };
        prefixes.iter().any(|prefix| test.starts_with(prefix))
    }
}

fn all() -> impl Iterator<Item = Entry> {
    (1..=LAST_GO)
        .map(Entry::Go)
        .chain((1..=LAST_EXTRA).map(Entry::Extra))
}

/// Compared with Go.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// Go fails here, or has no such thing.
    Beyond,
    /// Deliberately not as Go does, and why.
    Differs(String),
    /// As Go does.
    Same,
}

/// One test that holds an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    entry: Entry,
    /// Go's name of the test; empty for an extra entry.
    name: String,
    behaviour: String,
    verdict: Verdict,
    path: String,
    test: String,
}

/// Writes the page.
///
/// # Errors
/// When an entry has neither test nor reason, a comment is malformed, or the page cannot be written.
pub fn write(root: &Path) -> Result<(), String> {
    let page = page(&Tree::load(root)?)?;
    std::fs::write(root.join(PAGE), page).map_err(|error| format!("{PAGE}: {error}"))?;
    println!("{PAGE} written");
    Ok(())
}

/// Compares the page with the tests.
///
/// # Errors
/// As [`write()`]; and when the page is not what `write` would make.
pub fn check(root: &Path) -> Result<(), String> {
    let tree = Tree::load(root)?;
    let wanted = page(&tree)?;
    match tree.file(PAGE) {
        Some(file) if file.text == wanted => {
            println!("{PAGE} is what the tests say");
            Ok(())
        }
        Some(_) => Err(format!("{PAGE} is stale: run `cargo xtask conformance`")),
        None => Err(format!("{PAGE} is missing: run `cargo xtask conformance`")),
    }
}

/// The page as the tests and the reasons make it; everything wrong with them at once, otherwise.
fn page(tree: &Tree) -> Result<String, String> {
    let mut findings = Vec::new();
    let mut held = Vec::new();
    let mut names = BTreeSet::new();
    for folder in TESTS {
        for (file, _) in tree.rust_in(folder) {
            let tests = file.source.functions().into_iter();
            let tests: BTreeSet<String> = tests.filter(|it| it.is_test).map(|it| it.name).collect();
            held.extend(held_in(file, &tests, &mut findings));
            names.extend(tests);
        }
    }
    let reasons = reasons::read(tree, &names, &mut findings);
    find_gaps(&held, &reasons, &mut findings);
    if findings.is_empty() {
        held.sort_by(|one, other| {
            (one.entry, &one.path, &one.test).cmp(&(other.entry, &other.path, &other.test))
        });
        Ok(render(&held, &reasons))
    } else {
        Err(format!(
            "{} finding(s):\n{}",
            findings.len(),
            findings.join("\n")
        ))
    }
}

fn find_gaps(
    held: &[Held],
    reasons: &BTreeMap<Entry, reasons::Reason>,
    findings: &mut Vec<String>,
) {
    let with_test: BTreeSet<Entry> = held.iter().map(|it| it.entry).collect();
    for entry in all() {
        let promised = matches!(entry, Entry::Extra(number) if PROMISED.contains(&number));
        match (with_test.contains(&entry), reasons.contains_key(&entry)) {
            (false, false) => findings.push(format!("entry {entry} has neither test nor reason")),
            (false, true) if promised => {
                findings.push(format!(
                    "entry {entry} is promised: a reason is no test of it"
                ));
            }
            (true, true) => findings.push(format!("entry {entry} has a test: drop its reason")),
            (true, false) | (false, true) => {}
        }
    }
}

/// The entries that the comments of a file's tests name.
fn held_in(file: &File, tests: &BTreeSet<String>, findings: &mut Vec<String>) -> Vec<Held> {
    let mut held = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let line = line.trim_start();
        if let Some(text) = line.strip_prefix("///") {
            comment.push(text.trim());
            continue;
        }
        if line.starts_with("#[") {
            continue;
        }
        let name = function_name(line).unwrap_or_default();
        let is_test = tests.contains(name);
        let place = format!("{}:{}", file.path, index + 1);
        match entries(&comment) {
            Ok(found) if found.is_empty() || is_test => {
                if is_test && let Some(finding) = misnamed(name, &found) {
                    findings.push(format!("{place}: {finding}"));
                }
                held.extend(found.into_iter().map(|it| Held {
                    path: file.path.clone(),
                    test: name.to_owned(),
                    ..it
                }));
            }
            Ok(found) => {
                let entry = found[0].entry;
                findings.push(format!("{place}: entry {entry} is above no test"));
            }
            Err(complaint) => findings.push(format!("{place}: {complaint}")),
        }
        comment.clear();
    }
    held
}

/// A test named after an entry must speak of it.
fn misnamed(test: &str, held: &[Held]) -> Option<String> {
    let named = all().find(|entry| entry.names(test))?;
    let speaks = held.iter().any(|it| it.entry == named);
    (!speaks).then(|| format!("`{test}` does not speak of entry {named}"))
}

fn function_name(line: &str) -> Option<&str> {
    let behind = line.split_once("fn ")?.1;
    behind.split(['(', '<']).next()
}

/// The entries of a comment, its lines without their slashes.
fn entries(comment: &[&str]) -> Result<Vec<Held>, String> {
    let mut found: Vec<Held> = Vec::new();
    let mut judged = true;
    for line in comment {
        if let Some(next) = heading(line)? {
            if !judged {
                return Err(unjudged(found.last()));
            }
            judged = next.verdict == Verdict::Beyond;
            found.push(next);
        } else if let Some(last) = found.last_mut() {
            if *line == "Same as Go." {
                (last.verdict, judged) = (Verdict::Same, true);
            } else if let Some(why) = line.strip_prefix("Differs: ") {
                (last.verdict, judged) = (Verdict::Differs(why.to_owned()), true);
            } else if let (true, Verdict::Differs(why)) = (judged, &mut last.verdict) {
                let _ = write!(why, " {line}");
            } else if !judged || last.verdict == Verdict::Beyond {
                let _ = write!(last.behaviour, " {line}");
            }
        }
    }
    if judged {
        Ok(found)
    } else {
        Err(unjudged(found.last()))
    }
}

fn unjudged(held: Option<&Held>) -> String {
    let entry = held.map(|it| it.entry.to_string()).unwrap_or_default();
    format!("entry {entry} lacks its `Same as Go.` or `Differs: …`")
}

/// `Go 10 Name: behaviour` or `X5: behaviour`.
fn heading(line: &str) -> Result<Option<Held>, String> {
    let malformed = || format!("`{line}` is no entry: `Go 10 Name: behaviour` or `X5: behaviour`");
    let is_extra = line
        .strip_prefix('X')
        .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    let (rest, verdict) = match line.strip_prefix("Go ") {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_digit()) => {
            (rest, Verdict::Same)
        }
        None if is_extra => (line, Verdict::Beyond),
        Some(_) | None => return Ok(None),
    };
    let (head, behaviour) = rest.split_once(": ").ok_or_else(malformed)?;
    let (number, name) = head.split_once(' ').unwrap_or((head, ""));
    let entry = Entry::read(number).ok_or_else(malformed)?;
    if name.is_empty() != (verdict == Verdict::Beyond) {
        return Err(malformed());
    }
    Ok(Some(Held {
        entry,
        name: name.to_owned(),
        behaviour: behaviour.to_owned(),
        verdict,
        path: String::new(),
        test: String::new(),
    }))
}

const INTRODUCTION: &str = "\
# Conformance

Generated by `cargo xtask conformance` from the comments of the tests; `--check` fails when it is stale. Do not edit.

The entries 1 to 212 are the behaviours that the tests of Go 1.27's `net/http` hold, in the order of the project's own
list; those from X1 on are behaviours that Go does not have or fails at. Each entry is a test that drives the public
`Client`, mostly against a scripted server (of what is said to proxies, the part that says it), or a reason why there is
none.
";

fn render(held: &[Held], reasons: &BTreeMap<Entry, reasons::Reason>) -> String {
    let mut page = INTRODUCTION.to_owned();
    let entries = |wanted: fn(&Verdict) -> bool| {
        let judged = held.iter().filter(|it| wanted(&it.verdict));
        judged.map(|it| it.entry).collect::<BTreeSet<_>>()
    };
    let differs = entries(|verdict| matches!(verdict, Verdict::Differs(_)));
    let mut same = entries(|verdict| *verdict == Verdict::Same);
    same.retain(|entry| !differs.contains(entry));
    let beyond = entries(|verdict| *verdict == Verdict::Beyond);
    let absent = |kind| reasons.values().filter(|it| it.kind == kind).count();
    let _ = write!(
        page,
        "\n| | entries |\n|---|---:|\n| held by a test, same as Go | {} |\n| held by a test, deliberately different \
         | {} |\n| held by a test, beyond Go | {} |\n| no test: deliberately different | {} |\n| no test: out of scope \
         | {} |\n",
        same.len(),
        differs.len(),
        beyond.len(),
        absent(reasons::Kind::Differs),
        absent(reasons::Kind::OutOfScope),
    );
    page.push_str(
        "\n## Held by tests\n\n| entry | behaviour | test | compared with Go |\n|---|---|---|---|\n",
    );
    for it in held {
        let name = if it.name.is_empty() {
            String::new()
        } else {
            format!("{}: ", it.name)
        };
        let verdict = match &it.verdict {
            Verdict::Beyond => "beyond Go",
            Verdict::Differs(why) => &format!("different: {why}"),
            Verdict::Same => "same",
        };
        let _ = writeln!(
            page,
            "| {} | {} | [`{}`](../{}) | {} |",
            it.entry,
            cell(&format!("{name}{}", it.behaviour)),
            it.test,
            it.path,
            cell(verdict)
        );
    }
    page.push_str("\n## Without a test\n\n| entry | behaviour | why |\n|---|---|---|\n");
    for (entry, reason) in reasons {
        let kind = match reason.kind {
            reasons::Kind::Differs => "different",
            reasons::Kind::OutOfScope => "out of scope",
        };
        let (behaviour, why) = (cell(&reason.behaviour), cell(&reason.why));
        let _ = writeln!(page, "| {entry} | {behaviour} | {kind}: {why} |");
    }
    page
}

/// Text that cannot end a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests;
