//! `Control`: how many control frames a server sends, and when they are too many.
//!
//! The `h2` crate answers each `SETTINGS` and each `PING` for as long as they come, and takes in what it ignores;
//! a call would wait behind them, and a core would be busy, without end. Of floods it ends by itself those of empty
//! `DATA` and of `CONTINUATION`. Owns the reading of frame heads and the measure, of floods and of blocks of fields.
//! Refuses to know payloads.

use std::time::{Duration, Instant};

use crate::clock;

/// Octets of a frame before its payload (RFC 9113 §4.1).
const HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// Octets of the largest payload that may come, as nothing else was said (RFC 9113 §4.2).
const LARGEST: usize = 16_384;
/// What an answer of HTTP/1.1 begins with.
const HTTP1: &[u8] = b"HTTP/1.";

/// Bytes of control frames that may come at once: sixty thousand `PING`s.
const BURST: u64 = 1 << 20;
/// Bytes of them a second that may come without end: nearly four thousand `PING`s. A server that measures the way
/// with them sends one a round trip at most.
const STEADY: u64 = 64 << 10;

/// Bytes of `WINDOW_UPDATE` that each byte we write pays for: more than two such frames for each frame of data, however
/// small.
const WINDOWS_PER_BYTE: u64 = 4;

/// What was read of control frames.
pub(super) struct Control {
    /// As much of the next frame's head as was read.
    head: [u8; HEAD],
    known: usize,
    /// Bytes of the payload still to come.
    payload: usize,
    others: Level,
    /// Of `WINDOW_UPDATE`, which answers what we send.
    windows: Level,
    go_away: bool,
    /// Frames so far.
    frames: u64,
    is_http1: bool,
    /// Bytes that one block of fields may have: of a head, or of trailers.
    most_of_block: usize,
    /// Bytes of the block under way.
    block: usize,
    /// The streams whose blocks were seen to exceed that.
    outsized: Vec<u32>,
}

/// A measure that fills with frames and empties with time.
struct Level {
    bytes: u64,
    emptied: Instant,
}

impl Level {
    fn new() -> Self {
        Self {
            bytes: 0,
            emptied: clock::now(),
        }
    }

    /// False when it is too much.
    fn fill(&mut self, bytes: u64) -> bool {
        if bytes == 0 {
            return true;
        }
        let now = clock::now();
        let since = now.saturating_duration_since(self.emptied);
        self.emptied = now;
        self.bytes = self.bytes.saturating_sub(emptied_in(since)) + bytes;
        self.bytes <= BURST
    }
}

/// Bytes of control frames, by what they are measured with.
#[derive(Default)]
struct Tally {
    others: u64,
    windows: u64,
}

impl Control {
    pub(super) fn new(most_of_block: usize) -> Self {
        Self {
            head: [0; HEAD],
            known: 0,
            payload: 0,
            others: Level::new(),
            windows: Level::new(),
            go_away: false,
            frames: 0,
            is_http1: false,
            most_of_block,
            block: 0,
            outsized: Vec::new(),
        }
    }

    /// Takes note of what was read. False when it is a flood (RFC 9113 §10.5).
    pub(super) fn note(&mut self, mut read: &[u8]) -> bool {
        let mut tally = Tally::default();
        while !read.is_empty() {
            let skipped = self.payload.min(read.len());
            self.payload -= skipped;
            read = &read[skipped..];
            let taken = (HEAD - self.known).min(read.len());
            self.head[self.known..self.known + taken].copy_from_slice(&read[..taken]);
            self.known += taken;
            read = &read[taken..];
            if self.known == HEAD {
                self.begin_frame(&mut tally);
            }
        }
        self.others.fill(tally.others) && self.windows.fill(tally.windows)
    }

    /// What we write is what the server makes room for again.
    pub(super) fn note_written(&mut self, bytes: usize) {
        let paid = (bytes as u64).saturating_mul(WINDOWS_PER_BYTE);
        self.windows.bytes = self.windows.bytes.saturating_sub(paid);
    }

