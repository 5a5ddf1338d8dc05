//! The callers: each request by its plan, each answer compared with what belongs to it.
//!
//! Owns the client's side of the bench and its counts. Refuses to know which faults the server played.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use keepwarm::{Client, Error, RequestBody, Response};

use super::ledger::Ledger;
use super::plan::{Plan, Reading, Upload, pattern};

/// All callers of one run.
pub(crate) struct Callers {
    pub(crate) client: Client,
    pub(crate) ledger: Arc<Ledger>,
    /// The servers' URLs; the last one refuses connections.
    pub(crate) urls: Vec<String>,
    /// No call may take longer, whatever the server does.
    pub(crate) longest: Duration,
    /// Without whims: no cancelling, no timeouts of a call's own, bodies read whole.
    pub(crate) is_patient: bool,
    /// Calls between two changes of settings, and the like, while all goes on.
    pub(crate) calls_per_knob: u64,
    pub(crate) next: AtomicU64,
    pub(crate) tally: Tally,
}

/// How the calls ended.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) answered: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) slowest_micros: AtomicU64,
    pub(crate) failed: Mutex<BTreeMap<&'static str, u64>>,
}

impl Tally {
    pub(crate) fn failures(&self) -> BTreeMap<&'static str, u64> {
        self.failed
            .lock()
            .expect("no panic under this lock")
            .clone()
    }

    /// Calls that did not end with a whole answer.
    pub(crate) fn not_answered(&self) -> u64 {
        let failed: u64 = self.failures().values().sum();
        failed + self.cancelled.load(Ordering::Relaxed)
    }
}

impl Callers {
    /// The next request, from its start to its end.
    pub(crate) async fn one(&self) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.interfere(id);
        let plan = self.plan(id);
        let began = Instant::now();
        let call = self.call(&plan);
        let outcome = match plan.patience {
            Some(patience) => match tokio::time::timeout(patience, call).await {
                Ok(outcome) => outcome,
                Err(_impatient) => {
                    self.tally.cancelled.fetch_add(1, Ordering::Relaxed);
                    return;
                }
            },
            None => match tokio::time::timeout(self.longest, call).await {
                Ok(outcome) => outcome,
                Err(_hung) => {
                    let longest = self.longest;
                    return self
                        .ledger
                        .complain(format!("a call took longer than {longest:?}: {plan:?}"));
                }
            },
        };
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.tally
            .slowest_micros
            .fetch_max(micros, Ordering::Relaxed);
        match outcome {
            Ok(()) => {
                self.tally.answered.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                let slug = error.kind().slug();
                let mut failed = self.tally.failed.lock().expect("no panic under this lock");
                *failed.entry(slug).or_default() += 1;
            }
        }
    }

    fn plan(&self, id: u64) -> Plan {
        let mut plan = Plan::draw(self.ledger.seed, id, self.ledger.hosts);
        if self.is_patient {
            plan.patience = None;
            plan.timeout = None;
            plan.reading = Reading::Whole;
        }
        plan
    }

    /// Now and then somebody turns a knob.
    fn interfere(&self, id: u64) {
        if self.is_patient {
            return;
        }
        if id % self.calls_per_knob != self.calls_per_knob / 2 {
            return;
        }
        match id / self.calls_per_knob % 3 {
            0 => {
                let mut limits = self.client.limits();
                limits.max_idle_per_host = limits.max_idle_per_host.map(|it| it ^ 1);
                if let Err(error) = self.client.retune(limits) {
                    self.ledger.complain(format!("retune: {error}"));
                }
            }
            1 => {
                if let Err(error) = self.client.prewarm(&self.urls[0], 3) {
                    self.ledger.complain(format!("prewarm: {error}"));
                }
            }
            _ => self.client.close_idle(),
        }
    }

    async fn call(&self, plan: &Plan) -> Result<(), Error> {
        let refused = !self.is_patient && plan.id % 100 == 99;
        let url = if refused {
            &self.urls[self.urls.len() - 1]
        } else {
            &self.urls[plan.host]
        };
        let url = format!("{url}/x/{}", plan.id);
        let mut request = self.client.request(plan.method.clone(), url);
        request = match plan.upload {
            Upload::Empty => request,
            Upload::Whole(bytes) => request.body(pattern(plan.id, bytes)),
            Upload::Stream(bytes) => request.body(RequestBody::stream(Pieces::new(plan.id, bytes))),
            Upload::Factory(bytes) => {
                let id = plan.id;
                request.body(RequestBody::replayable(move || Pieces::new(id, bytes)))
            }
        };
        if plan.keyed {
            request = request.header("Idempotency-Key", format!("key-{}", plan.id));
        }
        if plan.expect {
            request = request.expect_continue();
        }
        if plan.says_close {
            request = request.close();
        }
        if let Some(timeout) = plan.timeout {
            request = request.timeout(timeout);
        }
        let response = request.send().await?;
        if refused {
            self.ledger.complain(format!(
                "an answer came from an address that refuses: {plan:?}"
            ));
        }
        self.read(plan, response).await
    }

    /// Compares the head with the one that belongs to the request; returns the body's size, and whether its end
    /// is told by more than the end of the connection.
    fn check_head(&self, plan: &Plan, response: &Response) -> Option<(usize, bool)> {
        let wrong = |what: &str| {
            self.ledger
                .complain(format!("{what}: {plan:?} was answered {response:?}"));
        };
        let headers = response.headers();
        let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
        if number("x-id") != Some(plan.id) {
            wrong("the answer of another request");
        }
        if self.ledger.arrivals(plan.id) == 0 {
            wrong("an answer to what never arrived");
        }
        let Some(size) = number("x-size").and_then(|size| usize::try_from(size).ok()) else {
            wrong("no size");
            return None;
        };
        let is_framed = headers.contains_key("content-length")
            || headers.contains_key("transfer-encoding")
            || response.status() == http::StatusCode::NO_CONTENT;
        let has_body = plan.method != http::Method::HEAD;
        Some((if has_body { size } else { 0 }, is_framed))
    }

    /// Reads the answer as planned, and compares it with the one that belongs to the request.
    async fn read(&self, plan: &Plan, mut response: Response) -> Result<(), Error> {
        let Some((size, is_framed)) = self.check_head(plan, &response) else {
            return Ok(());
        };
        if plan.reading == Reading::Dropped {
            return Ok(());
        }
        let wanted = pattern(plan.id, size);
        let mut read = 0;
        while let Some(piece) = response.chunk().await? {
            let matches = wanted.get(read..read + piece.len()) == Some(&piece[..]);
            read += piece.len();
            if !matches {
                self.ledger.complain(format!(
                    "the body of another request near byte {read}: {plan:?}"
                ));
                return Ok(());
            }
            if plan.reading == Reading::OnePiece {
                return Ok(());
            }
        }
        // A body that ends with its connection may be cut short without a sign.
        if is_framed && read != size {
            self.ledger
                .complain(format!("{read} of {size} bytes, and no error: {plan:?}"));
        }
        Ok(())
    }
}

/// A request body in pieces, sometimes not ready at once.
struct Pieces {
    rest: Bytes,
    size: usize,
    paused: bool,
}

impl Pieces {
    fn new(id: u64, bytes: usize) -> Self {
        Self {
            rest: pattern(id, bytes),
            size: 1 + bytes / 3,
            paused: id.is_multiple_of(2),
        }
    }
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.paused = !self.paused;
        if self.paused {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let size = self.size.min(self.rest.len());
        if size == 0 {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(size)))))
    }
}
