//! The whole public client against peers that do whatever the script says, on a clock that stands still.
//!
//! ```text
//! script ──► director ──► calls (tasks) ──► keepwarm::Client ──► Dialer ──► wires in memory
//!               └──────────────── answers, nonsense, closes, resets, stalls ──────┘
//! ```
//!
//! Promises: nothing panics; no call outlasts its limit; no answer of one request reaches another, as long as the peer
//! answers honestly; nothing is written behind words that nobody had asked for; what must not be processed twice
//! arrives once; every event has its counterpart; `stats()` balances; at the end no connection, call or task is left.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keepwarm::dial::{BoxFuture, DialError, Dialed, Dialer};
use keepwarm::reason::Phase;
use keepwarm::{Client, Counts, Origin, Stream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

mod caller;
mod script;
mod watch;
mod wire;

use caller::Caller;
use script::Scene;
use watch::Watch;
use wire::{ClientEnd, Wire};

/// No call takes longer.
const LONGEST: Duration = Duration::from_secs(60);
/// Enough for the smallest step of the clock.
const MOMENT: Duration = Duration::from_millis(1);
/// No script makes more calls.
const MOST_CALLS: usize = 40;

/// One input.
pub fn run(input: &[u8]) {
    let (config, waits, scenes) = script::read(input);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async move {
        let stage = Arc::new(Stage {
            waits,
            backstage: Mutex::default(),
        });
        let watch = Arc::new(Watch::default());
        let client = config
            .dialer(Pipes(Arc::clone(&stage)))
            .observer(watch.clone())
            .build()
            .expect("sound settings");
        let mut director = Director {
            stage,
            watch,
            client,
            calls: Vec::new(),
            is_retuned: false,
            shutdowns: Vec::new(),
        };
        for scene in scenes {
            director.play(scene).await;
            director.assert_balance();
        }
        director.finish().await;
    });
}

/// What the peers and the dialer share.
pub(crate) struct Stage {
    /// Dials wait for their scene.
    waits: bool,
    backstage: Mutex<Backstage>,
}

#[derive(Default)]
struct Backstage {
    wires: Vec<Arc<Wire>>,
    dials: Vec<oneshot::Sender<bool>>,
}

impl Stage {
    fn backstage(&self) -> MutexGuard<'_, Backstage> {
        self.backstage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The wire with this number, which is its peer's port.
    fn wire(&self, port: u16) -> Arc<Wire> {
        Arc::clone(&self.backstage().wires[usize::from(port) - 1])
    }

    /// How often a request for this path arrived anywhere.
    fn arrivals(&self, path: &str) -> usize {
        let wires = self.backstage().wires.clone();
        wires.iter().map(|wire| wire.arrivals(path)).sum()
    }

    /// One of the wires that the client holds.
    fn one_open(&self, which: usize) -> Option<Arc<Wire>> {
        let wires = self.backstage().wires.clone();
        let open: Vec<_> = wires.into_iter().filter(|wire| wire.is_open()).collect();
        let count = open.len().max(1);
        open.into_iter().nth(which % count)
    }

    /// Lets a dial that waits go on.
    fn end_dial(&self, which: usize, lands: bool) {
        let mut backstage = self.backstage();
        backstage.dials.retain(|dial| !dial.is_closed());
        if !backstage.dials.is_empty() {
            let at = which % backstage.dials.len();
            // A dial that was stopped meanwhile does not listen.
            let _stopped = backstage.dials.remove(at).send(lands);
        }
    }
}

/// Opens wires.
struct Pipes(Arc<Stage>);

impl Dialer for Pipes {
    fn dial<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        let turn = self.0.waits.then(|| {
            let (sender, receiver) = oneshot::channel();
            self.0.backstage().dials.push(sender);
            receiver
        });
        Box::pin(async move {
            if let Some(turn) = turn
                && turn.await != Ok(true)
            {
                return Err(DialError {
                    phase: Phase::Connect,
                    error: std::io::ErrorKind::ConnectionRefused.into(),
                    target: origin.to_string(),
                });
            }
            let wire = Wire::new();
            let mut backstage = self.0.backstage();
            backstage.wires.push(Arc::clone(&wire));
            let port = u16::try_from(backstage.wires.len()).expect("few connections");
            Ok(Dialed {
                stream: Stream::new(ClientEnd(wire)),
                local: None,
                remote: Some(SocketAddr::from(([127, 0, 0, 1], port))),
                resolved_in: Duration::ZERO,
                connected_in: Duration::ZERO,
            })
        })
    }
}

/// Plays the scenes.
struct Director {
    stage: Arc<Stage>,
    watch: Arc<Watch>,
    client: Client,
    calls: Vec<JoinHandle<()>>,
    /// Limits were changed: what was there before may exceed them.
    is_retuned: bool,
    shutdowns: Vec<JoinHandle<()>>,
}

