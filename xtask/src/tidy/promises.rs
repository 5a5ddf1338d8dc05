//! What is promised in words must be held by a test: every reason, every row of the baseline, every invariant.

use std::collections::BTreeSet;

use super::tables::{
    BASELINE_ROWS, INVARIANTS, SLUG_ENUMS, SLUG_SOURCE, SLUG_TESTS, SLUGS_WITHOUT_TEST,
};
use super::{File, Finding, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = check_slugs(tree);
    findings.extend(check_rows(tree));
    findings.extend(check_invariants(tree));
    findings
}

/// Names of the tests in files that `wanted` picks by path.
fn tests(tree: &Tree, wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    tree.files
        .iter()
        .filter(|file| file.is_rust() && wanted(&file.path))
        .flat_map(|file| file.source.functions())
        .filter(|function| function.is_test)
        .map(|function| function.name)
        .collect()
}

/// Whether a test has this name, alone or with more behind it.
fn is_held(tests: &BTreeSet<String>, name: &str) -> bool {
    tests.iter().any(|test| {
        test.strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    })
}

fn check_slugs(tree: &Tree) -> Vec<Finding> {
    let tests = tests(tree, |path| path.starts_with(&format!("{SLUG_TESTS}/")));
    let mut findings = Vec::new();
    let mut missing: BTreeSet<&str> = SLUG_ENUMS.iter().copied().collect();
    let mut last = None;
    for (file, _) in tree.rust_in(SLUG_SOURCE) {
        last = Some(file);
        for (name, offset, slug) in slugs(file) {
            missing.remove(name);
            let is_excepted = SLUGS_WITHOUT_TEST.iter().any(|(it, _)| *it == slug);
            let test = slug.replace('-', "_");
            if is_excepted || is_held(&tests, &test) {
                continue;
            }
            findings.push(Finding::new(
                file,
                file.source.line(offset),
                format!("{name} `{slug}` has no test of its name"),
                "a reason that no test brings about is a guess",
                &format!("write `fn {test}` in {SLUG_TESTS}, through the lab"),
            ));
        }
    }
    if let Some(file) = last {
        for name in missing {
            findings.push(Finding::new(
                file,
                1,
                format!("no slugs of {name} found in {SLUG_SOURCE}"),
                "every reason has a stable slug, given by its `fn slug`",
                "write it, or correct SLUG_ENUMS in xtask/src/tidy/tables.rs",
            ));
        }
    }
    findings
}

/// The string literals inside `fn slug` of the enums that need tests.
fn slugs(file: &File) -> Vec<(&'static str, usize, &str)> {
    let implementations = file.source.implementations();
    let mut found = Vec::new();
    for function in file.source.functions() {
        let around = implementations
            .iter()
            .find(|block| block.span.contains(&function.span.start));
        let name = around.and_then(|block| SLUG_ENUMS.iter().find(|name| **name == block.of));
        let Some(name) = name.filter(|_| function.name == "slug") else {
            continue;
        };
        for literal in file.source.literals() {
            if function.span.contains(&literal.offset) {
                found.push((*name, literal.offset, literal.text.as_str()));
            }
        }
    }
    found
}

fn check_rows(tree: &Tree) -> Vec<Finding> {
    let tests = tests(tree, |path| {
        path.starts_with("crates/") && path.contains("/tests/")
    });
    BASELINE_ROWS
        .iter()
        .filter(|row| !is_held(&tests, &format!("b{row}")))
        .map(|row| Finding {
            path: "crates".to_owned(),
            line: 1,
            what: format!("row B{row} of the baseline has no test"),
            why: "every version keeps the baseline".to_owned(),
            cure: format!("write a test whose name begins with `b{row}_` in some crate's tests/"),
        })
        .collect()
}

fn check_invariants(tree: &Tree) -> Vec<Finding> {
    let Some(file) = tree.file(INVARIANTS) else {
        return vec![Finding {
            path: INVARIANTS.to_owned(),
            line: 1,
            what: "the file is missing".to_owned(),
            why: "the numbered invariants live there".to_owned(),
            cure: "write it".to_owned(),
        }];
    };
    let tests = tests(tree, |_| true);
    let mut findings = Vec::new();
    let invariants = invariants(&file.text);
    if invariants.is_empty() {
        findings.push(Finding::new(
            file,
            1,
            "no numbered invariant found".to_owned(),
            "what must always hold is written down and held by a test",
            "write lines `I1. …` or table rows `| I1 | …`, each naming its test in backticks",
        ));
    }
    for (line, number, text) in invariants {
        let names: Vec<&str> = text
            .split('`')
            .skip(1)
            .step_by(2)
            .map(|quoted| quoted.rsplit("::").next().unwrap_or(quoted))
            .map(|name| name.trim_end_matches("()"))
            .collect();
        if !names.iter().any(|name| tests.contains(*name)) {
            findings.push(Finding::new(
                file,
                line,
                format!(
                    "invariant {number} names no test that exists (it names: {})",
                    names.join(", ")
                ),
                "an invariant that no test holds is a wish",
                "write the test and name it in backticks, as `path::test_name`",
            ));
        }
    }
    findings
}

