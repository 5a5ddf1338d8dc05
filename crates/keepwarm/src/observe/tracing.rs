//! `Tracing`: calls and connections as spans and events of the crate `tracing`.
//!
//! Owns the spans, their names, fields and levels. Refuses to write queries, headers or bodies, and to be locked while
//! a subscriber is told: that may make calls of its own.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keepwarm_core::event::{CallId, ClientId, ConnectionId, DialId, Event, EventKind, Observer};
use keepwarm_core::origin::Origin;
use keepwarm_core::reason::{Closed, Miss, Phase, Retry, Reuse, text};
use tracing::Span;
use tracing::field::Empty;

use super::under_way::{MOST, UnderWay};

/// An event at `info` when it is worth a look in operation, else at `debug`.
macro_rules! told {
    ($is_notable:expr, $($rest:tt)*) => {
        if $is_notable {
            tracing::info!(target: "keepwarm", $($rest)*);
        } else {
            tracing::debug!(target: "keepwarm", $($rest)*);
        }
    };
}

/// Tells calls and connections to the process's `tracing` subscriber, all with the target `keepwarm`.
///
/// Two spans at `debug`: `keepwarm.call` (`client`, `call`, `method`, `origin`, `path`, `status`), a child of the span
/// in which the call was made, and `keepwarm.connection` (`client`, `connection`, `origin`, `protocol`, `tls`,
/// `remote`, `via`, `miss`; at its end `reason`, `closed_by`, `requests`, `age_ms`), a root of its own because it
/// outlives calls. A call *follows from* each connection that it used, which OpenTelemetry shows as a link.
///
/// Events in them: at `debug` what goes as it should, at `info` what costs a connection that need not be lost and what
/// was sent again, at `warn` what failed. Each has `origin`, so that it says enough where spans are filtered out. Of a
/// URL scheme, host, port and path are told, never the query.
///
/// What it costs is the subscriber's affair.
pub struct Tracing {
    state: Mutex<State>,
}

struct State {
    calls: UnderWay<Arc<Call>>,
    connections: UnderWay<Arc<Connection>>,
    /// Why each dial began, until it ends.
    dials: UnderWay<(Origin, Miss)>,
    /// The same from the end of the dial to the connection that it opened.
    misses: UnderWay<Miss>,
}

struct Call {
    span: Span,
    origin: Origin,
}

struct Connection {
    span: Span,
    origin: Origin,
}

impl Tracing {
    /// With nothing under way yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Mutex::new(State {
                calls: UnderWay::new(MOST),
                connections: UnderWay::new(MOST),
                dials: UnderWay::new(MOST),
                misses: UnderWay::new(MOST),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(&self, client: ClientId, id: ConnectionId) -> Option<Arc<Connection>> {
        self.lock().connections.get(client, id.0).cloned()
    }
}

impl Default for Tracing {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracing").finish_non_exhaustive()
    }
}

impl Observer for Tracing {
    fn on_event(&self, event: &Event) {
        let client = event.client;
        match &event.kind {
            EventKind::Configured { .. } | EventKind::RequestSent { .. } => {}
            EventKind::CallStarted {
                call,
                method,
                origin,
                target,
            } => self.call_started((client, *call), method, origin, target.path()),
            EventKind::CallEnded { call, failed } => self.call_ended(client, *call, *failed),
            EventKind::Opened { .. } => self.opened(client, &event.kind),
            EventKind::Closed {
                connection,
                closed,
                requests,
                age,
            } => self.closed(client, *connection, closed, *requests, *age),
            EventKind::DialStarted { dial, origin, miss } => {
                let forgotten = self
                    .lock()
                    .dials
                    .begin(client, dial.0, (origin.clone(), *miss));
                drop(forgotten);
                told!(is_avoidable(miss), %origin, miss = miss.slug(), "opening a connection: {miss}");
            }
            EventKind::DialEnded { dial, outcome } => self.dial_ended(client, *dial, outcome),
            EventKind::CheckedOut {
                call,
                connection,
                reused,
                requests,
                idle,
            } => self.checked_out(client, (*call, *connection), *reused, *requests, *idle),
            EventKind::Parked { connection } => {
                if let Some(open) = self.connection(client, *connection) {
                    let Connection { span, origin } = &*open;
                    tracing::debug!(target: "keepwarm", parent: span, %origin, "idle");
                }
            }
            EventKind::Queued { call, miss } => self.in_call(client, *call, |span, origin| {
                let slug = miss.slug();
                tracing::debug!(target: "keepwarm", parent: span, %origin, miss = slug, "waiting: {miss}");
            }),
            EventKind::Dequeued { call, waited } => self.in_call(client, *call, |span, origin| {
                let waited_ms = milliseconds(*waited);
                tracing::debug!(target: "keepwarm", parent: span, %origin, waited_ms, "waited");
            }),
            EventKind::ResponseHead { call, status, .. } => {
                self.in_call(client, *call, |span, _| {
                    span.record("status", status);
                });
            }
            EventKind::ExchangeEnded {
                call,
                connection,
                reuse,
                ..
            } => self.in_call(client, *call, |span, origin| {
                exchange_ended(span, origin, *connection, reuse);
            }),
            EventKind::RetryDecided { call, retry } => {
                self.in_call(client, *call, |span, origin| decided(span, origin, *retry));
            }
        }
    }
}

impl Tracing {
    fn in_call(&self, client: ClientId, call: CallId, tell: impl FnOnce(&Span, &Origin)) {
        let call = self.lock().calls.get(client, call.0).cloned();
        if let Some(call) = call {
            tell(&call.span, &call.origin);
        }
    }