impl Director {
    async fn play(&mut self, scene: Scene) {
        let on = |which: usize, act: &dyn Fn(&Wire)| {
            if let Some(wire) = self.stage.one_open(which) {
                act(&wire);
            }
        };
        match scene {
            Scene::Call {
                kind,
                reading,
                origin,
            } => self.call(kind, reading, origin),
            Scene::Abort(which) => {
                if !self.calls.is_empty() {
                    self.calls[which % self.calls.len()].abort();
                }
            }
            Scene::Land(which) => self.stage.end_dial(which, true),
            Scene::Fail(which) => self.stage.end_dial(which, false),
            Scene::Answer { wire, form, piece } => on(wire, &|wire| wire.answer(form, piece)),
            Scene::Continue(which) => on(which, &Wire::go_on),
            Scene::Say { wire, pieces } => on(wire, &|wire| wire.say(pieces.clone())),
            Scene::Close(which) => on(which, &Wire::close),
            Scene::Reset(which) => on(which, &Wire::reset),
            Scene::Window(which, bytes) => on(which, &|wire| wire.set_window(bytes)),
            Scene::Sleep(time) => tokio::time::sleep(time).await,
            Scene::Turns(turns) => {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            }
            Scene::CloseIdle => self.client.close_idle(),
            Scene::Prewarm(count) => {
                // Refused after a shutdown.
                let _started = self.client.prewarm("http://one.test", count);
            }
            Scene::Retune(limits) => {
                self.is_retuned = true;
                self.client.retune(limits).expect("sound limits");
            }
            Scene::ShutDown(within) => {
                let client = self.client.clone();
                let shutdown = async move {
                    client.shutdown(within).await;
                };
                self.shutdowns.push(tokio::spawn(shutdown));
            }
        }
    }

    fn call(&mut self, kind: script::Kind, reading: script::Reading, origin: usize) {
        if self.calls.len() >= MOST_CALLS {
            return;
        }
        let caller = Caller {
            stage: Arc::clone(&self.stage),
            client: self.client.clone(),
            kind,
            reading,
            path: format!("/{}", self.calls.len()),
            origin,
        };
        self.calls.push(tokio::spawn(caller.run()));
    }

    /// At any moment what was opened is somewhere, and no limit is exceeded.
    fn assert_balance(&self) {
        let stats = self.client.stats();
        let now = stats.total();
        let closed: u64 = now.closed.iter().map(|end| end.count).sum();
        let held = (now.idle + now.active) as u64;
        assert_eq!(now.opened, held + closed, "{now:?}");
        assert!(now.reused <= now.requests, "{now:?}");
        if self.is_retuned {
            return;
        }
        let limits = self.client.limits();
        let most = |limit: Option<usize>| limit.unwrap_or(usize::MAX);
        let places = |counts: &Counts| counts.idle + counts.active + counts.dialing;
        assert!(now.idle <= most(limits.max_idle), "{now:?}");
        assert!(now.idle + now.active <= most(limits.max_conns), "{now:?}");
        for origin in stats.origins() {
            let here = &origin.counts;
            assert!(places(here) <= most(limits.max_conns_per_host), "{here:?}");
            assert!(here.idle <= most(limits.max_idle_per_host), "{here:?}");
        }
    }

    /// Everybody has time to end, and then nothing is left.
    async fn finish(self) {
        tokio::time::sleep(LONGEST + Duration::from_secs(1)).await;
        for call in self.calls {
            assert!(call.is_finished(), "a call outlasts its limit");
            if let Err(error) = call.await {
                assert!(error.is_cancelled(), "{error}");
            }
        }
        self.client.shutdown(Duration::ZERO).await;
        for shutdown in self.shutdowns {
            shutdown.await.expect("a shutdown ends");
        }
        tokio::time::sleep(MOMENT).await;
        let now = self.client.stats().total().clone();
        let left = (now.idle, now.active, now.dialing, now.waiting);
        assert_eq!(left, (0, 0, 0, 0), "{now:?}");
        drop(self.client);
        tokio::time::sleep(MOMENT).await;
        let seen = self.watch.seen();
        seen.assert_all_ended();
        let closed: u64 = now.closed.iter().map(|end| end.count).sum();
        assert_eq!((now.opened, closed), (seen.opened, seen.closed), "{now:?}");
        // A check-out that came to nothing is told, and not counted.
        assert!(now.requests <= seen.checked_out, "{now:?}");
        assert!(now.reused <= seen.reused, "{now:?}");
        assert!(self.stage.one_open(0).is_none(), "a stream is left");
        let tasks = tokio::runtime::Handle::current().metrics();
        assert_eq!(tasks.num_alive_tasks(), 0, "tasks are left");
    }
}
