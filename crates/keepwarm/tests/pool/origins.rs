//! Settings of one origin: they hold there, and nowhere else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use keepwarm::advice::Advice;
use keepwarm::dial::{BoxFuture, DialError, Dialed, Dialer, TcpDialer};
use keepwarm::event::EventKind;
use keepwarm::reason::{CloseReason, Limit, Miss, Reuse};
use keepwarm::{Client, Config, Counts, ErrorKind, Limits, Origin, OriginConfig};
use keepwarm_lab::{Lab, Plan, Script, scenario};

use crate::support::log::Log;
use crate::support::{Done, GATE, client, finish, held, join, ms, run, spawn, until};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

/// Two servers that behave alike, and a client that treats the first one differently.
struct Pair {
    own: Lab,
    other: Lab,
    client: Client,
    log: Arc<Log>,
}

impl Pair {
    async fn start(plan: impl Into<Plan> + Clone, own: OriginConfig) -> Self {
        Self::with(plan, |it| it, own).await
    }

    async fn with(
        plan: impl Into<Plan> + Clone,
        common: impl FnOnce(Config) -> Config,
        changes: OriginConfig,
    ) -> Self {
        let (own, other) = (Lab::start(plan.clone()).await, Lab::start(plan).await);
        let (client, log) = client(|it| common(it).origin(own.url("/"), changes));
        Self {
            own,
            other,
            client,
            log,
        }
    }

    async fn fetch(&self, lab: &Lab) -> Done {
        let response = self.client.get(lab.url("/")).send().await;
        finish(response.expect("an answer")).await
    }

    fn counts(&self, lab: &Lab) -> Counts {
        let stats = self.client.stats();
        let origin = stats.origin(&lab.url("/"));
        origin.map(|it| it.counts.clone()).unwrap_or_default()
    }

    async fn until(&self, lab: &Lab, wanted: impl Fn(&Counts) -> bool) -> Counts {
        until(
            || Some(self.counts(lab)).filter(|counts| wanted(counts)),
            || format!("{:?}", self.counts(lab)),
        )
        .await
    }

    fn origin(lab: &Lab) -> Origin {
        lab.url("/").parse().expect("an origin")
    }
}

fn both(pair: &Pair) -> [&Lab; 2] {
    [&pair.own, &pair.other]
}

#[test]
fn max_conns_per_host_differs_by_origin() {
    run(async {
        let changes = OriginConfig::new().max_conns_per_host(1);
        let pair = Pair::with(held(), |it| it.max_conns_per_host(3), changes).await;
        let mut calls = Vec::new();
        for lab in both(&pair) {
            calls.extend((0..5).map(|_| spawn(pair.client.get(lab.url("/")))));
        }
        let is_queued = |kind: &EventKind| matches!(kind, EventKind::Queued { .. });
        pair.log.count(10, is_queued).await;
        let own = pair.until(&pair.own, |it| it.active == 1).await;
        let other = pair.until(&pair.other, |it| it.active == 3).await;
        assert_eq!((own.waiting, own.dialing), (4, 0));
        assert_eq!((other.waiting, other.dialing), (2, 0));
        pair.own.open(GATE);
        pair.other.open(GATE);
        join(calls).await;
        assert_eq!(pair.own.connections().accepted, 1);
        assert_eq!(pair.other.connections().accepted, 3);
    });
}

#[test]
fn what_is_kept_differs_by_origin() {
    run(async {
        let changes = OriginConfig::new().max_idle_per_host(1);
        let pair = Pair::start(held(), changes).await;
        for lab in both(&pair) {
            let calls = (0..3).map(|_| spawn(pair.client.get(lab.url("/"))));
            let calls: Vec<_> = calls.collect();
            lab.wait_for(|it| it.counters().requests == 3).await;
            lab.open(GATE);
            join(calls).await;
        }
        assert_eq!(pair.counts(&pair.own).idle, 1);
        assert_eq!(pair.counts(&pair.own).closed_as("host-full"), 2);
        assert_eq!(pair.counts(&pair.other).idle, 3);
    });
}

#[test]
fn the_idle_timeout_differs_by_origin() {
    run(async {
        let changes = OriginConfig::new().idle_timeout(SHORT);
        let pair = Pair::start(scenario::well_behaved(), changes).await;
        for lab in both(&pair) {
            assert!(pair.fetch(lab).await.reuse.is_keep());
        }
        let end = pair.log.closed(1).await[0];
        assert!(matches!(
            end.closed.reason,
            CloseReason::IdleTooLong { limit, .. } if limit == SHORT
        ));
        assert_eq!(pair.counts(&pair.own).closed_as("idle-too-long"), 1);
        assert_eq!(pair.counts(&pair.other).idle, 1);
    });
}

