//! `Stage`: where the demo speaks.
//!
//! Owns headings, indents and bars. Refuses to know the story.

use std::fmt::Display;
use std::io::Write;

use anstyle::Style;

use crate::exit::Failure;
use crate::out::style::{CURE, Painted, wrap};

/// Columns of text.
const WIDTH: usize = 92;
/// Columns of the longest bar.
const BAR: u64 = 16;
/// Where the text behind a label begins.
const HANGING: usize = 11;

pub(super) struct Stage;

impl Stage {
    /// One line, at once: the demo is watched while it runs.
    pub(super) fn line(&mut self, text: impl Display) -> Result<(), Failure> {
        let mut stdout = anstream::stdout().lock();
        writeln!(stdout, "{text}")
            .and_then(|()| stdout.flush())
            .map_err(Failure::output)
    }

    pub(super) fn blank(&mut self) -> Result<(), Failure> {
        self.line("")
    }

    pub(super) fn chapter(&mut self, title: &str) -> Result<(), Failure> {
        let rule = "─".repeat(WIDTH.saturating_sub(title.chars().count() + 4));
        self.blank()?;
        self.line(format!(
            "── {} {}",
            Painted(CURE.bold(), title),
            Painted(CURE, rule)
        ))?;
        self.blank()
    }

    /// A label and a sentence, which may take several lines.
    pub(super) fn hanging(
        &mut self,
        label: &str,
        style: Style,
        sentence: &str,
    ) -> Result<(), Failure> {
        for (index, line) in wrap(sentence, WIDTH - HANGING).iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            self.line(format!("      {label:<4} {}", Painted(style, line)))?;
        }
        Ok(())
    }
}

/// A bar for a part of a whole: at least one block, at most the full length, padded to that.
pub(super) fn bar(part: u64, whole: u64) -> String {
    let whole = u128::from(whole.max(1));
    let rounded = (u128::from(part) * u128::from(BAR) + whole / 2) / whole;
    let blocks = (1..=BAR).filter(|block| u128::from(*block) <= rounded.max(1));
    let bar: String = blocks.map(|_| '█').collect();
    format!("{bar:<width$}", width = usize::try_from(BAR).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_never_empty_and_never_too_long() {
        let blocks = |part, whole| {
            bar(part, whole)
                .chars()
                .filter(|letter| *letter == '█')
                .count()
        };
        assert_eq!(blocks(0, 20), 1);
        assert_eq!(blocks(10, 20), 8);
        assert_eq!(blocks(20, 20), 16);
        assert_eq!(blocks(u64::MAX, 1), 16);
        assert_eq!(blocks(1, 0), 16);
        assert_eq!(bar(10, 20).chars().count(), 16);
    }
}
