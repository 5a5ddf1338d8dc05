//! What became of each HTTP connection, and why it was not used again.
//!
//! Events go in as [`Log`]s, whoever made them (the library, and later the tap and captures); one [`Report`] comes out,
//! and each face of it (picture, text, HAR, trace) is a function of that value.
//!
//! ```
//! use keepwarm_report::{Log, Report};
//!
//! let log: Log = keepwarm_report::read("service.jsonl", &b"{\"schema\":\"keepwarm.event/1\",\"began_us\":0,\
//!     \"program\":\"service\",\"process\":1}\n"[..])?;
//! let report = Report::of(&[log]);
//! assert_eq!(report.opened(), 0);
//! # Ok::<(), keepwarm_report::ReadError>(())
//! ```
#![forbid(unsafe_code)]

mod attribution;
mod axis;
mod cause;
mod elements;
mod figures;
pub mod har;
mod headline;
mod history;
pub mod json;
pub mod lanes;
mod log;
pub mod page;
pub mod pages;
pub mod redact;
mod report;
pub mod trace;
mod words;

pub use cause::Cause;
pub use headline::headline;
pub use log::{Beginning, EVENT_SCHEMA, Lines, Log, MAX_LINE_BYTES, ReadError, Record, read};
pub use report::{
    Blame, Connection, Cure, End, Ends, Exchange, Finding, How, IdleTimeout, Life, Necessity,
    Origin, Outcome, Report, SCHEMA, Severity, Source, Tls,
};