#[test]
fn keep_alive_differs_by_origin_and_is_said_to_its_server_alone() {
    run(async {
        let pair = Pair::start(
            scenario::well_behaved(),
            OriginConfig::new().keep_alive(false),
        );
        let pair = pair.await;
        let own = pair.fetch(&pair.own).await;
        assert_eq!(own.reuse.primary().map(CloseReason::slug), Some("pool-off"));
        let again = pair.fetch(&pair.own).await;
        assert_eq!(again.connection.miss, Some(Miss::KeepAliveOff));
        pair.fetch(&pair.other).await;
        assert!(pair.fetch(&pair.other).await.connection.reused);
        let says_close = |lab: &Lab| {
            let transcript = lab.transcript();
            let mut requests = transcript.requests().into_iter();
            requests.all(|it| it.header("connection") == Some("close"))
        };
        assert!(says_close(&pair.own));
        assert!(!says_close(&pair.other));
    });
}

/// A retuned client keeps what was set for an origin, before and after its pool is made.
#[test]
fn retune_leaves_what_is_set_for_an_origin_in_force() {
    run(async {
        let changes = OriginConfig::new().max_requests_per_connection(2);
        let used_up = |limit| {
            Reuse::close(CloseReason::UsedUp {
                requests: limit,
                limit,
            })
        };
        for known_before in [true, false] {
            let pair = Pair::start(scenario::well_behaved(), changes.clone()).await;
            if known_before {
                for lab in both(&pair) {
                    assert!(pair.fetch(lab).await.reuse.is_keep());
                }
            }
            let limits = Limits {
                max_requests_per_connection: Some(3),
                ..pair.client.limits()
            };
            pair.client.retune(limits).expect("limits that work");
            let left = if known_before { 1 } else { 2 };
            for (lab, more) in [(&pair.own, left), (&pair.other, left + 1)] {
                for _ in 1..more {
                    assert!(pair.fetch(lab).await.reuse.is_keep());
                }
            }
            assert_eq!(pair.fetch(&pair.own).await.reuse, used_up(2));
            assert_eq!(pair.fetch(&pair.other).await.reuse, used_up(3));
        }
    });
}

#[test]
fn retune_changes_what_is_not_set_for_an_origin() {
    run(async {
        let changes = OriginConfig::new().max_idle_per_host(7);
        let pair = Pair::start(scenario::well_behaved(), changes).await;
        pair.fetch(&pair.own).await;
        let limits = Limits {
            keep_alive: false,
            max_idle_per_host: Some(1),
            ..pair.client.limits()
        };
        pair.client.retune(limits).expect("limits that work");
        let reuse = pair.fetch(&pair.own).await.reuse;
        assert_eq!(reuse.primary().map(CloseReason::slug), Some("pool-off"));
        let limits = |lab: &Lab| pair.client.limits_for(lab.url("/x")).expect("an origin");
        assert_eq!(limits(&pair.own).max_idle_per_host, Some(7));
        assert_eq!(limits(&pair.other).max_idle_per_host, Some(1));
        assert!(!limits(&pair.own).keep_alive);
    });
}

/// Calls both servers; the limit ends the first call, and not the second, whose server answers once the first is over.
async fn only_the_first_meets(changes: OriginConfig, limit: Limit) {
    let pair = Pair::start(held(), changes).await;
    let other = spawn(pair.client.get(pair.other.url("/")));
    let sent = pair.client.get(pair.own.url("/")).send().await;
    assert_eq!(sent.expect_err("too late").limit(), Some(limit));
    pair.other.open(GATE);
    join(vec![other]).await;
}

#[test]
fn the_response_header_timeout_differs_by_origin() {
    let changes = OriginConfig::new().response_header_timeout(SHORT);
    run(only_the_first_meets(changes, Limit::ResponseHeader));
}

#[test]
fn the_total_timeout_differs_by_origin_and_a_requests_own_comes_first() {
    let changes = OriginConfig::new().total_timeout(SHORT);
    run(only_the_first_meets(changes.clone(), Limit::Total));
    run(async {
        let pair = Pair::start(held(), changes).await;
        let own = spawn(pair.client.get(pair.own.url("/")).timeout(LONG));
        let shorter = pair.client.get(pair.own.url("/")).send().await;
        assert_eq!(shorter.expect_err("too late").limit(), Some(Limit::Total));
        pair.own.open(GATE);
        join(vec![own]).await;
    });
}

