//! Relative links in Markdown lead somewhere. Links to other sites are not followed.

use super::{File, Finding, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree
        .files
        .iter()
        .filter(|file| file.extension() == Some("md"))
    {
        for (line, target) in targets(&file.text) {
            if !leads_somewhere(tree, file, &target) {
                findings.push(Finding::new(
                    file,
                    line,
                    format!("the link to {target} leads nowhere"),
                    "a reader follows links",
                    "correct it, or add the file",
                ));
            }
        }
    }
    findings
}

fn leads_somewhere(tree: &Tree, file: &File, target: &str) -> bool {
    let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
    let path = target.split(['#', '?']).next().unwrap_or("");
    if is_elsewhere || path.is_empty() {
        return true;
    }
    let mut place: Vec<&str> = match path.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => file.path.split('/').collect(),
    };
    place.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if place.pop().is_none() {
                    return false;
                }
            }
            name => place.push(name),
        }
    }
    let place = place.join("/");
    let folder = format!("{place}/");
    place.is_empty()
        || tree.paths.contains(&place)
        || tree.paths.iter().any(|path| path.starts_with(&folder))
}

/// The targets of `[text](target)` and `[label]: target`, with their lines; code is left alone.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            continue;
        }
        if in_code {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect();
        let inline = prose
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'));
        let labelled = prose
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]: "));
        let all = inline
            .map(|(target, _)| target)
            .chain(labelled.map(|(_, target)| target));
        for target in all {
            let target = target.split_whitespace().next().unwrap_or("");
            found.push((index + 1, target.trim_matches(['<', '>']).to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let tree = Tree::of(&[
            (path, text),
            ("docs/a.md", ""),
            ("crates/core/src/lib.rs", "//!"),
        ]);
        check(&tree)
            .into_iter()
            .map(|it| format!("{}: {}", it.line, it.what))
            .collect()
    }

    #[test]
    fn a_link_to_nothing_is_found() {
        let found = findings(
            "README.md",
            "see\n[a](docs/b.md) and ![b](docs/a.md#part \"title\")\n\n[c]: c.md",
        );
        assert_eq!(
            found,
            [
                "2: the link to docs/b.md leads nowhere",
                "4: the link to c.md leads nowhere"
            ]
        );
        assert_eq!(
            findings("README.md", "[a](../a.md)").len(),
            1,
            "outside the repository"
        );
    }

    #[test]
    fn files_folders_parts_and_other_sites_are_fine() {
        for text in [
            "[a](docs/a.md)",
            "[a](crates/core)",
            "[a](#part)",
            "[a](https://x.org/a)",
            "[a](/docs/a.md)",
        ] {
            assert_eq!(findings("README.md", text), [""; 0], "{text}");
        }
        assert_eq!(
            findings(
                "docs/b.md",
                "[a](a.md) [b](../crates/core/src/lib.rs) [c](..)"
            ),
            [""; 0]
        );
    }

    #[test]
    fn code_holds_no_links() {
        assert_eq!(
            findings("README.md", "```\n[a](b.md)\n```\n`[a](b.md)`"),
            [""; 0]
        );
    }
}
