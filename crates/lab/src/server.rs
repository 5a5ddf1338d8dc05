//! Owns a running lab: its accept loop, the tasks of its connections, and the handle a test holds.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle as ThreadHandle;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::link::Link;
use crate::listen::{Bound, Listen, Listener};
use crate::plan::{Conduct, Plan};
use crate::player::play;
use crate::recorder::{Recorder, Shared};
use crate::serve::serve;
use crate::transcript::{Counters, Transcript};

/// Connections open at once; more wait in the system's queue.
const MAX_OPEN: usize = 65_536;
/// How long accepting rests after an error such as too many open files.
const ACCEPT_REST: Duration = Duration::from_millis(10);
/// How long [`Lab::wait_for`] waits in real time before it panics.
pub const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// How far a lab has been told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    NotListening,
    Serving,
    Stopped,
}

/// Where the accept loop runs.
#[derive(Debug)]
enum Home {
    Stopped,
    Task(JoinHandle<()>),
    Thread(ThreadHandle<()>),
}

/// A running lab. Dropping it stops everything: the listener and all connections are closed.
#[derive(Debug)]
pub struct Lab {
    shared: Arc<Shared>,
    listen: Listen,
    phase: watch::Sender<Phase>,
    home: Home,
}

impl Lab {
    /// Starts a lab on a free port of 127.0.0.1, on the runtime of the caller.
    ///
    /// # Panics
    /// When no port of the loopback can be had.
    pub async fn start(plan: impl Into<Plan>) -> Self {
        let started = Self::listen(Listen::default(), plan).await;
        started.expect("a free port of 127.0.0.1")
    }

