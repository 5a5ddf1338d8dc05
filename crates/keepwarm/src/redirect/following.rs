//! `Following`: a call on its way from redirect to redirect.
//!
//! Owns what the next hop needs (the request, the time that is left) and the list of the hops so far. Refuses to decide
//! what a redirect means.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION,
    CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderName, PROXY_AUTHORIZATION, TRAILER,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, Method, Uri};
use keepwarm_core::reason::{Limit, Phase};

use super::{Asked, Hop, Meaning, Next, NotFollowed, Redirects, decide};
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::Handle;
use crate::request::RequestBody;
use crate::transport::body::Body;
use crate::transport::call::{Call, Incoming, Outgoing};

/// What is meant for one origin only.
const SECRETS: [HeaderName; 4] = [AUTHORIZATION, COOKIE, HOST, PROXY_AUTHORIZATION];
/// What speaks of a body that does not go along (RFC 9110 §15.4).
const ABOUT_BODY: [HeaderName; 8] = [
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_LOCATION,
    CONTENT_TYPE,
    EXPECT,
    TRAILER,
    TRANSFER_ENCODING,
];

/// A redirect's body being read to its end, for its connection's sake.
type Draining = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) struct Following {
    redirects: Redirects,
    limit: usize,
    method: Method,
    uri: Uri,
    headers: Option<Box<HeaderMap>>,
    /// None when it was a stream: that went out with the first hop and is gone.
    body: Option<RequestBody>,
    /// When the whole call must be over.
    deadline: Option<Instant>,
    hops: Vec<Hop>,
    draining: Option<Draining>,
}

/// The way an answer took.
#[derive(Debug, Default)]
pub(crate) struct Way {
    pub(crate) hops: Vec<Hop>,
    pub(crate) not_followed: Option<NotFollowed>,
}

impl Following {
    /// Keeps what further hops will need. None when redirects are not followed.
    pub(crate) fn of(
        redirects: Redirects,
        request: &Outgoing,
        total: Option<Duration>,
    ) -> Option<Self> {
        let limit = redirects.limit()?;
        Some(Self {
            redirects,
            limit,
            method: request.method.clone(),
            uri: request.uri.clone(),
            headers: request.headers.clone(),
            body: request.body.again(),
            deadline: total.and_then(|total| clock::now().checked_add(total)),
            hops: Vec::new(),
            draining: None,
        })
    }

    /// Looks at an answer: the caller's with its way, or none when it leads on. Then the next [`Following::call`] is
    /// due once [`Following::poll_drained`] is ready.
    pub(crate) fn on_answer(
        &mut self,
        shared: &Handle,
        answer: Incoming,
    ) -> Result<Option<(Incoming, Way)>> {
        let asked = Asked {
            method: &self.method,
            uri: &self.uri,
            body_survives: self.body.is_some(),
        };
        let meaning = if answer.head.status.is_redirection() {
            decide(
                self.redirects,
                &asked,
                answer.head.status,
                &answer.head.headers,
            )
        } else {
            Meaning::Final
        };
        let not_followed = match meaning {
            Meaning::Follow(next) => {
                self.follow(shared, answer, next)?;
                return Ok(None);
            }
            Meaning::Stay(why) => Some(why),
            Meaning::Final => None,
        };
        let way = Way {
            hops: std::mem::take(&mut self.hops),
            not_followed,
        };
        Ok(Some((answer, way)))
    }

    fn follow(&mut self, shared: &Handle, answer: Incoming, next: Next) -> Result<()> {
        let Incoming { head, body, .. } = answer;
        self.hops.push(Hop {
            method: std::mem::replace(&mut self.method, next.method),
            url: std::mem::replace(&mut self.uri, next.uri.clone()),
            status: head.status,
            to: next.uri,
            connection: body.connection().clone(),
            timings: body.timings(),
            headers: head.headers.into_map(),
        });
        if self.hops.len() > self.limit {
            let message = format!(
                "more than {} redirects: {} leads on to {}",
                self.limit, self.hops[self.limit].url, self.uri
            );
            let error = Error::new(ErrorKind::Limit, Phase::Receive, message);
            return Err(error
                .with_limit(Limit::Redirects)
                .after_redirects(self.hops.len()));
        }
        if !next.keeps_body {
            self.body = Some(RequestBody::empty());
        }
        if let Some(headers) = &mut self.headers {
            let unfit = SECRETS.iter().filter(|_| !next.same_origin);
            let bodiless = ABOUT_BODY.iter().filter(|_| !next.keeps_body);
            for name in unfit.chain(bodiless) {
                headers.remove(name);
            }
        }
        let settings = shared.origins.settings_of(&self.uri);
        // Only a call to the same origin can use the connection: elsewhere the body's end is not worth waiting for, and
        // dropping it drains it in the background, within the same bounds.
        self.draining = (next.same_origin && body.reuse().is_none())
            .then(|| drained(body, settings.drain_bytes, settings.drain_time));
        Ok(())
    }

    /// Ready when the last redirect's body is out of the way.
    pub(crate) fn poll_drained(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let drained = match &mut self.draining {
            Some(draining) => draining.as_mut().poll(cx),
            None => Poll::Ready(()),
        };
        if drained.is_ready() {
            self.draining = None;
        }
        drained
    }

    /// Where the last call went, or the next one goes.
    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The call of the next hop.
    pub(crate) fn call(&self, shared: &Handle) -> Result<Call> {
        let left = match self.deadline {
            Some(deadline) => match deadline.checked_duration_since(clock::now()) {
                Some(left) if !left.is_zero() => Some(left),
                Some(_) | None => return Err(self.mark(Error::timeout(Limit::Total, Phase::Queue))),
            },
            None => None,
        };
        let request = Outgoing {
            method: self.method.clone(),
            uri: self.uri.clone(),
            headers: self.headers.clone(),
            body: (self.body.as_ref())
                .and_then(RequestBody::again)
                .unwrap_or_default(),
        };
        Call::new(shared, request, left).map_err(|error| self.mark(error))
    }

    /// An error of a later hop knows that others went before.
    pub(crate) fn mark(&self, error: Error) -> Error {
        error.after_redirects(self.hops.len())
    }
}

fn drained(mut body: Body, bytes: u64, time: Duration) -> Draining {
    Box::pin(async move {
        // What is not at its end by then is dropped, as by a caller.
        let _verdict = tokio::time::timeout(time, body.drain(bytes)).await;
    })
}
