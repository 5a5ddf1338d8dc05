//! `Outlook`: what limits, announcement and measurements together say about idle times.
//!
//! Owns the thresholds an idle connection crosses as it ages. Refuses to know connections.
//!
//! ```text
//! idle time ──►   usable by all │ doubtful: replayable only │ withheld: nobody │ closed
//!              doubtful_after ──┘         withheld_after ───┘    ends_after ───┘
//! ```

use std::time::{Duration, Instant};

use super::Limits;
use crate::learn::{Learner, tolerance};

/// How late the word of a close may reach us on a busy runtime.
const LATE_WORD: Duration = Duration::from_millis(10);

/// The thresholds; `Duration::MAX` is never.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outlook {
    /// Below this nothing else needs to be looked at: the smallest of the next four.
    pub(super) carefree: Duration,
    /// From here on the server may close any moment.
    pub(super) doubtful_after: Duration,
    /// From here on nobody gets it: what the server announced, less the margin.
    pub(super) withheld_after: Duration,
    /// From here on it is closed because the announcement has surely passed.
    pub(super) overdue_after: Duration,
    /// From here on it is closed because of `idle_timeout`.
    pub(super) idle_timeout: Duration,
    /// The server's timeout behind `doubtful_after`.
    pub(super) estimate: Duration,
    /// A reuse that succeeds later than this disproves the estimate.
    pub(super) disproved_above: Duration,
    /// Merely staying open for longer than this disproves it, too: word of a close is never as late.
    pub(super) outlived_above: Duration,
    /// Nothing may be idle at all.
    pub(super) never_park: bool,
    /// When this must be computed anew.
    pub(super) until: Option<Instant>,
}

impl Outlook {
    /// The thresholds at a moment.
    pub(super) fn new(limits: &Limits, learner: &Learner, now: Instant) -> Self {
        let mut outlook = Self::untroubled(limits);
        outlook.until = learner.holds_until(now);
        let measured = limits.learn.then(|| learner.measured(now)).flatten();
        if let Some(measured) = measured {
            outlook.doubtful_after = measured.doubtful_after();
            outlook.estimate = measured.timeout;
            outlook.disproved_above = measured.timeout + tolerance(measured.timeout);
            outlook.outlived_above = outlook.disproved_above + LATE_WORD;
        }
        let announced = limits.honour_hint.then(|| learner.announced(now)).flatten();
        if let Some(announced) = announced {
            let latest = announced.timeout.saturating_add(announced.margin);
            // Seen to keep connections clearly longer than it says: then what was seen counts alone.
            if measured.is_none_or(|measured| measured.timeout <= latest) {
                outlook.withheld_after = announced.doubtful_after();
                outlook.overdue_after = latest;
            }
        }
        outlook.carefree = outlook
            .doubtful_after
            .min(outlook.withheld_after)
            .min(outlook.overdue_after)
            .min(outlook.idle_timeout);
        outlook.never_park = outlook.ends_after().is_zero();
        outlook
    }

    /// The thresholds when nothing is known of the server.
    pub(super) fn untroubled(limits: &Limits) -> Self {
        let idle_timeout = limits.idle_timeout.unwrap_or(Duration::MAX);
        Self {
            carefree: idle_timeout,
            doubtful_after: Duration::MAX,
            withheld_after: Duration::MAX,
            overdue_after: Duration::MAX,
            idle_timeout,
            estimate: Duration::MAX,
            disproved_above: Duration::MAX,
            outlived_above: Duration::MAX,
            never_park: idle_timeout.is_zero(),
            until: None,
        }
    }

    /// The idle time at which a connection is closed by us.
    pub(super) fn ends_after(&self) -> Duration {
        self.overdue_after.min(self.idle_timeout)
    }
}
