//! `observe::Tracing`: names, fields, links and levels of spans and events, as a subscriber gets them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use keepwarm::event::{EventKind, Protocol};
use keepwarm::observe::{Several, Tracing};
use keepwarm::reason::{CloseReason, PeerEnd};
use keepwarm_lab::{Lab, Plan, scenario};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::events::Puppet;
use crate::support::log::Log;
use crate::support::{Rig, ms, run};

type Fields = BTreeMap<&'static str, String>;

/// A span, as it was told.
#[derive(Clone, Debug, Default)]
struct Seen {
    name: &'static str,
    fields: Fields,
    /// The number of the span it is in.
    parent: Option<u64>,
    follows: Vec<u64>,
    is_closed: bool,
}

/// An event, as it was told.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) level: Level,
    pub(crate) fields: Fields,
    span: Option<u64>,
}

#[derive(Default)]
struct Told {
    /// Closed ones too; their numbers are used again by the registry, so they get numbers of their own.
    spans: Vec<Seen>,
    open: BTreeMap<u64, usize>,
    events: Vec<Said>,
}

/// A layer that remembers.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Told>>);

impl Memory {
    fn told<T>(&self, look: impl FnOnce(&mut Told) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is told to it in a thread, for as long as the guard lives.
    pub(crate) fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::registry().with(self.clone());
        tracing::subscriber::set_default(subscriber)
    }

    fn spans(&self, name: &str) -> Vec<Seen> {
        let spans = self.told(|it| it.spans.clone());
        spans.into_iter().filter(|it| it.name == name).collect()
    }

    /// The events that have this field.
    pub(crate) fn with_field(&self, name: &str) -> Vec<Said> {
        let events = self.told(|it| it.events.clone());
        events
            .into_iter()
            .filter(|it| it.fields.contains_key(name))
            .collect()
    }

    /// The events with this message.
    fn events(&self, begins: &str) -> Vec<Said> {
        let events = self.told(|it| it.events.clone());
        let is_meant = |it: &Said| it.fields["message"].starts_with(begins);
        events.into_iter().filter(is_meant).collect()
    }
}

struct Reader<'a>(&'a mut Fields);

impl Visit for Reader<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Memory {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::new();
        attributes.record(&mut Reader(&mut fields));
        let parent = context
            .span(id)
            .and_then(|it| it.parent().map(|it| it.id()));
        self.told(|told| {
            let parent = parent.and_then(|it| told.open.get(&it.into_u64()));
            let seen = Seen {
                name: attributes.metadata().name(),
                fields,
                parent: parent.map(|it| *it as u64),
                ..Seen::default()
            };
            told.open.insert(id.into_u64(), told.spans.len());
            told.spans.push(seen);
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.told(|told| {
            let index = told.open[&id.into_u64()];
            values.record(&mut Reader(&mut told.spans[index].fields));
        });
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _: Context<'_, S>) {
        self.told(|told| {
            let follows = told.open[&follows.into_u64()] as u64;
            let index = told.open[&id.into_u64()];
            told.spans[index].follows.push(follows);
        });
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Reader(&mut fields));
        if event.metadata().target() != "keepwarm" {
            return;
        }
        let span = context.event_span(event).map(|it| it.id().into_u64());
        self.told(|told| {
            told.events.push(Said {
                level: *event.metadata().level(),
                fields,
                span: span.map(|it| told.open[&it] as u64),
            });
        });
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.told(|told| {
            let index = told.open.remove(&id.into_u64()).expect("it was open");
            told.spans[index].is_closed = true;
        });
    }
}

async fn traced(plan: impl Into<Plan>) -> Rig {
    let log = Log::new();
    let both = Several::new(vec![Arc::new(Tracing::new()), Arc::clone(&log) as _]);
    let lab = Lab::start(plan).await;
    let config = keepwarm::Client::builder().observer(Arc::new(both));
    let client = config.build().expect("settings that work");
    Rig { lab, client, log }
}

#[test]
fn calls_follow_from_their_connection_which_is_a_root_of_its_own() {
    let memory = Memory::default();
    let _listening = memory.listen();
    run(async {
        let rig = traced(scenario::well_behaved()).await;
        for path in ["/a?token=secret", "/b"] {
            rig.fetch(path).await;
        }
        rig.client.close_idle();
        rig.log.closed(1).await;

        let connections = memory.spans("keepwarm.connection");
        let [connection] = connections.as_slice() else {
            panic!("{connections:#?}");
        };
        let origin = format!("http://{}", rig.lab.addr());
        for (name, value) in [
            ("origin", origin.as_str()),
            ("protocol", "h1"),
            ("remote", &rig.lab.addr().to_string()),
            ("miss", "first-for-origin"),
            ("reason", "shut-down"),
            ("closed_by", "caller"),
            ("requests", "2"),
        ] {
            assert_eq!(connection.fields[name], value, "{name}");
        }
        assert!(!connection.fields.contains_key("tls"), "there is none");
        assert_eq!(connection.parent, None, "it outlives its first call");
        assert!(connection.is_closed);

        let calls = memory.spans("keepwarm.call");
        assert_eq!(calls.len(), 2);
        let all = memory.told(|told| told.spans.clone());
        for (call, path) in calls.iter().zip(["/a", "/b"]) {
            assert_eq!(call.fields["method"], "GET");
            assert_eq!(call.fields["origin"], origin);
            assert_eq!(call.fields["path"], path);
            assert_eq!(call.fields["status"], "200");
            let [follows] = call.follows.as_slice() else {
                panic!("{call:?}");
            };
            assert_eq!(all[*follows as usize].name, "keepwarm.connection");
            assert!(call.is_closed);
        }
        let everything = memory.told(|told| format!("{:?} {:?}", told.spans, told.events));
        assert!(!everything.contains("secret"), "{everything}");
    });
}

