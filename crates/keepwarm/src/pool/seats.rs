//! `Seat`: a call's place on a connection that carries several at once, and the table of who sits where.
//!
//! To the machine such a connection is leased once, for as long as anybody sits on it: the first call takes it, the
//! others join, the last one's leaving puts it back. Owns that account. Refuses to know what the calls do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use keepwarm_core::event::{ConnectionId, EventKind};
use keepwarm_core::origin::Scheme;
use keepwarm_core::pool::{Hint, Lane, Slot};
use keepwarm_core::reason::{CloseReason, Miss, Reuse};

use super::lease::{Granted, Waiter};
use super::origin::{OriginPool, State};
use super::sync::clock;
use super::{Action, Leased, Machine, Pooled};
use crate::config::{Settings, Versions};
use crate::conn::{Facts, Link, Protocol, Quiet};

/// The connections of one origin that somebody sits on, and what is known of the server's protocol.
pub(super) struct Table {
    rows: Vec<Row>,
    /// What it speaks; none until a connection was opened.
    speaks: Option<Protocol>,
    /// While that is not known, one connection is opened to find out.
    finds_out: bool,
    /// How many shared connections may be open.
    most_connections: Option<usize>,
    /// Connections that are on their way back to the machine, while the observer is told: nobody dials meanwhile.
    returning: usize,
    /// Nobody dials while it is being found out whether another origin's connection serves.
    held: bool,
}

impl Table {
    pub(super) fn new(settings: &Settings, versions: Versions, scheme: Scheme) -> Self {
        Self {
            rows: Vec::new(),
            speaks: (versions == Versions::Http2).then_some(Protocol::H2),
            finds_out: versions == Versions::Both && scheme == Scheme::Https,
            most_connections: settings.most_http2_connections(),
            returning: 0,
            held: false,
        }
    }

    /// Whether a connection of this origin may be shared.
    #[inline]
    pub(super) fn is_used(&self) -> bool {
        self.speaks == Some(Protocol::H2)
    }

    /// Dials at a time, as far as the protocol decides: `open` are open or being opened.
    pub(super) fn most_dials(&self, open: usize) -> Option<usize> {
        match self.speaks {
            None | Some(Protocol::H1 | Protocol::H2) if self.held => Some(0),
            Some(Protocol::H2) if self.returning > 0 => Some(0),
            None if self.finds_out => Some(1),
            None | Some(Protocol::H1) => None,
            Some(Protocol::H2) => match self.most_connections {
                Some(most) if open >= most => Some(0),
                Some(_) | None => Some(1),
            },
        }
    }
}

struct Row {
    leased: Leased,
    seats: usize,
    /// Nobody may join any more; it closes with its last call.
    closing: Option<CloseReason>,
}

/// A place on a shared connection. Dropping it frees the place.
pub(crate) struct Seat {
    pool: Arc<OriginPool>,
    /// The pool of the call's origin, when the connection is another's.
    guest: Option<Arc<OriginPool>>,
    link: Link,
    lane: Lane,
    slot: Slot,
    id: ConnectionId,
    facts: Arc<Facts>,
    requests: u64,
    idle: Option<Duration>,
    opened: Instant,
    miss: Option<Miss>,
    /// The stream's number, once it is open.
    stream: Option<u32>,
    held: bool,
}

impl Seat {
    pub(crate) fn id(&self) -> ConnectionId {
        self.id
    }

    pub(crate) fn pool(&self) -> &Arc<OriginPool> {
        &self.pool
    }

    /// The pool of the origin that was called. Usually the same.
    pub(crate) fn caller(&self) -> &Arc<OriginPool> {
        self.guest.as_ref().unwrap_or(&self.pool)
    }

    /// Whether the connection was opened for another origin than the one that was called.
    pub(crate) fn is_visit(&self) -> bool {
        self.guest.is_some()
    }

    /// It is for a call to this origin, which sees the connection so.
    pub(super) fn visit(&mut self, guest: &Arc<OriginPool>, facts: Arc<Facts>) {
        self.guest = Some(Arc::clone(guest));
        self.facts = facts;
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    pub(crate) fn link_mut(&mut self) -> &mut Link {
        &mut self.link
    }

    /// What holds for the connection's whole life.
    pub(crate) fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }

    /// Whether the connection had carried a request before this one.
    pub(crate) fn served_before(&self) -> bool {
        self.requests > 1
    }

    pub(crate) fn idle(&self) -> Option<Duration> {
        self.idle
    }

    pub(crate) fn opened(&self) -> Instant {
        self.opened
    }

    pub(crate) fn miss(&self) -> Option<Miss> {
        self.miss
    }

