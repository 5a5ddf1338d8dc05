//! Whole answers, torn into pieces: lengths, chunks, trailers, interim answers, whatever stands behind.
//!
//! Promises: the same items and the same verdict however the bytes are torn; no limit exceeded, neither by what is
//! given out nor by what is held back.

use crate::engine::{Record, play};
use crate::plan::Plan;

/// One input.
pub fn run(input: &[u8]) {
    let (plan, answer) = Plan::read(input);
    let read = |pieces: &[&[u8]]| play(plan.shape, plan.limits, pieces, plan.closes);
    let whole = read(&[answer]);
    assert_same(
        &whole,
        &read(&plan.tear(answer)),
        "in the pieces of the plan",
    );
    // Byte by byte is dear for long inputs, and long inputs differ in their first parts as short ones do.
    if answer.len() <= 2_048 {
        let single: Vec<&[u8]> = answer.chunks(1).collect();
        assert_same(&whole, &read(&single), "byte by byte");
    }
}

fn assert_same(whole: &Record, torn: &Record, how: &str) {
    assert!(
        torn.agrees_with(whole),
        "{how}: {torn:#?}\nin one piece: {whole:#?}"
    );
}