#[test]
fn the_queue_timeout_differs_by_origin() {
    run(async {
        let changes = OriginConfig::new().queue_timeout(SHORT);
        let pair = Pair::with(held(), |it| it.max_conns_per_host(1), changes).await;
        let mut calls = Vec::new();
        for lab in both(&pair) {
            calls.push(spawn(pair.client.get(lab.url("/"))));
            lab.wait_for(|it| it.counters().requests == 1).await;
        }
        calls.push(spawn(pair.client.get(pair.other.url("/"))));
        let late = pair.client.get(pair.own.url("/")).send().await;
        let error = late.expect_err("nothing comes free");
        assert_eq!(
            (error.kind(), error.limit()),
            (ErrorKind::Queue, Some(Limit::Queue))
        );
        for lab in both(&pair) {
            lab.open(GATE);
        }
        join(calls).await;
    });
}

#[test]
fn the_queue_length_differs_by_origin() {
    run(async {
        let changes = OriginConfig::new().max_waiters(0);
        let pair = Pair::with(held(), |it| it.max_conns_per_host(1), changes).await;
        let mut calls = Vec::new();
        for lab in both(&pair) {
            calls.push(spawn(pair.client.get(lab.url("/"))));
            lab.wait_for(|it| it.counters().requests == 1).await;
        }
        calls.push(spawn(pair.client.get(pair.other.url("/"))));
        pair.until(&pair.other, |it| it.waiting == 1).await;
        let refused = pair.client.get(pair.own.url("/")).send().await;
        let error = refused.expect_err("the queue is full");
        assert_eq!(error.limit(), Some(Limit::QueueLength));
        for lab in both(&pair) {
            lab.open(GATE);
        }
        join(calls).await;
    });
}

#[test]
fn the_read_idle_timeout_differs_by_origin() {
    run(async {
        let changes = OriginConfig::new().read_idle_timeout(SHORT);
        let pair = Pair::start(scenario::stall_in_body(3), changes).await;
        let ask = |lab: &Lab| pair.client.get(lab.url("/")).send();
        let mut other = ask(&pair.other).await.expect("an answer");
        let read = ask(&pair.own).await.expect("an answer").bytes().await;
        assert_eq!(read.expect_err("it stalls").limit(), Some(Limit::ReadIdle));
        assert!(other.chunk().await.expect("a piece").is_some());
        // Were the limit the other's too, it would be over by now and then.
        let waited = tokio::time::timeout(SHORT * 3, other.chunk()).await;
        assert!(waited.is_err(), "{waited:?}");
    });
}

#[test]
fn bounds_of_heads_differ_by_origin() {
    run(async {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 0\r\n\r\n",
            "x".repeat(200)
        );
        let plan = Script::new().forever(Script::new().answer(answer));
        let changes = OriginConfig::new().max_head_bytes(128);
        let pair = Pair::start(plan, changes).await;
        let refused = pair.client.get(pair.own.url("/")).send().await;
        let error = refused.expect_err("a head of more than 128 bytes");
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert_eq!(pair.fetch(&pair.other).await.status, 200);
    });
}

/// How long each dial may take.
type Noted = Arc<Mutex<Vec<(Origin, Option<Duration>)>>>;

/// Notes that, and dials.
struct Noting(TcpDialer, Noted);

impl Dialer for Noting {
    fn dial<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Dialed, DialError>> {
        self.0.dial(origin)
    }

    fn dial_within<'a>(
        &'a self,
        origin: &'a Origin,
        limit: Option<Duration>,
    ) -> BoxFuture<'a, Result<Dialed, DialError>> {
        let mut noted = self.1.lock().expect("no panic");
        noted.push((origin.clone(), limit));
        self.0.dial_within(origin, limit)
    }
}

#[test]
fn the_connect_timeout_differs_by_origin_and_the_dialer_knows() {
    run(async {
        let noted = Noted::default();
        let dialer = Noting(TcpDialer::default(), Arc::clone(&noted));
        let changes = OriginConfig::new().connect_timeout(LONG);
        let plan = scenario::well_behaved();
        let pair = Pair::with(plan, |it| it.dialer(dialer).connect_timeout(None), changes).await;
        for lab in both(&pair) {
            pair.fetch(lab).await;
        }
        let expected = [
            (Pair::origin(&pair.own), Some(LONG)),
            (Pair::origin(&pair.other), None),
        ];
        assert_eq!(*noted.lock().expect("no panic"), expected);
    });
    run(async {
        let silent = Lab::start(scenario::never_accept()).await;
        let changes = OriginConfig::new().connect_timeout(SHORT);
        let (client, _) = client(|it| it.origin(silent.url("/"), changes));
        let error = client.get(silent.url("/")).send().await;
        assert_eq!(error.expect_err("late").limit(), Some(Limit::Connect));
    });
}

