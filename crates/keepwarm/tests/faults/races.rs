//! Races on virtual time: a freed connection, a dial's end, a limit, a cancelled call and a shutdown, in every
//! order and with every small distance between them.
//!
//! Owns the stage (pipes in memory, gates, a clock that stands still) and the permutations. Refuses to know how
//! the pool hands connections over.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keepwarm::dial::{BoxFuture, DialError, Dialed, Dialer};
use keepwarm::reason::Phase;
use keepwarm::{Client, Error, ErrorKind, Origin, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::alone;

/// The limit of the call under test, and a step of the clock past it and past the idle timeout.
const LIMIT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_secs(12);
const PAST_LIMIT: Duration = Duration::from_secs(15);

/// Turns of the scheduler between two events: none, few, and enough for everything to happen.
const DISTANCES: [usize; 7] = [0, 1, 2, 3, 4, 6, SETTLED];
const SETTLED: usize = 60;

/// What may happen to the waiting call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Race {
    /// The call is dropped.
    Cancelled,
    /// The dial ends with a connection.
    DialDone,
    /// The dial fails.
    DialFailed,
    /// The busy connection comes free.
    Freed,
    /// The call's time runs out.
    LimitPassed,
    /// The client is shut down.
    ShutDown,
}

/// Which limit the waiting call has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    Queue,
    Total,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Answered,
    Cancelled,
    Failed(ErrorKind),
}

/// What the dialer and the servers behind it wait for, and what reached them.
#[derive(Default)]
struct Stage {
    gates: Mutex<BTreeMap<&'static str, Arc<Semaphore>>>,
    paths: Mutex<Vec<String>>,
    dials: Mutex<usize>,
    open: Mutex<usize>,
}

impl Stage {
    fn gate(&self, name: &'static str) -> Arc<Semaphore> {
        let mut gates = self.gates.lock().expect("no panic");
        let gate = gates
            .entry(name)
            .or_insert_with(|| Arc::new(Semaphore::new(0)));
        Arc::clone(gate)
    }

    fn open(&self, name: &'static str) {
        self.gate(name).add_permits(1000);
    }

    async fn pass(&self, name: &'static str) {
        let permit = self.gate(name);
        permit.acquire().await.expect("never closed").forget();
    }

    fn arrivals(&self, path: &str) -> usize {
        let paths = self.paths.lock().expect("no panic");
        paths.iter().filter(|known| *known == path).count()
    }

    /// Answers every request with its own path; some answers wait at a gate.
    async fn serve(self: Arc<Self>, mut stream: DuplexStream) {
        let mut input = Vec::new();
        while let Ok(1..) = stream.read_buf(&mut input).await {
            if !input.ends_with(b"\r\n\r\n") {
                continue;
            }
            let text = String::from_utf8_lossy(&input).into_owned();
            let path = text.split(' ').nth(1).expect("a path").to_owned();
            input.clear();
            self.paths.lock().expect("no panic").push(path.clone());
            match path.as_str() {
                "/held" => self.pass("freed").await,
                "/raced" | "/behind" => self.pass("answers").await,
                _ => {}
            }
            let size = path.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n{path}");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                break;
            }
        }
        *self.open.lock().expect("no panic") -= 1;
    }
}

/// Opens pipes to the stage: the first at once, further ones when the stage says so.
struct Pipes(Arc<Stage>);

impl Dialer for Pipes {
    fn dial<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        let stage = Arc::clone(&self.0);
        let number = {
            let mut dials = stage.dials.lock().expect("no panic");
            *dials += 1;
            *dials
        };
        Box::pin(async move {
            if number == 2 {
                tokio::select! {
                    biased;
                    () = stage.pass("dial fails") => {
                        return Err(DialError {
                            phase: Phase::Connect,
                            error: std::io::ErrorKind::ConnectionRefused.into(),
                            target: origin.to_string(),
                        });
                    }
                    () = stage.pass("dial done") => {}
                }
            }
            let (ours, theirs) = tokio::io::duplex(4096);
            *stage.open.lock().expect("no panic") += 1;
            tokio::spawn(Arc::clone(&stage).serve(theirs));
            Ok(Dialed {
                stream: Stream::new(ours),
                local: None,
                remote: None,
                resolved_in: Duration::ZERO,
                connected_in: Duration::ZERO,
            })
        })
    }
}

async fn turns(count: usize) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

type Call = JoinHandle<Result<String, Error>>;

fn call(client: &Client, path: &str, limit: Option<Duration>) -> Call {
    let mut request = client.get(format!("http://stage.test{path}"));
    if let Some(limit) = limit {
        request = request.timeout(limit);
    }
    tokio::spawn(async move { request.send().await?.text().await })
}

async fn outcome(call: Call, path: &str) -> Outcome {
    match call.await {
        Err(cancelled) => {
            assert!(cancelled.is_cancelled(), "{path}: {cancelled}");
            Outcome::Cancelled
        }
        Ok(Err(error)) => Outcome::Failed(error.kind()),
        Ok(Ok(text)) => {
            assert_eq!(text, path, "the answer of another request");
            Outcome::Answered
        }
    }
}

