//! `Words`: the letters and numbers that scripts are made of.
//!
//! Owns the reading of them out of bytes. Refuses to know what they mean.

/// What is left of a script.
pub(crate) struct Words<'a>(pub(crate) &'a [u8]);

impl<'a> Words<'a> {
    pub(crate) fn letter(&mut self) -> Option<u8> {
        let (&letter, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(letter)
    }

    /// The digits that come next; none when there are none. Of more than four the first four count.
    pub(crate) fn number(&mut self) -> Option<u64> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit());
        let digits = digits.count();
        let value = |sum: u64, digit: &u8| sum * 10 + u64::from(digit - b'0');
        let number = self.0[..digits].iter().take(4).fold(0, value);
        self.0 = &self.0[digits..];
        (digits > 0).then_some(number)
    }

    /// The number behind a comma.
    pub(crate) fn next_number(&mut self) -> Option<u64> {
        let rest = self.0.strip_prefix(b",")?;
        self.0 = rest;
        self.number()
    }

    /// The number that comes next, as a choice; zero when there is none.
    pub(crate) fn which(&mut self) -> usize {
        usize::try_from(self.number().unwrap_or(0)).unwrap_or(0)
    }

    /// The choice behind a comma; zero when there is none.
    pub(crate) fn next_which(&mut self) -> usize {
        usize::try_from(self.next_number().unwrap_or(0)).unwrap_or(0)
    }

    /// What is left of this line; its end is passed over.
    pub(crate) fn line(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|&byte| byte == b'\n');
        let (line, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.get(1..).unwrap_or_default();
        line
    }
}
