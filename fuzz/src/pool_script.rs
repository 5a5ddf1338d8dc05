//! The script of the pool machine: text to limits and steps.
//!
//! Owns the letters. The first line, and what stands behind an `R` up to the end of its line, are limits; every other
//! letter is a step, with numbers behind it, separated by commas. What means nothing is passed over.

use std::time::Duration;

use keepwarm_core::pool::{Hint, Limits};

use crate::words::Words;

/// One event; numbers choose among what is there, modulo.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Advance(u64),
    Call { lane: u64, replayable: bool },
    CloseIdle,
    Dial,
    Dialed(usize),
    DialFailed(usize),
    Discard(usize, u64),
    Evict,
    Expire,
    IdleEnded(usize, u64),
    LaneGone(u64),
    Leave(usize),
    Poke(usize),
    Prewarm(u64),
    Put(usize, Option<Hint>),
    PutBack(usize),
    Retune(Limits),
    ShutDown,
    Sleep(u64),
}

/// No script takes longer.
const MOST_STEPS: usize = 600;

/// The limits to begin with, and the steps.
pub(crate) fn read(input: &[u8]) -> (Limits, Vec<Step>) {
    let mut script = Script(Words(input));
    let limits = script.limits();
    let mut steps = Vec::new();
    while steps.len() < MOST_STEPS
        && let Some(letter) = script.0.letter()
    {
        steps.extend(script.step(letter));
    }
    (limits, steps)
}

struct Script<'a>(Words<'a>);

impl Script<'_> {
    /// ```text
    /// c N connections   i N idle   d N dials   w N waiters   r N requests   t N, l N: idle and life time (ms)
    /// k no keep-alive   h hints are not honoured   n nothing is learnt
    /// ```
    fn limits(&mut self) -> Limits {
        let mut limits = Limits {
            lifetime_jitter: 0.0,
            idle_timeout: None,
            max_idle_per_host: None,
            ..Limits::default()
        };
        while let Some(letter) = self.0.letter() {
            if letter == b'\n' {
                break;
            }
            let number = self.0.number();
            let count = number.map(|number| usize::try_from(number % 8).unwrap_or(0));
            let time = number.map(Duration::from_millis);
            match letter {
                b'c' => limits.max_conns_per_host = count,
                b'i' => limits.max_idle_per_host = count,
                b'd' => limits.max_dials_per_host = count,
                b'w' => limits.max_waiters = count,
                b'r' => limits.max_requests_per_connection = number.map(|number| number.max(1)),
                b't' => limits.idle_timeout = time,
                b'l' => limits.max_lifetime = time,
                b'k' => limits.keep_alive = false,
                b'h' => limits.honour_hint = false,
                b'n' => limits.learn = false,
                _ => {}
            }
        }
        limits
    }

    /// ```text
    /// c, C a call, replayable or not (lane)        w  prewarm (lane)           d  start a dial
    /// o, f a dial lands, fails (which)             v  a call leaves (which)    g  a runtime is gone (lane)
    /// u  put back to serve again (which, announced timeout in ms, announced requests)
    /// b  put to be closed (which)   B put back unused (which)   x discard (which, why)
    /// q  an idle one ends (which, why)   p  a waker fires (which)   e evict   i close idle   X expire
    /// a  time passes (ms)   z  the machine sleeps (ms)   R limits (a line)   S shut down
    /// ```
    fn step(&mut self, letter: u8) -> Option<Step> {
        Some(match letter {
            b'a' => Step::Advance(self.0.number().unwrap_or(10)),
            b'c' | b'C' => Step::Call {
                lane: self.lane(),
                replayable: letter == b'c',
            },
            b'i' => Step::CloseIdle,
            b'd' => Step::Dial,
            b'o' => Step::Dialed(self.0.which()),
            b'f' => Step::DialFailed(self.0.which()),
            b'x' => Step::Discard(self.0.which(), self.0.next_number().unwrap_or(0)),
            b'e' => Step::Evict,
            b'X' => Step::Expire,
            b'q' => Step::IdleEnded(self.0.which(), self.0.next_number().unwrap_or(3)),
            b'g' => Step::LaneGone(self.lane()),
            b'v' => Step::Leave(self.0.which()),
            b'p' => Step::Poke(self.0.which()),
            b'w' => Step::Prewarm(self.lane()),
            b'u' => {
                let which = self.0.which();
                let timeout = self.0.next_number().map(Duration::from_millis);
                let max = self.0.next_number();
                Step::Put(which, Some(Hint { timeout, max }))
            }
            b'b' => Step::Put(self.0.which(), None),
            b'B' => Step::PutBack(self.0.which()),
            b'R' => Step::Retune(self.limits()),
            b'S' => Step::ShutDown,
            b'z' => Step::Sleep(self.0.number().unwrap_or(5_000)),
            _ => return None,
        })
    }

    /// One of three runtimes.
    fn lane(&mut self) -> u64 {
        1 + self.0.number().unwrap_or(0) % 3
    }
}
