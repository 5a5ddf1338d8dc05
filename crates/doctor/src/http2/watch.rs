//! `Watch`: what an HTTP/2 peer sent and when, read from the heads of the frames that pass by.
//!
//! Owns the moments: SETTINGS, the end of an answer, PING, GOAWAY, the end of the connection. Refuses to hold more than
//! a frame's head and the few bytes of it that are told, to complain about what is malformed (`h2` does), to answer.

use std::time::Instant;

use crate::ending::EndedBy;

/// Bytes of a frame's head (RFC 9113 §4.1).
const HEAD: usize = 9;
/// Bytes of one setting, and of what GOAWAY tells before its debug data.
const SETTING: usize = 6;
const GO_AWAY: usize = 8;
/// First bytes that a complaint shows.
const OPENING: usize = 24;

const DATA_TYPE: u8 = 0;
const HEADERS_TYPE: u8 = 1;
const SETTINGS_TYPE: u8 = 4;
const PING_TYPE: u8 = 6;
const GO_AWAY_TYPE: u8 = 7;
const CONTINUATION_TYPE: u8 = 9;

/// The flag of DATA and HEADERS that ends a stream; of SETTINGS and PING it is the acknowledgement.
const END_STREAM_OR_ACK: u8 = 1;
const MAX_CONCURRENT_STREAMS: u16 = 3;

/// A GOAWAY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeenGoAway {
    pub(crate) at: Instant,
    pub(crate) last_stream: u32,
    pub(crate) code: u32,
}

/// What passed by so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The last SETTINGS of the peer, the acknowledgement of ours among them.
    pub(crate) settings: Option<Instant>,
    /// Whether ours were acknowledged.
    pub(crate) acknowledged: bool,
    /// None while the peer sets no limit.
    pub(crate) max_concurrent_streams: Option<u32>,
    /// The last byte of the last frame that ended a stream.
    pub(crate) end_of_answer: Option<Instant>,
    /// Acknowledged PINGs of ours, and when the first of them was.
    pub(crate) pongs: u32,
    pub(crate) first_pong: Option<Instant>,
    pub(crate) first_go_away: Option<SeenGoAway>,
    pub(crate) last_go_away: Option<SeenGoAway>,
    pub(crate) go_aways: u32,
    pub(crate) end: Option<(EndedBy, Instant)>,
    pub(crate) bytes: u64,
    /// The first bytes of all.
    pub(crate) opening: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    left: u32,
    kind: u8,
    flags: u8,
}

/// Reads along.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub(crate) seen: Seen,
    head: Piece<HEAD>,
    frame: Option<Frame>,
    setting: Piece<SETTING>,
    go_away: Piece<GO_AWAY>,
    /// The last HEADERS end their stream; CONTINUATION may follow.
    headers_end_stream: bool,
}

impl Watch {
    /// Bytes came.
    pub(crate) fn take(&mut self, mut bytes: &[u8], at: Instant) {
        self.seen.bytes += bytes.len() as u64;
        let room = OPENING - self.seen.opening.len();
        self.seen.opening.extend(bytes.iter().take(room));
        while !bytes.is_empty() {
            bytes = match self.frame {
                None => self.take_head(bytes, at),
                Some(frame) => self.take_payload(frame, bytes, at),
            };
        }
    }

    /// The stream ended; only the first end counts.
    pub(crate) fn end(&mut self, by: EndedBy, at: Instant) {
        self.seen.end.get_or_insert((by, at));
    }

    fn take_head<'a>(&mut self, bytes: &'a [u8], at: Instant) -> &'a [u8] {
        let rest = self.head.fill(bytes);
        if let Some([high, middle, low, kind, flags, ..]) = self.head.whole() {
            let left = u32::from_be_bytes([0, high, middle, low]);
            let frame = Frame { left, kind, flags };
            self.setting = Piece::default();
            self.go_away = Piece::default();
            self.frame = Some(frame);
            if left == 0 {
                self.close_frame(frame, at);
            }
        }
        rest
    }

    fn take_payload<'a>(&mut self, frame: Frame, bytes: &'a [u8], at: Instant) -> &'a [u8] {
        let here = bytes.len().min(frame.left as usize);
        let (payload, rest) = bytes.split_at(here);
        match frame.kind {
            SETTINGS_TYPE => self.take_settings(payload),
            GO_AWAY_TYPE => {
                self.go_away.fill(payload);
            }
            _ => {}
        }
        let left = frame.left - u32::try_from(here).unwrap_or(frame.left);
        let frame = Frame { left, ..frame };
        self.frame = Some(frame);
        if left == 0 {
            self.close_frame(frame, at);
        }
        rest
    }

    fn take_settings(&mut self, mut payload: &[u8]) {
        while !payload.is_empty() {
            payload = self.setting.fill(payload);
            let whole = self.setting.whole();
            let whole = whole.map(|[a, b, value @ ..]| (u16::from_be_bytes([a, b]), value));
            if let Some((MAX_CONCURRENT_STREAMS, value)) = whole {
                self.seen.max_concurrent_streams = Some(u32::from_be_bytes(value));
            }
        }
    }

    /// The last byte of a frame came.
    fn close_frame(&mut self, frame: Frame, at: Instant) {
        self.frame = None;
        let flagged = frame.flags & END_STREAM_OR_ACK != 0;
        match frame.kind {
            DATA_TYPE if flagged => self.seen.end_of_answer = Some(at),
            HEADERS_TYPE => {
                self.headers_end_stream = flagged;
                if flagged {
                    self.seen.end_of_answer = Some(at);
                }
            }
            CONTINUATION_TYPE if self.headers_end_stream => self.seen.end_of_answer = Some(at),
            SETTINGS_TYPE => {
                self.seen.settings = Some(at);
                self.seen.acknowledged |= flagged;
            }
            PING_TYPE if flagged => {
                self.seen.pongs = self.seen.pongs.saturating_add(1);
                self.seen.first_pong.get_or_insert(at);
            }
            GO_AWAY_TYPE => self.close_go_away(at),
            _ => {}
        }
    }

    fn close_go_away(&mut self, at: Instant) {
        let Some([a, b, c, d, code @ ..]) = self.go_away.whole() else {
            return;
        };
        // The highest bit is reserved.
        let last_stream = u32::from_be_bytes([a & 0x7f, b, c, d]);
        let it = SeenGoAway {
            at,
            last_stream,
            code: u32::from_be_bytes(code),
        };
        self.seen.first_go_away.get_or_insert(it);
        self.seen.last_go_away = Some(it);
        self.seen.go_aways = self.seen.go_aways.saturating_add(1);
    }
}

