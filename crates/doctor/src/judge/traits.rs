//! `Traits`: what speaks for and against one row of the table of defaults.
//!
//! Owns the comparison of a row with what was measured, a sentence for each thing. Refuses to weigh: what the table
//! does not know of a product speaks neither for nor against it.

use std::time::Duration;

use super::IdleTimeout;
use super::sentence::seconds;
use crate::defaults::{Announces, Default};
use crate::ending::EndedBy;
use crate::measured::{Life, Measured, Situation};

/// What was found out about one row.
#[derive(Clone, Debug)]
pub(super) struct Traits<'a> {
    pub(super) product: &'a str,
    /// Whether it names itself in its answers unless told not to.
    pub(super) names_itself: bool,
    /// The field that names it.
    pub(super) named: Option<String>,
    /// The idle timeout is its default, or it keeps none by default.
    pub(super) default: Option<String>,
    /// Ways to behave which few others have.
    pub(super) own_ways: Vec<String>,
    /// What it would do otherwise.
    pub(super) against: Vec<String>,
    /// Its default, and what was measured instead: it may be configured so.
    set: Option<String>,
}

/// How close a measured time has to be to be another.
const NEAR: Duration = Duration::from_millis(100);

impl<'a> Traits<'a> {
    pub(super) fn of(
        entry: &'a Default,
        measured: &Measured,
        idle: &IdleTimeout,
        max_requests: Option<u64>,
    ) -> Self {
        let mut traits = Self {
            product: &entry.product,
            names_itself: !entry.signs.is_empty(),
            named: named(measured, entry),
            default: None,
            own_ways: Vec::new(),
            against: Vec::new(),
            set: None,
        };
        traits.compare_default(entry, measured, idle);
        traits.compare_announcement(entry, measured, idle);
        traits.compare_limits(entry, measured, max_requests);
        traits.compare_answers(entry, measured, idle);
        traits
    }

    fn compare_default(&mut self, entry: &Default, measured: &Measured, idle: &IdleTimeout) {
        if entry.closes && !measured.pilot.reuse.is_keep() {
            self.default = Some("it ends each connection after one answer".to_owned());
        }
        let (Some(default), Some(value)) = (entry.seconds, idle.value) else {
            return;
        };
        let said = seconds(value);
        if fits(entry, value) {
            self.default = Some(match self.named {
                Some(_) => format!("{said} is consistent with its default"),
                None => format!(
                    "the measured idle timeout is consistent with its default ({})",
                    entry.value
                ),
            });
        } else {
            self.set = Some(format!("its default would be {default} s, {said} is set"));
        }
    }

    /// Does it announce its timeout, to whom, and is the announcement of its shape?
    fn compare_announcement(&mut self, entry: &Default, measured: &Measured, idle: &IdleTimeout) {
        let (Some(way), Some(announced)) = (entry.announces, measured.announced) else {
            return;
        };
        let told = announced.timeout;
        match (way, told.is_some(), announced.only_when_asked) {
            (Announces::Always, true, false) => {
                self.own("it announces its timeout without being asked");
            }
            (Announces::WhenAsked, true, true) => {
                self.own("it announces its timeout only to those who ask");
            }
            (Announces::Never, false, _) => {}
            (Announces::Always, _, _) => self.other("it would announce its timeout unasked"),
            (Announces::WhenAsked, true, false) => {
                self.other("it would announce its timeout only when asked");
            }
            (Announces::WhenAsked, false, _) => {
                self.other("it would announce its timeout when asked");
            }
            (Announces::Never, true, _) => self.other("it would announce nothing"),
        }
        match (entry.announces_max, announced.max.is_some()) {
            (Some(true), true) => self.own("it announces how many requests are left"),
            (Some(false), true) => self.other("it would not announce how many requests are left"),
            (Some(_), false) | (None, _) => {}
        }
        // A grace is told from whole seconds by what was announced, which has no parts of seconds.
        if let (Some(grace), Some(told), Some(value)) = (entry.grace, told, idle.value) {
            let grace = Duration::from_secs_f64(grace);
            let (from, to) = (told + grace, told + grace + Duration::from_secs(1));
            if (from.saturating_sub(NEAR)..to).contains(&value) {
                self.own(&format!(
                    "it ends connections {} later than it says",
                    seconds(grace)
                ));
            }
        }
    }

