//! What was measured, as a value that tables, JSON and goals are functions of.

use super::machine::Machine;
use super::numbers::Spread;
use super::peer::{Peer, PerPeer};

/// One run.
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) quick: bool,
    pub(super) minutes: f64,
    pub(super) speed: Vec<Speed>,
    pub(super) figures: Vec<Figure>,
    pub(super) alone: Vec<Alone>,
    pub(super) goals: Vec<Goal>,
}

impl Report {
    pub(super) fn new(machine: Machine, quick: bool) -> Self {
        Self {
            machine,
            quick,
            minutes: 0.0,
            speed: Vec::new(),
            figures: Vec::new(),
            alone: Vec::new(),
            goals: Vec::new(),
        }
    }
}

/// One kind of load, measured with every client in turn.
pub(super) struct Speed {
    pub(super) load: &'static str,
    /// Its name for a person.
    pub(super) title: String,
    pub(super) rounds: usize,
    pub(super) requests: usize,
    /// Samples of each round; empty for a client that is not here.
    pub(super) samples: PerPeer<Samples>,
}

/// One value for each round.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    pub(super) requests_per_second: Vec<f64>,
    pub(super) user_micros: Vec<f64>,
    pub(super) system_micros: Vec<f64>,
    pub(super) cpu_micros: Vec<f64>,
}

impl Samples {
    pub(super) const NONE: Self = Self {
        requests_per_second: Vec::new(),
        user_micros: Vec::new(),
        system_micros: Vec::new(),
        cpu_micros: Vec::new(),
    };
}

impl Speed {
    pub(super) fn of(&self, peer: Peer) -> &Samples {
        &self.samples[peer as usize]
    }

    /// keepwarm's processor time for a request ÷ this one's, within a round.
    pub(super) fn cpu_ratio(&self, peer: Peer) -> Option<Spread> {
        let ours = &self.of(Peer::Keepwarm).cpu_micros;
        Spread::of_ratios(ours, &self.of(peer).cpu_micros)
    }

    /// keepwarm's requests per second ÷ this one's, within a round.
    pub(super) fn rate_ratio(&self, peer: Peer) -> Option<Spread> {
        let ours = &self.of(Peer::Keepwarm).requests_per_second;
        Spread::of_ratios(ours, &self.of(peer).requests_per_second)
    }
}

/// One number for each client.
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) decimals: usize,
    pub(super) values: PerPeer<Value>,
}

/// A number, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    /// So many of so many.
    Share(f64, f64),
    /// Not asked of this client, or it cannot.
    None(&'static str),
}

/// A number that only keepwarm has.
pub(super) struct Alone {
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) value: AloneValue,
}

/// How such a number was found.
pub(super) enum AloneValue {
    Count(f64),
    Ratio(Spread),
}

/// What was promised, and what came of it.
#[derive(Debug)]
pub(super) struct Goal {
    pub(super) title: String,
    pub(super) limit: String,
    pub(super) measured: String,
    pub(super) verdict: Verdict,
}

/// Whether a goal is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Met,
    Missed,
    /// The client it is compared with is not here.
    Unknown,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "NOT MET",
            Self::Unknown => "not measured",
        }
    }
}