    /// The stream is open: the server may have the request.
    pub(crate) fn begin(&mut self, stream: u32) {
        self.stream = Some(stream);
        if let Some(coalescing) = self.guest.as_ref().and_then(|it| it.coalescing.as_ref()) {
            coalescing.note_stream();
        }
    }

    pub(crate) fn stream(&self) -> Option<u32> {
        self.stream
    }

    /// Whether a stream was opened.
    pub(crate) fn is_used(&self) -> bool {
        self.stream.is_some()
    }

    /// The exchange is over; with a reason nobody may join the connection any more.
    pub(crate) fn finish(mut self, reason: Option<CloseReason>) {
        self.held = false;
        self.pool.rise(&self, reason);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.held {
            self.held = false;
            self.pool.rise(self, None);
        }
    }
}

impl State {
    /// A place on a connection of this lane that somebody sits on already.
    pub(super) fn join(
        &mut self,
        pool: &Arc<OriginPool>,
        now: Instant,
        lane: Lane,
    ) -> Option<Seat> {
        let (rows, machine) = (&mut self.seats.rows, &mut self.machine);
        let row = rows
            .iter_mut()
            .find_map(|row| row.join(machine, now, lane))?;
        Some(row.seat(pool, Some(Duration::ZERO), None))
    }

    /// The same on this connection alone.
    pub(super) fn join_one(
        &mut self,
        pool: &Arc<OriginPool>,
        now: Instant,
        lane: Lane,
        id: ConnectionId,
    ) -> Option<Seat> {
        let (rows, machine) = (&mut self.seats.rows, &mut self.machine);
        let row = rows.iter_mut().find(|row| row.leased.id() == id)?;
        let row = row.join(machine, now, lane)?;
        Some(row.seat(pool, Some(Duration::ZERO), None))
    }

    /// Whether somebody sits on this connection.
    pub(super) fn is_sat_on(&self, id: ConnectionId) -> bool {
        self.seats.rows.iter().any(|row| row.leased.id() == id)
    }

    /// Whether the server chose HTTP/1.1 when it had the choice, as far as it is known.
    pub(super) fn speaks_http1(&self) -> bool {
        self.seats.speaks == Some(Protocol::H1)
    }

    /// Whether dials wait until it is known if another origin's connection serves.
    pub(super) fn hold_dials(&mut self, held: bool) {
        self.seats.held = held;
        self.steer();
    }

    /// The first place on a connection that was taken from the machine.
    pub(super) fn sit_down(
        &mut self,
        pool: &Arc<OriginPool>,
        leased: Leased,
        miss: Option<Miss>,
    ) -> Seat {
        let idle = leased.idle();
        let row = Row {
            leased,
            seats: 1,
            closing: None,
        };
        let seat = row.seat(pool, idle, miss);
        self.seats.rows.push(row);
        seat
    }

    /// A connection was opened: what the server speaks is known, for now.
    pub(super) fn note_protocol(&mut self, protocol: Protocol) {
        self.seats.speaks = Some(protocol);
        self.steer();
    }

    /// The pioneer failed: who waits may dial for itself.
    pub(super) fn note_dial_failed(&mut self) {
        if self.seats.speaks.is_none() {
            self.seats.finds_out = false;
            self.steer();
        }
    }

    fn steer(&mut self) {
        let open = self.machine.census().open();
        self.machine.restrict_dials(self.seats.most_dials(open));
    }

    /// Whether one connection that is open, or being opened, is as good as several.
    pub(super) fn is_enough_ahead_of_need(&self) -> bool {
        let one_is_enough = match self.seats.speaks {
            None => self.seats.finds_out,
            Some(Protocol::H1) => false,
            Some(Protocol::H2) => true,
        };
        one_is_enough && self.machine.census().open() > 0
    }

    /// Turns the delivery of a connection that can be shared into a place on it, and serves whom else it can serve.
    pub(super) fn seat_the_delivered(
        &mut self,
        pool: &Arc<OriginPool>,
        actions: &mut Vec<Action>,
    ) -> Vec<(Waiter, Seat)> {
        let mut seated = Vec::new();
        let now = clock::now();
        let mut others = Vec::with_capacity(actions.len());
        for action in actions.drain(..) {
            match action {
                Action::Deliver {
                    waiter,
                    leased,
                    miss,
                } if leased.connection.link().is_some() => {
                    let lane = leased.lane();
                    seated.push((waiter, self.sit_down(pool, leased, miss)));
                    self.serve(pool, now, lane, &mut seated);
                }
                action => others.push(action),
            }
        }
        others.extend(self.machine.take_actions());
        *actions = others;
        self.steer();
        seated
    }