/// A few bytes that may come in parts.
#[derive(Debug)]
struct Piece<const N: usize> {
    bytes: [u8; N],
    have: usize,
}

impl<const N: usize> Default for Piece<N> {
    fn default() -> Self {
        Self {
            bytes: [0; N],
            have: 0,
        }
    }
}

impl<const N: usize> Piece<N> {
    /// Takes what is missing, and gives the rest back.
    fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let taken = bytes.len().min(N - self.have);
        self.bytes[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
        self.have += taken;
        &bytes[taken..]
    }

    /// The bytes when all are there; the next piece begins then.
    fn whole(&mut self) -> Option<[u8; N]> {
        if self.have < N {
            return None;
        }
        self.have = 0;
        Some(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap();
        let mut bytes = length.to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags, 0, 0, 0, 1]);
        bytes.extend(payload);
        bytes
    }

    /// A server's talk: limits, an acknowledgement, an answer, a PING's echo, two GOAWAYs.
    fn talk() -> Vec<u8> {
        [
            frame(SETTINGS_TYPE, 0, &[0, 4, 0, 0, 0, 9, 0, 3, 0, 0, 0, 77]),
            frame(SETTINGS_TYPE, 1, &[]),
            frame(HEADERS_TYPE, 4, &[0x88]),
            frame(DATA_TYPE, 1, b"hello"),
            frame(PING_TYPE, 1, &[1; 8]),
            frame(GO_AWAY_TYPE, 0, &[0x7f, 255, 255, 255, 0, 0, 0, 0]),
            frame(GO_AWAY_TYPE, 0, &[0x80, 0, 0, 5, 0, 0, 0, 11, b'x', b'y']),
        ]
        .concat()
    }

    #[test]
    fn all_is_seen_however_the_bytes_are_cut() {
        let talk = talk();
        for size in [1, 2, 7, 9, 10, 1000] {
            let mut watch = Watch::default();
            let now = Instant::now();
            for part in talk.chunks(size) {
                watch.take(part, now);
            }
            let seen = &watch.seen;
            assert_eq!(seen.max_concurrent_streams, Some(77), "{size}");
            assert!(seen.acknowledged && seen.settings == Some(now));
            assert_eq!(seen.end_of_answer, Some(now));
            assert_eq!((seen.pongs, seen.go_aways), (1, 2));
            let ids = [seen.first_go_away, seen.last_go_away].map(|it| it.unwrap().last_stream);
            assert_eq!(ids, [0x7fff_ffff, 5]);
            assert_eq!(seen.last_go_away.unwrap().code, 11);
            assert_eq!(seen.bytes, talk.len() as u64);
        }
    }

    #[test]
    fn an_answer_ends_with_the_last_byte_of_its_last_frame() {
        let mut watch = Watch::default();
        let bytes = frame(DATA_TYPE, 1, b"hello");
        let (most, last) = bytes.split_at(bytes.len() - 1);
        watch.take(most, Instant::now());
        assert_eq!(watch.seen.end_of_answer, None);
        let at = Instant::now();
        watch.take(last, at);
        assert_eq!(watch.seen.end_of_answer, Some(at));
    }

    #[test]
    fn noise_leaves_nothing_behind() {
        let mut watch = Watch::default();
        let mut state = 1_u32;
        for _ in 0..2_000 {
            let noise: Vec<u8> = (0..37)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    state.to_be_bytes()[0]
                })
                .collect();
            watch.take(&noise, Instant::now());
        }
        assert_eq!(watch.seen.opening.len(), OPENING);
        assert_eq!(watch.seen.bytes, 74_000);
    }

    #[test]
    fn a_short_goaway_tells_nothing() {
        let mut watch = Watch::default();
        watch.take(&frame(GO_AWAY_TYPE, 0, &[0, 0, 0]), Instant::now());
        let rest = frame(GO_AWAY_TYPE, 0, &[0, 0, 0, 9, 0, 0, 0, 0]);
        watch.take(&rest, Instant::now());
        assert_eq!(watch.seen.first_go_away.unwrap().last_stream, 9);
        assert_eq!(watch.seen.go_aways, 1);
    }
}