/// The race ends by itself when the origin's own time is over, and so can tell what each address met.
#[test]
fn the_race_of_addresses_shares_out_the_origins_own_time() {
    run(async {
        let silent = [
            Lab::start(scenario::never_accept()).await,
            Lab::start(scenario::never_accept()).await,
        ];
        let changes = OriginConfig::new().connect_timeout(ms(200));
        let (client, _) = client(|it| {
            let it = it.connect_timeout(LONG).attempt_delay(ms(10));
            let it = it.origin("http://two.test", changes);
            (silent.iter()).fold(it, |it, lab| it.resolve("two.test", 80, lab.addr()))
        });
        let error = client.get("http://two.test/").send().await;
        let error = error.expect_err("nobody accepts");
        assert_eq!(error.limit(), Some(Limit::Connect));
        for lab in &silent {
            let address = lab.addr().to_string();
            assert!(error.to_string().contains(&address), "{error}");
        }
    });
}

#[cfg(feature = "tls")]
#[test]
fn the_tls_handshake_timeout_differs_by_origin() {
    run(async {
        let silent = Lab::start(scenario::hang()).await;
        let url = format!("https://{}/", silent.addr());
        let changes = OriginConfig::new().tls_handshake_timeout(SHORT);
        let (client, _) = client(|it| it.origin(&url, changes));
        let error = client.get(&url).send().await.expect_err("silence");
        assert_eq!(error.limit(), Some(Limit::TlsHandshake));
    });
}

#[test]
fn an_origin_is_the_same_however_it_is_written() {
    let changes = |most| OriginConfig::new().max_idle_per_host(most);
    let config = Client::builder()
        .origin("https://API.example.com", changes(3))
        .origin("http://bücher.example:8080/", changes(4))
        .origin(
            "https://api.example.com:443/",
            OriginConfig::new().learning(false),
        );
    let client = config.build().expect("settings that work");
    let limits = |url: &str| client.limits_for(url).expect("an origin");
    let own = limits("https://api.EXAMPLE.com/path?query");
    assert_eq!((own.max_idle_per_host, own.learning), (Some(3), false));
    let bare = limits("http://xn--bcher-kva.example:8080/");
    assert_eq!(bare.max_idle_per_host, Some(4));
    for other in [
        "http://api.example.com/",
        "https://api.example.com:8443/",
        "https://www.api.example.com/",
        "http://xn--bcher-kva.example/",
    ] {
        assert_eq!(limits(other), *Config::default().limits(), "{other}");
    }
    assert!(client.limits_for("/path").is_err());
}

#[test]
fn what_cannot_be_set_for_an_origin_is_told_when_the_client_is_built() {
    let refused = |url: &str, changes: OriginConfig| {
        let built = Client::builder().origin(url, changes).build();
        let error = built.expect_err("a mistake");
        assert_eq!(error.kind(), ErrorKind::Usage);
        error.to_string()
    };
    for (url, words) in [
        ("api.example.com", "like https://api.example.com:8443"),
        ("ftp://api.example.com", "http or https"),
        ("https://api.example.com/v1", "leave /v1 out"),
        ("https://api.example.com:0", "1 to 65535"),
        ("https://me:secret@api.example.com", "user information"),
    ] {
        let message = refused(url, OriginConfig::new());
        assert!(message.contains(words), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
    for (changes, words) in [
        (
            OriginConfig::new().max_conns_per_host(0),
            "max_conns_per_host must not be 0",
        ),
        (
            OriginConfig::new().max_requests_per_connection(0),
            "max_requests_per_connection",
        ),
        (OriginConfig::new().max_head_bytes(1), "at least 64"),
    ] {
        let message = refused("https://api.example.com", changes);
        assert!(message.contains(words), "{message}");
        assert!(
            message.contains("for the origin https://api.example.com"),
            "{message}"
        );
    }
}

/// What is said about an origin is measured by its own idle timeout.
#[test]
fn advice_knows_the_idle_timeout_of_an_origin() {
    run(async {
        let changes = OriginConfig::new().idle_timeout(ms(500));
        let plan = scenario::announced_idle_timeout(Duration::from_secs(2));
        let pair = Pair::start(plan, changes).await;
        for lab in both(&pair) {
            pair.fetch(lab).await;
        }
        let advice = pair.client.advice();
        let over = advice.iter().filter_map(|it| match it {
            Advice::IdleTimeoutOverServer { origin, .. } => Some(origin.clone()),
            _ => None,
        });
        assert_eq!(over.collect::<Vec<_>>(), [Pair::origin(&pair.other)]);
    });
}
