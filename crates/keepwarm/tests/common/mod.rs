//! What the tests of the transport share: bounds, raw answers, bodies that are fed by hand.
//!
//! Owns helpers without opinions. Refuses to know what is tested.
#![allow(dead_code, reason = "each test file uses its own share of the helpers")]

pub(crate) mod dialers;
pub(crate) mod recorder;

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use keepwarm::reason::{CloseReason, Limit, Phase};
use keepwarm::{BoxError, Client, Config, Counts, Error, ErrorKind};
use keepwarm_lab::{Lab, Script};
use tokio::sync::mpsc;

/// No test takes longer than this, whatever hangs.
const BOUND: Duration = Duration::from_secs(20);

/// A limit short enough for a test to wait for, where nothing but the limit can end the wait.
pub(crate) const SHORT: Duration = Duration::from_millis(100);

/// Longer than any test: what must not be waited for.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Runs a test within the bound.
pub(crate) async fn bounded<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, test)
        .await
        .expect("the test ends within 20 s")
}

/// Builds the client.
pub(crate) fn build(config: Config) -> Client {
    config.build().expect("sound settings")
}

/// The pool's numbers over all origins.
pub(crate) fn totals(client: &Client) -> Counts {
    client.stats().total().clone()
}

/// Waits until the pool's numbers are as wanted.
pub(crate) async fn settle(client: &Client, mut wanted: impl FnMut(&Counts) -> bool) -> Counts {
    let until = tokio::time::Instant::now() + Duration::from_secs(15);
    loop {
        let now = totals(client);
        if wanted(&now) {
            return now;
        }
        assert!(tokio::time::Instant::now() < until, "never came: {now:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Nobody serves, dials or waits.
pub(crate) fn is_quiet(counts: &Counts) -> bool {
    (counts.active, counts.dialing, counts.waiting) == (0, 0, 0)
}

/// Fails unless the pool is consistent right now: nothing is under way, and every connection is idle or closed.
pub(crate) fn assert_quiet(client: &Client) -> Counts {
    let now = totals(client);
    assert!(is_quiet(&now), "something is under way: {now:?}");
    let closed: u64 = now.closed.iter().map(|end| end.count).sum();
    assert_eq!(now.opened, now.idle as u64 + closed, "{now:?}");
    now
}

/// Fails unless the error is this limit's time running out in this phase.
pub(crate) fn assert_timeout(error: &Error, limit: Limit, phase: Phase) {
    let kind = if limit == Limit::Queue {
        ErrorKind::Queue
    } else {
        ErrorKind::Timeout
    };
    assert_eq!(error.kind(), kind, "{error:?}");
    assert_eq!(error.phase(), phase, "{error:?}");
    assert_eq!(error.limit(), Some(limit), "{error:?}");
    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(error.reason(), Some(&CloseReason::TimedOut(limit)));
}

/// The text of a GET's answer.
pub(crate) async fn text(client: &Client, url: &str) -> String {
    let response = client.get(url).send().await.expect("an answer");
    response.text().await.expect("a body")
}

/// The slugs of a verdict, primary first.
pub(crate) fn slugs(reuse: Option<&keepwarm::reason::Reuse>) -> Vec<&'static str> {
    let reuse = reuse.expect("a verdict: the body has ended");
    reuse.reasons().iter().map(CloseReason::slug).collect()
}

/// A lab that answers every request with these bytes.
pub(crate) async fn raw(answer: impl Into<Vec<u8>>) -> Lab {
    Lab::start(answering(answer)).await
}

/// A script that answers every request with these bytes.
pub(crate) fn answering(answer: impl Into<Vec<u8>>) -> Script {
    Script::new().forever(Script::new().answer(answer))
}

/// `200 OK` with this body.
pub(crate) fn ok(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A request body that a test feeds by hand.
pub(crate) struct Fed {
    frames: mpsc::UnboundedReceiver<Result<Frame<Bytes>, BoxError>>,
    declared: Option<u64>,
}

/// The test's end of a [`Fed`] body; dropping it ends the body.
pub(crate) struct Feed(mpsc::UnboundedSender<Result<Frame<Bytes>, BoxError>>);

/// A body that declares this length, and the hand that feeds it.
pub(crate) fn fed(declared: Option<u64>) -> (Feed, Fed) {
    let (sender, frames) = mpsc::unbounded_channel();
    (Feed(sender), Fed { frames, declared })
}

impl Feed {
    /// Gives bytes. A body that is gone takes them silently.
    pub(crate) fn data(&self, data: impl Into<Bytes>) {
        let _gone = self.0.send(Ok(Frame::data(data.into())));
    }

    pub(crate) fn trailers(&self, trailers: HeaderMap) {
        let _gone = self.0.send(Ok(Frame::trailers(trailers)));
    }

    pub(crate) fn fail(&self, why: &'static str) {
        let _gone = self.0.send(Err(why.into()));
    }

    /// Waits until the client has let the body go.
    pub(crate) async fn let_go(&self) {
        self.0.closed().await;
    }
}

impl HttpBody for Fed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.frames.poll_recv(cx)
    }

    fn size_hint(&self) -> SizeHint {
        self.declared
            .map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

/// A body of this length that must not be asked for a byte.
pub(crate) struct Untouchable(pub(crate) u64);

impl HttpBody for Untouchable {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        panic!("this body must not be sent")
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}
