//! `Examination`: all checks side by side, within one budget.
//!
//! Owns the order of things: addresses, a first answer, everything else at once, and when nothing is left to wait for.
//! Refuses to know what the checks ask and what it means.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keepwarm::tls::TlsConnector;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::bench::{Bench, HTTP_1_1, HTTP_2, Seen};
use crate::checks::{
    aggressive, announced, errors, half_close, http2, http10, idle, resumption, series, staggered,
    steady,
};
use crate::doors::Doors;
use crate::ending::EndedBy;
use crate::exchange::Answer;
use crate::first::{First, Spoken, addresses, measured, refuse_strangers};
use crate::http2::Session;
use crate::journal::Journal;
use crate::judge::has_outlier;
use crate::measured::{Life, Measured, Sample, Situation};
use crate::plan::Plan;
use crate::settings::Settings;
use crate::target::Target;
use crate::trouble::{Unreachable, UnreachableKind};
use crate::wire::{Way, Wire};

/// Bodies longer than this are asked for once; then HEAD does.
const LARGE_BODY: u64 = 64 << 10;
/// How often it is looked whether there is something left to wait for.
const LOOK: Duration = Duration::from_millis(20);
/// How long connections are looked at when the announcement is beyond the budget: coarse lies are found.
const GLANCE: Duration = Duration::from_secs(2);
/// Connections that wait when one ended at another time than the others, to tell whether it is one of several.
const TO_CONFIRM: usize = 4;
/// How long answers to the last questions are waited for, when there is time.
const LAST_QUESTIONS: Duration = Duration::from_secs(5);
/// Fewer connections than this cannot tell anything: one waits while the other asks.
const FEWEST_CONNECTIONS: usize = 2;

/// An examination under way. Dropped, it ends and closes its connections.
#[derive(Debug)]
pub struct Examination {
    bench: Arc<Bench>,
    /// Checks that end by themselves.
    asking: JoinSet<()>,
    /// Checks that end with a connection.
    waiting: JoinSet<()>,
    /// Checks that nobody waits for: they learn what they can while others wait.
    aside: JoinSet<()>,
    /// When the last questions were asked.
    closing: Option<Instant>,
    began: Instant,
    limit: Duration,
    /// Whether more connections were opened because one ended at another time than the others.
    has_confirmed: bool,
    is_over: bool,
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").finish_non_exhaustive()
    }
}

/// How far an examination is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Since its beginning.
    pub elapsed: Duration,
    /// At most.
    pub limit: Duration,
    /// Whether a second request on a connection was answered; none while that is not known.
    pub reuse: Option<bool>,
    /// After how many requests the first connection ended that was asked again and again.
    pub ended_after: Option<u64>,
    /// Connections whose end is waited for.
    pub waiting: usize,
    /// How long the connections that served a request were idle, those that still are.
    pub open_for: Option<Duration>,
    /// The ends seen so far.
    pub ended: Vec<(Duration, EndedBy)>,
}

impl Examination {
    /// Resolves the name, connects, and asks once; the checks then run by themselves on this runtime.
    ///
    /// # Errors
    /// When there is no answer of HTTP to examine.
    pub async fn begin(target: Target, settings: Settings) -> Result<Self, Unreachable> {
        let began = Instant::now();
        let connector = connector(&target, &settings)?;
        let found = addresses(&target, settings.patience).await?;
        if settings.aggressive && !settings.owned {
            refuse_strangers(&found)?;
        }
        let journal = Journal::new(settings.observer.clone(), target.origin().clone());
        let connections = settings.connections.max(FEWEST_CONNECTIONS);
        let (plan, offered) = match target.is_http2_only() {
            true => (Plan::http2_only(connections), [HTTP_2]),
            false => (Plan::of(connections, connector.is_some()), [HTTP_1_1]),
        };
        let doors = Doors::new(connections);
        let way = Way {
            tls: connector
                .as_ref()
                .map(|connector| (connector, &offered[..])),
            probes: None,
            patience: settings.patience,
            journal: &journal,
        };
        let first = First::ask(&target, &way, &doors, &found).await?;
        let limit = settings.limit;
        let measured = measured(&target, &first);
        let bench = Bench::new(
            target,
            settings,
            connector,
            journal,
            doors,
            Seen {
                head: first.answer.body > LARGE_BODY,
                status: first.answer.status,
                took: first.took,
            },
            measured,
        );
        let mut examination = Self {
            bench: Arc::new(bench),
            asking: JoinSet::new(),
            waiting: JoinSet::new(),
            aside: JoinSet::new(),
            closing: None,
            began,
            limit,
            has_confirmed: false,
            is_over: false,
        };
        examination.start(first, &plan);
        Ok(examination)
    }

