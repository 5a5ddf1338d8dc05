//! `Calling`: a call as a future, with what the client does beyond one exchange.
//!
//! Owns the order: ask for codings, follow redirects, undo the coding of the last answer. A call that wants neither
//! pays for neither. Refuses to know the rules of either.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::body::Body;
use crate::decode;
use crate::error::Result;
use crate::pool::Handle;
use crate::redirect::Redirects;
use crate::redirect::following::{Following, Way};
use crate::response::Response;
use crate::transport::call::{Call, Incoming, Outgoing};

/// What a request may ask for instead of the client's own settings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wishes {
    /// Time for the whole call.
    pub(crate) total: Option<Duration>,
    pub(crate) redirects: Option<Redirects>,
    pub(crate) decompress: Option<bool>,
}

/// A call as a future.
pub(crate) struct Calling {
    call: Result<Call>,
    /// None for most calls: they are one exchange.
    beyond: Option<Box<Beyond>>,
}

/// What a call is beyond one exchange.
struct Beyond {
    shared: Handle,
    following: Option<Following>,
    /// A redirect was answered; the next call is not made yet.
    between: bool,
    /// Codings were asked for, to be undone.
    asked: bool,
    /// How long decoded bodies may become, at the origin that was asked.
    ratio: Option<u64>,
}

impl Calling {
    pub(crate) fn new(shared: &Handle, request: Result<Outgoing>, wishes: Wishes) -> Self {
        let failed = |error| Self {
            call: Err(error),
            beyond: None,
        };
        let mut request = match request {
            Ok(request) => request,
            Err(error) => return failed(error),
        };
        match Beyond::of(shared, &mut request, wishes) {
            Ok(beyond) => Self {
                call: Call::new(shared, request, wishes.total),
                beyond,
            },
            Err(error) => failed(error),
        }
    }

    /// The way of a call that is more than one exchange.
    fn poll_beyond(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response>> {
        let Self { call, beyond } = self;
        loop {
            if let Some(beyond) = beyond
                && let Some(next) = ready!(beyond.poll_next(cx))
            {
                *call = next;
            }
            let answer = match call {
                Ok(call) => ready!(call.poll(cx)),
                Err(error) => return Poll::Ready(Err(error.clone())),
            };
            let Some(beyond) = beyond else {
                return Poll::Ready(answer.map(Response::new));
            };
            if let Some(response) = beyond.on_answer(answer).transpose() {
                return Poll::Ready(response);
            }
        }
    }
}

impl Future for Calling {
    type Output = Result<Response>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Response>> {
        if self.beyond.is_some() {
            return self.poll_beyond(cx);
        }
        match &mut self.call {
            Ok(call) => call.poll(cx).map_ok(Response::new),
            Err(error) => Poll::Ready(Err(error.clone())),
        }
    }
}

impl Beyond {
    /// What a request needs beyond one exchange: for most, nothing.
    fn of(shared: &Handle, request: &mut Outgoing, wishes: Wishes) -> Result<Option<Box<Self>>> {
        let config = &shared.config;
        let redirects = wishes.redirects.unwrap_or(config.redirects);
        let decompress = wishes.decompress.unwrap_or(config.decompress);
        if redirects.limit().is_none() && !decompress {
            return Ok(None);
        }
        let asked = decompress && {
            decode::check()?;
            let headers = request.headers.get_or_insert_default();
            decode::ask(&request.method, headers)
        };
        let settings = shared.origins.settings_of(&request.uri);
        let total = wishes.total.or(settings.timeouts.total);
        let following = Following::of(redirects, request, total);
        Ok(Some(Box::new(Self {
            shared: shared.clone(),
            following,
            between: false,
            asked,
            ratio: settings.max_decode_ratio,
        })))
    }

    /// The answer for the caller; none when it leads on.
    fn on_answer(&mut self, answer: Result<Incoming>) -> Result<Option<Response>> {
        let (answer, way) = match &mut self.following {
            None => (answer?, Way::default()),
            Some(following) => {
                let answer = answer.map_err(|error| following.mark(error))?;
                let Some(last) = following.on_answer(&self.shared, answer)? else {
                    self.between = true;
                    return Ok(None);
                };
                last
            }
        };
        let Incoming {
            mut head,
            body,
            upgraded,
        } = answer;
        let decoding = if self.asked {
            decode::begin(&mut head, self.ratio)
        } else {
            None
        };
        let body = match decoding {
            Some(decoding) => Body::decoded(body, decoding),
            None => Body::plain(body),
        };
        Ok(Some(Response::of(head, body, upgraded, way)))
    }

    /// The call of the next hop; none when there is one under way.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Call>>> {
        let Some(following) = self.following.as_mut().filter(|_| self.between) else {
            return Poll::Ready(None);
        };
        ready!(following.poll_drained(cx));
        self.between = false;
        let settings = self.shared.origins.settings_of(following.uri());
        self.ratio = settings.max_decode_ratio;
        Poll::Ready(Some(following.call(&self.shared)))
    }
}