#[test]
fn what_happens_to_a_call_is_told_within_it() {
    let memory = Memory::default();
    let _listening = memory.listen();
    run(async {
        let rig = traced(scenario::well_behaved()).await;
        for _ in 0..2 {
            rig.fetch("/").await;
        }
        rig.client.close_idle();
        rig.log.closed(1).await;
        let reused = memory.events("reused");
        let [reused] = reused.as_slice() else {
            panic!("{reused:?}");
        };
        assert_eq!(reused.fields["requests"], "2");
        assert!(reused.fields.contains_key("idle_ms"));
        assert_eq!(reused.level, Level::DEBUG);
        let spans = memory.told(|told| told.spans.clone());
        let within = reused.span.expect("a span") as usize;
        assert_eq!(spans[within].name, "keepwarm.call");
        for told in [
            "opening",
            "opened",
            "waiting",
            "waited",
            "first used",
            "idle",
        ] {
            assert!(!memory.events(told).is_empty(), "{told}");
        }
        assert_eq!(memory.events("kept").len(), 2);
        assert_eq!(memory.events("closed")[0].fields["reason"], "shut-down");
        let loud = memory.told(|it| {
            it.events
                .iter()
                .filter(|it| it.level < Level::DEBUG)
                .count()
        });
        assert_eq!(loud, 0, "all is well");
    });
}

#[test]
fn a_call_is_in_the_span_in_which_it_is_made() {
    let memory = Memory::default();
    let _listening = memory.listen();
    let observer = Tracing::new();
    let puppet = Puppet::new(&observer);
    let page = tracing::info_span!("page");
    page.in_scope(|| {
        puppet.call_started(1, Method::GET, "/x");
        puppet.opened(1, Protocol::H1);
    });
    puppet.call_ended(1);
    let call = &memory.spans("keepwarm.call")[0];
    assert_eq!(call.parent, Some(0), "the page's");
    let connection = &memory.spans("keepwarm.connection")[0];
    assert_eq!(connection.parent, None);
}

#[test]
fn what_costs_connections_is_louder_than_what_goes_well() {
    let memory = Memory::default();
    let _listening = memory.listen();
    run(async {
        let rig = traced(scenario::close_instead_of_answer(2)).await;
        for _ in 0..2 {
            rig.fetch("/").await;
        }
        let again = memory.events("sent again");
        assert_eq!(again.len(), 1, "{:?}", memory.told(|it| it.events.clone()));
        assert_eq!(again[0].level, Level::INFO);
        assert_eq!(again[0].fields["retry"], "idle-close-race");

        assert!(rig.post("/").send().await.is_err());
        let failed = memory.events("the call failed");
        assert_eq!(failed[0].level, Level::WARN);
        assert_eq!(failed[0].fields["phase"], "wait");
        let refused = memory.events("not sent again");
        assert_eq!(refused[0].level, Level::WARN);

        let rig = traced(scenario::refuse()).await;
        assert!(rig.get("/").send().await.is_err());
        let no_connection = memory.events("no connection");
        assert_eq!(no_connection[0].level, Level::WARN);
        assert!(no_connection[0].fields.contains_key("error"));

        let rig = traced(scenario::idle_timeout(ms(10))).await;
        rig.fetch("/").await;
        rig.log.closed(1).await;
        let closed = memory.events("closed: the server closed it");
        assert_eq!(closed[0].level, Level::INFO);
        assert_eq!(closed[0].fields["closed_by"], "peer");
    });
}

#[test]
fn spans_end_also_when_nobody_says_so() {
    let memory = Memory::default();
    let _listening = memory.listen();
    let observer = Tracing::new();
    let puppet = Puppet::new(&observer);
    puppet.call_started(1, Method::GET, "/");
    puppet.call_started(1, Method::GET, "/again");
    let open = || memory.told(|it| it.open.len());
    assert_eq!(open(), 1, "the first ended when its number came again");
    puppet.opened(1, Protocol::H2);
    let reason = CloseReason::PeerClosedIdle {
        how: PeerEnd::Fin,
        idle: Duration::ZERO,
    };
    puppet.closed(7, reason, Duration::ZERO);
    puppet.exchange_ended(7, 7);
    assert_eq!(open(), 2);
    drop(observer);
    assert_eq!(open(), 0, "with the observer");
}

#[test]
fn a_subscriber_may_make_calls_of_its_own() {
    /// Tells the observer of a call whenever it is told of a connection.
    struct Exporter(Arc<Tracing>);

    impl<S: Subscriber> Layer<S> for Exporter {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut fields = Fields::new();
            event.record(&mut Reader(&mut fields));
            if fields["message"] == "opened" {
                let puppet = Puppet::new(&*self.0);
                puppet.call_started(9, Method::POST, "/export");
                puppet.call_ended(9);
            }
        }
    }

    let observer = Arc::new(Tracing::new());
    let exporter = Exporter(Arc::clone(&observer));
    let subscriber = tracing_subscriber::registry().with(exporter);
    let _listening = tracing::subscriber::set_default(subscriber);
    let puppet = Puppet::new(&*observer);
    puppet.opened(1, Protocol::H1);
    puppet.tell(EventKind::Parked {
        connection: keepwarm::event::ConnectionId(1),
    });
}
