//! `TlsConnector`: handshakes for programs that look at connections one by one.
//!
//! Owns the public way to a handshake without a client. Refuses to know pools and requests.

use std::fmt;

use keepwarm_core::reason::Phase;

use super::handshake::{Asked, Handshaker};
use super::{Tls, TlsInfo};
use crate::conn::Stream;
use crate::error::{Error, ErrorKind, Result};

/// Makes TLS handshakes on streams that you opened.
///
/// A [`Client`](crate::Client) needs none: it makes its own. This is for programs that examine single connections, as
/// `keepwarm doctor` does. The stream it gives tells how the peer ended: a read of zero bytes is a `close_notify`, an
/// error of the kind `ConnectionAborted` an end without one, and `ConnectionReset` a reset.
pub struct TlsConnector {
    handshaker: Handshaker,
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnector").finish_non_exhaustive()
    }
}

impl TlsConnector {
    /// Reads the certificates and keys that the settings name.
    ///
    /// # Errors
    /// Of the kind [`Usage`](ErrorKind::Usage), when one cannot be read or used.
    pub fn new(tls: &Tls) -> Result<Self> {
        Handshaker::new(tls)
            .map(|handshaker| Self { handshaker })
            .map_err(|mistake| Error::new(ErrorKind::Usage, Phase::Tls, mistake))
    }

    /// Shakes hands. `protocols` are offered with ALPN, the preferred one first; none: ALPN is not used. There is no
    /// time limit: the caller's.
    ///
    /// # Errors
    /// Of the kind [`Tls`](ErrorKind::Tls), with a sentence that says what the server did instead.
    pub async fn connect(
        &self,
        stream: Stream,
        host: &str,
        port: u16,
        protocols: &[&[u8]],
    ) -> Result<(Stream, TlsInfo)> {
        let asked = Asked {
            host,
            port,
            protocols,
            keeps_certificate: false,
        };
        let agreed = self.handshaker.shake_hands(stream, &asked).await?;
        Ok((agreed.stream, agreed.info))
    }
}
