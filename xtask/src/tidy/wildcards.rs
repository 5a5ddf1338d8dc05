//! No `_ =>` on our own enums: a new variant must stop the build wherever it matters.
//!
//! An approximation: a match is on one of our enums when a pattern of it begins with `Name::`, and test code is free.

use std::collections::BTreeMap;
use std::ops::Range;

use super::source::{attributes_before, find_at_depth_zero, matching, word_at, words};
use super::tables::{ENUM_SOURCES, WILDCARD_EXCUSE};
use super::{File, Finding, Tree};

/// Name of an enum → the crates that declare it, and whether `#[non_exhaustive]`.
type Enums = BTreeMap<String, Vec<(&'static str, bool)>>;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let enums = our_enums(tree);
    let mut findings = Vec::new();
    for (file, inside) in tree.rust_in("crates") {
        let Some((of_crate, rest)) = inside.split_once('/') else {
            continue;
        };
        if rest.starts_with("src/") {
            check_file(file, of_crate, &enums, &mut findings);
        }
    }
    findings
}

fn our_enums(tree: &Tree) -> Enums {
    let mut enums = Enums::new();
    for (of_crate, source) in ENUM_SOURCES {
        for (file, _) in tree.rust_in(source) {
            let live = file.source.live();
            for (offset, word) in words(live) {
                let name = word_at(live, offset + word.len()).filter(|_| word == "enum");
                if let Some(name) = name {
                    let is_open = attributes_before(live, offset).contains("non_exhaustive");
                    let places = enums.entry(live[name].to_owned()).or_default();
                    places.push((*of_crate, is_open));
                }
            }
        }
    }
    enums
}

fn check_file(file: &File, of_crate: &str, enums: &Enums, findings: &mut Vec<Finding>) {
    let live = file.source.live();
    for (offset, word) in words(live) {
        if word != "match" {
            continue;
        }
        let Some(arms) = arms(live, offset + word.len()) else {
            continue;
        };
        let Some(wildcard) = arms
            .iter()
            .find(|arm| live[arm.start..arm.end].trim() == "_")
        else {
            continue;
        };
        let own = arms
            .iter()
            .filter_map(|arm| enum_of(file, &live[arm.clone()], arm.start))
            .find_map(|name| enums.get_key_value(&name));
        let Some((name, places)) = own else {
            continue;
        };
        let line = file.source.line(wildcard.start);
        let text = file.text.lines().nth(line - 1).unwrap_or("");
        let is_open_elsewhere = places
            .iter()
            .any(|(place, is_open)| *is_open && *place != of_crate);
        if is_open_elsewhere && text.contains(WILDCARD_EXCUSE) {
            continue;
        }
        findings.push(Finding::new(
            file,
            line,
            format!("`_ =>` in a match on {name}"),
            "a new variant must stop the build wherever a decision depends on it",
            "name the variants",
        ));
    }
}

/// The enum a pattern begins with: the name before the last `::`. `Self` is looked up.
fn enum_of(file: &File, pattern: &str, offset: usize) -> Option<String> {
    let pattern = pattern.trim().trim_start_matches(['&', '|', ' ']);
    let path_end = pattern
        .find(|character: char| {
            !(character.is_alphanumeric() || character == '_' || character == ':')
        })
        .unwrap_or(pattern.len());
    let (before, _) = pattern[..path_end].rsplit_once("::")?;
    let name = before.rsplit("::").next()?;
    if name != "Self" {
        return Some(name.to_owned());
    }
    file.source
        .implementations()
        .into_iter()
        .filter(|block| block.span.contains(&offset))
        .map(|block| block.of)
        .next_back()
}

/// The patterns, guards included, of the match whose scrutinee begins at `start`.
fn arms(code: &str, start: usize) -> Option<Vec<Range<usize>>> {
    let open = find_at_depth_zero(code, start, b"{")?;
    let close = matching(code, open)?;
    let mut arms = Vec::new();
    let mut at = open + 1;
    while !code[at..close].trim().is_empty() {
        at += code[at..].len()
            - code[at..]
                .trim_start_matches(|it: char| it.is_whitespace() || it == ',')
                .len();
        let Some(arrow) = arrow(&code[..close], at) else {
            break;
        };
        arms.push(at..arrow);
        let body = &code[arrow + 2..close];
        let body_start = arrow + 2 + body.len() - body.trim_start().len();
        at = if code.as_bytes()[body_start] == b'{' {
            matching(code, body_start)? + 1
        } else {
            find_at_depth_zero(&code[..close], body_start, b",").map_or(close, |comma| comma + 1)
        };
    }
    Some(arms)
}

