//! `Fields`: what the header fields of a head say about framing and reuse.
//!
//! Owns the reading of `Content-Length`, `Transfer-Encoding`, `Connection`, `Keep-Alive`, `Upgrade`
//! and `Expect`, in one pass. Refuses to know what follows from them (see `framing`).

use std::time::Duration;

use super::KeepAliveHint;
use crate::reason::ProtocolFault;

/// The largest length that is believed: 63 bits, as in Go.
pub(super) const MAX_LENGTH: u64 = i64::MAX as u64;

/// What was seen so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fields {
    /// `Content-Length`, when there was one and it was sound.
    pub(crate) length: Option<u64>,
    /// A `Content-Length` line was there, sound or not.
    pub(crate) has_length: bool,
    /// What is wrong with `Content-Length`.
    pub(crate) length_fault: Option<ProtocolFault>,
    /// `Transfer-Encoding` lines.
    pub(crate) transfer: Transfer,
    /// `Connection: close`.
    pub(crate) close: bool,
    /// `Connection: keep-alive`.
    pub(crate) keep_alive: bool,
    /// `Connection: upgrade`.
    pub(crate) connection_upgrade: bool,
    /// An `Upgrade` field was there.
    pub(crate) upgrade: bool,
    /// `Expect: 100-continue`.
    pub(crate) expect_continue: bool,
    /// `Keep-Alive`.
    pub(crate) hint: Hint,
}

/// What the `Transfer-Encoding` lines said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// There was none.
    #[default]
    Absent,
    /// Exactly one line with the one token `chunked`.
    Chunked,
    /// Anything else.
    Unsupported,
}

/// A [`KeepAliveHint`] in half its size; numbers saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hint {
    timeout_seconds: Option<u32>,
    max: Option<u32>,
}

impl From<Hint> for KeepAliveHint {
    fn from(hint: Hint) -> Self {
        Self {
            timeout: hint
                .timeout_seconds
                .map(|seconds| Duration::from_secs(u64::from(seconds))),
            max: hint.max.map(u64::from),
        }
    }
}

impl Fields {
    /// Takes one field in. Names of other lengths than the known ones cost one comparison, and the known ones in their
    /// usual letters few: whole words are compared, and only then letter by letter.
    #[inline]
    pub(crate) fn see(&mut self, name: &[u8], value: &[u8]) {
        let is = |usual: &[u8]| name == usual || name.eq_ignore_ascii_case(usual);
        match name.len() {
            6 if is(b"Expect") => {
                self.expect_continue |= value.eq_ignore_ascii_case(b"100-continue");
            }
            7 if is(b"Upgrade") => self.upgrade = true,
            10 if is(b"Connection") => self.see_connection(value),
            10 if is(b"Keep-Alive") => self.see_keep_alive(value),
            14 if is(b"Content-Length") => self.see_length(value),
            17 if is(b"Transfer-Encoding") => self.see_transfer(value),
            _ => {}
        }
    }

    fn see_connection(&mut self, value: &[u8]) {
        // Nearly always this one token: take it without splitting.
        if value == b"keep-alive" {
            self.keep_alive = true;
            return;
        }
        //= RFC 9110 §7.6.1: options have no letter case; §5.6.1: empty elements are ignored.
        for token in value.split(|&byte| byte == b',') {
            let token = token.trim_ascii();
            match token.len() {
                5 => self.close |= token.eq_ignore_ascii_case(b"close"),
                7 => self.connection_upgrade |= token.eq_ignore_ascii_case(b"upgrade"),
                10 => self.keep_alive |= token.eq_ignore_ascii_case(b"keep-alive"),
                _ => {}
            }
        }
    }

    /// Tolerant: a hint that cannot be read is no hint.
    #[cold]
    fn see_keep_alive(&mut self, value: &[u8]) {
        for parameter in value.split(|&byte| byte == b',' || byte == b';') {
            let Some(equals) = parameter.iter().position(|&byte| byte == b'=') else {
                continue;
            };
            let (name, number) = parameter.split_at(equals);
            let Some(number) = lenient_number(&number[1..]) else {
                continue;
            };
            let name = name.trim_ascii();
            if name.eq_ignore_ascii_case(b"timeout") {
                self.hint.timeout_seconds = Some(number);
            } else if name.eq_ignore_ascii_case(b"max") {
                self.hint.max = Some(number);
            }
        }
    }

    //= RFC 9112 §6.3 rule 5: a list of identical values may be taken as one; anything else invalid
    //= is an unrecoverable error.
    fn see_length(&mut self, value: &[u8]) {
        let first = !std::mem::replace(&mut self.has_length, true);
        if first && let Some(length) = decimal(value) {
            self.length = Some(length);
            return;
        }
        for element in value.split(|&byte| byte == b',') {
            match (decimal(element.trim_ascii()), self.length) {
                (None, _) => {
                    self.length_fault.get_or_insert(ProtocolFault::Length);
                }
                (Some(number), Some(known)) if number != known => {
                    self.length_fault
                        .get_or_insert(ProtocolFault::LengthsDiffer);
                }
                (Some(number), _) => self.length = Some(number),
            }
        }
    }

