//! What the pages for people who move over call keepwarm's is keepwarm's: each name in code style in their tables.
//!
//! The first column is the other client's, and so are the columns of its defaults. Names in the library are collected
//! from its source, not from a compiler: that a name is there is checked, not what it stands for.

use std::collections::BTreeSet;

use super::tables::{FOREIGN_NAMES, NAME_PAGES, NAME_SOURCES};
use super::{File, Finding, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut known: BTreeSet<&str> = FOREIGN_NAMES.iter().copied().collect();
    let sources = tree
        .files
        .iter()
        .filter(|file| file.is_rust())
        .filter(|file| NAME_SOURCES.iter().any(|it| file.inside(it).is_some()));
    for file in sources {
        known.extend(file.source.live().lines().filter_map(declared));
    }
    let pages = NAME_PAGES.iter().filter_map(|path| tree.file(path));
    pages.flat_map(|page| check_page(page, &known)).collect()
}

fn check_page(page: &File, known: &BTreeSet<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut ours: Vec<bool> = Vec::new();
    for (index, line) in page.text.lines().enumerate() {
        let Some(row) = line.strip_prefix('|') else {
            ours.clear();
            continue;
        };
        let cells: Vec<&str> = row.trim_end_matches('|').split('|').collect();
        if ours.is_empty() {
            let theirs = |cell: &str| cell.contains("its default") || cell.contains("Go's default");
            ours = cells.iter().map(|cell| !theirs(cell)).collect();
            ours[0] = false;
        }
        for (cell, _) in cells.iter().zip(&ours).filter(|(_, ours)| **ours) {
            let unknown = names(cell).filter(|name| !known.contains(name));
            findings.extend(unknown.map(|name| {
                Finding::new(
                    page,
                    index + 1,
                    format!("keepwarm has no {name}"),
                    "who moves over types what the page says",
                    "correct it, or enter a name of others in FOREIGN_NAMES",
                )
            }));
        }
    }
    findings
}

/// The names in a cell's code: header fields and shouted words are none.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    let code = cell.split('`').skip(1).step_by(2);
    let code = code.filter(|code| !code.contains(['-', '"']));
    let words = code.flat_map(|code| code.split(|letter: char| !is_of_name(letter)));
    words.filter(|word| word.contains(|letter: char| letter.is_ascii_lowercase()))
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// The name that a line of source declares for all to see: an item, a field, a variant, a setter of `Config`.
fn declared(line: &str) -> Option<&str> {
    let line = line.trim();
    let name_of = |text: &str| {
        text.find(|letter| !is_of_name(letter))
            .unwrap_or(text.len())
    };
    if line.starts_with("pub use ") {
        // The last word is the name it goes by; of several in braces none is taken.
        let line = line.trim_end_matches(';');
        return line.rsplit(|letter| !is_of_name(letter)).next();
    }
    if let Some(item) = line.strip_prefix("pub ") {
        let words = [
            "async ", "const ", "fn ", "struct ", "enum ", "trait ", "mod ", "type ",
        ];
        let name = words
            .iter()
            .fold(item, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
        return Some(&name[..name_of(name)]);
    }
    let name = &line[..name_of(line)];
    let behind = line[name.len()..].trim_start();
    let is_variant = name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && behind.starts_with([',', '{', '(']);
    let is_setter = behind.starts_with(':') && behind.contains(" => ") && behind.ends_with(';');
    (is_variant || is_setter).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(page: &str) -> Vec<String> {
        let source = "
            pub struct Config;
            pub use words::Policy as RetryPolicy;
            impl Config {
                pub fn dialer(self) {}
            }
            setters! {
                max_idle: usize => limits.max_idle;
            }
            enum Kind {
                Opened { private: u8 },
            }";
        let tree = Tree::of(&[
            ("crates/keepwarm/src/config.rs", source),
            (NAME_PAGES[0], page),
        ]);
        check(&tree)
            .into_iter()
            .map(|it| format!("{}: {}", it.line, it.what))
            .collect()
    }

    #[test]
    fn a_name_that_is_gone_is_found() {
        let head = "| Go | Go's default | keepwarm |\n|---|---|---|";
        let page = format!("{head}\n| `MaxIdle` | `x` | `max_idle`, `Config::max_gone` |\n");
        assert_eq!(findings(&page), ["3: keepwarm has no max_gone"]);
        assert_eq!(
            findings("| Go | keepwarm |\n|---|---|\n| a | `private` |\n").len(),
            1
        );
    }

    #[test]
    fn names_that_are_there_and_what_is_no_name_are_fine() {
        for cell in [
            "`Config::dialer`",
            "`max_idle(5)`",
            "`Opened`, `RetryPolicy`",
            "`NO_PROXY`, `User-Agent`, plain words",
        ] {
            let table = format!("| Go | keepwarm |\n|---|---|\n| x | {cell} |\n");
            let page = format!("text with `anything`\n\n{table}");
            assert_eq!(findings(&page), [""; 0], "{cell}");
        }
    }
}
