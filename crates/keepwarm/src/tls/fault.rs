//! `TlsFault`: a TLS failure on its way through `std::io::Error`.
//!
//! Owns the sentence. Refuses to hold the types of the TLS library; without TLS nobody makes one.

use std::fmt;

/// What TLS failed with once the handshake was over. Known again by its type where errors are told.
#[derive(Debug)]
pub(crate) struct TlsFault(pub(crate) String);

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsFault {}
