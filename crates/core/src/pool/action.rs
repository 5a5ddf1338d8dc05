//! `Action`: what the machine wants done, and the small answers of its methods.
//!
//! Owns the closed list of effects. Refuses to carry them out: the shell does, when its lock is gone.

use std::io;
use std::time::Instant;

use super::{Lane, Leased, Slot};
use crate::event::{ConnectionId, DialId};
use crate::reason::{CloseReason, Miss, PeerEnd};

/// Something the shell has to do, in the order given, outside the lock.
#[derive(Debug)]
#[must_use = "an action that is not carried out loses a connection or a call"]
pub enum Action<C, W, E> {
    /// The dial's end is of no interest any more: stop it. Its place is free already. Reporting its
    /// end all the same is allowed (a connection is then closed) and not needed.
    CancelDial {
        /// The dial.
        dial: DialId,
    },
    /// Close the socket.
    Close {
        /// The connection.
        id: ConnectionId,
        /// Its payload.
        connection: C,
        /// The runtime it belongs to.
        lane: Lane,
        /// The primary reason.
        reason: CloseReason,
        /// Requests it carried.
        requests: u64,
        /// When it was opened.
        opened: Instant,
        /// Whether it lay in the idle list when this was decided.
        was_idle: bool,
    },
    /// Give the connection to a waiting call.
    Deliver {
        /// The call's token.
        waiter: W,
        /// The connection, checked out already. If the call is gone: `put_back`.
        leased: Leased<C>,
        /// Some when the connection was dialled for those who wait (the call's own miss), none when it is a freed one.
        miss: Option<Miss>,
    },
    /// Open a connection. Ends with `dialed` or `dial_failed`.
    Dial {
        /// The dial.
        dial: DialId,
        /// The runtime to open it on.
        lane: Lane,
        /// Why it is needed.
        miss: Miss,
    },
    /// The connection was poked while it was on its way into the pool: look at its socket again.
    Recheck {
        /// Its place.
        slot: Slot,
        /// The connection.
        id: ConnectionId,
    },
    /// Tell a waiting call that it gets no connection.
    Refuse {
        /// The call's token.
        waiter: W,
        /// Why.
        why: Refusal<E>,
    },
}

/// Why a waiting call gets no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal<E> {
    /// Opening a connection failed, and no other dial or connection can serve the call.
    DialFailed(E),
    /// As many calls wait as may.
    QueueFull {
        /// `max_waiters`.
        limit: usize,
    },
    /// The runtime the call came from is gone.
    RuntimeGone,
    /// The client was shut down.
    ShutDown,
}

/// Where a connection went that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It may not serve again, for this reason; a close action follows.
    Closed(CloseReason),
    /// A deliver action hands it to a waiting call.
    Delivered,
    /// It is idle now.
    Parked,
}

/// How an idle connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleEnd {
    /// It is known why it ended, and that says nothing of how long the server keeps idle connections.
    Known(CloseReason),
    /// Reading failed.
    Failed(io::ErrorKind),
    /// The server closed it.
    PeerClosed(PeerEnd),
    /// Its runtime is gone.
    RuntimeGone,
    /// Bytes arrived that nobody asked for.
    Stray {
        /// How many were seen.
        bytes: u64,
    },
}