/// One run: which events, in which order, how far apart.
#[derive(Clone, Debug)]
struct Scene {
    order: Vec<Race>,
    distance: usize,
    clock: Clock,
    /// A second call waits behind the first.
    is_followed: bool,
}

impl Scene {
    fn client(&self, stage: &Arc<Stage>) -> Client {
        let config = Client::builder()
            .dialer(Pipes(Arc::clone(stage)))
            .max_conns_per_host(2)
            .connect_timeout(None)
            .idle_timeout(IDLE_TIMEOUT)
            .learning(false)
            .queue_timeout(match self.clock {
                Clock::Queue => Some(LIMIT),
                Clock::Total => None,
            });
        config.build().expect("sound settings")
    }

    async fn play(&self) -> (Outcome, Option<Outcome>) {
        let stage = Arc::new(Stage::default());
        let client = self.client(&stage);
        let held = call(&client, "/held", None);
        turns(SETTLED).await;
        assert_eq!(stage.arrivals("/held"), 1, "{self:?}");
        let limit = (self.clock == Clock::Total).then_some(LIMIT);
        let raced = call(&client, "/raced", limit);
        let behind = self.is_followed.then(|| {
            let behind = client.clone();
            tokio::spawn(async move {
                turns(SETTLED / 2).await;
                let request = behind.get("http://stage.test/behind");
                request.send().await?.text().await
            })
        });
        turns(SETTLED).await;
        let now = client.stats().total().clone();
        let waiting = 1 + usize::from(self.is_followed);
        assert_eq!(
            (now.active, now.dialing, now.waiting),
            (1, 1, waiting),
            "{self:?}"
        );
        for event in &self.order {
            self.happen(*event, &stage, &client, &raced).await;
            turns(self.distance).await;
            if self.distance == SETTLED {
                // A call that is over waits no more.
                let others = behind.as_ref().filter(|behind| !behind.is_finished());
                let alive = usize::from(!raced.is_finished()) + usize::from(others.is_some());
                let waiting = client.stats().total().waiting;
                assert!(waiting <= alive, "{self:?} {event:?}: {waiting} wait");
            }
        }
        turns(SETTLED).await;
        // From here on nothing is left to chance: everybody gets an answer.
        for gate in ["freed", "dial done", "answers"] {
            stage.open(gate);
        }
        turns(SETTLED).await;
        let raced = outcome(raced, "/raced").await;
        let followed = match behind {
            Some(behind) => Some(outcome(behind, "/behind").await),
            None => None,
        };
        assert_eq!(outcome(held, "/held").await, Outcome::Answered, "{self:?}");
        self.nothing_is_lost(&stage, client, raced).await;
        (raced, followed)
    }

    async fn happen(&self, event: Race, stage: &Stage, client: &Client, raced: &Call) {
        match event {
            Race::Cancelled => raced.abort(),
            Race::DialDone => stage.open("dial done"),
            Race::DialFailed => stage.open("dial fails"),
            Race::Freed => stage.open("freed"),
            Race::LimitPassed => tokio::time::advance(PAST_LIMIT).await,
            Race::ShutDown => {
                client.shutdown(Duration::ZERO).await;
            }
        }
    }

    /// Whoever won: each request went out at most once, and every place in the pool can be used again.
    async fn nothing_is_lost(&self, stage: &Arc<Stage>, client: Client, raced: Outcome) {
        let arrivals = stage.arrivals("/raced");
        let answered = usize::from(raced == Outcome::Answered);
        assert!((answered..=1).contains(&arrivals), "{self:?} {arrivals}");
        turns(SETTLED).await;
        let now = client.stats().total().clone();
        let closed: u64 = now.closed.iter().map(|end| end.count).sum();
        assert_eq!(
            (now.active, now.dialing, now.waiting),
            (0, 0, 0),
            "{self:?} {now:?}"
        );
        assert_eq!(now.opened, now.idle as u64 + closed, "{self:?} {now:?}");
        assert_eq!(*stage.open.lock().expect("no panic"), now.idle, "{self:?}");
        if self.order.contains(&Race::ShutDown) {
            assert_eq!(now.idle, 0, "{self:?} {now:?}");
            let refused = call(&client, "/after", None);
            let refused = outcome(refused, "/after").await;
            assert_eq!(refused, Outcome::Failed(ErrorKind::Closed), "{self:?}");
        } else {
            let calls = ["/1", "/2", "/3"].map(|path| (path, call(&client, path, None)));
            for (path, call) in calls {
                assert_eq!(outcome(call, path).await, Outcome::Answered, "{self:?}");
            }
            let now = client.stats().total().clone();
            assert!(now.idle <= 2 && now.active == 0, "{self:?} {now:?}");
        }
        drop(client);
        turns(SETTLED).await;
        assert_eq!(*stage.open.lock().expect("no panic"), 0, "{self:?}");
    }

