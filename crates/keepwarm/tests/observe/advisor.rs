//! `observe::Advisor`: causes are told while the service runs, each once an hour.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use keepwarm::event::{Event, Observer, Protocol};
use keepwarm::observe::{Advised, Advisor, Several};
use keepwarm::reason::CloseReason;
use keepwarm::report::Cause;
use keepwarm::{Client, Config};
use keepwarm_lab::{Lab, Plan, scenario};

use crate::events::Puppet;
use crate::support::log::Log;
use crate::support::{PATIENCE, Rig, finish, ms, run};

/// An advisor and what it tells.
struct Desk {
    advisor: Arc<Advisor>,
    told: Receiver<Advised>,
}

impl Desk {
    fn new() -> Self {
        let (sender, told) = channel();
        let advisor = Arc::new(Advisor::new(telling(sender)));
        Self { advisor, told }
    }

    /// What is told when events are looked at now.
    fn review(&self) -> Vec<Advised> {
        self.advisor.review();
        self.told.try_iter().collect()
    }

    fn causes(&self) -> Vec<Cause> {
        let told = self.review();
        told.iter().map(|advised| advised.finding.cause).collect()
    }
}

fn telling(sender: Sender<Advised>) -> impl Fn(&Advised) + Send + Sync {
    move |advised| sender.send(advised.clone()).expect("somebody listens")
}

/// Hands events on as if they happened later.
#[derive(Default)]
struct Later<T> {
    by: Mutex<Duration>,
    observer: Arc<T>,
}

impl<T> Later<T> {
    fn by(&self, by: Duration) {
        *self.by.lock().unwrap_or_else(PoisonError::into_inner) = by;
    }
}

impl<T: Observer> Observer for Later<T> {
    fn on_event(&self, event: &Event) {
        let mut event = event.clone();
        event.at += *self.by.lock().unwrap_or_else(PoisonError::into_inner);
        self.observer.on_event(&event);
    }
}

/// A rig whose events also go to this observer.
async fn rig(
    plan: impl Into<Plan>,
    observer: Arc<dyn Observer>,
    change: impl FnOnce(Config) -> Config,
) -> Rig {
    let log = Log::new();
    let both = Several::new(vec![observer, Arc::clone(&log) as _]);
    let lab = Lab::start(plan).await;
    let config = change(Client::builder().observer(Arc::new(both)));
    let client = config.build().expect("settings that work");
    Rig { lab, client, log }
}

/// Requests with a gap that the server does not wait for.
async fn lose_connections(rig: &Rig, times: usize) {
    for _ in 0..times {
        let ended = rig.log.endings().len();
        for _ in 0..2 {
            rig.fetch("/").await;
        }
        rig.log.closed(ended + 1).await;
    }
}

#[test]
fn a_cause_is_told_with_its_numbers_once_an_hour() {
    run(async {
        let desk = Desk::new();
        let later = Arc::new(Later {
            by: Mutex::default(),
            observer: Arc::clone(&desk.advisor),
        });
        let observer = Arc::clone(&later) as _;
        let rig = rig(scenario::idle_timeout(ms(30)), observer, |it| it).await;
        lose_connections(&rig, 3).await;
        let told = desk.review();
        let [advised] = told.as_slice() else {
            panic!("{told:#?}");
        };
        assert_eq!(advised.finding.cause, Cause::ServerIdleTimeout);
        let origin = format!("http://{}", rig.lab.addr());
        assert_eq!(advised.origin.as_ref(), Some(&origin));
        assert_eq!(advised.finding.openings, 2);
        assert!(!advised.finding.summary.is_empty());
        assert!(!advised.finding.evidence.is_empty());
        assert_eq!(advised.finding.cures[0].product, "keepwarm");

        lose_connections(&rig, 3).await;
        assert_eq!(desk.review(), [], "the same hour");
        later.by(Duration::from_secs(3540));
        lose_connections(&rig, 3).await;
        assert_eq!(desk.review(), [], "still");
        later.by(Duration::from_secs(3700));
        lose_connections(&rig, 3).await;
        assert_eq!(desk.causes(), [Cause::ServerIdleTimeout], "the next hour");
    });
}

#[test]
fn a_minute_after_the_first_event_the_next_one_brings_the_advice_by_itself() {
    run(async {
        let desk = Desk::new();
        let later = Arc::new(Later {
            by: Mutex::default(),
            observer: Arc::clone(&desk.advisor),
        });
        let observer = Arc::clone(&later) as _;
        let rig = rig(scenario::idle_timeout(ms(30)), observer, |it| it).await;
        lose_connections(&rig, 3).await;
        assert!(desk.told.try_recv().is_err(), "it is too early");
        later.by(Duration::from_secs(61));
        rig.fetch("/").await;
        let told = desk.told.recv_timeout(PATIENCE).expect("it is told");
        assert_eq!(told.finding.cause, Cause::ServerIdleTimeout);
    });
}

