//! `TlsInfo`: what an answer tells of the encryption below it.
//!
//! Owns the public words. Refuses to expose the types of the TLS library.

use std::fmt;

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[cfg_attr(feature = "serde", serde(rename = "1.2"))]
    V1_2,
    /// TLS 1.3 (RFC 8446).
    #[cfg_attr(feature = "serde", serde(rename = "1.3"))]
    V1_3,
}

impl TlsVersion {
    /// The number: `1.2` or `1.3`.
    pub fn number(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS {}", self.number())
    }
}

/// The TLS of a connection, as its handshake ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct TlsInfo {
    /// The version agreed on.
    pub version: TlsVersion,
    /// The cipher suite, by its registered name: `TLS_AES_128_GCM_SHA256`.
    pub cipher: String,
    /// The protocol agreed on (RFC 7301): `http/1.1`; none when the server did not choose one.
    pub alpn: Option<String>,
    /// Whether an earlier session was taken up again; else the handshake was a full one.
    pub resumed: bool,
    /// The name that was asked for and that the certificate was held against: a name or an IP address.
    pub server_name: String,
}

impl TlsInfo {
    /// What a full handshake agreed on, without a protocol.
    pub fn new(
        version: TlsVersion,
        cipher: impl Into<String>,
        server_name: impl Into<String>,
    ) -> Self {
        Self {
            version,
            cipher: cipher.into(),
            alpn: None,
            resumed: false,
            server_name: server_name.into(),
        }
    }
}