    fn start(&mut self, first: First, plan: &Plan) {
        let (tell, told) = watch::channel(false);
        let First {
            spoken,
            answer,
            address,
            ..
        } = first;
        match spoken {
            Spoken::Http1(wire) => {
                let waits = plan.waits(Situation::Http2);
                let bench = Arc::clone(&self.bench);
                self.waiting
                    .spawn(async move { http2::idle::first(&bench, waits, tell).await });
                self.start_http1(wire, &answer, address, plan);
            }
            Spoken::Http2(session) => {
                let _heard = tell.send(true);
                self.start_http2_only(session, &answer, address, plan);
            }
        }
        self.start_http2(&told, plan);
    }

    /// Those that begin when HTTP/2 is known to work.
    fn start_http2(&mut self, told: &watch::Receiver<bool>, plan: &Plan) {
        let each = || (Arc::clone(&self.bench), told.clone());
        if plan.waits(Situation::Http2Ping) {
            let (bench, told) = each();
            self.waiting
                .spawn(async move { http2::ping::check(&bench, told).await });
        }
        if plan.waits(Situation::Http2ConnectOnly) {
            let (bench, told) = each();
            self.waiting
                .spawn(async move { http2::idle::connect_only(&bench, told).await });
        }
        let (bench, told) = each();
        self.asking
            .spawn(async move { http2::series::check(&bench, told).await });
    }

    fn start_http2_only(
        &mut self,
        mut session: Box<Session>,
        answer: &Answer,
        address: SocketAddr,
        plan: &Plan,
    ) {
        http2::idle::begun(&self.bench, &session);
        let (bench, since) = (Arc::clone(&self.bench), answer.last_byte);
        self.waiting.spawn(async move {
            http2::idle::wait(&bench, &mut session, address, since).await;
        });
        let more = plan.http2.iter().filter(|it| **it == Situation::Http2);
        for _ in more {
            let bench = Arc::clone(&self.bench);
            self.waiting
                .spawn(async move { http2::idle::again(&bench).await });
        }
    }

    fn start_http1(
        &mut self,
        mut wire: Box<Wire>,
        answer: &Answer,
        address: SocketAddr,
        plan: &Plan,
    ) {
        let shared = Arc::clone(&self.bench);
        let bench = || Arc::clone(&shared);
        let (asking, waiting) = (&mut self.asking, &mut self.waiting);
        let waits = plan.waits(Situation::Asked);
        let each = bench();
        waiting.spawn(async move { announced::check(&each, waits).await });
        let each = bench();
        asking.spawn(async move { http10::check(&each).await });
        let each = bench();
        asking.spawn(async move { half_close::ours(&each).await });
        let each = bench();
        asking.spawn(async move { resumption::check(&each).await });
        if !answer.reuse.is_keep() {
            self.bench.put(|measured| measured.reuse = Some(false));
            return;
        }
        self.start_asking();
        self.start_aside(plan);
        let waiting = &mut self.waiting;
        // Not before: a server that talks to one client at a time would wait for this one's request.
        for situation in [Situation::ConnectOnly, Situation::HandshakeOnly] {
            if plan.waits(situation) {
                let each = bench();
                waiting.spawn(async move { idle::check(&each, situation).await });
            }
        }
        let waits = plan.waits(Situation::AfterError);
        let each = bench();
        waiting.spawn(async move { errors::not_found(&each, waits).await });
        for situation in plan.idle.iter().copied() {
            match situation {
                Situation::AfterOne | Situation::AfterTen | Situation::Probed => {
                    let each = bench();
                    waiting.spawn(async move { idle::check(&each, situation).await });
                }
                // These have checks of their own, above.
                Situation::AfterError
                | Situation::Asked
                | Situation::ConnectOnly
                | Situation::HandshakeOnly
                | Situation::Http2
                | Situation::Http2ConnectOnly
                | Situation::Http2Ping => {}
            }
        }
        let (each, since) = (bench(), answer.last_byte);
        waiting.spawn(async move {
            let situation = Situation::AfterOne;
            each.wait_for_end(&mut wire, situation, address, since)
                .await;
        });
    }

    /// What is asked of a server that keeps connections, and answered at once.
    fn start_asking(&mut self) {
        let bench = || Arc::clone(&self.bench);
        let asking = &mut self.asking;
        let each = bench();
        asking.spawn(async move { series::check(&each).await });
        if self.bench.settings.aggressive {
            let each = bench();
            asking.spawn(async move { aggressive::check(&each).await });
        }
        if self.bench.first.status.is_redirection() {
            let each = bench();
            asking.spawn(async move { errors::redirect(&each).await });
        }
        if !self.bench.first.head {
            let each = bench();
            asking.spawn(async move { errors::head(&each).await });
        }
    }

    /// What learns as long as others wait.
    fn start_aside(&mut self, plan: &Plan) {
        let bench = || Arc::clone(&self.bench);
        if plan.is_steady {
            let each = bench();
            self.aside.spawn(async move { steady::check(&each).await });
        }
        for step in plan.steps(self.limit) {
            let each = bench();
            self.aside
                .spawn(async move { staggered::check(&each, step).await });
        }
    }