#[test]
fn b19_clients_built_per_request_are_noticed_across_clients() {
    run(async {
        let desk = Desk::new();
        let lab = Lab::start(scenario::well_behaved()).await;
        for _ in 0..10 {
            let observer = Arc::clone(&desk.advisor) as _;
            let client = Client::builder().observer(observer).build().expect("it");
            finish(client.get(lab.url("/")).send().await.expect("an answer")).await;
        }
        assert_eq!(desk.causes(), [Cause::ClientPerRequest]);
    });
}

#[test]
fn b19_clients_built_per_request_are_noticed_when_memory_is_full() {
    let desk = Desk::new();
    let mut puppet = Puppet::new(&*desk.advisor);
    for client in 1..=4_000 {
        puppet.client = client;
        puppet.opened(1, Protocol::H1);
        one_call(&puppet, 1, 1);
        puppet.later(ms(10));
        puppet.closed(1, CloseReason::ShutDown, ms(10));
    }
    assert_eq!(desk.causes(), [Cause::ClientPerRequest]);
}

#[test]
fn one_client_for_everything_gets_no_advice() {
    run(async {
        let desk = Desk::new();
        let observer = Arc::clone(&desk.advisor) as _;
        let rig = rig(scenario::well_behaved(), observer, |it| it).await;
        for _ in 0..10 {
            rig.fetch("/").await;
        }
        assert_eq!(desk.review(), []);
    });
}

#[test]
fn clients_that_are_old_and_hardly_called_are_no_clients_per_request() {
    let desk = Desk::new();
    let mut puppet = Puppet::new(&*desk.advisor);
    for client in 1..=5 {
        puppet.client = client;
        puppet.opened(1, Protocol::H1);
        for call in 1..=10 {
            one_call(&puppet, call, call);
        }
    }
    desk.advisor.review();
    assert_eq!(desk.told.try_iter().count(), 0);
    // So long after that nothing is remembered of the calls before.
    puppet.later(Duration::from_secs(7200));
    for client in 1..=5 {
        puppet.client = client;
        one_call(&puppet, 11, 11);
    }
    assert_eq!(desk.causes(), []);
}

fn one_call(puppet: &Puppet<'_>, call: u64, requests: u64) {
    puppet.call_started(call, Method::GET, "/");
    puppet.checked_out(call, 1, requests);
    puppet.answered(call, 1, 200);
    puppet.exchange_ended(call, 1);
    puppet.call_ended(call);
}

#[test]
fn who_is_told_may_make_calls_that_are_observed_too() {
    run(async {
        let (sender, told) = channel();
        let own = Arc::new(Mutex::new(None::<Arc<Advisor>>));
        let theirs = Arc::clone(&own);
        let advisor = Arc::new(Advisor::new(move |advised: &Advised| {
            let own = theirs.lock().unwrap_or_else(PoisonError::into_inner);
            one_call(&Puppet::new(&**own.as_ref().expect("it is there")), 1, 1);
            sender
                .send(advised.finding.cause)
                .expect("somebody listens");
        }));
        *own.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&advisor));
        let observer = Arc::clone(&advisor) as _;
        let rig = rig(scenario::idle_timeout(ms(30)), observer, |it| it).await;
        lose_connections(&rig, 3).await;
        advisor.review();
        assert_eq!(told.try_recv(), Ok(Cause::ServerIdleTimeout));
    });
}

#[test]
fn advice_goes_to_tracing_as_a_warning() {
    run(async {
        let memory = crate::tracing::Memory::default();
        let _listening = memory.listen();
        let advisor = Arc::new(Advisor::to_tracing());
        let observer = Arc::clone(&advisor) as _;
        let rig = rig(scenario::idle_timeout(ms(30)), observer, |it| it).await;
        lose_connections(&rig, 3).await;
        advisor.review();
        let told = memory.with_field("cause");
        let [told] = told.as_slice() else {
            panic!("{told:?}");
        };
        assert_eq!(told.level, tracing::Level::WARN);
        assert_eq!(told.fields["cause"], "server-idle-timeout");
        assert_eq!(told.fields["openings"], "2");
        assert_eq!(told.fields["origin"], format!("http://{}", rig.lab.addr()));
        assert!(told.fields.contains_key("cure"));
    });
}
