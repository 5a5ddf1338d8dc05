//! `Limits`: how much of each thing a peer may send.
//!
//! Owns the numbers and their defaults. Refuses to know what is done when one is exceeded
//! (the machines answer with [`ProtocolFault::TooMuch`](crate::reason::ProtocolFault)).

/// How much of each thing a peer may send before the exchange fails with the limit's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one head, start line and final blank line included. Default 65 536.
    pub head_bytes: usize,
    /// Header fields of one head, and trailer fields of one body. Default 256.
    pub header_fields: usize,
    /// Bytes of one chunk-size line, its extensions and line end included. Default 4 096, as Go.
    pub chunk_line: usize,
    /// Framing bytes of a chunked body beyond an allowance of 16 bytes and twice the payload for
    /// each chunk. Default 16 384, as Go.
    pub chunk_overhead: u64,
    /// Interim (1xx) responses before the final one. Default 64.
    pub interim: u32,
    /// Bytes of the trailer section, its final blank line included. Default 16 384.
    pub trailer_bytes: usize,
}

/// The same, packed: an exchange carries its limits, and thousands of exchanges may run at once.
/// What does not fit is as good as no limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed {
    head_bytes: u32,
    header_fields: u32,
    chunk_line: u32,
    chunk_overhead: u32,
    interim: u32,
    trailer_bytes: u32,
}

impl From<Limits> for Packed {
    fn from(limits: Limits) -> Self {
        let pack = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
        Self {
            head_bytes: pack(limits.head_bytes),
            header_fields: pack(limits.header_fields),
            chunk_line: pack(limits.chunk_line),
            chunk_overhead: u32::try_from(limits.chunk_overhead).unwrap_or(u32::MAX),
            interim: limits.interim,
            trailer_bytes: pack(limits.trailer_bytes),
        }
    }
}

impl Packed {
    pub(super) fn unpack(self) -> Limits {
        Limits {
            head_bytes: self.head_bytes as usize,
            header_fields: self.header_fields as usize,
            chunk_line: self.chunk_line as usize,
            chunk_overhead: u64::from(self.chunk_overhead),
            interim: self.interim,
            trailer_bytes: self.trailer_bytes as usize,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 65_536,
            header_fields: 256,
            chunk_line: 4_096,
            chunk_overhead: 16_384,
            interim: 64,
            trailer_bytes: 16_384,
        }
    }
}