    /// Whether what came is no frames but an answer of HTTP/1.1.
    pub(super) fn saw_http1(&self) -> bool {
        self.is_http1
    }

    /// Whether the server has said that it takes no more streams.
    pub(super) fn saw_go_away(&self) -> bool {
        self.go_away
    }

    /// The streams whose blocks of fields have turned out to be larger than allowed.
    pub(super) fn take_outsized(&mut self) -> impl Iterator<Item = u32> + '_ {
        self.outsized.drain(..)
    }

    /// A piece of a block of fields. Only its bytes are known here: what it unpacks to is measured elsewhere.
    fn note_block(&mut self, begins: bool) {
        let [_, _, _, _, _, stream @ ..] = self.head;
        let before = if begins { 0 } else { self.block };
        self.block = before.saturating_add(self.payload);
        if before <= self.most_of_block && self.block > self.most_of_block {
            self.outsized
                .push(u32::from_be_bytes(stream) & (u32::MAX >> 1));
        }
    }

    /// The head of a frame is whole: its size, where it is counted.
    fn begin_frame(&mut self, tally: &mut Tally) {
        let [high, middle, low, kind, ..] = self.head;
        self.is_http1 |= self.frames == 0 && self.head.starts_with(HTTP1);
        self.frames += 1;
        self.payload = u32::from_be_bytes([0, high, middle, low]) as usize;
        self.known = 0;
        // A larger one is refused as such.
        let size = (HEAD + self.payload.min(LARGEST)) as u64;
        match kind {
            // What was asked for.
            DATA => {}
            HEADERS | CONTINUATION => self.note_block(kind == HEADERS),
            WINDOW_UPDATE => tally.windows += size,
            // Among them what is neither answered nor kept, as PRIORITY and what other documents have defined.
            _ => {
                self.go_away |= kind == GOAWAY;
                tally.others += size;
            }
        }
    }
}

fn emptied_in(time: Duration) -> u64 {
    let bytes = time.as_micros().saturating_mul(u128::from(STEADY)) / 1_000_000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIORITY: u8 = 2;
    const RST_STREAM: u8 = 3;
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const UNKNOWN: u8 = 0xfa;

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
        let mut control = Control::new(1000);
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
        for kind in [
            PRIORITY,
            RST_STREAM,
            SETTINGS,
            PING,
            GOAWAY,
            WINDOW_UPDATE,
            UNKNOWN,
        ] {
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
        let mut control = Control::new(1000);
        let ping = frame(PING, 8);
        for _ in 0..200_000 {
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(control.note(&ping));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_block_too_large_is_seen_with_its_stream_and_once() {
        let piece = |kind, flags, stream, payload| {
            let mut bytes = frame(kind, payload);
            bytes[4] = flags;
            bytes[8] = stream;
            bytes
        };
        let mut control = Control::new(1000);
        let mut seen = Vec::new();
        for (kind, flags, stream, payload) in [
            (HEADERS, 4, 1, 1000),
            (HEADERS, 0, 3, 600),
            (CONTINUATION, 0, 3, 401),
            (CONTINUATION, 4, 3, 9000),
            (HEADERS, 0, 5, 600),
            (CONTINUATION, 4, 5, 400),
            (HEADERS, 4, 7, 1001),
        ] {
            for byte in piece(kind, flags, stream, payload) {
                assert!(control.note(&[byte]));
                seen.extend(control.take_outsized());
            }
        }
        assert_eq!(seen, [3, 7]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_makes_room_for_updates_of_windows_and_for_nothing_else() {
        for (kind, most) in [(WINDOW_UPDATE, u64::MAX), (PING, BURST)] {
            let mut control = Control::new(1000);
            let update = frame(kind, 4);
            let mut taken = 0;
            // Both windows are made larger for each frame of ten bytes.
            for _ in 0..200_000 {
                control.note_written(HEAD + 10);
                if !(control.note(&update) && control.note(&update)) {
                    break;
                }
                taken += 2 * update.len() as u64;
            }
            assert!(taken <= most, "{kind}: {taken}");
            assert!(kind == PING || taken > 4 * BURST, "{kind}: {taken}");
        }
    }
}