    fn call_started(
        &self,
        (client, call): (ClientId, CallId),
        method: &http::Method,
        origin: &Origin,
        path: &str,
    ) {
        let span = tracing::debug_span!(
            target: "keepwarm",
            "keepwarm.call",
            client = client.0,
            call = call.0,
            method = method.as_str(),
            %origin,
            path,
            status = Empty,
        );
        let origin = origin.clone();
        let begun = Arc::new(Call { span, origin });
        let forgotten = self.lock().calls.begin(client, call.0, begun);
        drop(forgotten);
    }

    fn call_ended(&self, client: ClientId, call: CallId, failed: Option<Phase>) {
        let ended = self.lock().calls.end(client, call.0);
        if let (Some(call), Some(phase)) = (ended, failed) {
            let Call { span, origin } = &*call;
            let phase = phase.slug();
            tracing::warn!(target: "keepwarm", parent: span, %origin, phase, "the call failed");
        }
    }

    fn dial_ended(&self, client: ClientId, dial: DialId, outcome: &Result<ConnectionId, String>) {
        let mut state = self.lock();
        let dialed = state.dials.end(client, dial.0);
        if let (Some((_, miss)), Ok(connection)) = (&dialed, outcome) {
            state.misses.begin(client, connection.0, *miss);
        }
        drop(state);
        if let (Some((origin, _)), Err(error)) = (dialed, outcome) {
            tracing::warn!(target: "keepwarm", %origin, error, "no connection");
        }
    }

    fn opened(&self, client: ClientId, kind: &EventKind) {
        let EventKind::Opened {
            connection,
            origin,
            remote,
            protocol,
            tls,
            via,
            took,
            ..
        } = kind
        else {
            return;
        };
        let miss = self.lock().misses.end(client, connection.0);
        let span = tracing::debug_span!(
            target: "keepwarm",
            parent: None,
            "keepwarm.connection",
            client = client.0,
            connection = connection.0,
            %origin,
            protocol = protocol.slug(),
            tls = tls.as_ref().map(|tls| tls.version.number()),
            remote = remote.map(tracing::field::display),
            via = via.as_deref(),
            miss = miss.as_ref().map(Miss::slug),
            reason = Empty,
            closed_by = Empty,
            requests = Empty,
            age_ms = Empty,
        );
        tracing::debug!(
            target: "keepwarm",
            parent: &span,
            %origin,
            connection = connection.0,
            resolving_ms = milliseconds(took.resolving),
            connecting_ms = milliseconds(took.connecting),
            handshake_ms = took.handshake.map(milliseconds),
            "opened"
        );
        let origin = origin.clone();
        let open = Arc::new(Connection { span, origin });
        let forgotten = self.lock().connections.begin(client, connection.0, open);
        drop(forgotten);
    }

    fn closed(
        &self,
        client: ClientId,
        connection: ConnectionId,
        closed: &Closed,
        requests: u64,
        age: Duration,
    ) {
        let ended = self.lock().connections.end(client, connection.0);
        let Some(ended) = ended else {
            return;
        };
        let Connection { span, origin } = &*ended;
        let reason = closed.reason.slug();
        let closed_by = closed.by.slug();
        let age_ms = milliseconds(age);
        span.record("reason", reason);
        span.record("closed_by", closed_by);
        span.record("requests", requests);
        span.record("age_ms", age_ms);
        told!(
            text::cure(&closed.reason).is_some(),
            parent: span,
            %origin,
            connection = connection.0,
            reason,
            closed_by,
            requests,
            age_ms,
            "closed: {}",
            closed.reason
        );
    }

    fn checked_out(
        &self,
        client: ClientId,
        (call, id): (CallId, ConnectionId),
        reused: bool,
        requests: u64,
        idle: Option<Duration>,
    ) {
        let open = self.connection(client, id);
        self.in_call(client, call, |span, origin| {
            if let Some(open) = &open {
                span.follows_from(&open.span);
            }
            let what = if reused { "reused" } else { "first used" };
            let (connection, idle_ms) = (id.0, idle.map(milliseconds));
            tracing::debug!(
                target: "keepwarm", parent: span, %origin, connection, requests, idle_ms, "{what}"
            );
        });
    }
}

fn exchange_ended(span: &Span, origin: &Origin, connection: ConnectionId, reuse: &Reuse) {
    let connection = connection.0;
    match reuse {
        Reuse::Keep => {
            tracing::debug!(target: "keepwarm", parent: span, %origin, connection, "kept");
        }
        Reuse::Close(reasons) => {
            let reason = reasons.primary().slug();
            let is_notable = text::cure(reasons.primary()).is_some();
            told!(is_notable, parent: span, %origin, connection, reason, "not kept: {reasons}");
        }
    }
}

fn decided(span: &Span, origin: &Origin, retry: Retry) {
    let slug = retry.slug();
    match retry {
        Retry::Again(_) => {
            tracing::info!(target: "keepwarm", parent: span, %origin, retry = slug, "{retry}");
        }
        Retry::Stop(_) => {
            tracing::warn!(target: "keepwarm", parent: span, %origin, retry = slug, "{retry}");
        }
    }
}

/// Whether a warm pool would have had a connection: all but the first, those of a growing load, and those asked for.
fn is_avoidable(miss: &Miss) -> bool {
    match miss {
        Miss::AllBusy { .. } | Miss::FirstForOrigin | Miss::Prewarm => false,
        Miss::AllDoubtful { .. }
        | Miss::AllExpired { .. }
        | Miss::DifferentKey(_)
        | Miss::KeepAliveOff
        | Miss::OnlyClosing => true,
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