    /// The outcome that the order alone decides, when each event is over before the next begins.
    fn expected(&self) -> Option<Outcome> {
        let mut is_served = false;
        for event in &self.order {
            match event {
                Race::DialDone | Race::Freed => is_served = true,
                Race::Cancelled => return Some(Outcome::Cancelled),
                Race::LimitPassed => match self.clock {
                    Clock::Queue if is_served => {}
                    Clock::Queue => return Some(Outcome::Failed(ErrorKind::Queue)),
                    Clock::Total => return Some(Outcome::Failed(ErrorKind::Timeout)),
                },
                Race::ShutDown if is_served => {}
                Race::ShutDown => return Some(Outcome::Failed(ErrorKind::Closed)),
                // Whether a call fails with its dial depends on what else it may wait for.
                Race::DialFailed if is_served => {}
                Race::DialFailed => return None,
            }
        }
        Some(Outcome::Answered)
    }
}

fn permutations(events: &[Race]) -> Vec<Vec<Race>> {
    if events.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (index, first) in events.iter().enumerate() {
        let mut others = events.to_vec();
        others.remove(index);
        for mut rest in permutations(&others) {
            rest.insert(0, *first);
            all.push(rest);
        }
    }
    all
}

/// Plays every order of the events at every distance, each on a runtime and a clock of its own.
fn in_every_order(events: &[Race]) {
    let _alone = alone();
    for order in permutations(events) {
        for distance in DISTANCES {
            for (clock, is_followed) in [
                (Clock::Queue, false),
                (Clock::Total, false),
                (Clock::Total, true),
            ] {
                let scene = Scene {
                    order: order.clone(),
                    distance,
                    clock,
                    is_followed,
                };
                check(&scene);
            }
        }
    }
}

fn check(scene: &Scene) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let (raced, followed) = runtime.block_on(scene.play());
    let tasks = runtime.metrics().num_alive_tasks();
    assert_eq!(tasks, 0, "{scene:?}");
    let settled = scene.distance == SETTLED;
    match scene.expected().filter(|_| settled) {
        Some(expected) => assert_eq!(raced, expected, "{scene:?}"),
        None => assert!(is_possible(scene, raced), "{scene:?}: {raced:?}"),
    }
    // Nothing happens to the second call: what the first one does not use is handed on to it.
    let bystander = ![Race::ShutDown, Race::DialFailed]
        .iter()
        .any(|event| scene.order.contains(event));
    if let Some(followed) = followed.filter(|_| bystander) {
        assert_eq!(followed, Outcome::Answered, "{scene:?}");
    }
}

/// Whether one of the events could have caused this.
fn is_possible(scene: &Scene, outcome: Outcome) -> bool {
    let happened = |event| scene.order.contains(&event);
    match outcome {
        Outcome::Answered => !happened(Race::Cancelled) || scene.distance != SETTLED,
        Outcome::Cancelled => happened(Race::Cancelled),
        Outcome::Failed(ErrorKind::Queue) => {
            happened(Race::LimitPassed) && scene.clock == Clock::Queue
        }
        Outcome::Failed(ErrorKind::Timeout) => {
            happened(Race::LimitPassed) && scene.clock == Clock::Total
        }
        Outcome::Failed(ErrorKind::Connect) => happened(Race::DialFailed),
        Outcome::Failed(ErrorKind::Closed) => happened(Race::ShutDown),
        Outcome::Failed(
            ErrorKind::Io
            | ErrorKind::Limit
            | ErrorKind::Protocol
            | ErrorKind::Proxy
            | ErrorKind::Tls
            | ErrorKind::Usage,
        ) => false,
    }
}

#[test]
fn freed_against_dial_done_against_limit_against_cancelled() {
    in_every_order(&[
        Race::Freed,
        Race::DialDone,
        Race::LimitPassed,
        Race::Cancelled,
    ]);
}

#[test]
fn freed_against_dial_failed_against_limit_against_cancelled() {
    in_every_order(&[
        Race::Freed,
        Race::DialFailed,
        Race::LimitPassed,
        Race::Cancelled,
    ]);
}

#[test]
fn freed_against_dial_done_against_shutdown_against_cancelled() {
    in_every_order(&[Race::Freed, Race::DialDone, Race::ShutDown, Race::Cancelled]);
}

#[test]
fn freed_against_dial_failed_against_limit_against_shutdown() {
    in_every_order(&[
        Race::Freed,
        Race::DialFailed,
        Race::LimitPassed,
        Race::ShutDown,
    ]);
}

#[test]
fn freed_against_dial_done_against_limit() {
    in_every_order(&[Race::Freed, Race::DialDone, Race::LimitPassed]);
}

#[test]
fn dial_done_against_shutdown_against_limit() {
    in_every_order(&[Race::DialDone, Race::ShutDown, Race::LimitPassed]);
}
