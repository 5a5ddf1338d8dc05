//! `Tally`: from events to numbers, for whatever metrics system carries them.
//!
//! Owns what is counted when, and what must be remembered for it: the calls, dials and connections under way, and the
//! origins up to a number. Refuses to know how a metrics system names or stores anything.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::HashTable;
use keepwarm_core::event::{ClientId, Event, EventKind, Protocol};
use keepwarm_core::origin::Origin;
use keepwarm_core::reason::{Closed, Miss, Phase};

use super::Instruments;
use super::place::{Answered, Place, method, status};
use crate::observe::under_way::{MOST, UnderWay};

/// Counts events.
pub(in crate::observe) struct Tally<I: Instruments>(Mutex<State<I>>);

struct State<I: Instruments> {
    instruments: I,
    places: Vec<Place<I>>,
    origins: HashTable<(Origin, usize)>,
    most_origins: usize,
    calls: UnderWay<Call>,
    dials: UnderWay<Dial>,
    connections: UnderWay<Open>,
}

struct Call {
    place: usize,
    began: Instant,
    method: &'static str,
    status: u16,
}

struct Dial {
    place: usize,
    began: Instant,
    miss: Miss,
}

struct Open {
    place: usize,
    protocol: Protocol,
    /// Calls on it right now; several on one of HTTP/2.
    users: u32,
}

