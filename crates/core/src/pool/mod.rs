//! The pool of one origin as a machine: every decision, no socket, no clock, no lock.
//!
//! Owns which call gets which connection, when one is opened, and when and why one is closed. It does
//! not know HTTP (an exchange's verdict comes in as a [`Reuse`](crate::reason::Reuse)) and has no idea
//! what a connection is: the payload `C`, the waiting call's token `W` and a dial's error `E` are the shell's.
//!
//! ```text
//!            take ─────────────┐        ┌──────────── put: Keep, nobody waits
//!                              ▼        │
//!   ┌──────┐  Dial   ┌──────┐ Deliver ┌────────┐ put  ┌──────┐
//!   │ wait │ ──────► │ dial │ ──────► │ leased │ ───► │ idle │ ──► Close: idle_ended, expire,
//!   └──────┘         └──────┘         └────────┘      └──────┘     evict_oldest, close_idle …
//!       ▲  Deliver                        │ │
//!       └─────────────────────────────────┘ └─► Close: put with a reason, discard
//!          put: Keep, somebody waits
//! ```
//!
//! The shell calls an event method under its lock, lets the lock go, and then carries out the
//! [`Action`]s: nothing is closed, woken or dialled under a lock.
//!
//! * A connection is in exactly one of three hands: the idle list, a [`Leased`], or a `Close` action.
//! * A waiting call ends exactly once: `Deliver`, `Refuse`, or its own [`leave`](Machine::leave).
//! * A `Dial` action ends exactly once: [`dialed`](Machine::dialed), [`dial_failed`](Machine::dial_failed)
//!   or a `CancelDial` action.
//! * A connection serves only calls of its [`Lane`]: the runtime that drives its socket.
//! * A connection that carries several calls at once (HTTP/2) is leased once for all of them: the first takes it,
//!   the others [`join`](Machine::join), the last one's end puts it.
//! * Idle, active and dialling together never exceed `max_conns_per_host`.
//! * [`take`](Machine::take) and [`put`](Machine::put) cost the same with ten thousand idle connections as with one.
//!
//! One call, from miss to the pool:
//!
//! ```
//! use std::time::{Instant, SystemTime};
//! use keepwarm_core::event::{ConnectionId, DialId};
//! use keepwarm_core::pool::{Action, Hint, Lane, Limits, Machine, Put};
//! use keepwarm_core::reason::{Miss, Reuse};
//! use keepwarm_core::time::Now;
//!
//! let start = Instant::now();
//! let now = Now { instant: start, wall: SystemTime::UNIX_EPOCH };
//! let lane = Lane(1);
//! let mut pool: Machine<&str, &str, ()> = Machine::new(Limits::default(), 7);
//!
//! let miss = pool.take(now, lane, true).unwrap_err();
//! assert_eq!(miss, Miss::FirstForOrigin);
//! pool.wait(start, lane, true, miss, "call");
//! assert!(pool.wants_dial() && pool.start_dial(start, DialId(1)));
//! assert!(matches!(pool.take_actions()[..], [Action::Dial { dial: DialId(1), .. }]));
//!
//! pool.dialed(start, DialId(1), ConnectionId(1), |_slot| "socket");
//! let Some(Action::Deliver { waiter: "call", leased, .. }) = pool.take_actions().pop() else {
//!     panic!("the call gets its connection")
//! };
//! assert_eq!(pool.put(start, leased, Reuse::Keep, Hint::NONE), Put::Parked);
//! let again = pool.take(now, lane, true).unwrap();
//! assert!(again.reused());
//! # let _ = pool.put(start, again, Reuse::Keep, Hint::NONE);
//! ```

mod action;
mod census;
mod chain;
mod clock;
mod counts;
mod dialing;
mod dials;
mod lanes;
mod leased;
mod lifetimes;
mod limits;
mod machine;
mod outlook;
mod queue;
mod returns;
mod sharing;
mod slots;
mod upkeep;
mod waiters;

pub use action::{Action, IdleEnd, Put, Refusal};
pub use census::Census;
pub use counts::{ClosedCount, Counts};
pub use leased::Leased;
pub use limits::{Hint, Limits};
pub use machine::Machine;
pub use waiters::Ticket;

/// The runtime that drives a connection's socket. A connection serves only calls of its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(pub u64);

/// A connection's place in the machine: constant for its life, used again for another one later,
/// so always given together with the [`ConnectionId`](crate::event::ConnectionId).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u32);
