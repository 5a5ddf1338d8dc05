//! Our reading of an answer against that of hyper's real client.
//!
//! Promises: what both accept has the same status, version, fields, body and trailers; what only we accept is on
//! the list of `allowed`. What only hyper accepts is classified by the name of our fault, with one example each,
//! and written to the file that the environment variable [`REPORT`] names.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;

use http::HeaderMap;
use keepwarm_core::h1::Limits;

use crate::engine::{End, Head, Item, Record, play};
use crate::hyper_client::{self, Outcome};
use crate::plan::Plan;

/// Names the file that the classes go to.
pub const REPORT: &str = "KEEPWARM_FUZZ_REPORT";

/// A whole answer, as both sides tell it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: HeaderMap,
}

/// One input. The request is GET or HEAD, and the server closes behind its last byte.
pub fn run(input: &[u8]) {
    let (plan, bytes) = Plan::read(input);
    let is_head = plan.shape.head;
    let shape = Plan::request(is_head);
    let record = play(shape, Limits::default(), &plan.tear(bytes), true);
    let theirs = hyper_client::read(is_head, &plan.tear(bytes));
    match (ours(&record), theirs) {
        (Ok(ours), Outcome::Answer(theirs)) => {
            assert_eq!(ours, theirs, "both accept {:?}", bytes.escape_ascii());
        }
        (Ok(ours), Outcome::Refused(why)) => {
            let text = bytes.escape_ascii();
            assert!(
                allowed(&ours, &why),
                "{why}; we: {ours:?} out of \"{text}\""
            );
        }
        (Err(fault), Outcome::Answer(theirs)) => note(fault, is_head, bytes, &theirs),
        (Err(_), Outcome::Refused(_)) => {}
    }
}

/// What we may accept and hyper refuse.
///
/// Nothing so far.
fn allowed(_ours: &Answer, _why: &str) -> bool {
    false
}

/// The answer, or the name of what is wrong with it.
fn ours(record: &Record) -> Result<Answer, &'static str> {
    match &record.end {
        End::Whole(..) => {}
        End::Open(_) => return Err("open"),
        End::Refused(fault) => return Err(fault.slug()),
    }
    let head = record.final_head().ok_or("no head")?.clone();
    let (mut body, mut trailers) = (Vec::new(), HeaderMap::new());
    for item in &record.items {
        match item {
            Item::Body(data) => body.extend_from_slice(data),
            Item::Trailers(fields) => trailers.clone_from(fields),
            Item::Interim(_) | Item::Head(_) | Item::Switched(_) | Item::End => {}
        }
    }
    Ok(Answer {
        head,
        body,
        trailers,
    })
}

/// One example for each class: the first one seen, which is a seed when there is a seed of that class.
static CLASSES: Mutex<BTreeMap<&'static str, String>> = Mutex::new(BTreeMap::new());

fn note(fault: &'static str, is_head: bool, bytes: &[u8], theirs: &Answer) {
    let mut classes = CLASSES.lock().expect("no panic under this lock");
    if classes.contains_key(fault) {
        return;
    }
    let status = theirs.head.status.as_u16();
    let body = shortened(&theirs.body, 40);
    let input = shortened(bytes, 160);
    let method = if is_head { "to HEAD: " } else { "" };
    classes.insert(fault, format!("{method}{input}\t{status}, body \"{body}\""));
    let Some(path) = std::env::var_os(REPORT) else {
        return;
    };
    let mut text = String::new();
    for (class, example) in classes.iter() {
        writeln!(text, "{class}\t{example}").expect("a string takes everything");
    }
    std::fs::write(path, text).expect("the report can be written");
}

/// The bytes as text; of many only the first.
fn shortened(bytes: &[u8], most: usize) -> String {
    let shown = &bytes[..bytes.len().min(most)];
    let more = if shown.len() < bytes.len() { "…" } else { "" };
    format!("{}{more}", shown.escape_ascii())
}
