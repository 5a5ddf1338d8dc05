//! `Bench`: what all checks share: the target, the way to it, the board where results are put.
//!
//! Owns the opening of connections for them and the accounts of waiting ones. Refuses to know single checks.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::StatusCode;
use keepwarm::tls::TlsConnector;
use tokio::sync::watch;

use crate::doors::Doors;
use crate::ending::EndedBy;
use crate::exchange::{Answer, Ask};
use crate::heartbeat::{self, Heartbeat};
use crate::http2::{Question, Session};
use crate::journal::Journal;
use crate::measured::{Life, Measured, Sample, Situation};
use crate::settings::Settings;
use crate::target::Target;
use crate::trouble::Trouble;
use crate::wire::{Way, Wire};

/// Beyond this, or this part of the time measured, a delay of our own makes the time uncertain.
const TOLERANCE: Duration = Duration::from_millis(50);

pub(crate) struct Bench {
    pub(crate) target: Target,
    pub(crate) settings: Settings,
    pub(crate) connector: Option<TlsConnector>,
    /// That answer, in the resolver's order; never empty.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) journal: Arc<Journal>,
    doors: Doors,
    pub(crate) first: Seen,
    /// Whether the time for waiting is over.
    orders: watch::Sender<bool>,
    board: Mutex<Board>,
    next_address: AtomicUsize,
}

/// What the first answer taught.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Whether HEAD is asked instead of GET, for the answers are large.
    pub(crate) head: bool,
    pub(crate) status: StatusCode,
    /// From the request to the end of the answer.
    pub(crate) took: Duration,
}

struct Board {
    measured: Measured,
    waiting: Vec<Option<Waiting>>,
    /// Whether a FIN was met that something was asked behind.
    has_seen_fin: bool,
}

/// A connection whose end is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) situation: Situation,
    pub(crate) address: SocketAddr,
    pub(crate) since: Instant,
    /// What is uncertain about `since`.
    slack: Duration,
    /// The sleep of the machine until then.
    slept: Duration,
}

