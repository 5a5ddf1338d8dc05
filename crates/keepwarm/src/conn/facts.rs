//! `Facts`: what does not change in a connection's life.
//!
//! Owns addresses, protocol, TLS and how long opening took, shared by the connection and each answer that tells of
//! it. Refuses to hold anything an exchange changes. Kept small: thousands of idle connections hold one each.

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use keepwarm_core::event::{Opening, Protocol};
use keepwarm_core::origin::Origin;

use crate::tls::{Certificate, TlsInfo};

/// What is known of a connection from its opening on.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    ends: Ends,
    beyond: Option<Box<Beyond>>,
    resolved_in: Micros,
    connected_in: Micros,
    tls_in: Micros,
    protocol: Protocol,
}

/// What a plain connection to the server itself has not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beyond {
    pub(crate) tls: Option<TlsInfo>,
    /// The proxy on the way, without credentials.
    pub(crate) via: Option<Arc<str>>,
    /// What the server proved its name with, where other origins may be served by it.
    pub(crate) certificate: Option<Arc<Certificate>>,
    /// As a call to another origin sees it: the origin it was opened for.
    pub(crate) coalesced_from: Option<Origin>,
}

/// Both addresses; those of IPv4, the usual ones, without an allocation.
#[derive(Clone, Debug)]
enum Ends {
    None,
    V4(SocketAddrV4, SocketAddrV4),
    Other(Box<(Option<SocketAddr>, Option<SocketAddr>)>),
}

/// A duration of up to an hour, in four bytes.
#[derive(Clone, Copy, Debug)]
struct Micros(u32);

impl From<Duration> for Micros {
    fn from(duration: Duration) -> Self {
        Self(u32::try_from(duration.as_micros()).unwrap_or(u32::MAX))
    }
}

impl From<Micros> for Duration {
    fn from(Micros(micros): Micros) -> Self {
        Self::from_micros(u64::from(micros))
    }
}

impl Facts {
    pub(crate) fn new(
        local: Option<SocketAddr>,
        remote: Option<SocketAddr>,
        protocol: Protocol,
        beyond: Beyond,
        took: Opening,
    ) -> Self {
        let Beyond {
            tls,
            via,
            certificate,
            coalesced_from,
        } = &beyond;
        let is_any =
            tls.is_some() || via.is_some() || certificate.is_some() || coalesced_from.is_some();
        let ends = match (local, remote) {
            (None, None) => Ends::None,
            (Some(SocketAddr::V4(local)), Some(SocketAddr::V4(remote))) => Ends::V4(local, remote),
            (local, remote) => Ends::Other(Box::new((local, remote))),
        };
        Self {
            ends,
            beyond: is_any.then(|| Box::new(beyond)),
            resolved_in: took.resolving.into(),
            connected_in: took.connecting.into(),
            tls_in: took.handshake.unwrap_or_default().into(),
            protocol,
        }
    }

    pub(crate) fn local(&self) -> Option<SocketAddr> {
        match &self.ends {
            Ends::None => None,
            Ends::V4(local, _) => Some(SocketAddr::V4(*local)),
            Ends::Other(ends) => ends.0,
        }
    }

    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        match &self.ends {
            Ends::None => None,
            Ends::V4(_, remote) => Some(SocketAddr::V4(*remote)),
            Ends::Other(ends) => ends.1,
        }
    }

    /// The same, spoken to in HTTP/2.
    #[cfg(feature = "http2")]
    pub(crate) fn of_http2(self) -> Self {
        Self {
            protocol: Protocol::H2,
            ..self
        }
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(crate) fn tls(&self) -> Option<&TlsInfo> {
        self.beyond.as_deref()?.tls.as_ref()
    }

    pub(crate) fn via(&self) -> Option<&Arc<str>> {
        self.beyond.as_deref()?.via.as_ref()
    }

    pub(crate) fn certificate(&self) -> Option<&Arc<Certificate>> {
        self.beyond.as_deref()?.certificate.as_ref()
    }

    pub(crate) fn coalesced_from(&self) -> Option<&Origin> {
        self.beyond.as_deref()?.coalesced_from.as_ref()
    }

    /// The same, as a call to another origin sees it.
    pub(crate) fn seen_from_elsewhere(&self, opened_for: &Origin) -> Self {
        let mut seen = self.clone();
        let beyond = seen.beyond.get_or_insert_default();
        beyond.certificate = None;
        beyond.coalesced_from = Some(opened_for.clone());
        seen
    }

    /// The first call on the connection reports it.
    pub(crate) fn took(&self) -> Opening {
        Opening {
            resolving: self.resolved_in.into(),
            connecting: self.connected_in.into(),
            handshake: self.tls().is_some().then(|| self.tls_in.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_fit_beside_their_counts_into_64_bytes() {
        assert!(size_of::<Facts>() <= 48, "{}", size_of::<Facts>());
    }

    #[test]
    fn addresses_of_every_kind_are_told_as_they_were_given() {
        let told = |local: Option<&str>, remote: Option<&str>| {
            let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
            let (local, remote) = (local.map(parse), remote.map(parse));
            let facts = Facts::new(
                local,
                remote,
                Protocol::H1,
                Beyond::default(),
                Opening::default(),
            );
            assert_eq!((facts.local(), facts.remote()), (local, remote));
        };
        told(None, None);
        told(Some("127.0.0.1:1"), Some("127.0.0.2:2"));
        told(Some("[fe80::1%3]:1"), Some("[::1]:2"));
        told(None, Some("127.0.0.1:1"));
    }
}
