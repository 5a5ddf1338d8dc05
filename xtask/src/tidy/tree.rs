//! The files that the checks read. Knows git's list of files and how to do without git; knows no rule.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::source::Source;

/// One text file.
#[derive(Debug)]
pub struct File {
    /// Relative to the root, with `/` between folders.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// The text as Rust source; empty for other files.
    pub source: Source,
}

/// All text files of the repository, tracked or about to be, and the paths of the others.
#[derive(Debug, Default)]
pub struct Tree {
    /// The text files, by path.
    pub files: Vec<File>,
    /// Every path, of binary files too.
    pub paths: BTreeSet<String>,
}

impl File {
    /// Reads Rust source apart if the path says that it is some.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Self {
        let is_rust = Path::new(path).extension().is_some_and(|it| it == "rs");
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            source: Source::read(if is_rust { text } else { "" }),
        }
    }

    /// Whether this is Rust source.
    #[must_use]
    pub fn is_rust(&self) -> bool {
        self.extension() == Some("rs")
    }

    /// What stands after the last dot of the name.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        Path::new(&self.path).extension()?.to_str()
    }

    /// The path inside `folder`, if it is in there.
    #[must_use]
    pub fn inside(&self, folder: &str) -> Option<&str> {
        self.path.strip_prefix(folder)?.strip_prefix('/')
    }

    /// The module this file is, from its path inside `src`: `h1/head.rs` is `[h1, head]`, `h1/mod.rs` is `[h1]`,
    /// the root `[]`.
    #[must_use]
    pub fn module(path_in_source: &str) -> Vec<String> {
        let stem = path_in_source.strip_suffix(".rs").unwrap_or(path_in_source);
        let mut module: Vec<String> = stem.split('/').map(str::to_owned).collect();
        let is_own_name = module.last().is_some_and(|last| {
            last == "mod" || (module.len() == 1 && (last == "lib" || last == "main"))
        });
        if is_own_name {
            module.pop();
        }
        module
    }
}

impl Tree {
    /// The files git knows or would add; without git, everything outside `target` and `.git`.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn load(root: &Path) -> Result<Self, String> {
        let paths = match git_files(root) {
            Some(paths) => paths,
            None => {
                let mut paths = BTreeSet::new();
                walk(root, "", &mut paths)
                    .map_err(|error| format!("{}: {error}", root.display()))?;
                paths
            }
        };
        let mut tree = Self::default();
        for path in paths {
            // A file that git still lists may be gone from the disk.
            let Ok(bytes) = std::fs::read(root.join(&path)) else {
                continue;
            };
            if let Ok(text) = String::from_utf8(bytes) {
                tree.files.push(File::new(&path, &text));
            }
            tree.paths.insert(path);
        }
        tree.mark_test_modules();
        Ok(tree)
    }

    /// A tree out of nothing but these files, for the tests of the checks.
    #[must_use]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.files.push(File::new(path, text));
            tree.paths.insert((*path).to_owned());
        }
        tree.mark_test_modules();
        tree
    }

    /// The file at this path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The Rust files below `folder`, each with its path inside it.
    pub fn rust_in<'tree>(
        &'tree self,
        folder: &'tree str,
    ) -> impl Iterator<Item = (&'tree File, &'tree str)> {
        self.files
            .iter()
            .filter(|file| file.is_rust())
            .filter_map(move |file| file.inside(folder).map(|inside| (file, inside)))
    }

    /// `#[cfg(test)] mod name;` makes `name.rs`, or all of `name/`, test code.
    fn mark_test_modules(&mut self) {
        let mut test_modules = Vec::new();
        for file in self.files.iter().filter(|file| file.is_rust()) {
            let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
            let base = match name {
                "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
                _ => format!("{folder}/{}", name.trim_end_matches(".rs")),
            };
            for module in file.source.test_modules() {
                test_modules.push(format!("{base}/{module}"));
            }
        }
        for file in &mut self.files {
            // A module with a `#[path]` of its own goes by its name.
            let by_name = file.path.ends_with("/tests.rs") || file.path.ends_with("_tests.rs");
            let is_test = by_name
                || test_modules.iter().any(|module| {
                    file.path
                        .strip_prefix(module.as_str())
                        .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
                });
            if is_test {
                file.source.make_all_test_code();
            }
        }
    }
}

fn git_files(root: &Path) -> Option<BTreeSet<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let names = String::from_utf8_lossy(&output.stdout);
    let paths: BTreeSet<String> = names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    // An unpacked archive inside some other repository is listed as nothing.
    (!paths.is_empty()).then_some(paths)
}

fn walk(root: &Path, folder: &str, paths: &mut BTreeSet<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() {
            name.clone()
        } else {
            format!("{folder}/{name}")
        };
        let kind = entry.file_type()?;
        if kind.is_dir() && name != "target" && name != ".git" {
            walk(root, &path, paths)?;
        } else if kind.is_file() {
            paths.insert(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_module() {
        assert_eq!(File::module("lib.rs"), [""; 0]);
        assert_eq!(File::module("h1/mod.rs"), ["h1"]);
        assert_eq!(File::module("h1/head.rs"), ["h1", "head"]);
        assert_eq!(File::module("pool.rs"), ["pool"]);
    }

    #[test]
    fn a_declared_test_module_is_test_code_wherever_it_lies() {
        let tree = Tree::of(&[
            (
                "crates/a/src/h1/mod.rs",
                "#[cfg(test)]\nmod cases;\nmod head;",
            ),
            ("crates/a/src/h1/cases.rs", "fn one() {}"),
            ("crates/a/src/h1/cases/two.rs", "fn two() {}"),
            (
                "crates/a/src/h1/head.rs",
                "#[cfg(test)] mod apart;\nfn head() {}",
            ),
            ("crates/a/src/h1/head/apart.rs", "fn apart() {}"),
        ]);
        let live = |path: &str| {
            tree.file(path)
                .map(|file| file.source.live().trim().to_owned())
        };
        for test in ["cases.rs", "cases/two.rs", "head/apart.rs"] {
            assert_eq!(
                live(&format!("crates/a/src/h1/{test}")).as_deref(),
                Some(""),
                "{test}"
            );
        }
        assert_eq!(
            live("crates/a/src/h1/head.rs").as_deref(),
            Some("fn head() {}")
        );
    }

    #[test]
    fn the_walk_finds_what_git_lists() {
        let root = crate::root();
        let mut walked = BTreeSet::new();
        walk(&root, "", &mut walked).expect("the checkout can be read");
        assert!(walked.contains("xtask/src/tidy/tree.rs"));
        assert!(!walked.iter().any(|path| path.starts_with("target/")));
        let tree = Tree::load(&root).expect("the checkout can be listed");
        assert!(tree.file("xtask/src/tidy/tree.rs").is_some());
    }
}