impl<I: Instruments> Tally<I> {
    /// Origins beyond this number are counted together.
    pub(in crate::observe) fn new(instruments: I, most_origins: usize) -> Self {
        Self(Mutex::new(State {
            instruments,
            places: Vec::new(),
            origins: HashTable::new(),
            most_origins,
            calls: UnderWay::new(MOST),
            dials: UnderWay::new(MOST),
            connections: UnderWay::new(MOST),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State<I>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::observe) fn event(&self, event: &Event) {
        self.lock().event(event.client, event.at, &event.kind);
    }
}

impl<I: Instruments> State<I> {
    fn event(&mut self, client: ClientId, at: Instant, kind: &EventKind) {
        match kind {
            EventKind::Configured { .. }
            | EventKind::Parked { .. }
            | EventKind::Queued { .. }
            | EventKind::RequestSent { .. } => {}
            EventKind::CallStarted {
                call,
                method: is,
                origin,
                target: _,
            } => self.call_started(client, call.0, at, method(is), origin),
            EventKind::Dequeued { call, waited } => {
                if let Some(call) = self.calls.get(client, call.0) {
                    I::record(self.places[call.place].time_in_queue(), *waited);
                }
            }
            EventKind::DialStarted { dial, origin, miss } => {
                let dialing = Dial {
                    place: self.place(origin),
                    began: at,
                    miss: *miss,
                };
                self.dials.begin(client, dial.0, dialing);
            }
            EventKind::DialEnded { dial, outcome } => {
                self.dial_ended(client, dial.0, at, outcome.is_ok());
            }
            EventKind::Opened {
                connection,
                origin,
                protocol,
                ..
            } => self.opened(client, connection.0, origin, *protocol),
            EventKind::CheckedOut {
                call,
                connection,
                reused,
                idle,
                ..
            } => {
                self.served(client, call.0, *reused, *idle);
                self.taken(client, connection.0);
            }
            EventKind::ResponseHead {
                call, status: is, ..
            } => self.answered(client, call.0, *is),
            EventKind::ExchangeEnded { connection, .. } => self.given_back(client, connection.0),
            EventKind::Closed {
                connection,
                closed,
                age,
                ..
            } => self.closed(client, connection.0, closed, *age),
            EventKind::RetryDecided { call, retry } => {
                if let Some(call) = self.calls.get(client, call.0) {
                    // An answer that is asked for again was none.
                    call.status = 0;
                    I::add(self.places[call.place].retry(*retry, &self.instruments));
                }
            }
            EventKind::CallEnded { call, failed } => self.call_ended(client, call.0, at, *failed),
        }
    }

    fn call_started(
        &mut self,
        client: ClientId,
        number: u64,
        began: Instant,
        method: &'static str,
        origin: &Origin,
    ) {
        let place = self.place(origin);
        let call = Call {
            place,
            began,
            method,
            status: 0,
        };
        I::shift(self.places[place].active(), 1);
        if let Some(forgotten) = self.calls.begin(client, number, call) {
            I::shift(self.places[forgotten.place].active(), -1);
        }
    }

    /// It has a connection.
    fn served(&mut self, client: ClientId, number: u64, reused: bool, idle: Option<Duration>) {
        let Some(call) = self.calls.get(client, number) else {
            return;
        };
        let place = &self.places[call.place];
        I::add(place.requests(reused));
        if let Some(idle) = idle.filter(|_| reused) {
            I::record(place.idle_before_reuse(), idle);
        }
    }

    fn answered(&mut self, client: ClientId, number: u64, is: u16) {
        // An interim answer is not the answer; 101 is.
        if (is >= 200 || is == 101)
            && let Some(call) = self.calls.get(client, number)
        {
            call.status = status(is);
        }
    }

    fn call_ended(&mut self, client: ClientId, number: u64, ended: Instant, failed: Option<Phase>) {
        let Some(call) = self.calls.end(client, number) else {
            return;
        };
        let place = &mut self.places[call.place];
        I::shift(place.active(), -1);
        let answered = Answered {
            method: call.method,
            status: call.status,
            failed,
        };
        I::record(
            place.calls(answered, &self.instruments),
            ended.saturating_duration_since(call.began),
        );
    }

    fn dial_ended(&mut self, client: ClientId, number: u64, ended: Instant, is_open: bool) {
        let Some(dial) = self.dials.end(client, number) else {
            return;
        };
        let place = &mut self.places[dial.place];
        if is_open {
            I::record(place.dials(), ended.saturating_duration_since(dial.began));
            I::add(place.opened(&dial.miss, &self.instruments));
        } else {
            I::add(place.dials_failed());
        }
    }

    fn opened(&mut self, client: ClientId, number: u64, origin: &Origin, protocol: Protocol) {
        let place = self.place(origin);
        // One of its number that never ended, if there was.
        self.leave(client, number);
        let open = Open {
            place,
            protocol,
            users: 0,
        };
        if self.connections.begin(client, number, open).is_none() {
            let lane = self.places[place].lane(protocol, &self.instruments);
            I::shift(&lane.idle, 1);
        }
    }

    /// A call took it.
    fn taken(&mut self, client: ClientId, number: u64) {
        if let Some(open) = self.connections.get(client, number) {
            open.users += 1;
            if open.users == 1 {
                let lane = self.places[open.place].lane(open.protocol, &self.instruments);
                I::shift(&lane.idle, -1);
                I::shift(&lane.active, 1);
            }
        }
    }

    /// A call is done with it.
    fn given_back(&mut self, client: ClientId, number: u64) {
        if let Some(open) = self.connections.get(client, number)
            && open.users > 0
        {
            open.users -= 1;
            if open.users == 0 {
                let lane = self.places[open.place].lane(open.protocol, &self.instruments);
                I::shift(&lane.active, -1);
                I::shift(&lane.idle, 1);
            }
        }
    }

    fn closed(&mut self, client: ClientId, number: u64, closed: &Closed, age: Duration) {
        if let Some(open) = self.leave(client, number) {
            let place = &mut self.places[open.place];
            let ended = place.closed(open.protocol, closed, &self.instruments);
            I::add(&ended.count);
            I::record(&ended.ages, age);
        }
    }

    /// It is open no more.
    fn leave(&mut self, client: ClientId, number: u64) -> Option<Open> {
        let open = self.connections.end(client, number)?;
        let lane = self.places[open.place].lane(open.protocol, &self.instruments);
        let state = if open.users > 0 {
            &lane.active
        } else {
            &lane.idle
        };
        I::shift(state, -1);
        Some(open)
    }

    /// The origin's index among the places; that of all others when there are too many.
    fn place(&mut self, origin: &Origin) -> usize {
        let hash = origin.parts().hash_code();
        if let Some((_, place)) = self.origins.find(hash, |(known, _)| known == origin) {
            return *place;
        }
        if self.origins.len() >= self.most_origins {
            // The last place, made when the first origin finds no room.
            if self.places.len() == self.most_origins {
                self.places.push(Place::other(&self.instruments));
            }
            return self.most_origins;
        }
        let place = self.places.len();
        self.places.push(Place::of(origin, &self.instruments));
        let rehash = |(known, _): &(Origin, usize)| known.parts().hash_code();
        self.origins
            .insert_unique(hash, (origin.clone(), place), rehash);
        place
    }
}
