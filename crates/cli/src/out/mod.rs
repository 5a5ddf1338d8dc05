//! What the command writes: text, JSON, and the lines of `-v`.
//!
//! Owns the forms. Refuses to gather what they show.

pub(crate) mod chain_json;
pub(crate) mod defaults;
pub(crate) mod doctor;
pub(crate) mod doctor_json;
pub(crate) mod findings;
pub(crate) mod json;
pub(crate) mod lanes;
pub(crate) mod picture;
pub(crate) mod style;
pub(crate) mod text;
pub(crate) mod verbose;
