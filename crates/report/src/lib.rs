//! What became of each HTTP connection, and why it was not used again.
//!
//! Events go in, whoever made them (the library, and later the tap and captures); one [`Report`] comes out, and each
//! face of it (picture, text, HAR, trace) is a function of that value.
#![forbid(unsafe_code)]

mod cause;
mod report;

pub use cause::Cause;
pub use report::{
    Blame, Connection, Cure, End, Ends, Exchange, Finding, How, IdleTimeout, Life, Necessity,
    Origin, Outcome, Report, SCHEMA, Severity, Source, Tls,
};
