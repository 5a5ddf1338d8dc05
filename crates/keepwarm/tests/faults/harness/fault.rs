//! `Fault`: what goes wrong with one answer.
//!
//! Owns the list and the drawing. Refuses to know sockets.

use std::time::Duration;

use super::dice::Dice;

/// What becomes of one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is delivered whole and the connection lives on.
    Nothing,
    /// It is delivered whole, and the connection ends a little later, without a word.
    AnsweredThenEnded { reset: bool, after: Duration },
    /// The whole answer comes late.
    Delayed(Duration),
    /// It is delivered before the request's body was read.
    Early,
    /// Interim answers come first.
    Interim(usize),
    /// Bytes that are not HTTP come instead.
    Junk,
    /// Bytes that are not HTTP come a moment after the answer.
    JunkLater,
    /// The connection ends without an answer.
    Unanswered { reset: bool },
    /// Nothing comes any more.
    Stalled,
    /// It comes in pieces, with pauses.
    Torn,
    /// A part of it comes, then the end.
    Truncated { reset: bool },
    /// A part of it comes, then nothing any more.
    TruncatedThenStalled,
    /// It comes twice at once.
    Twice,
}

impl Fault {
    /// Draws one; about every second answer is sound.
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let reset = dice.one_in(3);
        let time = |dice: &mut Dice, micros| Duration::from_micros(dice.below(micros) as u64);
        match dice.below(100) {
            0..8 => Self::AnsweredThenEnded {
                reset,
                after: time(dice, 2000),
            },
            8..16 => Self::Delayed(time(dice, 8000)),
            16..20 => Self::Early,
            20..23 => Self::Interim(1 + dice.below(3)),
            23..25 => Self::Junk,
            25..27 => Self::JunkLater,
            27..32 => Self::Unanswered { reset },
            32 => Self::Stalled,
            33..42 => Self::Torn,
            42..46 => Self::Truncated { reset },
            46 => Self::TruncatedThenStalled,
            47..52 => Self::Twice,
            _ => Self::Nothing,
        }
    }

    /// Its name in the counts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "sound",
            Self::AnsweredThenEnded { .. } => "answered, then ended",
            Self::Delayed(_) => "delayed",
            Self::Early => "early",
            Self::Interim(_) => "interim",
            Self::Junk => "junk",
            Self::JunkLater => "junk later",
            Self::Unanswered { .. } => "unanswered",
            Self::Stalled => "stalled",
            Self::Torn => "torn",
            Self::Truncated { .. } => "truncated",
            Self::TruncatedThenStalled => "truncated, then stalled",
            Self::Twice => "twice",
        }
    }
}
