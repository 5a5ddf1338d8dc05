//! The recommended settings as code and configuration, behind the first screen.
//!
//! Owns how the pieces stand below each other. Refuses to choose them.

use keepwarm_doctor::Diagnosis;

use crate::out::style::{DIM, Painted, STRONG};

/// The pieces whose names are wanted; empty when none is.
pub(crate) fn text(diagnosis: &Diagnosis, wants: impl Fn(&str) -> bool) -> String {
    let pieces = diagnosis.recommendation.snippets.iter();
    let mut text = String::new();
    for (name, piece) in pieces.filter(|(name, _)| wants(name)) {
        let rule = Painted(DIM, "──");
        text.push_str(&format!("\n\n{rule} {}\n{piece}", Painted(STRONG, name)));
    }
    text
}
