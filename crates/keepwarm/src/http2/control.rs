//! `Control`: how many control frames a server sends, and when they are too many.
//!
//! The `h2` crate answers each `SETTINGS` and each `PING` for as long as they come; a call would wait behind them, and
//! a core would be busy, without end. Owns the reading of frame heads and the measure. Refuses to know payloads.

use std::time::{Duration, Instant};

use crate::clock;

/// Octets of a frame before its payload (RFC 9113 §4.1).
const HEAD: usize = 9;

const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;

/// Bytes of control frames that may come at once: sixty thousand `PING`s.
const BURST: u64 = 1 << 20;
/// Bytes of them a second that may come without end: nearly four thousand `PING`s. A server that measures the way
/// with them sends one a round trip at most.
const STEADY: u64 = 64 << 10;

/// What was read of control frames: it fills with them and empties with time.
pub(super) struct Control {
    /// As much of the next frame's head as was read.
    head: [u8; HEAD],
    known: usize,
    /// Bytes of the payload still to come.
    payload: usize,
    level: u64,
    emptied: Instant,
}

impl Control {
    pub(super) fn new() -> Self {
        Self {
            head: [0; HEAD],
            known: 0,
            payload: 0,
            level: 0,
            emptied: clock::now(),
        }
    }

    /// Takes note of what was read. False when it is a flood (RFC 9113 §10.5).
    pub(super) fn note(&mut self, mut read: &[u8]) -> bool {
        let mut control = 0;
        while !read.is_empty() {
            let skipped = self.payload.min(read.len());
            self.payload -= skipped;
            read = &read[skipped..];
            let taken = (HEAD - self.known).min(read.len());
            self.head[self.known..self.known + taken].copy_from_slice(&read[..taken]);
            self.known += taken;
            read = &read[taken..];
            if self.known == HEAD {
                control += self.begin_frame();
            }
        }
        control == 0 || self.fill(control)
    }

    /// The head of a frame is whole. Its size, when it is one that is counted.
    fn begin_frame(&mut self) -> u64 {
        let [high, middle, low, kind, ..] = self.head;
        self.payload = u32::from_be_bytes([0, high, middle, low]) as usize;
        self.known = 0;
        match kind {
            RST_STREAM | SETTINGS | PING => (HEAD + self.payload) as u64,
            // A window's growth has a bound of its own, data and heads are what was asked for, and the rest is
            // neither answered nor kept.
            _ => 0,
        }
    }

    fn fill(&mut self, control: u64) -> bool {
        let now = clock::now();
        let since = now.saturating_duration_since(self.emptied);
        self.emptied = now;
        self.level = self.level.saturating_sub(emptied_in(since)) + control;
        self.level <= BURST
    }
}

fn emptied_in(time: Duration) -> u64 {
    let bytes = time.as_micros().saturating_mul(u128::from(STEADY)) / 1_000_000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).expect("a length").to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([kind, 0, 0, 0, 0, 0]);
        // What would be frames of control, if it were not payload.
        bytes.extend(std::iter::repeat_n(PING, payload));
        bytes
    }

    /// Bytes that were taken note of until it was too much; in pieces of this size.
    fn taken(bytes: &[u8], size: usize) -> u64 {
        let mut control = Control::new();
        let mut taken = 0;
        for _ in 0..4 * BURST / bytes.len() as u64 {
            for piece in bytes.chunks(size) {
                if !control.note(piece) {
                    return taken;
                }
                taken += piece.len() as u64;
            }
        }
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_seen_however_it_is_cut() {
        for kind in [RST_STREAM, SETTINGS, PING] {
            let frames = frame(kind, 8).repeat(10);
            for size in [1, 7, 9, 100, 170] {
                let taken = taken(&frames, size);
                assert!(
                    (BURST - 200..=BURST).contains(&taken),
                    "{kind}, {size}: {taken}"
                );
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn data_is_no_flood_whatever_it_looks_like() {
        let frames = frame(0, 1000);
        for size in [1, 9, 1009] {
            assert!(taken(&frames, size) > 2 * BURST);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_steady_stream_of_pings_is_none() {
        let mut control = Control::new();
        let ping = frame(PING, 8);
        for _ in 0..200_000 {
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(control.note(&ping));
        }
    }
}
