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

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::ready;

    fn answer(address: &str, seconds: Option<u64>) -> io::Result<Answer> {
        Ok(Answer {
            addresses: vec![address.parse().expect("an address")],
            valid_for: seconds.map(Duration::from_secs),
        })
    }

    async fn apart(
        v4: io::Result<Answer>,
        v6: io::Result<Answer>,
        family: IpFamily,
    ) -> io::Result<(Vec<String>, Option<u64>)> {
        let (v4, v6) = (Box::pin(ready(v4)), Box::pin(ready(v6)));
        let whole = Lookup::Apart { v4, v6 }.whole(family).await?;
        let addresses = whole.addresses.iter().map(ToString::to_string);
        let valid_for = whole.valid_for.map(|time| time.as_secs());
        Ok((addresses.collect(), valid_for))
    }

    #[tokio::test]
    async fn two_answers_are_one_that_holds_as_long_as_the_shorter() {
        let failed = || Err(io::Error::from(io::ErrorKind::NotFound));
        let (v4, v6) = (
            || answer("192.0.2.1:1", Some(9)),
            || answer("[::1]:1", Some(5)),
        );
        let both = apart(v4(), v6(), IpFamily::Any).await.expect("an answer");
        assert_eq!(
            both,
            (
                vec!["[::1]:1".to_owned(), "192.0.2.1:1".to_owned()],
                Some(5)
            )
        );
        let one = apart(v4(), failed(), IpFamily::Any)
            .await
            .expect("an answer");
        assert_eq!(one, (vec!["192.0.2.1:1".to_owned()], Some(9)));
        let wanted = apart(failed(), v6(), IpFamily::V6)
            .await
            .expect("an answer");
        assert_eq!(wanted.0, ["[::1]:1"]);
        assert!(apart(v4(), failed(), IpFamily::V6).await.is_err());
        assert!(apart(failed(), failed(), IpFamily::Any).await.is_err());
    }

    #[tokio::test]
    async fn addresses_given_by_hand_hold_for_ever_and_are_of_the_family_that_is_wanted() {
        let known = ["[::1]:1", "192.0.2.1:1"].map(|it| it.parse().expect("an address"));
        let whole = Lookup::Known(known.to_vec()).whole(IpFamily::V4).await;
        let whole = whole.expect("an answer");
        assert_eq!(whole.addresses, [known[1]]);
        assert_eq!(whole.valid_for, Some(Duration::MAX));
    }
}
