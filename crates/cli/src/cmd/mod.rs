//! The commands.
//!
//! Owns what each does. Refuses to parse options and to know how results look.

mod chain;
pub(crate) mod defaults;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod get;
mod interrupt;
pub(crate) mod lab;
pub(crate) mod report;
mod watching;