    /// Places for the calls of a lane that wait, as far as there are any.
    pub(super) fn serve(
        &mut self,
        pool: &Arc<OriginPool>,
        now: Instant,
        lane: Lane,
        served: &mut Vec<(Waiter, Seat)>,
    ) {
        while self.machine.has_waiter(lane)
            && let Some(seat) = self.join(pool, now, lane)
        {
            match self.machine.pull_waiter(lane) {
                Some((waiter, _)) => served.push((waiter, seat)),
                None => unreachable!("somebody waits, and the lock is held"),
            }
        }
    }

    /// A call has left. The connection, when it was the last one on it.
    fn leave_seat(
        &mut self,
        seat: &Seat,
        reason: Option<CloseReason>,
    ) -> Option<(Leased, Option<CloseReason>)> {
        let is_meant = |row: &Row| row.leased.slot() == seat.slot && row.leased.id() == seat.id;
        let at = self.seats.rows.iter().position(is_meant)?;
        let row = &mut self.seats.rows[at];
        row.closing = row.closing.or(reason);
        if !seat.is_used() {
            self.machine.unjoin(&mut row.leased);
        }
        row.seats -= 1;
        if let Some(link) = row.leased.connection.link() {
            link.note_streams(row.seats);
        }
        if row.seats > 0 {
            return None;
        }
        let Row {
            leased, closing, ..
        } = self.seats.rows.swap_remove(at);
        Some((leased, closing))
    }
}

impl Row {
    /// Counts one call more on it, if it can have one.
    fn join(&mut self, machine: &mut Machine, now: Instant, lane: Lane) -> Option<&Self> {
        if self.closing.is_some() || self.leased.lane() != lane {
            return None;
        }
        let link = self.leased.connection.link()?;
        if self.seats >= link.capacity() {
            return None;
        }
        if let Some(reason) = link.objection() {
            self.closing = Some(reason);
            return None;
        }
        if let Err(reason) = machine.join(now, &mut self.leased) {
            self.closing = Some(reason);
            return None;
        }
        self.seats += 1;
        Some(self)
    }

    fn seat(&self, pool: &Arc<OriginPool>, idle: Option<Duration>, miss: Option<Miss>) -> Seat {
        let connection: &Pooled = &self.leased.connection;
        let link = connection.link().expect("rows hold shared connections");
        link.note_streams(self.seats);
        let requests = self.leased.requests();
        Seat {
            pool: Arc::clone(pool),
            guest: None,
            link: link.clone(),
            lane: self.leased.lane(),
            slot: self.leased.slot(),
            id: self.leased.id(),
            facts: Arc::clone(&connection.facts),
            requests,
            idle: idle.filter(|_| requests > 1),
            opened: self.leased.opened(),
            miss,
            stream: None,
            held: true,
        }
    }
}

impl OriginPool {
    /// Frees a place: for a call that waits, or for the pool when it was the last.
    fn rise(self: &Arc<Self>, seat: &Seat, reason: Option<CloseReason>) {
        let now = clock::now();
        let mut served = Vec::new();
        let mut parked = None;
        self.enter(None, |state| {
            let left = state.leave_seat(seat, reason);
            let Some((mut leased, closing)) = left else {
                state.serve(self, now, seat.lane, &mut served);
                return;
            };
            let verdict = verdict_on(&mut leased, closing);
            if verdict.is_keep() && self.shared.is_observed() {
                // It waits outside until the observer knows: no call is told to have it before.
                state.seats.returning += 1;
                state.steer();
                parked = Some(leased);
                return;
            }
            state.machine.put(now, leased, verdict, Hint::NONE);
        });
        if let Some(leased) = parked {
            let connection = leased.id();
            self.shared.emit(|| EventKind::Parked { connection });
            self.enter(None, |state| {
                state.seats.returning -= 1;
                state.steer();
                (state.machine).put(clock::now(), leased, Reuse::Keep, Hint::NONE);
            });
        }
        hand_out(served);
        if self.coalescing.is_some() {
            self.shared.global.let_the_starving_look_elsewhere();
        }
    }
}

/// What becomes of a connection that its last call has left.
fn verdict_on(leased: &mut Leased, closing: Option<CloseReason>) -> Reuse {
    if let Some(reason) = closing {
        return Reuse::close(reason);
    }
    match leased.connection.park() {
        Quiet::Nothing => Reuse::Keep,
        quiet @ (Quiet::End(_) | Quiet::Bytes(_) | Quiet::Failed(_)) => {
            // It was not idle: what its driver found out is told, and nothing is learned of idle times.
            let known = leased.connection.link().and_then(Link::objection);
            let why = || super::lease::dead_because(quiet, Duration::ZERO);
            Reuse::close(known.unwrap_or_else(why))
        }
    }
}

/// Gives calls their places. A call that has gone meanwhile gives its own back at once.
pub(super) fn hand_out(served: Vec<(Waiter, Seat)>) {
    for (waiter, seat) in served {
        let _returned = waiter.0.send(Ok(Granted::Seat(Box::new(seat))));
    }
}