/// The next `=>` outside brackets.
fn arrow(code: &str, start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let equals = find_at_depth_zero(code, at, b"=")?;
        if code.as_bytes().get(equals + 1) == Some(&b'>') {
            return Some(equals);
        }
        at = equals + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENUM: (&str, &str) = (
        "crates/core/src/reason/reuse.rs",
        "pub enum Reuse { Keep, Close(u8) }",
    );
    const OPEN: (&str, &str) = (
        "crates/core/src/event.rs",
        "#[non_exhaustive]\npub enum Kind { A, B }",
    );

    fn findings(path: &str, text: &str) -> Vec<String> {
        let tree = Tree::of(&[ENUM, OPEN, (path, text)]);
        check(&tree)
            .into_iter()
            .map(|it| format!("{}: {}", it.line, it.what))
            .collect()
    }

    #[test]
    fn a_wildcard_on_our_enum_is_found() {
        let text = "fn f(x: Reuse) { match x {\n  Reuse::Keep => { 1 }\n  _ => 2,\n} }";
        assert_eq!(
            findings("crates/cli/src/main.rs", text),
            ["3: `_ =>` in a match on Reuse"]
        );
        let text = "fn f() { match g(x, |y| { y }) { &reason::Reuse::Close(n) if n >= 2 => h(1, 2), _ => 2 } }";
        assert_eq!(
            findings("crates/keepwarm/src/pool/mod.rs", text),
            ["1: `_ =>` in a match on Reuse"]
        );
    }

    #[test]
    fn self_is_the_enum_around() {
        let text = "impl Reuse { fn f(&self) -> u8 { match self { Self::Keep => 1, _ => 2 } } }";
        assert_eq!(
            findings("crates/core/src/reason/mod.rs", text),
            ["1: `_ =>` in a match on Reuse"]
        );
        let text = "impl Other { fn f(&self) -> u8 { match self { Self::Keep => 1, _ => 2 } } }";
        assert_eq!(findings("crates/core/src/reason/mod.rs", text), [""; 0]);
    }

    #[test]
    fn other_matches_are_free() {
        for text in [
            "fn f(x: Reuse) { match x { Reuse::Keep => 1, Reuse::Close(_) => 2 } }",
            "fn f(x: u8) { match x { 1 => 1, _ => 2 } }",
            "fn f(x: Poll) { match x { Poll::Ready(_) => 1, _ => 2 } }",
            "fn f() { match x { 1 => match y { Reuse::Keep => 1, Reuse::Close(_) => 2 }, _ => 2 } }",
            "#[cfg(test)]\nmod tests { fn f(x: Reuse) { match x { Reuse::Keep => 1, _ => 2 } } }",
        ] {
            assert_eq!(findings("crates/cli/src/main.rs", text), [""; 0], "{text}");
        }
    }

    #[test]
    fn an_inner_match_is_seen_too() {
        let text = "fn f() { match x { 1 => match y { Reuse::Keep => 1, _ => 2 }, _ => 2 } }";
        assert_eq!(findings("crates/cli/src/main.rs", text).len(), 1);
    }

    #[test]
    fn an_open_enum_of_another_crate_is_excused_when_it_says_so() {
        let excused = "fn f(x: Kind) { match x {\n Kind::A => 1,\n _ => 2, // non_exhaustive\n} }";
        assert_eq!(findings("crates/cli/src/main.rs", excused), [""; 0]);
        assert_eq!(
            findings("crates/core/src/pool.rs", excused).len(),
            1,
            "its own crate sees every variant"
        );
        let silent = excused.replace("// non_exhaustive", "");
        assert_eq!(findings("crates/cli/src/main.rs", &silent).len(), 1);
        let closed = excused.replace("Kind", "Reuse");
        assert_eq!(findings("crates/cli/src/main.rs", &closed).len(), 1);
    }
}
