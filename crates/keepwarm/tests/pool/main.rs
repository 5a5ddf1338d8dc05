//! The pool as its users see it: which connection serves, which goes, and the reason told for each. Against the lab.

#[path = "../support/mod.rs"]
mod support;

mod baseline;
mod dials;
mod learning;
mod lifecycle;
mod limits;
mod miss_reasons;
mod origins;
mod retry_reasons;
mod reuse;
mod reuse_reasons;
mod reuse_reasons_pool;
mod stats;
