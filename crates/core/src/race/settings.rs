//! `Settings`: what the user may choose about a race.
//!
//! Owns the numbers, their defaults and bounds. Refuses to know where they were configured.

use std::net::SocketAddr;
use std::time::Duration;

/// Shortest time between two attempts: a lower one MUST NOT be used (RFC 8305 §5).
pub const ATTEMPT_DELAY_MIN: Duration = Duration::from_millis(10);
/// Longest time between two attempts (RFC 8305 §5, "Maximum Connection Attempt Delay").
pub const ATTEMPT_DELAY_MAX: Duration = Duration::from_secs(2);
/// Longest wait for the preferred family's answer. RFC 8305 has no bound; a longer wait is no happy eyeball.
pub const RESOLUTION_DELAY_MAX: Duration = Duration::from_secs(2);
/// Addresses kept of each family; a DNS answer may hold thousands. The others are counted in
/// [`Race::left_out`](super::Race::left_out) and not tried.
pub const ADDRESSES_KEPT_PER_FAMILY: usize = 64;
/// The least an attempt's share of `connect_timeout` is, if there is that much (Go's `saneMinimum`).
pub const SHARE_MIN: Duration = Duration::from_secs(2);

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4: A records.
    V4,
    /// IPv6: AAAA records.
    V6,
}

impl Family {
    /// The family of an address. One of IPv4 written as IPv6 (`::ffff:192.0.2.1`) is IPv6: its socket is.
    pub fn of(address: &SocketAddr) -> Self {
        match address {
            SocketAddr::V4(_) => Self::V4,
            SocketAddr::V6(_) => Self::V6,
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }
}

/// One family or both: which are wanted, or which an answer is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Families {
    /// Both; as an answer: `getaddrinfo`'s, in its order.
    #[default]
    Both,
    /// One alone; as an answer: that of one A or AAAA query.
    Only(Family),
}

impl Families {
    /// Whether this family is meant.
    pub fn has(self, family: Family) -> bool {
        match self {
            Self::Both => true,
            Self::Only(only) => only == family,
        }
    }
}

/// Which address comes first, where the families leave a choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum First {
    /// As the resolver sorted them (RFC 6724; as Go does).
    #[default]
    AsResolved,
    /// The address a connection succeeded to last time (RFC 8305 §4: one used before goes first). It is tried
    /// only when the name still has it, and waits for no other family.
    LastGood(SocketAddr),
    /// Each family begins with its nth address (modulo their number), those before it come last: a number that
    /// grows with each dial spreads connections over all addresses.
    Rotated(usize),
}

/// The settings of a race.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The families to use; default both.
    pub families: Families,
    /// The family that goes first; default none: the first address's where one answer brings both families (the
    /// system sorted them, RFC 6724), else IPv6 (RFC 8305 §3).
    pub preferred: Option<Family>,
    /// Which address goes first; default as resolved.
    pub first: First,
    /// Attempts to the preferred family before the families alternate ("First Address Family Count", RFC 8305
    /// §4); default 1. Zero is the same as 1.
    pub first_family_count: usize,
    /// How long addresses of the other family wait for the preferred family's answer, from their arrival on
    /// (RFC 8305 §3); default 50 ms, at most [`RESOLUTION_DELAY_MAX`]. Zero does not wait.
    pub resolution_delay: Duration,
    /// From one attempt's start to the next one's (RFC 8305 §5); default 250 ms, taken as at least
    /// [`ATTEMPT_DELAY_MIN`] and at most [`ATTEMPT_DELAY_MAX`]. None: an attempt begins only when another has
    /// failed. Go starts the second family after 300 ms (`FallbackDelay`) and tries the addresses of one family one
    /// after the other.
    pub attempt_delay: Option<Duration>,
    /// From the race's beginning to its end, names included, TLS and proxies not; default none: no limit. While other
    /// addresses are left each attempt has a share of it (see [`SHARE_MIN`]).
    pub connect_timeout: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            families: Families::Both,
            preferred: None,
            first: First::AsResolved,
            first_family_count: 1,
            resolution_delay: Duration::from_millis(50),
            attempt_delay: Some(Duration::from_millis(250)),
            connect_timeout: None,
        }
    }
}

impl Settings {
    /// With every number within its bounds.
    pub(super) fn bounded(self) -> Self {
        Self {
            resolution_delay: self.resolution_delay.min(RESOLUTION_DELAY_MAX),
            attempt_delay: self
                .attempt_delay
                .map(|delay| delay.clamp(ATTEMPT_DELAY_MIN, ATTEMPT_DELAY_MAX)),
            ..self
        }
    }
}
