//! `Certificate`: the one with which a server proved its name, kept to be asked for other names.
//!
//! Owns the two questions: which names it shows, and whether it covers a host. The answers are webpki's, by the rules
//! under which it was verified (RFC 9525 §6). Refuses to verify anything else: the handshake has done so.

use std::fmt;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::{CertificateDer, ServerName};

pub(crate) struct Certificate(CertificateDer<'static>);

impl Certificate {
    /// That of the session's server. A resumed session has the one of the session before.
    pub(super) fn of(session: &UnbufferedClientConnection) -> Option<Self> {
        let shown = session.peer_certificates()?.first()?;
        Some(Self(shown.clone().into_owned()))
    }

    #[cfg(all(test, feature = "http2"))]
    #[allow(dead_code, reason = "the interleavings of the pool have no use for it")]
    pub(crate) fn of_der(der: CertificateDer<'static>) -> Self {
        Self(der)
    }

    /// The host names in it, in lower case; one with a wildcard as it is written.
    pub(crate) fn names(&self) -> Vec<String> {
        let Ok(certificate) = webpki::EndEntityCert::try_from(&self.0) else {
            return Vec::new();
        };
        let mut names: Vec<_> = (certificate.valid_dns_names())
            .map(str::to_ascii_lowercase)
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Whether it proves this host name too. Never for an address.
    pub(crate) fn covers(&self, host: &str) -> bool {
        let Ok(name @ ServerName::DnsName(_)) = ServerName::try_from(host) else {
            return false;
        };
        webpki::EndEntityCert::try_from(&self.0)
            .is_ok_and(|certificate| certificate.verify_is_valid_for_subject_name(&name).is_ok())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} bytes)", self.0.len())
    }
}
