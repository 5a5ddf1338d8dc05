//! Events made by hand, for histories that no server brings about on request.
//!
//! Owns a client's number and its clock. Refuses to keep the contract: some tests break it.

use std::time::{Duration, Instant};

use http::Method;
use http::uri::PathAndQuery;
use keepwarm::event::{
    CallId, ClientId, ConnectionId, DialId, Event, EventKind, Observer, Opening, Protocol,
};
use keepwarm::reason::{CloseReason, Closed, Miss, Reuse};

/// A client that is told what happens to it.
pub(crate) struct Puppet<'a> {
    pub(crate) observer: &'a dyn Observer,
    pub(crate) client: u64,
    pub(crate) origin: &'a str,
    pub(crate) now: Instant,
}

impl<'a> Puppet<'a> {
    pub(crate) fn new(observer: &'a dyn Observer) -> Self {
        Self {
            observer,
            client: 1,
            origin: "http://backend.example:8080",
            now: Instant::now(),
        }
    }

    pub(crate) fn tell(&self, kind: EventKind) {
        self.observer.on_event(&Event {
            at: self.now,
            client: ClientId(self.client),
            kind,
        });
    }

    pub(crate) fn later(&mut self, time: Duration) {
        self.now += time;
    }

    pub(crate) fn call_started(&self, call: u64, method: Method, target: &'static str) {
        self.tell(EventKind::CallStarted {
            call: CallId(call),
            method,
            origin: self.origin.parse().expect("an origin"),
            target: PathAndQuery::from_static(target),
        });
    }

    pub(crate) fn opened(&self, connection: u64, protocol: Protocol) {
        let origin = self.origin.parse().expect("an origin");
        self.tell(EventKind::DialStarted {
            dial: DialId(connection),
            origin,
            miss: Miss::FirstForOrigin,
        });
        self.tell(EventKind::DialEnded {
            dial: DialId(connection),
            outcome: Ok(ConnectionId(connection)),
        });
        self.tell(EventKind::Opened {
            connection: ConnectionId(connection),
            origin: self.origin.parse().expect("an origin"),
            local: None,
            remote: None,
            protocol,
            tls: None,
            via: None,
            took: Opening::default(),
        });
    }

    pub(crate) fn checked_out(&self, call: u64, connection: u64, requests: u64) {
        self.tell(EventKind::CheckedOut {
            call: CallId(call),
            connection: ConnectionId(connection),
            reused: requests > 1,
            requests,
            idle: (requests > 1).then_some(Duration::from_secs(3)),
        });
    }

    pub(crate) fn answered(&self, call: u64, connection: u64, status: u16) {
        self.tell(EventKind::ResponseHead {
            call: CallId(call),
            connection: ConnectionId(connection),
            status,
        });
    }

    pub(crate) fn exchange_ended(&self, call: u64, connection: u64) {
        self.tell(EventKind::ExchangeEnded {
            call: CallId(call),
            connection: ConnectionId(connection),
            reuse: Reuse::Keep,
            received: 100,
        });
    }

    pub(crate) fn call_ended(&self, call: u64) {
        self.tell(EventKind::CallEnded {
            call: CallId(call),
            failed: None,
        });
    }

    pub(crate) fn closed(&self, connection: u64, reason: CloseReason, age: Duration) {
        self.tell(EventKind::Closed {
            connection: ConnectionId(connection),
            closed: Closed::from(reason),
            requests: 2,
            age,
        });
    }
}
