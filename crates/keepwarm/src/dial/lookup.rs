//! `Lookup` and `Answer`: what a resolver gives. `IpFamily` and `AddressOptions`: what a client wants of it.
//!
//! Owns the words between a resolver and a dialer. Refuses to ask anybody.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use keepwarm_core::race::{Families, Family};

use super::BoxFuture;

/// Which addresses of a name are used. A literal address in the URL is used whatever this says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IpFamily {
    /// IPv4 and IPv6, raced (RFC 8305).
    #[default]
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

impl IpFamily {
    /// Whether an address is of this family.
    pub fn has(self, address: &SocketAddr) -> bool {
        self.families().has(Family::of(address))
    }

    pub(crate) fn families(self) -> Families {
        match self {
            Self::Any => Families::Both,
            Self::V4 => Families::Only(Family::V4),
            Self::V6 => Families::Only(Family::V6),
        }
    }
}

/// How the addresses of a name are chosen and tried; see the settings of [`Config`](crate::Config) of these names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AddressOptions {
    pub(crate) family: IpFamily,
    pub(crate) attempt_delay: Option<Duration>,
    pub(crate) resolution_delay: Duration,
    pub(crate) spread: bool,
}

impl Default for AddressOptions {
    fn default() -> Self {
        Self {
            family: IpFamily::Any,
            attempt_delay: Some(Duration::from_millis(250)),
            resolution_delay: Duration::from_millis(50),
            spread: false,
        }
    }
}

/// The addresses of a name, or of one family of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// In the order in which they are to be tried. Empty: the name exists and has none.
    pub addresses: Vec<SocketAddr>,
    /// How long that is true (the records' TTL); none: the resolver does not know.
    pub valid_for: Option<Duration>,
}

impl From<Vec<SocketAddr>> for Answer {
    fn from(addresses: Vec<SocketAddr>) -> Self {
        Self {
            addresses,
            valid_for: None,
        }
    }
}

/// How a resolver answers: see [`Resolver::lookup`](super::Resolver::lookup).
pub enum Lookup<'a> {
    /// Both families are asked for apart, as A and AAAA queries are: connecting begins with the first answer that
    /// allows it (RFC 8305 §3). A future whose family is not wanted is never polled.
    Apart {
        /// IPv4.
        v4: BoxFuture<'a, io::Result<Answer>>,
        /// IPv6.
        v6: BoxFuture<'a, io::Result<Answer>>,
    },
    /// Known without asking, for as long as the client lives (given by hand, or from a file): nothing is concluded
    /// from addresses that are missing.
    Known(Vec<SocketAddr>),
    /// One answer for both, sorted (`getaddrinfo`, RFC 6724): its first address tells the family that goes first.
    Together(BoxFuture<'a, io::Result<Answer>>),
}

impl Lookup<'_> {
    /// All the addresses of these families at once: what one query does not bring, the other may. They hold as long as
    /// the answer that is over first; known ones for ever.
    ///
    /// # Errors
    /// When nothing was answered at all.
    pub(crate) async fn whole(self, family: IpFamily) -> io::Result<Answer> {
        let mut whole = match self {
            Self::Apart { v4, v6 } => match family {
                IpFamily::V4 => v4.await?,
                IpFamily::V6 => v6.await?,
                IpFamily::Any => match tokio::join!(v6, v4) {
                    (Ok(v6), Ok(v4)) => v6.and(v4),
                    (Ok(one), Err(_)) | (Err(_), Ok(one)) => one,
                    (Err(error), Err(_)) => return Err(error),
                },
            },
            Self::Known(addresses) => Answer {
                addresses,
                valid_for: Some(Duration::MAX),
            },
            Self::Together(asked) => asked.await?,
        };
        whole.addresses.retain(|address| family.has(address));
        Ok(whole)
    }
}

impl Answer {
    fn and(mut self, other: Self) -> Self {
        self.addresses.extend(other.addresses);
        let both = [self.valid_for, other.valid_for];
        self.valid_for = both.into_iter().flatten().min();
        self
    }
}

impl fmt::Debug for Lookup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apart { .. } => f.write_str("Apart"),
            Self::Known(addresses) => f.debug_tuple("Known").field(addresses).finish(),
            Self::Together(_) => f.write_str("Together"),
        }
    }
}
