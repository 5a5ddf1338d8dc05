//! `Target`: what a proxy is asked to connect to.
//!
//! Owns the check that a host can stand in a CONNECT line or a SOCKS request. Refuses to resolve it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use keepwarm_core::origin::Origin;

use crate::error::{Error, Result};

/// The longest host: what a SOCKS5 request can hold (RFC 1928 §5), and more than DNS allows.
const LONGEST: usize = 255;

/// A host and a port, fit to be written to a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(super) host: Host,
    pub(super) port: u16,
}

/// A host: a name, or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Address(IpAddr),
    Name(String),
}

impl Target {
    /// The server of an origin, by name unless the origin names an address.
    ///
    /// # Errors
    /// When the host holds what must not stand in a request to a proxy.
    pub(crate) fn of(origin: &Origin) -> Result<Self> {
        Self::new(origin.host(), origin.port())
    }

    /// An address that was resolved here.
    pub(crate) fn address(address: SocketAddr) -> Self {
        Self {
            host: Host::Address(address.ip()),
            port: address.port(),
        }
    }

    pub(super) fn new(host: &str, port: u16) -> Result<Self> {
        let host = Host::parse(host)?;
        if port == 0 {
            return Err(Error::usage("port 0 cannot be connected to"));
        }
        Ok(Self { host, port })
    }
}

impl Host {
    /// Reads a host as it stands in a URL, brackets of an IPv6 literal included.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if let Some(literal) = text.strip_prefix('[') {
            let literal = literal.strip_suffix(']').ok_or_else(unfit)?;
            // A zone means something on this machine only (RFC 6874 §4).
            let literal = literal.split('%').next().unwrap_or(literal);
            let address: Ipv6Addr = literal.parse().map_err(|_| unfit())?;
            return Ok(Self::Address(address.into()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            // Without brackets an IPv6 address cannot be told from a host and a port.
            return match address {
                IpAddr::V4(_) => Ok(Self::Address(address)),
                IpAddr::V6(_) => Err(unfit()),
            };
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&byte);
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(fits) {
            return Err(unfit());
        }
        Ok(Self::Name(text.to_ascii_lowercase()))
    }
}

fn unfit() -> Error {
    Error::usage("the host is no name of up to 255 characters and no IP address (IPv6 in brackets)")
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// The authority form of RFC 9112 §3.2.3: the port is always written.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