    fn see_transfer(&mut self, value: &[u8]) {
        //= RFC 9112 §7: names of codings have no letter case; §6.1: chunked is applied once.
        let alone = self.transfer == Transfer::Absent;
        self.transfer = if alone && value.eq_ignore_ascii_case(b"chunked") {
            Transfer::Chunked
        } else {
            Transfer::Unsupported
        };
    }
}

/// `1*DIGIT` of at most [`MAX_LENGTH`].
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut number = 0_u64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        //= RFC 9110 §8.6: large numbers must not overflow.
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    (number <= MAX_LENGTH).then_some(number)
}

/// Digits, perhaps quoted, perhaps with blanks around; saturates.
fn lenient_number(text: &[u8]) -> Option<u32> {
    let mut digits = text.trim_ascii();
    if let [b'"', inner @ .., b'"'] = digits {
        digits = inner.trim_ascii();
    }
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0_u32, |number, &byte| {
        number
            .saturating_mul(10)
            .saturating_add(u32::from(byte - b'0'))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(lines: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in lines {
            fields.see(name.as_bytes(), value.as_bytes());
        }
        fields
    }

    #[test]
    fn lengths_are_plain_numbers_and_agree() {
        let length = |lines: &[&str]| {
            let lines: Vec<_> = lines
                .iter()
                .map(|value| ("Content-Length", *value))
                .collect();
            let fields = seen(&lines);
            fields.length_fault.map_or(Ok(fields.length), Err)
        };
        assert_eq!(length(&["5"]), Ok(Some(5)));
        assert_eq!(length(&["5", "5"]), Ok(Some(5)));
        assert_eq!(length(&["5, 5 ,5"]), Ok(Some(5)));
        assert_eq!(length(&["9223372036854775807"]), Ok(Some(MAX_LENGTH)));
        assert_eq!(length(&["5", "6"]), Err(ProtocolFault::LengthsDiffer));
        assert_eq!(length(&["5, 6"]), Err(ProtocolFault::LengthsDiffer));
        for bad in [
            "",
            "+5",
            "-5",
            "0x5",
            "5 5",
            "5,",
            ",5",
            "9223372036854775808",
            "5a",
        ] {
            assert_eq!(length(&[bad]), Err(ProtocolFault::Length), "{bad:?}");
        }
    }

    #[test]
    fn connection_tokens_may_be_spread_over_lines_and_letter_cases() {
        let fields = seen(&[
            ("connection", "Foo, ClOsE"),
            ("CONNECTION", "Keep-Alive,upgrade"),
        ]);
        assert!(fields.close && fields.keep_alive && fields.connection_upgrade);
        let fields = seen(&[("Connection", "closed"), ("Connection", "x-close")]);
        assert!(!fields.close);
    }

    #[test]
    fn only_one_chunked_is_a_transfer_encoding() {
        let transfer = |values: &[&str]| {
            let lines: Vec<_> = values
                .iter()
                .map(|value| ("Transfer-Encoding", *value))
                .collect();
            seen(&lines).transfer
        };
        assert_eq!(transfer(&[]), Transfer::Absent);
        assert_eq!(transfer(&["Chunked"]), Transfer::Chunked);
        for bad in [
            &["chunked", "chunked"][..],
            &["chunked, chunked"],
            &["gzip, chunked"],
        ] {
            assert_eq!(transfer(bad), Transfer::Unsupported);
        }
        for bad in ["", "identity", "chunked;q=1", "xchunked", "\"chunked\""] {
            assert_eq!(transfer(&[bad]), Transfer::Unsupported, "{bad:?}");
        }
    }

    #[test]
    fn hints_are_read_tolerantly() {
        let hint = |value: &str| KeepAliveHint::from(seen(&[("Keep-Alive", value)]).hint);
        let both = |seconds, max| KeepAliveHint {
            timeout: Some(Duration::from_secs(seconds)),
            max: Some(max),
        };
        assert_eq!(hint("timeout=5, max=100"), both(5, 100));
        assert_eq!(hint("MAX = \"100\" ; x=y, Timeout=\" 5\""), both(5, 100));
        assert_eq!(
            hint("timeout=99999999999999999999, max=0"),
            both(u64::from(u32::MAX), 0)
        );
        for nothing in [
            "",
            "300",
            "timeout",
            "timeout=",
            "timeout=-1",
            "timeout=5s, max=\"",
        ] {
            assert_eq!(hint(nothing), KeepAliveHint::default(), "{nothing:?}");
        }
    }
}
