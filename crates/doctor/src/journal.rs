//! `Journal` and `Track`: what happens on the connections of an examination, told as events.
//!
//! Owns the numbers of connections and requests, so that pictures and records can be made of an examination as of any
//! client. Refuses to know what is examined.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::Method;
use http::uri::PathAndQuery;
use keepwarm_core::event::{
    CallId, ClientId, ConnectionId, DialId, Event, EventKind, Observer, Opening, Protocol, TlsInfo,
};
use keepwarm_core::origin::Origin;
use keepwarm_core::reason::{CloseReason, Miss, PeerEnd, Phase, Reuse};

use crate::ending::EndedBy;
use crate::exchange::Answer;

/// Each examination is a client of its own.
static CLIENTS: AtomicU64 = AtomicU64::new(0);

/// Tells an observer what happens; nothing when there is none.
pub(crate) struct Journal {
    observer: Option<Arc<dyn Observer>>,
    client: ClientId,
    origin: Origin,
    connections: AtomicU64,
    calls: AtomicU64,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

/// What is told of a connection as it is opened.
pub(crate) struct Opened {
    pub(crate) began: Instant,
    pub(crate) opened: Instant,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: SocketAddr,
    pub(crate) protocol: Protocol,
    pub(crate) tls: Option<TlsInfo>,
    pub(crate) took: Opening,
}

impl Journal {
    pub(crate) fn new(observer: Option<Arc<dyn Observer>>, origin: Origin) -> Arc<Self> {
        Arc::new(Self {
            observer,
            client: ClientId(CLIENTS.fetch_add(1, Ordering::Relaxed) + 1),
            origin,
            connections: AtomicU64::new(0),
            calls: AtomicU64::new(0),
        })
    }

    fn tell(&self, at: Instant, kind: EventKind) {
        if let Some(observer) = &self.observer {
            observer.on_owned_event(Event {
                at,
                client: self.client,
                kind,
            });
        }
    }

    /// Connections are opened because an examination wants them, not because a request found none.
    fn dial(&self, began: Instant) -> u64 {
        let number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let kind = EventKind::DialStarted {
            dial: DialId(number),
            origin: self.origin.clone(),
            miss: Miss::Prewarm,
        };
        self.tell(began, kind);
        number
    }

    /// A connection exists.
    pub(crate) fn opened(self: &Arc<Self>, told: Opened) -> Track {
        let number = self.dial(told.began);
        let (dial, connection) = (DialId(number), ConnectionId(number));
        let outcome = Ok(connection);
        self.tell(told.opened, EventKind::DialEnded { dial, outcome });
        let kind = EventKind::Opened {
            connection,
            origin: self.origin.clone(),
            local: told.local,
            remote: Some(told.remote),
            protocol: told.protocol,
            tls: told.tls.map(Box::new),
            via: None,
            took: told.took,
        };
        self.tell(told.opened, kind);
        Track {
            journal: Arc::clone(self),
            connection,
            opened: told.opened,
            idle_since: told.opened,
            requests: 0,
            first_byte: None,
            end: None,
        }
    }

    /// None could be opened.
    pub(crate) fn failed(&self, began: Instant, error: String) {
        let dial = DialId(self.dial(began));
        let outcome = Err(error);
        self.tell(Instant::now(), EventKind::DialEnded { dial, outcome });
    }
}

/// The account of one connection. Dropped with it, and tells its end.
#[derive(Debug)]
pub(crate) struct Track {
    journal: Arc<Journal>,
    connection: ConnectionId,
    opened: Instant,
    idle_since: Instant,
    requests: u64,
    /// When the answer under way began.
    first_byte: Option<Instant>,
    /// How it ended, when it did not by our closing it.
    end: Option<(CloseReason, Instant)>,
}

impl Track {
    /// A request is about to be written.
    pub(crate) fn ask(&mut self, method: Method, target: &str) -> CallId {
        let now = Instant::now();
        let call = CallId(self.journal.calls.fetch_add(1, Ordering::Relaxed) + 1);
        let started = EventKind::CallStarted {
            call,
            method,
            origin: self.journal.origin.clone(),
            target: PathAndQuery::try_from(target)
                .unwrap_or_else(|_| PathAndQuery::from_static("/")),
        };
        self.journal.tell(now, started);
        self.requests += 1;
        let reused = self.requests > 1;
        let taken = EventKind::CheckedOut {
            call,
            connection: self.connection,
            reused,
            requests: self.requests,
            idle: reused.then(|| now - self.idle_since),
        };
        self.journal.tell(now, taken);
        call
    }

    /// It was written.
    pub(crate) fn sent(&self, call: CallId, bytes: usize) {
        let kind = EventKind::RequestSent {
            call,
            connection: self.connection,
            bytes: bytes as u64,
        };
        self.journal.tell(Instant::now(), kind);
    }

    /// Its first bytes came: the head is told with this time once its status is known.
    pub(crate) fn began(&mut self) {
        self.first_byte = Some(Instant::now());
    }

    /// An answer is complete.
    pub(crate) fn answered(&mut self, call: CallId, answer: &Answer, received: u64) {
        let (connection, at) = (self.connection, answer.last_byte);
        self.idle_since = at;
        if let Some(reason) = answer.reuse.primary() {
            self.end = Some((*reason, at));
        }
        let status = answer.status.as_u16();
        let head = EventKind::ResponseHead {
            call,
            connection,
            status,
        };
        self.journal
            .tell(self.first_byte.take().unwrap_or(at), head);
        let ended = EventKind::ExchangeEnded {
            call,
            connection,
            reuse: answer.reuse.clone(),
            received,
        };
        self.journal.tell(at, ended);
        let failed = None;
        self.journal.tell(at, EventKind::CallEnded { call, failed });
    }

    /// There will be no answer.
    pub(crate) fn failed(&mut self, call: CallId, reason: CloseReason) {
        let at = Instant::now();
        self.end.get_or_insert((reason, at));
        let ended = EventKind::ExchangeEnded {
            call,
            connection: self.connection,
            reuse: Reuse::close(reason),
            received: 0,
        };
        self.journal.tell(at, ended);
        let failed = Some(Phase::Wait);
        self.journal.tell(at, EventKind::CallEnded { call, failed });
    }

    /// The peer ended it while it was idle.
    pub(crate) fn ended(&mut self, by: EndedBy, at: Instant, bytes: usize) {
        let how = match by {
            EndedBy::CloseNotify => PeerEnd::CloseNotify,
            EndedBy::Fin => PeerEnd::Fin,
            EndedBy::GoAway => PeerEnd::GoAway,
            EndedBy::Rst => PeerEnd::Reset,
            EndedBy::StrayBytes {
                request_timeout: true,
            } => PeerEnd::RequestTimeout,
            EndedBy::StrayBytes {
                request_timeout: false,
            } => {
                let bytes = bytes as u64;
                self.end = Some((CloseReason::StrayBytes { bytes }, at));
                return;
            }
        };
        let idle = at.saturating_duration_since(self.idle_since);
        self.end = Some((CloseReason::PeerClosedIdle { how, idle }, at));
    }
}

impl Drop for Track {
    fn drop(&mut self) {
        let (reason, at) = self
            .end
            .unwrap_or_else(|| (CloseReason::ShutDown, Instant::now()));
        let kind = EventKind::Closed {
            connection: self.connection,
            closed: reason.into(),
            requests: self.requests,
            age: at - self.opened,
        };
        self.journal.tell(at, kind);
    }
}
