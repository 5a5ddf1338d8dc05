//! Which paths a file names: `use` trees spelled out, and paths written in place. Knows no floor.

use super::source::{find_at_depth_zero, matching, word_at, words};

/// A path with at least two names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// Where it is written; for an import, where its `use` is.
    pub(super) offset: usize,
    pub(super) names: Vec<String>,
    pub(super) is_import: bool,
}

/// Every path in blanked code.
pub(super) fn paths(code: &str) -> Vec<Path> {
    let mut found = Vec::new();
    let mut done = 0;
    for (offset, word) in words(code) {
        if offset < done {
            continue;
        }
        let behind = offset + word.len();
        if word == "use" && !code[behind..].trim_start().starts_with('<') {
            let Some(end) = find_at_depth_zero(code, behind, b";") else {
                continue;
            };
            let mut imports = Vec::new();
            expand(&code[behind..end], &[], &mut imports);
            found.extend(imports.into_iter().map(|names| Path {
                offset,
                names,
                is_import: true,
            }));
            done = end;
            continue;
        }
        let mut names = vec![word.to_owned()];
        let mut end = behind;
        while let Some(rest) = code[end..].strip_prefix("::") {
            let Some(next) = word_at(rest, 0).filter(|next| next.start == 0) else {
                break;
            };
            names.push(rest[next.clone()].to_owned());
            end += "::".len() + next.end;
        }
        done = end;
        if names.len() > 1 {
            found.push(Path {
                offset,
                names,
                is_import: false,
            });
        }
    }
    found
}

/// `a::{b, c::*}` → `[a, b]`, `[a, c, *]`.
fn expand(tree: &str, prefix: &[String], found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let (head, group) = match tree.find('{') {
        None => (tree, None),
        Some(open) => {
            let close = matching(tree, open).unwrap_or(tree.len());
            (&tree[..open], Some(&tree[open + 1..close]))
        }
    };
    let head = head.split(" as ").next().unwrap_or(head);
    let mut names = prefix.to_vec();
    names.extend(
        head.split("::")
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
    );
    let Some(mut group) = group else {
        if names.len() > 1 && names.last().is_some_and(|last| last == "self") {
            names.pop();
        }
        if !names.is_empty() {
            found.push(names);
        }
        return;
    };
    while let Some(comma) = find_at_depth_zero(group, 0, b",") {
        expand(&group[..comma], &names, found);
        group = &group[comma + 1..];
    }
    if !group.trim().is_empty() {
        expand(group, &names, found);
    }
}

/// The path as seen from the crate's root, for paths that begin with `crate`, `self` or `super`.
pub(super) fn from_root(module: &[String], names: &[String]) -> Option<Vec<String>> {
    let mut place: Vec<String> = match names.first()?.as_str() {
        "crate" => return Some(names[1..].to_vec()),
        "self" | "super" => module.to_vec(),
        _ => return None,
    };
    let mut rest = names;
    while let Some((first, others)) = rest.split_first() {
        match first.as_str() {
            "self" => {}
            "super" => {
                place.pop();
            }
            _ => break,
        }
        rest = others;
    }
    place.extend(rest.iter().cloned());
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(code: &str) -> Vec<String> {
        paths(code)
            .into_iter()
            .map(|path| path.names.join("::"))
            .collect()
    }

    #[test]
    fn use_trees_are_spelled_out() {
        let code = "pub(crate) use std::{self, fs, net::{TcpStream as Wire, *}};\nuse super::a::{\n  b,\n};";
        let expected = [
            "std",
            "std::fs",
            "std::net::TcpStream",
            "std::net::*",
            "super::a::b",
        ];
        assert_eq!(written(code), expected);
    }

    #[test]
    fn paths_in_place_are_seen_whole() {
        let code = "let x = crate::pool::Pool::<A>::new(std::time::Instant::now());";
        assert_eq!(
            written(code),
            ["crate::pool::Pool", "std::time::Instant::now"]
        );
    }

    #[test]
    fn relative_paths_lead_to_the_root() {
        let module = ["h1".to_owned(), "head".to_owned()];
        let resolve = |path: &str| {
            let names: Vec<String> = path.split("::").map(str::to_owned).collect();
            from_root(&module, &names).map(|names| names.join("::"))
        };
        assert_eq!(resolve("crate::pool::X").as_deref(), Some("pool::X"));
        assert_eq!(resolve("super::X").as_deref(), Some("h1::X"));
        assert_eq!(resolve("super::super::pool").as_deref(), Some("pool"));
        assert_eq!(resolve("self::X").as_deref(), Some("h1::head::X"));
        assert_eq!(resolve("std::fs"), None);
    }
}