impl Bench {
    pub(crate) fn new(
        target: Target,
        settings: Settings,
        connector: Option<TlsConnector>,
        journal: Arc<Journal>,
        doors: Doors,
        first: Seen,
        measured: Measured,
    ) -> Self {
        Self {
            target,
            settings,
            connector,
            addresses: measured.addresses.clone(),
            heartbeat: Heartbeat::start(),
            journal,
            doors,
            first,
            orders: watch::Sender::new(false),
            board: Mutex::new(Board {
                measured,
                waiting: Vec::new(),
                has_seen_fin: false,
            }),
            next_address: AtomicUsize::new(0),
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The addresses in turn: what several connections measure is then measured at all of them.
    pub(crate) fn any_address(&self) -> SocketAddr {
        let next = self.next_address.fetch_add(1, Ordering::Relaxed);
        self.addresses[next % self.addresses.len()]
    }

    /// Opens a connection for HTTP/1.1, as soon as one more may be open.
    pub(crate) async fn open(&self, address: SocketAddr) -> Result<Wire, Trouble> {
        self.open_by(address, self.way(&[HTTP_1_1])).await
    }

    /// The same for a check that can do without it: then there is a note.
    pub(crate) async fn open_or_note(&self, address: SocketAddr) -> Option<Wire> {
        let opened = self.open(address).await;
        let noted = opened.inspect_err(|it| self.note(format!("one more connection: {it}")));
        noted.ok()
    }

    /// How a connection is opened; over TLS these protocols are offered.
    pub(crate) fn way<'a>(&'a self, protocols: &'a [&'a [u8]]) -> Way<'a> {
        let connector = self.connector.as_ref();
        Way {
            tls: connector.map(|connector| (connector, protocols)),
            probes: None,
            patience: self.settings.patience,
            journal: &self.journal,
        }
    }

    /// Opens a connection in this way, as soon as one more may be open.
    pub(crate) async fn open_by(&self, address: SocketAddr, way: Way<'_>) -> Result<Wire, Trouble> {
        let leave = self.doors.enter().await;
        let wire = Wire::open(&self.target, address, &way, leave).await?;
        self.put(|measured| {
            let round_trip = &mut measured.pilot.round_trip;
            *round_trip = wire.round_trip.min(*round_trip);
        });
        Ok(wire)
    }

    /// The plain request for the target.
    pub(crate) fn plain(&self) -> Ask {
        Ask {
            head: self.first.head,
            path: self.target.path().to_owned(),
            http10: false,
            method: None,
            lines: String::new(),
            keep_alive: false,
            half_closes: false,
        }
    }

    pub(crate) async fn ask(&self, wire: &mut Wire, ask: &Ask) -> Result<Answer, Trouble> {
        let authority = self.target.authority();
        let answer = wire.ask(ask, authority, self.settings.patience).await?;
        self.accepted(answer)
    }

    /// Opens a connection on which HTTP/2 may be spoken, if the server chooses it.
    pub(crate) async fn offer_http2(&self, address: SocketAddr) -> Result<Wire, Trouble> {
        let offered = match self.target.is_http2_only() {
            true => &[HTTP_2][..],
            false => &[HTTP_2, HTTP_1_1],
        };
        self.open_by(address, self.way(offered)).await
    }

    /// Opens a connection and speaks HTTP/2.
    pub(crate) async fn open_http2(&self, address: SocketAddr) -> Result<Session, Trouble> {
        let wire = self.offer_http2(address).await?;
        Session::begin(wire, self.settings.patience).await
    }

    pub(crate) async fn ask_http2(&self, session: &mut Session) -> Result<Answer, Trouble> {
        let question = Question {
            uri: self.target.uri(),
            head: self.first.head,
        };
        let answer = session.ask(&question, self.settings.patience).await?;
        self.accepted(answer)
    }

    /// The same for a check that can do without it: then there is a note.
    pub(crate) async fn http2_or_note(&self, address: SocketAddr) -> Option<Session> {
        let opened = self.open_http2(address).await;
        let noted = opened.inspect_err(|it| self.note_http2(it));
        noted.ok()
    }

    /// The same, with an answer on it, and when its last byte came.
    pub(crate) async fn asked_http2_or_note(
        &self,
        address: SocketAddr,
    ) -> Option<(Session, Instant)> {
        let mut session = self.http2_or_note(address).await?;
        let answered = self.ask_http2(&mut session).await;
        let noted = answered.inspect_err(|it| self.note_http2(it));
        Some((session, noted.ok()?.last_byte))
    }

    fn note_http2(&self, trouble: &Trouble) {
        self.note(format!("one more HTTP/2 connection: {trouble}"));
    }

    fn accepted(&self, answer: Answer) -> Result<Answer, Trouble> {
        let status = answer.status;
        // A limit on connections or requests of one address answers like this: it is no trait of the connection.
        let is_refusal = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        if is_refusal && status != self.first.status {
            return Err(Trouble::Refused { status });
        }
        Ok(answer)
    }

    /// Writes a result.
    pub(crate) fn put(&self, write: impl FnOnce(&mut Measured)) {
        write(&mut self.board().measured);
    }

    pub(crate) fn note(&self, sentence: String) {
        self.put(|measured| measured.notes.push(sentence));
    }

    /// A copy of what is known now; connections that are waited for are open so far.
    pub(crate) fn measured(&self) -> Measured {
        let board = self.board();
        let mut measured = board.measured.clone();
        let open = board.waiting.iter().flatten().map(|waiting| Sample {
            situation: waiting.situation,
            address: waiting.address,
            since: waiting.since,
            life: Life::Open(waiting.since.elapsed()),
        });
        measured.samples.extend(open);
        measured
    }

    /// Connections that are waited for.
    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        self.board().waiting.iter().flatten().copied().collect()
    }

    /// The time for waiting is over: who still waits asks once more and ends.
    pub(crate) fn call_last_orders(&self) {
        self.orders.send_replace(true);
    }

    pub(crate) async fn last_orders(&self) {
        // It cannot fail: the sender is ours.
        let _ = self.orders.subscribe().wait_for(|called| *called).await;
    }

    /// Waits for the end of a connection that is idle since `since`, and puts it on the board.
    pub(crate) async fn wait_for_end(
        &self,
        wire: &mut Wire,
        situation: Situation,
        address: SocketAddr,
        since: Instant,
    ) {
        let (place, waiting) = self.begin_waiting(situation, address, since);
        let ended = tokio::select! {
            biased;
            ended = wire.end() => Some(ended),
            () = self.last_orders() => None,
        };
        let life = match ended {
            Some((Some(by), at)) => self.ended(&waiting, by, at),
            Some((None, at)) => self.lost_by_probes(at - since),
            None => self.ask_once_more(wire, &waiting).await,
        };
        let (ended, is_main) = (EndedBy::Fin, situation.is_between_requests());
        let fin = matches!(life, Life::Ended { by, .. } if by == ended);
        self.end_waiting(place, &waiting, life);
        let is_first = fin
            && is_main
            && wire.tls.is_none()
            && !std::mem::replace(&mut self.board().has_seen_fin, true);
        if is_first {
            self.ask_behind_their_end(wire).await;
        }
    }

    /// The same where an end is seen in another way, and nothing is asked once more.
    pub(crate) async fn wait_until(
        &self,
        situation: Situation,
        address: SocketAddr,
        since: Instant,
        end: impl Future<Output = (EndedBy, Instant)>,
    ) {
        let (place, waiting) = self.begin_waiting(situation, address, since);
        let life = tokio::select! {
            biased;
            (by, at) = end => self.ended(&waiting, by, at),
            () = self.last_orders() => Life::Open(since.elapsed()),
        };
        self.end_waiting(place, &waiting, life);
    }

    fn begin_waiting(
        &self,
        situation: Situation,
        address: SocketAddr,
        since: Instant,
    ) -> (usize, Waiting) {
        let waiting = Waiting {
            situation,
            address,
            since,
            slack: self.heartbeat.slack(),
            slept: heartbeat::slept(),
        };
        let mut board = self.board();
        board.waiting.push(Some(waiting));
        (board.waiting.len() - 1, waiting)
    }

    fn end_waiting(&self, place: usize, waiting: &Waiting, life: Life) {
        let mut board = self.board();
        board.waiting[place] = None;
        board.measured.samples.push(Sample {
            situation: waiting.situation,
            address: waiting.address,
            since: waiting.since,
            life,
        });
    }
}

impl Bench {
    fn ended(&self, waiting: &Waiting, by: EndedBy, at: Instant) -> Life {
        let late = self.heartbeat.slack();
        let slept = heartbeat::slept().saturating_sub(waiting.slept);
        let after = at.saturating_duration_since(waiting.since);
        let tolerance = TOLERANCE.max(after / 50);
        Life::Ended {
            after,
            low: after.saturating_sub(late),
            high: after + waiting.slack + slept,
            by,
            uncertain: late.max(waiting.slack).max(slept) > tolerance,
        }
    }
}

impl Waiting {
    pub(crate) fn waited(&self) -> Duration {
        self.since.elapsed()
    }
}

pub(crate) const HTTP_1_1: &[u8] = b"http/1.1";
pub(crate) const HTTP_2: &[u8] = b"h2";
