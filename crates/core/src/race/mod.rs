//! The race for one connection over all addresses of a name: Happy Eyeballs (RFC 8305), as a machine.
//!
//! Owns which address is tried when, and how long. It resolves nothing, connects nothing and has no clock: the shell
//! makes the queries and the sockets, tells what came of them, and carries out the [`Action`]s. What connecting
//! includes (TCP alone, or a handshake too) is the shell's choice.
//!
//! ```text
//!    on_resolved ──► candidates ──Start──► under way ──on_connected──► Won    (the others: Cancel)
//!    on_unresolved     │      ▲                 │
//!                      │      └─ the next ──────┤ on_failed, or its share of connect_timeout is used up
//!                      └ none left, none to come, none under way ──► Failed
//!                                  connect_timeout, cancel ──► Failed       (all: Cancel)
//! ```
//!
//! * A race ends exactly once, with `Won` or `Failed` as its last action; it keeps what every attempt met.
//! * A `Start` ends exactly once: with [`on_connected`](Race::on_connected), [`on_failed`](Race::on_failed) or a
//!   `Cancel` action.
//! * No address is tried twice.
//! * Until it is over, an action is there, or [`next_deadline`](Race::next_deadline), or a query or an attempt is
//!   under way.
//! * Once it is won, queries still under way are of no use to it. A resolver that remembers answers may let them go on
//!   for a second (RFC 8305 §5).
//!
//! Where Go's `net.Dialer` differs: it waits for both families' answers, tries the addresses of a family one after the
//! other, and races the two families only, the second 300 ms after the first (RFC 6555). A black-holed address costs
//! those behind it in its family its whole share of the time; here 250 ms. What Go reports is the first family's first
//! failure; here all are kept.
//!
//! IPv6 does not answer, IPv4 does:
//!
//! ```
//! use std::time::{Duration, Instant};
//! use keepwarm_core::race::{Action, AttemptId, Families, Race, Settings};
//!
//! let start = Instant::now();
//! let mut race: Race<&str> = Race::new(Settings::default(), start);
//! let six = "[2001:db8::1]:443".parse().unwrap();
//! let four = "192.0.2.1:443".parse().unwrap();
//!
//! race.on_resolved(start, Families::Both, &[six, four]);
//! let first = AttemptId(0);
//! assert_eq!(race.next_action(), Some(Action::Start { attempt: first, address: six }));
//! assert_eq!(race.next_action(), None);
//!
//! let later = race.next_deadline().unwrap();
//! assert_eq!(later, start + Duration::from_millis(250));
//! race.on_time(later);
//! let second = AttemptId(1);
//! assert_eq!(race.next_action(), Some(Action::Start { attempt: second, address: four }));
//!
//! race.on_connected(later, second);
//! assert_eq!(race.next_action(), Some(Action::Cancel { attempt: first }));
//! assert_eq!(race.next_action(), Some(Action::Won { attempt: second }));
//! ```

mod attempt;
mod candidates;
mod machine;
mod settings;

pub use attempt::{Action, Attempt, AttemptId, End, Unresolved, Why};
pub use machine::Race;
pub use settings::{
    ADDRESSES_KEPT_PER_FAMILY, ATTEMPT_DELAY_MAX, ATTEMPT_DELAY_MIN, Families, Family, First,
    RESOLUTION_DELAY_MAX, SHARE_MIN, Settings,
};