    /// Starts a lab at an address, on the runtime of the caller.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn listen(listen: impl Into<Listen>, plan: impl Into<Plan>) -> io::Result<Self> {
        let (mut lab, bound, phase) = Self::bind(listen.into(), plan.into())?;
        let listener = bound.start()?;
        let shared = Arc::clone(&lab.shared);
        lab.home = Home::Task(tokio::spawn(run(listener, shared, phase)));
        Ok(lab)
    }

    /// Starts a lab on a free port of 127.0.0.1, on a thread and a runtime of its own: for code
    /// that blocks, and for tests whose clock is paused.
    ///
    /// # Panics
    /// When no port of the loopback or no thread can be had.
    pub fn spawn_thread(plan: impl Into<Plan>) -> Self {
        let started = Self::listen_on_thread(Listen::default(), plan);
        started.expect("a free port of 127.0.0.1 and a thread")
    }

    /// Starts a lab at an address, on a thread and a runtime of its own.
    ///
    /// # Errors
    /// When the address or a thread cannot be had.
    pub fn listen_on_thread(listen: impl Into<Listen>, plan: impl Into<Plan>) -> io::Result<Self> {
        let (mut lab, bound, phase) = Self::bind(listen.into(), plan.into())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = {
            let _inside = runtime.enter();
            bound.start()?
        };
        let shared = Arc::clone(&lab.shared);
        let thread = std::thread::Builder::new()
            .name("keepwarm-lab".to_owned())
            .spawn(move || runtime.block_on(run(listener, shared, phase)))?;
        lab.home = Home::Thread(thread);
        Ok(lab)
    }

    fn bind(listen: Listen, plan: Plan) -> io::Result<(Self, Bound, watch::Receiver<Phase>)> {
        let bound = Bound::bind(listen, plan.accept())?;
        let (phase, heard) = watch::channel(Phase::Serving);
        let lab = Self {
            shared: Arc::new(Shared::new(plan)),
            listen: bound.listen.clone(),
            phase,
            home: Home::Stopped,
        };
        Ok((lab, bound, heard))
    }

    /// The address it listens on.
    ///
    /// # Panics
    /// When it listens on a Unix socket; see [`Self::local`].
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        match &self.listen {
            Listen::Tcp(address) => *address,
            Listen::Unix(path) => panic!("this lab listens on {}", path.display()),
        }
    }

    /// Where it listens, the real port filled in.
    #[must_use]
    pub fn local(&self) -> &Listen {
        &self.listen
    }

    /// The URL of a path (which starts with `/`); for a Unix socket the host is `localhost`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        match &self.listen {
            Listen::Tcp(address) => format!("http://{address}{path}"),
            Listen::Unix(_) => format!("http://localhost{path}"),
        }
    }

    /// Opens a gate for everyone who waits there and everyone who comes later.
    pub fn open(&self, gate: &str) {
        self.shared.gates.open(gate);
    }

    /// Shuts a gate again for those who come later.
    pub fn shut(&self, gate: &str) {
        self.shared.gates.shut(gate);
    }

    /// Waits until a gate is open, by the test or by a script's [`Step::Open`](crate::Step::Open).
    pub async fn wait_for_gate(&self, gate: &str) {
        self.shared.gates.wait(gate).await;
    }

    /// What new connections meet from now on; numbers go on. How the listener itself treats
    /// connections ([`Accept::Refuse`](crate::Accept::Refuse), [`Accept::Never`](crate::Accept::Never)) stays.
    pub fn replace(&self, plan: impl Into<Plan>) {
        self.shared.replace_plan(plan.into());
    }

    /// Closes the listening socket, so that connecting is refused; open connections go on.
    pub async fn stop_listening(&self) {
        let told = self.phase.send_if_modified(|phase| {
            let serving = *phase == Phase::Serving;
            if serving {
                *phase = Phase::NotListening;
            }
            serving
        });
        if told {
            self.shared.deaf.notified().await;
        }
    }

    /// A copy of the transcript as it is now. What the lab *received* is in it before the lab
    /// answers, and an end before the peer can see it; what it *sent* only after the write: use
    /// [`Self::wait_for`] for that.
    #[must_use]
    pub fn transcript(&self) -> Transcript {
        self.shared.transcript().clone()
    }

    /// The sums over all connections.
    #[must_use]
    pub fn connections(&self) -> Counters {
        self.shared.transcript().counters()
    }

    /// Waits until the predicate holds, looking whenever the transcript changes.
    ///
    /// # Panics
    /// After [`WAIT_LIMIT`] of real time, with the transcript as its message.
    pub async fn wait_for(&self, predicate: impl FnMut(&Transcript) -> bool) {
        let held = self.shared.wait(predicate, WAIT_LIMIT).await;
        self.check(held);
    }

    /// [`Self::wait_for`] for code that blocks.
    ///
    /// # Panics
    /// After [`WAIT_LIMIT`], with the transcript as its message.
    pub fn wait_for_blocking(&self, predicate: impl FnMut(&Transcript) -> bool) {
        self.check(self.shared.wait_blocking(predicate, WAIT_LIMIT));
    }

    fn check(&self, held: bool) {
        let transcript = || self.transcript();
        assert!(held, "waited {WAIT_LIMIT:?} in vain\n{}", transcript());
    }

    /// Stops everything, waits until all sockets are closed, and gives the transcript.
    pub async fn stop(mut self) -> Transcript {
        self.phase.send_replace(Phase::Stopped);
        match std::mem::replace(&mut self.home, Home::Stopped) {
            Home::Stopped => {}
            // It ends by itself or with its runtime; either way all is closed.
            Home::Task(task) => drop(task.await),
            // Its tasks never block, so this takes no time worth a thread of its own.
            Home::Thread(thread) => drop(thread.join()),
        }
        self.transcript()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Stopped);
        match std::mem::replace(&mut self.home, Home::Stopped) {
            Home::Stopped => {}
            Home::Task(task) => task.abort(),
            Home::Thread(thread) => drop(thread.join()),
        }
        if let Listen::Unix(path) = &self.listen {
            // Gone already is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

async fn run(listener: Listener, shared: Arc<Shared>, mut phase: watch::Receiver<Phase>) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let room = listener.is_some() && connections.len() < MAX_OPEN;
        tokio::select! {
            told = phase.changed() => {
                let now = told.map_or(Phase::Stopped, |()| *phase.borrow_and_update());
                match now {
                    Phase::NotListening => {
                        listener = None;
                        shared.deaf.notify_one();
                    }
                    Phase::Serving => {}
                    Phase::Stopped => break,
                }
            }
            accepted = accept(listener.as_ref()), if room => match accepted {
                Ok((wire, peer)) => {
                    let recorder = Recorder::accepted(Arc::clone(&shared), peer);
                    let link = Link::new(wire, recorder);
                    connections.spawn(connection(link, Arc::clone(&shared)));
                }
                Err(_passing) => tokio::time::sleep(ACCEPT_REST).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    connections.shutdown().await;
}

async fn accept(listener: Option<&Listener>) -> io::Result<(crate::wire::Wire, String)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

async fn connection(mut link: Link, shared: Arc<Shared>) {
    let conduct = shared.plan().conduct(link.number());
    match conduct.as_ref() {
        Conduct::Behaviour(behaviour) => serve(&mut link, behaviour, &shared).await,
        Conduct::Script(script) => play(&mut link, script, &shared).await,
    };
}