    /// Ready when nothing is left to wait for, or the time is over. To be awaited again after it was dropped.
    pub async fn finished(&mut self) {
        loop {
            while self.asking.try_join_next().is_some() {}
            while self.waiting.try_join_next().is_some() {}
            while self.aside.try_join_next().is_some() {}
            let elapsed = self.began.elapsed();
            if self.closing.is_none()
                && (elapsed >= self.bench.settings.last_orders()
                    || (self.has_nothing_to_wait_for() && !self.confirms()))
            {
                self.closing = Some(Instant::now());
                self.bench.call_last_orders();
            }
            if let Some(closing) = self.closing
                && (self.bench.waiting().is_empty()
                    || closing.elapsed() >= LAST_QUESTIONS
                    || elapsed >= self.bench.settings.closing())
            {
                self.is_over = true;
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Opens a few more connections, once, when one alone ended at another time than the others and there is time to
    /// see their end.
    fn confirms(&mut self) -> bool {
        let measured = self.bench.measured();
        let ends = measured.samples.iter().filter_map(Sample::idle_end);
        let longest = ends.max().unwrap_or_default();
        let has_time = self.began.elapsed() + longest + longest / 4 < self.limit;
        if self.has_confirmed || !has_time || !has_outlier(&measured) {
            return false;
        }
        self.has_confirmed = true;
        let is_http2 = measured.is_http2_only();
        for _ in 0..TO_CONFIRM {
            let bench = Arc::clone(&self.bench);
            self.waiting
                .spawn(async move { one_more(&bench, is_http2).await });
        }
        true
    }

    fn has_nothing_to_wait_for(&self) -> bool {
        if !self.asking.is_empty() {
            return false;
        }
        if self.waiting.is_empty() {
            return true;
        }
        let waiting = self.bench.waiting();
        if waiting.len() < self.waiting.len() {
            // One is still asking.
            return false;
        }
        let measured = self.bench.measured();
        let announced = measured.announced.and_then(|announced| announced.timeout);
        if self.bench.settings.trusts_long_announcements
            && announced.is_some_and(|timeout| timeout > self.limit)
        {
            return waiting.iter().all(|waiting| waiting.waited() > GLANCE);
        }
        let is_main = |waiting: &crate::bench::Waiting| waiting.situation.is_between_requests();
        if waiting.iter().any(is_main) {
            return false;
        }
        // What is left waits for something less important; it may do so for a little longer than the others.
        let ends = measured.samples.iter().filter_map(Sample::idle_end);
        let longest = ends.max().unwrap_or_default();
        let patience = longest + (longest / 4).max(Duration::from_millis(500));
        waiting.iter().all(|waiting| waiting.waited() > patience)
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let waiting = self.bench.waiting();
        let main = waiting
            .iter()
            .filter(|it| it.situation.is_between_requests());
        let open_for = main.map(crate::bench::Waiting::waited).min();
        let measured = self.bench.measured();
        let ended = measured
            .samples
            .iter()
            .filter_map(|sample| match sample.life {
                Life::Ended { after, by, .. } if sample.situation.is_between_requests() => {
                    Some((after, by))
                }
                Life::Ended { .. } | Life::Lost(_) | Life::Open(_) => None,
            });
        Progress {
            elapsed: self.began.elapsed(),
            limit: self.limit,
            reuse: measured.reuse,
            ended_after: measured
                .max_requests
                .as_ref()
                .and_then(|it| it.counts.first().copied()),
            waiting: waiting.len(),
            open_for,
            ended: ended.collect(),
        }
    }

    /// Closes every connection; the observer has been told of their ends then.
    pub async fn close(&mut self) {
        self.asking.shutdown().await;
        self.waiting.shutdown().await;
        self.aside.shutdown().await;
    }

    /// What was seen; what is still waited for is open so far. Before [`finished`](Self::finished) was ready it counts
    /// as interrupted.
    pub fn conclude(&self) -> Measured {
        let mut measured = self.bench.measured();
        measured.took = self.began.elapsed();
        measured.interrupted = !self.is_over;
        measured
    }
}

/// Asks once on one more connection and waits for its end.
async fn one_more(bench: &Bench, is_http2: bool) {
    match is_http2 {
        true => http2::idle::again(bench).await,
        false => idle::check(bench, Situation::AfterOne).await,
    }
}

fn connector(target: &Target, settings: &Settings) -> Result<Option<TlsConnector>, Unreachable> {
    if !target.is_https() {
        return Ok(None);
    }
    TlsConnector::new(&settings.tls)
        .map(Some)
        .map_err(|error| Unreachable {
            kind: UnreachableKind::Settings,
            message: error.to_string(),
        })
}
