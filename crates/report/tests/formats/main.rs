//! The forms in which events and reports leave the program, held against what others read them with: schemas, a HAR
//! validator, and Perfetto's trace processor.
//!
//! `cargo xtask install` fetches these.

mod events;
mod har;
mod reading;
mod report;
mod runs;
mod samples;
mod schemas;
mod slugs;
mod tools;
mod trace;
mod words;
