//! `Plan`: what one request is and how its caller treats the answer; seed and number decide all of it.
//!
//! Owns the drawing of requests, their bodies, and how often each may reach the server. Both sides draw the same
//! plan, so neither has to tell the other. Refuses to send anything.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use keepwarm::RetryPolicy;
use keepwarm_core::retry::MAX_SENDINGS;

use super::dice::Dice;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) id: u64,
    pub(crate) method: Method,
    /// It carries an `Idempotency-Key`.
    pub(crate) keyed: bool,
    pub(crate) upload: Upload,
    pub(crate) expect: bool,
    pub(crate) says_close: bool,
    /// The caller drops the call after this time.
    pub(crate) patience: Option<Duration>,
    /// The call's own total timeout.
    pub(crate) timeout: Option<Duration>,
    pub(crate) reading: Reading,
    /// Which of the servers it goes to.
    pub(crate) host: usize,
}

/// The request's body, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upload {
    Empty,
    Whole(usize),
    /// Can be read once; sent chunked.
    Stream(usize),
    /// Made anew for each sending.
    Factory(usize),
}

/// How the caller treats the answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Whole,
    /// One piece, then it is dropped.
    OnePiece,
    Dropped,
}

impl Plan {
    pub(crate) fn draw(seed: u64, id: u64, hosts: usize) -> Self {
        let dice = &mut Dice::new(seed, id);
        let method = match dice.below(10) {
            0..5 => Method::GET,
            5..8 => Method::POST,
            8 => Method::PUT,
            _ => match dice.below(3) {
                0 => Method::HEAD,
                1 => Method::DELETE,
                _ => Method::OPTIONS,
            },
        };
        let upload = match method {
            Method::POST | Method::PUT => Upload::draw(dice),
            _ => Upload::Empty,
        };
        Self {
            id,
            keyed: method == Method::POST && dice.one_in(3),
            method,
            upload,
            expect: dice.one_in(8),
            says_close: dice.one_in(40),
            patience: dice
                .one_in(6)
                .then(|| Duration::from_micros(dice.below(6000) as u64)),
            timeout: dice
                .one_in(10)
                .then(|| Duration::from_millis(1 + dice.below(20) as u64)),
            reading: match dice.below(10) {
                0 => Reading::OnePiece,
                1 => Reading::Dropped,
                _ => Reading::Whole,
            },
            host: dice.below(hosts),
        }
    }

    /// How often the server may see it.
    pub(crate) fn most_arrivals(&self, policy: RetryPolicy) -> u32 {
        let safe = matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let replayable = match policy {
            RetryPolicy::Never => false,
            RetryPolicy::Go => safe || self.keyed,
            RetryPolicy::Rfc => {
                safe || self.keyed || matches!(self.method, Method::PUT | Method::DELETE)
            }
        };
        if replayable { MAX_SENDINGS } else { 1 }
    }
}

impl Upload {
    fn draw(dice: &mut Dice) -> Self {
        let bytes = match dice.below(4) {
            0 => dice.below(200_000),
            _ => 1 + dice.below(3000),
        };
        match dice.below(5) {
            0 => Self::Empty,
            1 | 2 => Self::Whole(bytes),
            3 => Self::Stream(bytes),
            _ => Self::Factory(bytes),
        }
    }

    /// Its length in bytes.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Whole(bytes) | Self::Stream(bytes) | Self::Factory(bytes) => bytes,
        }
    }
}

/// The bytes that belong to one request and to no other: its number over and over.
pub(crate) fn pattern(id: u64, bytes: usize) -> Bytes {
    let record = format!("{id:015x};");
    let mut all = record.repeat(bytes / record.len() + 1).into_bytes();
    all.truncate(bytes);
    all.into()
}
