//! Lengths of files, functions and lines.

use super::tables::{FILE_LINES, FUNCTION_LINES, LINE_CHARACTERS};
use super::{File, Finding, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files
        .iter()
        .filter(|file| file.is_rust())
        .flat_map(check_file)
        .collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = file.text.lines().count();
    if lines > FILE_LINES {
        findings.push(Finding::new(
            file,
            FILE_LINES + 1,
            format!("the file has {lines} lines"),
            &format!("no file is longer than {FILE_LINES}"),
            "find the noun that is missing and give it a file",
        ));
    }
    for (index, line) in file.text.lines().enumerate() {
        let characters = line.chars().count();
        if characters > LINE_CHARACTERS {
            findings.push(Finding::new(
                file,
                index + 1,
                format!("the line has {characters} characters"),
                &format!("no line is longer than {LINE_CHARACTERS}"),
                "break it",
            ));
        }
    }
    for function in file.source.functions() {
        let first = file.source.line(function.span.start);
        let lines = file.source.line(function.span.end - 1) - first + 1;
        if lines > FUNCTION_LINES {
            findings.push(Finding::new(
                file,
                first,
                format!("fn {} has {lines} lines", function.name),
                &format!("no function is longer than {FUNCTION_LINES}"),
                "give its parts names",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        let tree = Tree::of(&[("crates/a/src/lib.rs", text)]);
        check(&tree).into_iter().map(|it| it.what).collect()
    }

    #[test]
    fn a_file_may_have_600_lines_and_not_one_more() {
        assert_eq!(findings(&"//\n".repeat(600)), [""; 0]);
        assert_eq!(findings(&"//\n".repeat(601)), ["the file has 601 lines"]);
    }

    #[test]
    fn a_function_may_have_70_lines_and_not_one_more() {
        let function =
            |lines: usize| format!("fn f() {{\n{}}}\n", "\"}\"; // }\n".repeat(lines - 2));
        assert_eq!(findings(&function(70)), [""; 0]);
        assert_eq!(findings(&function(71)), ["fn f has 71 lines"]);
    }

    #[test]
    fn a_line_may_have_120_characters_and_not_one_more() {
        assert_eq!(findings(&"é".repeat(120)), [""; 0]);
        assert_eq!(findings(&"é".repeat(121)), ["the line has 121 characters"]);
    }

    #[test]
    fn other_files_may_be_long() {
        let tree = Tree::of(&[("README.md", &"line\n".repeat(900))]);
        assert_eq!(check(&tree), []);
    }
}
