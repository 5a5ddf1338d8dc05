//! `Dice`: numbers that look random and are the same for the same seed.
//!
//! Owns the drawing (SplitMix64). Refuses to know what is drawn for.

/// Draws numbers.
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice for one purpose: seed and salt together decide every throw.
    pub(crate) fn new(seed: u64, salt: u64) -> Self {
        let mut dice = Self(seed ^ salt.wrapping_mul(0xd6e8_feb8_6659_fd93));
        dice.throw();
        dice
    }

    pub(crate) fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.throw() % bound.max(1) as u64).expect("below a usize")
    }

    /// True once in so many throws.
    pub(crate) fn one_in(&mut self, throws: usize) -> bool {
        self.below(throws) == 0
    }
}
