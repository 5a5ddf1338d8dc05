//! `Product`: what a server may be, by what it says and does.
//!
//! Owns the weighing, in words. Refuses to be certain: a header can say anything, and a number is shared by many.

use std::time::Duration;

use super::IdleTimeout;
use super::sentence::seconds;
use crate::defaults::{self, Default};
use crate::measured::Measured;

/// How sure a guess is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Only a number fits, or the shape of an announcement.
    Low,
    /// A header names it, and what was measured differs from its default.
    Medium,
    /// A header names it, and nothing measured speaks against it.
    High,
}

impl Confidence {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Low => "low",
            Self::Medium => "medium",
        }
    }
}

/// What a server may be.
#[derive(Clone, Debug)]
pub struct Product {
    /// Its name, as in the table of defaults.
    pub name: String,
    /// How sure.
    pub confidence: Confidence,
    /// What fits.
    pub why: String,
}

/// The field that says little about who sends it.
const HINT: &str = "keep-alive";
/// How an announcement came that a request had asked for.
const ASKED: &str = ", to who asks";
/// Guesses by a number alone are many; so many are told.
const MOST: usize = 4;

pub(super) fn guess(measured: &Measured, idle: &IdleTimeout) -> Vec<Product> {
    let mut found: Vec<Product> = Vec::new();
    let servers = || defaults::all().iter().filter(|entry| entry.is_server());
    let mut named: Vec<_> = servers()
        .filter_map(|entry| Some((entry, named(measured, entry)?)))
        .collect();
    // Of several rows of a product the one that fits.
    let closes = |entry: &Default| entry.closes && !measured.pilot.reuse.is_keep();
    named.sort_by_key(|(entry, _)| !(fits(entry, idle) || closes(entry)));
    for (entry, sign) in named {
        if found.iter().all(|known| known.name != entry.product) {
            found.push(match closes(entry) {
                true => Product {
                    name: entry.product.clone(),
                    confidence: Confidence::High,
                    why: format!("{sign}; it ends each connection after one answer"),
                },
                false => by_name(entry, sign, idle),
            });
        }
    }
    // Several servers announce their timeout unasked; who names itself otherwise is one of these.
    let announces_only = |product: &Product| product.why.starts_with(HINT);
    if !found.iter().all(announces_only) {
        found.retain(|product| !announces_only(product));
    }
    if found.is_empty() {
        // Those that name themselves by default would have done so.
        let silent = servers().filter(|entry| entry.signs.is_empty() && fits(entry, idle));
        for entry in silent {
            if found.len() < MOST && found.iter().all(|known| known.name != entry.product) {
                found.push(Product {
                    name: entry.product.clone(),
                    confidence: Confidence::Low,
                    why: format!(
                        "the measured idle timeout is consistent with its default ({})",
                        entry.value
                    ),
                });
            }
        }
    }
    found.sort_by_key(|product| std::cmp::Reverse(product.confidence));
    found
}

/// The field that names the product.
fn named(measured: &Measured, entry: &Default) -> Option<String> {
    entry.signs.iter().find_map(|sign| {
        if sign.asked {
            return announced(measured);
        }
        let value = measured.pilot.header(&sign.field)?;
        let fits = value
            .to_ascii_lowercase()
            .contains(&sign.contains.to_ascii_lowercase());
        fits.then(|| format!("{}: {value}", sign.field))
    })
}

/// An announcement of a time alone, and to none but those who ask.
fn announced(measured: &Measured) -> Option<String> {
    let announced = measured.announced.filter(|it| it.only_when_asked)?;
    let timeout = announced.timeout?.as_secs();
    let is_alone = announced.max.is_none();
    is_alone.then(|| format!("{HINT}: timeout={timeout}{ASKED}"))
}

fn by_name(entry: &Default, sign: String, idle: &IdleTimeout) -> Product {
    let (confidence, why) = match (idle.value, entry.seconds) {
        (Some(value), Some(_)) if fits(entry, idle) && !sign.starts_with(HINT) => {
            let value = seconds(value);
            (
                Confidence::High,
                format!("{sign}; {value} is consistent with its default"),
            )
        }
        (Some(value), Some(_)) if fits(entry, idle) => {
            let value = seconds(value);
            let how = if sign.ends_with(ASKED) {
                ""
            } else {
                " without being asked"
            };
            let why = format!("{sign}{how}; {value} is consistent with its default");
            (Confidence::Medium, why)
        }
        _ if sign.starts_with(HINT) => (Confidence::Low, sign),
        (Some(value), Some(default)) => {
            let value = seconds(value);
            (
                Confidence::Medium,
                format!("{sign}; its default would be {default} s, {value} is set"),
            )
        }
        _ => (Confidence::Medium, sign),
    };
    Product {
        name: entry.product.clone(),
        confidence,
        why,
    }
}

/// Whether what was measured may be the default: servers close a little late, and some wait one second more than they
/// say.
fn fits(entry: &Default, idle: &IdleTimeout) -> bool {
    let (Some(default), Some(value)) = (entry.seconds, idle.value) else {
        return false;
    };
    let default = Duration::from_secs_f64(default);
    let near = Duration::from_millis(100).max(default / 50);
    let second = Duration::from_secs(1);
    let late = default + Duration::from_secs_f64(entry.late);
    let is_near = |it: &Duration| value.abs_diff(*it) <= near;
    [default, default + second].iter().any(is_near) || (default..=late).contains(&value)
}
