//! `Span`: a call as the observer sees it, which always ends.
//!
//! Owns the pairing of `CallStarted` and `CallEnded`. Without an observer it is empty and costs nothing.

use std::sync::Arc;
use std::time::Instant;

use http::uri::PathAndQuery;
use http::{Method, Uri};
use keepwarm_core::event::{CallId, EventKind};
use keepwarm_core::origin::OriginRef;
use keepwarm_core::reason::Phase;

use crate::pool::Shared;

#[derive(Default)]
pub(crate) struct Span(Option<Box<Open>>);

struct Open {
    shared: Arc<Shared>,
    call: CallId,
    failed: Option<Phase>,
}

impl Span {
    pub(crate) fn start(
        shared: &Arc<Shared>,
        method: &Method,
        origin: &OriginRef<'_>,
        uri: &Uri,
    ) -> Self {
        if !shared.is_observed() {
            return Self(None);
        }
        let call = shared.next_call();
        shared.emit(|| EventKind::CallStarted {
            call,
            method: method.clone(),
            origin: shared.origin(origin),
            target: target(uri),
        });
        Self(Some(Box::new(Open {
            shared: Arc::clone(shared),
            call,
            failed: None,
        })))
    }

    /// Emits an event of this call.
    pub(crate) fn emit(&self, kind: impl FnOnce(CallId) -> EventKind) {
        if let Some(open) = &self.0 {
            open.shared.emit(|| kind(open.call));
        }
    }

    /// The same, of what happened just now.
    pub(crate) fn emit_at(&self, at: Instant, kind: impl FnOnce(CallId) -> EventKind) {
        if let Some(open) = &self.0 {
            open.shared.emit_at(at, || kind(open.call));
        }
    }

    /// The call failed in this phase.
    pub(crate) fn fail(&mut self, phase: Phase) {
        if let Some(open) = &mut self.0 {
            open.failed = Some(phase);
        }
    }
}

/// What the call asks its origin for; a URL without a path asks for the root (RFC 9112 §3.2.1).
fn target(uri: &Uri) -> PathAndQuery {
    let root = || PathAndQuery::from_static("/");
    uri.path_and_query().cloned().unwrap_or_else(root)
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            open.shared.emit(|| EventKind::CallEnded {
                call: open.call,
                failed: open.failed,
            });
        }
    }
}
