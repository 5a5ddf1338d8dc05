//! What an HTTP server does to its connections, measured from outside.
//!
//! An [`Examination`] opens a handful of connections to one URL, asks a little on each and then *waits for the end*:
//! the time from the last byte of an answer to the first FIN, reset, close_notify or stray byte is the server's idle
//! timeout. What was measured is a [`Measured`]; what it means, a [`Diagnosis`]. Nothing here prints.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use keepwarm_doctor::{Budget, Diagnosis, Examination, Settings, Target};
//!
//! let target = Target::of(&"http://127.0.0.1:8080/".parse()?)?;
//! let mut examination = Examination::begin(target, Settings::of(Budget::Quick)).await?;
//! examination.finished().await;
//! let diagnosis = Diagnosis::of(&examination.conclude(), None);
//! println!("{}", diagnosis.summary);
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

mod bench;
mod checks;
pub mod defaults;
mod doors;
mod ending;
mod examination;
mod exchange;
mod first;
mod heartbeat;
mod http2;
mod journal;
mod judge;
mod late;
mod measured;
mod plan;
mod settings;
mod target;
mod trouble;
mod wire;

pub use ending::EndedBy;
pub use examination::{Examination, Progress};
pub use judge::snippets;
pub use judge::{
    Cause, ChainDiagnosis, ClientFit, Confidence, Diagnosis, Finding, Hop, Http2Diagnosis,
    IdleTimeout, Link, LinkCure, MaxAge, Order, Product, Recommendation, ServerSide, Severity,
    SilentDrop, Verdict, seconds,
};
pub use measured::{
    AfterTheirs, Age, Ages, Announced, ErrorClose, GoAway, HalfClose, Http2, Http10, LateOutcome,
    LateUse, Life, MaxRequests, Measured, Pilot, Pings, Pipelining, Sample, Situation, TlsSeen,
    UnreadBody,
};
pub use settings::{Budget, Settings};
pub use target::{NotATarget, Target};
pub use trouble::{Unreachable, UnreachableKind};