/// Line, number and text of each invariant. Outside tables the text goes on to the next empty line.
fn invariants(text: &str) -> Vec<(usize, String, String)> {
    let mut found: Vec<(usize, String, String)> = Vec::new();
    let mut goes_on = false;
    for (index, line) in text.lines().enumerate() {
        if let Some((number, is_row)) = invariant_number(line) {
            found.push((index + 1, number, line.to_owned()));
            goes_on = !is_row;
        } else if line.trim().is_empty() || line.starts_with(['#', '|']) {
            goes_on = false;
        } else if let Some((_, _, whole)) = found.last_mut().filter(|_| goes_on) {
            whole.push('\n');
            whole.push_str(line);
        }
    }
    found
}

/// `I7` at the beginning of `I7. …` or `| I7 | …`, list marks and emphasis aside, and whether it is a table row.
fn invariant_number(line: &str) -> Option<(String, bool)> {
    let is_row = line.trim_start().starts_with('|');
    let plain: String = line.chars().filter(|it| !matches!(it, '*' | '|')).collect();
    let plain = plain.trim_start_matches([' ', '-']);
    let digits: String = plain
        .strip_prefix('I')?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let rest = &plain[1 + digits.len()..];
    let ends = if is_row {
        rest.starts_with(' ')
    } else {
        rest.starts_with('.')
    };
    (!digits.is_empty() && ends).then(|| (format!("I{digits}"), is_row))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLUGS: &str = "impl CloseReason { pub fn slug(&self) -> &str { match self {\n\
        Self::PeerSaidClose => \"peer-said-close\",\n Self::GoAway => \"go-away\",\n } } }\n\
        impl Miss { fn slug(&self) -> &str { \"all-busy\" } }\n\
        impl Again { fn slug(&self) -> &str { \"nothing-written\" } }\n\
        impl Stop { fn slug(&self) -> &str { \"budget\" } }\n\
        impl By { fn slug(&self) -> &str { \"us\" } fn other() { \"x\" } }";
    const TESTS: &str = "#[test] fn peer_said_close() {}\n#[tokio::test] async fn all_busy_with_one() {}\n\
        #[test] fn nothing_written() {}\n#[test] fn budget() {}\n#[test] fn go_away() {}";

    fn slug_findings(slugs: &str, tests: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("crates/core/src/reason/close.rs", slugs),
            ("crates/keepwarm/tests/reasons.rs", tests),
        ]);
        check_slugs(&tree)
            .into_iter()
            .map(|it| format!("{}: {}", it.line, it.what))
            .collect()
    }

    #[test]
    fn every_slug_needs_a_test_of_its_name() {
        assert_eq!(slug_findings(SLUGS, TESTS), [""; 0]);
        let found = slug_findings(SLUGS, &TESTS.replace("peer_said_close", "peer_said_closed"));
        assert_eq!(
            found,
            ["2: CloseReason `peer-said-close` has no test of its name"]
        );
        let found = slug_findings(SLUGS, &TESTS.replace("#[test] fn budget", "fn budget"));
        assert_eq!(found, ["7: Stop `budget` has no test of its name"]);
    }

    #[test]
    fn an_enum_without_slugs_is_found() {
        let found = slug_findings(&SLUGS.replace("impl Miss", "impl Other"), TESTS);
        assert_eq!(
            found,
            ["1: no slugs of Miss found in crates/core/src/reason"]
        );
    }

    #[test]
    fn every_row_needs_a_test() {
        let row = |row: &u8| format!("#[test] fn b{row}_holds() {{}}\n");
        let all: String = BASELINE_ROWS.iter().map(row).collect();
        let found = |text: &str| check_rows(&Tree::of(&[("crates/cli/tests/rows.rs", text)]));
        assert_eq!(found(&all), []);
        let less = found(&all.replace("b1_holds", "b11_holds"));
        let what: Vec<String> = less.into_iter().map(|it| it.what).collect();
        assert_eq!(what, ["row B1 of the baseline has no test"]);
    }

    #[test]
    fn every_invariant_names_a_test() {
        let found = |text: &str| -> Vec<usize> {
            let tree = Tree::of(&[
                ("ARCHITECTURE.md", text),
                ("crates/core/src/a.rs", "#[test]\nfn holds() {}"),
            ]);
            check_invariants(&tree)
                .into_iter()
                .map(|it| it.line)
                .collect()
        };
        assert_eq!(
            found("I1. Always. `a::holds`\n\n**I2.** It\n  goes on `holds`\n"),
            [0; 0]
        );
        assert_eq!(
            found("| I1 | always | `a::holds` |\n| I2 | never | `a::gone` |"),
            [2]
        );
        assert_eq!(found("- I1. Always.\n\nLater: `holds`"), [1]);
        assert_eq!(found("Nothing numbered, `holds`"), [1]);
        assert_eq!(check_invariants(&Tree::default()).len(), 1);
    }
}
