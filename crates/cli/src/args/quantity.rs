//! Quantities on the command line: durations, sizes, counts, and ceilings that may be off.
//!
//! Owns their grammar and the sentences about mistakes in it. Refuses to know what they limit.

use std::time::Duration;

/// A limit that may be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ceiling<T> {
    /// So much.
    At(T),
    /// No limit.
    Off,
}

impl<T> Ceiling<T> {
    /// The limit; none when it is off.
    pub(crate) fn limit(self) -> Option<T> {
        match self {
            Self::At(value) => Some(value),
            Self::Off => None,
        }
    }
}

/// A count as the library takes those that may grow large.
pub(crate) fn wide(ceiling: Ceiling<usize>) -> Option<u64> {
    ceiling.limit().map(|count| count as u64)
}

const UNITS: &[(&str, f64)] = &[
    // Longest first: `ms` ends with `s`.
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

/// `250ms`, `1.5s`, `2m`, `1h`, `0`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let split = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    if unit.is_empty() {
        return Err("a duration needs a unit: write 250ms, 5s, 2m or 1h".to_owned());
    }
    let factor = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| factor);
    let seconds = number
        .parse::<f64>()
        .ok()
        .zip(factor)
        .map(|(number, factor)| number * factor);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "this is no duration: write 250ms, 5s, 2m or 1h".to_owned())
}

/// A duration; `off` and `0` mean no limit.
pub(crate) fn timeout(text: &str) -> Result<Ceiling<Duration>, String> {
    if text == "off" {
        return Ok(Ceiling::Off);
    }
    let duration = duration(text).map_err(|mistake| format!("{mistake} (or off for no limit)"))?;
    Ok(if duration.is_zero() {
        Ceiling::Off
    } else {
        Ceiling::At(duration)
    })
}

/// A whole number; `off` means no limit, and 0 means none at all.
pub(crate) fn count(text: &str) -> Result<Ceiling<usize>, String> {
    if text == "off" {
        return Ok(Ceiling::Off);
    }
    text.parse()
        .map(Ceiling::At)
        .map_err(|_| "this is no whole number: write 0, 1, 2 … (or off for no limit)".to_owned())
}

/// A number of bytes: `1500`, `64k` (KiB), `2M` (MiB).
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let (number, factor) = match text.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1 << 10),
        None => match text.strip_suffix(['m', 'M']) {
            Some(number) => (number, 1 << 20),
            None => (text, 1),
        },
    };
    let bytes = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor));
    bytes.ok_or_else(|| "this is no number of bytes: write 1500, 64k or 2M".to_owned())
}

/// A number of bytes that fits memory.
pub(crate) fn length(text: &str) -> Result<usize, String> {
    usize::try_from(size(text)?).map_err(|_| "more bytes than this machine can hold".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(duration("40us"), Ok(Duration::from_micros(40)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for wrong in [
            "",
            "5",
            "s",
            "5 s",
            "-1s",
            "1.2.3s",
            "5d",
            "1e400s",
            "99999999999999999999h",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert!(duration("5").is_err_and(|mistake| mistake.contains("unit")));
    }

    #[test]
    fn a_timeout_can_be_off() {
        assert_eq!(timeout("off"), Ok(Ceiling::Off));
        assert_eq!(timeout("0"), Ok(Ceiling::Off));
        assert_eq!(timeout("0s"), Ok(Ceiling::Off));
        assert_eq!(timeout("5s"), Ok(Ceiling::At(Duration::from_secs(5))));
        assert!(timeout("never").is_err_and(|mistake| mistake.contains("off")));
    }

    #[test]
    fn counts_and_sizes_are_plain() {
        assert_eq!(count("0"), Ok(Ceiling::At(0)));
        assert_eq!(count("off"), Ok(Ceiling::Off));
        assert!(count("-1").is_err());
        assert_eq!(size("1500"), Ok(1500));
        assert_eq!(size("64k"), Ok(65_536));
        assert_eq!(size("2M"), Ok(2 << 20));
        assert!(size("99999999999999999999").is_err());
        assert!(size("18446744073709551615k").is_err());
        assert!(size("1G").is_err());
    }
}
