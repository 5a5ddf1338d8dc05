//! What the integration tests share: a lab with a client before it, a log of events to wait on, dialers with a will.
//!
//! Owns the bound on every test's time. Refuses to sleep: what is awaited is an event, a number or a gate.

#![allow(dead_code, reason = "each test program uses a part of it")]

pub(crate) mod dialers;
pub(crate) mod log;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use keepwarm::reason::{CloseReason, Retry, Reuse};
use keepwarm::{Client, Config, ConnectionInfo, Counts, RequestBuilder, Response};
use keepwarm_lab::{Behaviour, Lab, Pause, Plan, scenario};
use tokio::runtime::Runtime;

use self::log::Log;

/// The longest a test may take.
const WHOLE_TEST: Duration = Duration::from_secs(20);
/// The longest anything is awaited: long enough for a loaded machine, short enough to tell what was awaited.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// The gate before which [`held`] answers wait.
pub(crate) const GATE: &str = "answers";

/// Runs a test on a runtime of one thread, within its time.
pub(crate) fn run(test: impl Future<Output = ()>) {
    runtime().block_on(bounded(test));
}

/// Runs a test on a runtime of two threads, within its time.
pub(crate) fn run_on_two_threads(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(bounded(test));
}

/// A runtime of one thread.
pub(crate) fn runtime() -> Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime")
}

/// Holds a future to the time a test may take.
pub(crate) async fn bounded<T>(test: impl Future<Output = T>) -> T {
    let ended = tokio::time::timeout(WHOLE_TEST, test).await;
    ended.expect("the test takes longer than it may")
}

/// A lab, and a client whose events are logged.
pub(crate) struct Rig {
    pub(crate) lab: Lab,
    pub(crate) client: Client,
    pub(crate) log: Arc<Log>,
}

impl Rig {
    /// With the default settings.
    pub(crate) async fn start(plan: impl Into<Plan>) -> Self {
        Self::with(plan, |config| config).await
    }

    /// With changed settings.
    pub(crate) async fn with(plan: impl Into<Plan>, change: impl FnOnce(Config) -> Config) -> Self {
        let lab = Lab::start(plan).await;
        let (client, log) = client(change);
        Self { lab, client, log }
    }

    /// A `GET` of a path of the lab.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.lab.url(path))
    }

    /// A `POST` to a path of the lab.
    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.lab.url(path))
    }

    /// A `GET`, read to its end.
    pub(crate) async fn fetch(&self, path: &str) -> Done {
        finish(self.get(path).send().await.expect("an answer")).await
    }

    /// So many `GET`s at once, whose answers are held until all have arrived at the lab (see [`held`]).
    pub(crate) async fn fetch_at_once(&self, count: usize) -> Vec<Done> {
        let before = self.lab.connections().requests;
        let calls = self.spawn(count);
        let all = before + count as u64;
        self.lab.wait_for(|it| it.counters().requests == all).await;
        self.lab.open(GATE);
        join(calls).await
    }

    /// Starts so many `GET`s, each in a task of its own.
    pub(crate) fn spawn(&self, count: usize) -> Vec<Call> {
        (0..count).map(|_| spawn(self.get("/"))).collect()
    }

    /// The numbers of the lab's origin; all zero before the first call.
    pub(crate) fn counts(&self) -> Counts {
        let stats = self.client.stats();
        let origin = stats.origin(&self.lab.url("/"));
        origin
            .map(|origin| origin.counts.clone())
            .unwrap_or_default()
    }

    /// Waits until the numbers of the lab's origin are as wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(&Counts) -> bool) -> Counts {
        until(
            || Some(self.counts()).filter(|counts| wanted(counts)),
            || format!("{:?}", self.counts()),
        )
        .await
    }

    /// The reason why the first connection ended, as its event tells it; the numbers must say the same.
    pub(crate) async fn ended(&self) -> CloseReason {
        let end = self.log.closed(1).await[0];
        let counts = self.until(|it| !it.closed.is_empty()).await;
        assert_eq!(counts.closed.len(), 1, "{counts:?}");
        assert_eq!(counts.closed[0].reason, end.closed.reason);
        assert_eq!(counts.closed[0].count, 1);
        assert_eq!(counts.closed_as(end.closed.reason.slug()), 1);
        assert_eq!(end.closed.by, end.closed.reason.by());
        end.closed.reason
    }
}

/// A client whose events are logged.
pub(crate) fn client(change: impl FnOnce(Config) -> Config) -> (Client, Arc<Log>) {
    let log = Log::new();
    let observer: Arc<Log> = Arc::clone(&log);
    let config = change(Client::builder().observer(observer));
    (config.build().expect("settings that work"), log)
}

/// Waits until a look succeeds. For what no event tells.
pub(crate) async fn until<T>(mut look: impl FnMut() -> Option<T>, state: impl Fn() -> String) -> T {
    let deadline = Instant::now() + PATIENCE;
    let mut looks = 0_u32;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {}", state());
        looks += 1;
        if looks < 100 {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Repeats what must happen at the right moment, until the machine was on time for it (the attempt says so).
pub(crate) async fn on_time(attempt: impl AsyncFn() -> bool) {
    for _ in 0..10 {
        if attempt().await {
            return;
        }
    }
    panic!("this machine is never on time");
}

/// An exchange that is over.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
    pub(crate) connection: ConnectionInfo,
    pub(crate) reuse: Reuse,
    pub(crate) retries: Vec<Retry>,
}

/// Reads a response to its end.
pub(crate) async fn finish(mut response: Response) -> Done {
    let mut body = Vec::new();
    while let Some(data) = response.chunk().await.expect("a whole body") {
        body.extend_from_slice(&data);
    }
    Done {
        status: response.status(),
        body,
        connection: response.connection().clone(),
        reuse: response
            .reuse()
            .expect("a verdict at the end of the body")
            .clone(),
        retries: response.retries().to_vec(),
    }
}

/// A call in a task of its own.
pub(crate) type Call = tokio::task::JoinHandle<keepwarm::Result<Done>>;

/// Starts a call in a task of its own; its response is read to the end.
pub(crate) fn spawn(request: RequestBuilder) -> Call {
    tokio::spawn(async move {
        let response = request.send().await?;
        Ok(finish(response).await)
    })
}

/// Waits for calls that must succeed.
pub(crate) async fn join(calls: Vec<Call>) -> Vec<Done> {
    let mut all = Vec::new();
    for call in calls {
        all.push(call.await.expect("no panic").expect("an answer"));
    }
    all
}

/// A server whose answers wait at [`GATE`].
pub(crate) fn held() -> Behaviour {
    scenario::slow_head(Pause::gate(GATE))
}

/// Lets time pass with the runtime's thread blocked, so that nothing of the client runs meanwhile.
pub(crate) fn stand_still(time: Duration) {
    std::thread::sleep(time);
}

/// A duration in milliseconds.
pub(crate) const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}
