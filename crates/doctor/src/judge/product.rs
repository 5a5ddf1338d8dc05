//! `Product`: what a server may be, by what it says and does.
//!
//! Owns the ranking, in words. Refuses to be certain: a header can say anything, and a number is shared by many. What
//! speaks for and against a product is `super::traits`.

use super::IdleTimeout;
use super::traits::Traits;
use crate::defaults;
use crate::measured::Measured;

/// How sure a guess is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Only a number fits, or the shape of an announcement; or a header names it, and it behaves otherwise.
    Low,
    /// A header names it; or none does, and it behaves in two ways of its own.
    Medium,
    /// A header names it, it behaves in a way of its own, and nothing measured speaks against it.
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
    /// What fits, and what does not.
    pub why: String,
}

/// Guesses without a name are many; so many are told.
const MOST: usize = 4;

pub(super) fn guess(
    measured: &Measured,
    idle: &IdleTimeout,
    max_requests: Option<u64>,
) -> Vec<Product> {
    let servers = defaults::all().iter().filter(|entry| entry.is_server());
    let all: Vec<_> = servers
        .map(|entry| Traits::of(entry, measured, idle, max_requests))
        .collect();
    let is_named = all.iter().any(|it| it.named.is_some());
    // Where a field names one, numbers that others share say nothing.
    let mut candidates: Vec<_> = all
        .into_iter()
        .filter(|it| it.named.is_some() || !is_named && is_likely(it))
        .collect();
    candidates.sort_by_key(|it| std::cmp::Reverse(weight(it)));
    // Of several rows of a product the one that fits best.
    let mut known: Vec<&str> = Vec::new();
    candidates.retain(|it| {
        let is_new = !known.contains(&it.product);
        known.push(it.product);
        is_new
    });
    let rivals = candidates.clone();
    let products = candidates.iter().map(|it| Product {
        name: it.product.to_owned(),
        confidence: confidence(it, &rivals),
        why: it.why(),
    });
    let mut products: Vec<_> = products.collect();
    products.sort_by_key(|product| std::cmp::Reverse(product.confidence));
    if !is_named {
        products.truncate(MOST);
    }
    products
}

/// Whether it may be one that no field names: those that name themselves by default must have been told not to, and
/// show it in two ways.
fn is_likely(traits: &Traits<'_>) -> bool {
    let least = if traits.names_itself { 2 } else { 1 };
    traits.against.is_empty() && weight(traits) >= least
}

fn weight(traits: &Traits<'_>) -> usize {
    let fits = traits.own_ways.len() + usize::from(traits.default.is_some());
    let named = if traits.named.is_some() { 10 } else { 0 };
    (named + fits).saturating_sub(traits.against.len())
}

fn confidence(traits: &Traits<'_>, rivals: &[Traits<'_>]) -> Confidence {
    let shows = traits.default.is_some() || !traits.own_ways.is_empty();
    if traits.named.is_some() {
        return match traits.against.len() {
            0 if shows => Confidence::High,
            0 | 1 => Confidence::Medium,
            _ => Confidence::Low,
        };
    }
    let same = |rival: &&Traits<'_>| {
        rival.product != traits.product && rival.own_ways.len() >= traits.own_ways.len()
    };
    let is_alone = rivals.iter().find(same).is_none();
    if traits.own_ways.len() >= 2 && is_alone {
        Confidence::Medium
    } else {
        Confidence::Low
    }
}
