//! The fault bench: a server full of seeded faults, callers full of seeded whims, and the checks on both.
//!
//! Owns what the fault suite and the soak share. Refuses to know how long either runs.
#![allow(
    dead_code,
    reason = "the suite and the soak each use their share of the bench"
)]

pub(crate) mod answer;
pub(crate) mod callers;
pub(crate) mod dice;
pub(crate) mod fault;
pub(crate) mod ledger;
pub(crate) mod plan;
pub(crate) mod process;
pub(crate) mod server;
pub(crate) mod verdict;
pub(crate) mod watch;
pub(crate) mod wire;