    fn compare_limits(&mut self, entry: &Default, measured: &Measured, max_requests: Option<u64>) {
        if let (Some(default), Some(most)) = (entry.max_requests, max_requests)
            && default == most
        {
            self.own(&format!("{most} requests on a connection are its default"));
        }
        let Some(before) = entry.before_request else {
            return;
        };
        let opened = |it: &&crate::measured::Sample| it.situation == Situation::ConnectOnly;
        let sample = measured.samples.iter().find(opened);
        if let Some(Life::Ended { after, .. }) = sample.map(|it| it.life) {
            let (from, late) = (Duration::from_secs_f64(before), entry.before_request_late);
            let to = from + Duration::from_secs_f64(late) + near(from);
            if (from.saturating_sub(near(from))..=to).contains(&after) {
                let after = seconds(after);
                self.own(&format!(
                    "{after} before a first request are consistent with it"
                ));
            }
        }
    }

    /// What ends connections, and what HTTP/1.0 meets.
    fn compare_answers(&mut self, entry: &Default, measured: &Measured, idle: &IdleTimeout) {
        if let (Some(keeps), Some(seen)) = (entry.http10, measured.http10)
            && measured.reuse == Some(true)
            && keeps != seen.keep_alive
        {
            self.other(match keeps {
                true => "it would keep HTTP/1.0 connections when asked",
                false => "it would not keep HTTP/1.0 connections",
            });
        }
        let known = |status: &String| entry.error_close.contains(status);
        let seen = measured
            .error_close
            .iter()
            .filter(|(status, _)| known(status));
        let (closing, keeping): (Vec<_>, Vec<_>) = seen.partition(|(_, it)| it.closes);
        if let Some((status, _)) = closing.first() {
            self.own(&format!("a {status} ends its connections"));
        }
        if let Some((status, _)) = keeping.first() {
            self.other(&format!("a {status} would end its connections"));
        }
        let sends_408 = EndedBy::StrayBytes {
            request_timeout: true,
        };
        if entry.sends_408 && idle.ended_by == Some(sends_408) {
            self.own("it sends a 408 on idle connections");
        }
    }

    fn own(&mut self, sentence: &str) {
        self.own_ways.push(sentence.to_owned());
    }

    fn other(&mut self, sentence: &str) {
        self.against.push(sentence.to_owned());
    }

    /// All of it in a sentence.
    pub(super) fn why(&self) -> String {
        let mut parts: Vec<_> = self.named.iter().chain(&self.default).cloned().collect();
        parts.extend(self.own_ways.iter().cloned());
        if self.named.is_some() && self.default.is_none() {
            parts.extend(self.set.clone());
        }
        parts.extend(self.against.iter().map(|it| format!("but {it}")));
        parts.join("; ")
    }
}

/// The field that names the product.
fn named(measured: &Measured, entry: &Default) -> Option<String> {
    entry.signs.iter().find_map(|sign| {
        let value = measured.pilot.header(&sign.field)?;
        let fits = value
            .to_ascii_lowercase()
            .contains(&sign.contains.to_ascii_lowercase());
        fits.then(|| format!("{}: {value}", sign.field))
    })
}

/// Whether what was measured may be the default: servers close a little late, and some wait for longer than they say.
fn fits(entry: &Default, value: Duration) -> bool {
    let Some(default) = entry.seconds.map(Duration::from_secs_f64) else {
        return false;
    };
    let grace = entry
        .grace
        .map(|grace| default + Duration::from_secs_f64(grace));
    let late = default + Duration::from_secs_f64(entry.late);
    let is_near = |it: &Duration| value.abs_diff(*it) <= near(default);
    Some(default).iter().chain(&grace).any(is_near) || (default..=late).contains(&value)
}

fn near(time: Duration) -> Duration {
    NEAR.max(time / 50)
}
