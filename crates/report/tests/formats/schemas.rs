//! The programs in Node that read what we write, and JSON held against its schema.
//!
//! Owns how they are called; the tests of the command use it too. Refuses to fetch them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../report/tests/formats/node");
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

/// Where `cargo xtask install` puts them.
pub(crate) fn folder() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let folder = target.expect("cargo's folder").join("formats");
    assert!(
        folder.join("node_modules").is_dir() && folder.join("perfetto/of").is_file(),
        "what checks formats is missing, and this test needs it: run `cargo xtask install`"
    );
    folder
}

/// What a script of ours says to this input.
pub(crate) fn node(script: &str, arguments: &[&Path], input: &[u8]) -> String {
    let mut node = Command::new("node")
        .arg(Path::new(SCRIPTS).join(script))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node starts");
    let mut stdin = node.stdin.take().expect("its input");
    let said = std::thread::scope(|scope| {
        // It may say much before it has read all.
        scope.spawn(move || drop(stdin.write_all(input)));
        node.wait_with_output().expect("it ends")
    });
    let errors = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success(), "{script}: {errors}");
    String::from_utf8(said.stdout).expect("text")
}

/// Fails unless each line is a document of this schema: a file in `docs/`, or `har`. Blank lines are none.
pub(crate) fn assert_valid(schema: &str, lines: &str) {
    let wrong = problems(schema, lines);
    assert!(wrong.is_empty(), "{wrong}");
}

/// What is wrong with these lines, a line each.
pub(crate) fn problems(schema: &str, lines: &str) -> String {
    let count = lines.lines().filter(|line| !line.is_empty()).count();
    let place = if schema == "har" {
        PathBuf::from(schema)
    } else {
        Path::new(DOCS).join(schema)
    };
    let modules = folder().join("node_modules");
    let said = node("validate.cjs", &[&modules, &place], lines.as_bytes());
    let (wrong, checked) = said
        .trim_end()
        .rsplit_once('\n')
        .unwrap_or(("", said.trim_end()));
    assert_eq!(checked, format!("{count} checked"));
    wrong.to_owned()
}
