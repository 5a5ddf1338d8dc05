//! Numbers as people read them.
//!
//! Owns groups of digits and plurals. Refuses to know what is counted or measured; units are `Human`'s.

use std::time::Duration;

use keepwarm_core::time::Human;

/// `340 µs`, `1.2 s`, `2 min`.
pub(crate) fn duration(us: u64) -> String {
    Human(Duration::from_micros(us)).to_string()
}

/// `1 connection`, `2 connections`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(number))
}

/// Digits in groups of three from 10 000 on, kept together by a space that does not break.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_where_the_eye_needs_it() {
        assert_eq!(counted(1, "connection"), "1 connection");
        assert_eq!(counted(0, "connection"), "0 connections");
        assert_eq!(grouped(9_999), "9999");
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
